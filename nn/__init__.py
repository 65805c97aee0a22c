"""Neural networks: PyTorch's `torch.nn`.

`functional` has the layers as functions, `modules` as classes, `init` their initial values,
`utils` what training loops need beside them. `extra`, imported on first use, is not PyTorch's.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html
"""

import importlib as _importlib

from . import functional, init, modules, parallel, parameter, utils
from .modules import *  # noqa: F403
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter


def __getattr__(name):
    if name in ("attention", "extra"):
        return _importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
