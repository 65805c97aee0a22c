"""torchvision beside a PyTorch that it was not built for: the one file that imports it.

The published wheel of torchvision wants PyTorch's GPU build. Its Python part, which is what is
compared, needs only the names of its compiled operators, so they are declared without code.
"""

import functools
import importlib.util
import sys

import numpy as np

import ember

VERSION = "0.28.0"
COMPILED = ("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor",
            "qnms(Tensor boxes, Tensor scores, float threshold) -> Tensor")


def unavailable():
    """Return why there is nothing to compare with, or None."""
    for module in ("torch", "torchvision", "PIL"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed; the oracle needs the extra 'oracle'"
    found = torchvision().__version__.split("+")[0]
    return None if found == VERSION else f"the oracle pins torchvision {VERSION}, found {found}"


@functools.cache
def torchvision():
    """Return the real torchvision."""
    try:
        import torchvision
    except RuntimeError:  # "operator torchvision::nms does not exist"
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        declare_operators()
        import torchvision
    return torchvision


@functools.cache
def declare_operators():
    """Declare torchvision's compiled operators, without code; return what keeps them declared."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in COMPILED:
        library.define(schema)
    return library


def seed(value):
    """Seed both libraries' random numbers, and Python's."""
    import random

    import torch

    torch.manual_seed(value)
    ember.manual_seed(value)
    random.seed(value)


def array(value):
    """Return a Tensor of either library, an image or a number as an array."""
    if hasattr(value, "detach"):
        return value.detach().numpy()
    return np.asarray(value)
