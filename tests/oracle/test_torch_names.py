"""The shipped list of PyTorch's names holds what the pinned PyTorch has."""

import importlib
import importlib.util
import warnings

import pytest

pytest.importorskip("torch")

from . import torch_names

TABLE = {name: set(names) for name, names in torch_names.read().items()}


def has(module, name):
    """Whether a module offers a name, or could when its submodule is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old names warn when read
        return hasattr(module, name) or (
            hasattr(module, "__path__")
            and importlib.util.find_spec(f"{module.__name__}.{name}") is not None)


def test_every_listed_name_is_in_pytorch():
    import torch

    invented = []
    for place, names in TABLE.items():
        if place.partition(".")[0] == "torch":
            tensor = place == "torch.Tensor"
            module = torch.Tensor if tensor else importlib.import_module(place)
            invented += [f"{place}.{name}" for name in names if not has(module, name)]
    assert not invented


@pytest.mark.parametrize(
    "place", ["torch", "torch.linalg", "torch.nn", "torch.nn.functional", "torch.nn.init",
              "torch.nn.utils.rnn", "torch.optim", "torch.optim.lr_scheduler",
              "torch.utils.data"])
def test_nothing_that_programs_use_is_left_out(place):
    module = importlib.import_module(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not set(torch_names.public_names(module)) - TABLE[place]
