"""Neural networks: PyTorch's `torch.nn`.

`functional` has the layers as functions, `modules` as classes, `init` their initial values,
`utils` what training loops need beside them.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html
"""

from . import functional, init, modules, parallel, parameter, utils
from .modules import *  # noqa: F403
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
