"""Forward mode: tensors that carry a tangent (torch.autograd.forward_ad).

Operations do not know of tangents. A dual tensor is the start of a recorded graph, and
`unpack_dual` pushes the tangents through it (`pushing.py`), so other programs pay nothing.
PyTorch page: https://docs.pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""

import typing

from . import engine
from .levels import Level, probe, release
from .pushing import Pushforward
from .tensor import Tensor

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual",
           "unpack_dual"]


class UnpackedDualTensor(typing.NamedTuple):
    """What `unpack_dual` returns: the primal, and the tangent or None."""

    primal: Tensor
    tangent: Tensor | None


class _DualLevel(Level):
    """A level with the tangents of its inputs, by node."""

    def __init__(self):
        super().__init__()
        self.tangents = {}


_levels = []  # PyTorch allows one


def enter_dual_level():
    """Begin a level, in which tensors can be made dual; return its number.

    Raises:
        RuntimeError: inside another level.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.forward_ad.enter_dual_level.html
    """
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(_DualLevel().__enter__())
    return 0


def exit_dual_level(*, level=None):
    """End the level: what was dual has no tangent any more.

    Raises:
        RuntimeError: when there is no level of this number.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.forward_ad.exit_dual_level.html
    """
    if not _levels or level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was "
                           "created. This is not supported.")
    last = _levels.pop()
    last.tangents.clear()
    last.__exit__(None, None, None)


class dual_level:
    """A context manager around `enter_dual_level` and `exit_dual_level`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.forward_ad.dual_level.html

    >>> import ember
    >>> from ember.autograd import forward_ad
    >>> with forward_ad.dual_level():
    ...     x = forward_ad.make_dual(ember.tensor(3.0), ember.tensor(1.0))
    ...     forward_ad.unpack_dual(x * x).tangent
    tensor(6.)
    """

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *exc_info):
        exit_dual_level()


def make_dual(tensor, tangent, *, level=None):
    """Return a tensor with a tangent: a view of `tensor` that forward mode differentiates at.

    Args:
        tangent: of the shape and dtype of the tensor.
    Raises:
        RuntimeError: outside a level, or when the tangent does not fit.
        ValueError: for integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.forward_ad.make_dual.html
    """
    if not _levels:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, "
                           "make sure to enter_dual_level() first.")
    for what, t in (("primal", tensor), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {t.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(f"Trying to set a forward gradient of shape {list(tangent.shape)} for a "
                           f"tensor of shape {list(tensor.shape)}: they must have the same size")
    if tensor.dtype != tangent.dtype:
        raise RuntimeError(f"Expected the tangent to have dtype {tensor.dtype}, that of the "
                           f"primal, but got {tangent.dtype}")
    current = _levels[-1]
    current.recording = True
    if tensor._node in current.tangents:
        raise RuntimeError("Trying to make a dual Tensor of one that has a tangent at this level "
                           "already; unpack_dual() it first.")
    dual = current.enter(tensor)
    current.tangents[dual._node] = tangent
    return dual


def unpack_dual(tensor, *, level=None):
    """Return the primal and the tangent of a tensor; the tangent is None for one without.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.forward_ad.unpack_dual.html
    """
    if not _levels or tensor._node is None:
        return UnpackedDualTensor(tensor, None)
    current = _levels[-1]
    primal = release(probe(tensor), current)
    reached = engine.collect([tensor._node])
    if not any(node in current.tangents for node in reached):
        return UnpackedDualTensor(tensor, None)
    tangent = Pushforward([tensor], current.tangents)(current.tangents)[0]
    return UnpackedDualTensor(primal, None if tangent is None else release(tangent, current))
