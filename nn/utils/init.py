"""Modules made without drawing initial values.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.skip_init.html
"""

import inspect

from ...autograd import get_rng_state, set_rng_state
from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls, *args, **kwargs):
    """Return a module whose initial values are unspecified; no random numbers are drawn for it.

    There is no time to be saved here: PyTorch makes the module on the device "meta", which
    ember lacks, so the values are computed and the random stream is put back.

    Args:
        module_cls: a subclass of Module that takes `device`.
        *args, **kwargs: for its constructor.

    Raises:
        RuntimeError: the class is no Module or takes no `device`.

    >>> import ember as torch
    >>> torch.nn.utils.skip_init(torch.nn.Linear, 3, 4).weight.shape
    torch.Size([4, 3])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(state)
