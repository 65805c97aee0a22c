"""Products of matrices and vectors."""

import math

from ..op import op
from ..tensor import tensor_method
from .dims import axis
from .elementwise import mul

__all__ = ["bmm", "chain_matmul", "dot", "ger", "inner", "mm", "mv", "outer", "tensordot", "vdot"]

# -- matmul ---------------------------------------------------------------------------------------


@op(label="@", derivative="∂input: g · otherᵀ; ∂other: inputᵀ · g", dtypes="number -> same")
def matmul(xp, input, other):
    """Matrix product; vectors are rows on the left, columns on the right; leading dims broadcast.

    Shape: (..., n, k), (..., k, m) -> (..., n, m); a 1-d operand loses its dimension.
    Raises:
        RuntimeError: for shapes or dtypes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import ember
    >>> ember.matmul(ember.tensor([[1., 2.], [3., 4.]]), ember.tensor([1., 1.]))
    tensor([3., 7.])
    """
    try:
        if input.dtype is not other.dtype:
            raise _dtype_error(input, other)
        if input.ndim > 2 == other.ndim:  # one product of tall matrices instead of many small
            tall = xp.matmul(_tall(input), other)
            return tall.reshape(input.shape[:-1] + other.shape[-1:])
        return xp.matmul(input, other)
    except (ValueError, TypeError, AttributeError):
        raise _product_error(input, other) from None


def _tall(x):
    """Return a batch of matrices as one, with all their rows."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _dtype_error(input, other):
    return RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype.name} "
                        f"!= {other.dtype.name} in a matrix product (matmul, linear) of "
                        f"shapes {list(input.shape)} and {list(other.shape)}. Convert one with "
                        ".to(dtype)")


def _product_error(input, other):
    if not hasattr(other, "ndim"):
        return TypeError("matmul(): argument 'other' (position 2) must be Tensor, not "
                         f"{type(other).__name__}")
    a, b = input.shape, other.shape
    if not a or not b:
        return RuntimeError("both arguments to matmul need to be at least 1D, but they are "
                            f"{len(a)}D and {len(b)}D")
    if len(a) == 1 == len(b):
        return RuntimeError(
            f"inconsistent tensor size, expected tensor [{a[0]}] and src [{b[0]}] to have the same "
            f"number of elements, but got {a[0]} and {b[0]} elements respectively, in a dot "
            "product")
    if len(b) == 1:
        return RuntimeError(f"size mismatch, got input ({a[-2]}), mat ({a[-2]}x{a[-1]}), vec "
                            f"({b[0]}): matmul() or mv() got {list(a)} and {list(b)}")
    rows = 1
    for n in a[:-1]:
        rows *= n
    if len(b) == 2 or a[-1] != b[-2]:
        return RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and "
                            f"{b[-2]}x{b[-1]}): matmul() or mm() got {list(a)} and {list(b)}")
    return RuntimeError("The size of tensor a must match the size of tensor b at the leading "
                        f"dimensions: matmul() got shapes {list(a)} and {list(b)}")


def _matmul_input(xp, g, input_shape, other):
    if other.ndim == 1:
        return xp.expand_dims(g, -1) * other
    if len(input_shape) == 1:
        return xp.matmul(other, xp.expand_dims(g, -1)).reshape(g.shape[:-1] + input_shape)
    if other.ndim == 2 and g.ndim > 2:
        tall = xp.matmul(_tall(g), xp.swapaxes(other, 0, 1))
        return tall.reshape(g.shape[:-1] + (other.shape[0],))
    return xp.matmul(g, xp.swapaxes(other, -1, -2))


def _matmul_other(xp, g, input, other_shape):
    if input.ndim == 1:
        if len(other_shape) == 1:
            return g * input
        return xp.expand_dims(input, -1) * xp.expand_dims(g, -2)
    if len(other_shape) == 1:
        return xp.matmul(g.reshape(-1), _tall(input))
    if len(other_shape) == 2 and input.ndim > 2:
        return xp.matmul(xp.swapaxes(_tall(input), 0, 1), _tall(g))
    return xp.matmul(xp.swapaxes(input, -1, -2), g)


matmul.vjp("input", _matmul_input)
matmul.vjp("other", _matmul_other)


# -- matmul for operands of given ranks -----------------------------------------------------------


@tensor_method
def mm(input, mat2, *, out=None):
    """Return the product of two matrices. Shape: (n, k), (k, m) -> (n, m).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.mm.html
    """
    if input.ndim != 2 or mat2.ndim != 2:
        which = "self" if input.ndim != 2 else "mat2"
        raise RuntimeError(f"{which} must be a matrix: mm() got shapes {list(input.shape)} and "
                           f"{list(mat2.shape)}; matmul() takes any number of dimensions")
    return matmul(input, mat2, out=out)


@tensor_method
def bmm(input, mat2, *, out=None):
    """Return the products of matrices in two batches. Shape: (b, n, k), (b, k, m) -> (b, n, m).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.bmm.html
    """
    for number, batch in enumerate((input, mat2), 1):
        if batch.ndim != 3:
            raise RuntimeError(f"batch{number} must be a 3D tensor: bmm() got shape "
                               f"{list(batch.shape)}")
    wanted = [input.shape[0], input.shape[2]]
    if list(mat2.shape[:2]) != wanted:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: "
                           f"{wanted} but got: {list(mat2.shape[:2])}.")
    return matmul(input, mat2, out=out)


@tensor_method
def mv(input, vec, *, out=None):
    """Return the product of a matrix and a vector. Shape: (n, k), (k) -> (n).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.mv.html
    """
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError("vector + matrix @ vector expected, got "
                           f"1, {input.ndim}, {vec.ndim}")
    return matmul(input, vec, out=out)


@tensor_method
def dot(input, tensor, *, out=None):
    """Return the sum of the products of two vectors' elements. Shape: (n), (n) -> ().

    Source: https://docs.pytorch.org/docs/stable/generated/torch.dot.html
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return matmul(input, tensor, out=out)


