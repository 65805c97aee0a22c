"""Which implementation of attention runs: PyTorch's `torch.nn.attention`.

ember has one; the choice is accepted and remembered.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.attention.html
"""

import contextlib
from enum import IntEnum

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(IntEnum):
    """PyTorch's names of implementations."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """Accept which implementations `scaled_dot_product_attention` may use inside the block.

    Args:
        backends: an `SDPBackend` or a list of them.
        set_priority: whether the list is in order of preference.

    Raises:
        AssertionError: it is neither.

    >>> import ember as torch
    >>> from ember.nn.attention import SDPBackend, sdpa_kernel
    >>> q = torch.ones(1, 2, 4)
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     out = torch.nn.functional.scaled_dot_product_attention(q, q, q)
    """
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(chosen, list) or not all(isinstance(b, SDPBackend) for b in chosen):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend "
                             "instances")
    yield
