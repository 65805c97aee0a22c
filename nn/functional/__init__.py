"""PyTorch's `torch.nn.functional`: layers as functions, by family.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html
"""

from .activation import *  # noqa: F403
from .adaptive_pooling import *  # noqa: F403
from .attention import *  # noqa: F403
from .classification import *  # noqa: F403
from .convolution import *  # noqa: F403
from .ctc import *  # noqa: F403
from .distance import *  # noqa: F403
from .dropout import *  # noqa: F403
from .fold import *  # noqa: F403
from .grid import *  # noqa: F403
from .linear import *  # noqa: F403
from .linear_cross_entropy import *  # noqa: F403
from .normalization import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403
from .regression import *  # noqa: F403
from .sparse import *  # noqa: F403
from .upsampling import *  # noqa: F403