@tensor_method
def outer(input, vec2, *, out=None):
    """Return the products of each element of one vector with each of another.

    Shape: (n), (m) -> (n, m).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.outer.html
    """
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {vector.ndim}-D")
    return mul(input.unsqueeze(1), vec2, out=out)


@tensor_method
def ger(input, vec2, *, out=None):
    """Return `outer(input, vec2)`."""
    return outer(input, vec2, out=out)


@tensor_method
def vdot(input, other, *, out=None):
    """Return the dot product of two vectors, the first conjugated. Shape: (n), (n) -> ()."""
    return dot(input.conj(), other, out=out)


@tensor_method
def inner(input, other, *, out=None):
    """Return the dot products over the last dimension of both.

    Shape: (..., k), (***, k) -> (..., ***).
    """
    if not input.ndim or not other.ndim:
        return mul(input, other, out=out)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}")
    return tensordot(input, other, ([-1], [-1]), out=out)


@tensor_method
def tensordot(a, b, dims=2, out=None):
    """Return a and b contracted over several dimensions.

    Args:
        dims: how many of a's last and b's first dimensions to contract, or two lists of them.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.tensordot.html
    """
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        dims = (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    left, right = ([axis(d, t.ndim) for d in ([ds] if isinstance(ds, int) else ds)]
                   for ds, t in zip(dims, (a, b)))
    for i, j in zip(left, right):  # size 1 goes with any size
        if a.shape[i] == 1 != b.shape[j]:
            b = b.sum(j, keepdim=True)
        elif b.shape[j] == 1 != a.shape[i]:
            a = a.sum(i, keepdim=True)
    sizes = [a.shape[i] for i in left], [b.shape[i] for i in right]
    if sizes[0] != sizes[1]:
        raise RuntimeError(f"contracted dimensions need to match, but first has sizes {sizes[0]} "
                           f"and second {sizes[1]} in tensordot() of {list(a.shape)} and "
                           f"{list(b.shape)}")
    rows = [i for i in range(a.ndim) if i not in left]
    columns = [i for i in range(b.ndim) if i not in right]
    k = math.prod(sizes[0])
    product = matmul(a.permute(rows + left).reshape(math.prod(a.shape[i] for i in rows), k),
                     b.permute(right + columns).reshape(
                         k, math.prod(b.shape[i] for i in columns)))
    product = product.reshape([a.shape[i] for i in rows] + [b.shape[i] for i in columns])
    return product if out is None else out.copy_(product)


def chain_matmul(*matrices, out=None):
    """Return the product of matrices, multiplied in the order that takes fewest operations."""
    from .matrices import multi_dot

    return multi_dot(matrices, out=out)
