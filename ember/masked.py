"""Operations that leave masked elements out: `torch.masked`.

Source: https://docs.pytorch.org/docs/stable/masked.html
"""

from .autograd.masked import *  # noqa: F403
from .autograd.masked import __all__ as __all__
