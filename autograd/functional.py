"""Derivatives of functions of tensors: vjp, jvp, jacobian, hessian, vhp, hvp.

This is PyTorch's older interface; `ember.func` nests and takes nested structures.
PyTorch page: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from . import modes
from .grad import grad
from .jacobians import columns
from .levels import Level
from .tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_BARRED = " This is not allowed in strict mode"
# What strict mode says of a result that is missing (None), by the name of what is computed.
_INDEPENDENT = {
    "jacobian": "The output of the user-provided function is independent of input {}.",
    "jvp": "The gradient with respect to the input is independent of entry {} in the grad_outputs "
           "when using the double backward trick to compute forward mode gradients.",
    "hessian": "The jacobian of the user-provided function is independent of input {}.",
}
# What strict mode says of something in between that does not require gradients.
_CONSTANT = {
    "outputs": "Output {} of the user-provided function does not require gradients. The outputs "
               "must be computed in a differentiable manner from the input when running in "
               "strict mode.",
    "gradient": "The gradient with respect to input {} is independent of the inputs of the "
                "user-provided function." + _BARRED + ".",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided "
                "function with respect to input {} is independent of the input." + _BARRED +
                ". You should ensure that your function is twice differentiable and that the "
                "jacobian depends on the inputs (this would be violated by a linear function for "
                "example).",
}


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """Return (outputs, v times the Jacobian of `func`).

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the shapes of the outputs; None for a single output of one element.
        create_graph: record the computation, so that it can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.
    Raises:
        RuntimeError: when v does not fit, and in strict mode.
        TypeError: for anything but tensors.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html

    >>> import ember
    >>> ember.autograd.functional.vjp(lambda x: x * x, ember.tensor(3.0))
    (tensor(9.), tensor(6.))
    """
    with modes.enable_grad():
        single, inputs = _inputs(inputs, "vjp", create_graph)
        single_out, outputs = _outputs(func(*inputs), "vjp", strict)
        v = _vector(v, outputs, single_out, "vjp", create_graph,
                    "user-provided function returns a single Tensor")
    found = _grads(outputs, inputs, v, create_graph, retain_graph=False)
    found = _filled(found, inputs, strict, create_graph, "jacobian")
    return _finish(outputs, single_out, create_graph), _finish(found, single, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return (outputs, the Jacobian of `func` times v).

    v has the shapes of the inputs. The product is the derivative, with respect to g, of the
    gradient that g brings about, which is linear in g. Arguments and errors as in `vjp`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html

    >>> import ember
    >>> ember.autograd.functional.jvp(lambda x: x * x, ember.tensor(3.0), ember.tensor(10.0))
    (tensor(9.), tensor(60.))
    """
    with modes.enable_grad():
        single, inputs = _inputs(inputs, "jvp", create_graph)
        v = _vector(v, inputs, single, "jvp", create_graph,
                    "input to the user-provided function is a single Tensor")
        single_out, outputs = _outputs(func(*inputs), "jvp", strict)
        g = tuple(t.detach().new_zeros(t.shape).requires_grad_() for t in outputs)
        back = _grads(outputs, inputs, g, True)
        if strict:
            _check_requires_grad(back, "gradient")
    found = _grads(back, g, v, create_graph, retain_graph=False)
    found = _filled(found, outputs, strict, create_graph, "jvp")
    return _finish(outputs, single_out, create_graph), _finish(found, single_out, create_graph)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False,
             strategy="reverse-mode"):
    """Return the Jacobian of `func`.

    Args:
        func, inputs, create_graph, strict: as in `vjp`.
        vectorize: accepted as in PyTorch; needed for forward mode.
        strategy: "reverse-mode", one backward per output element, or "forward-mode", one push
            per input element.
    Returns:
        A tensor of shape (*output, *input); a tuple over inputs and around it over outputs where
        there are tuples of them.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html

    >>> import ember
    >>> ember.autograd.functional.jacobian(lambda x: x * x, ember.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode". '
                             'Hint: If your function has more outputs than inputs, "forward-mode" '
                             'tends to be more performant. Otherwise, prefer "reverse-mode".')
    if strategy == "forward-mode":
        return _jacobian_forward(func, inputs, create_graph, strict, vectorize)
    with modes.enable_grad():
        single, inputs = _inputs(inputs, "jacobian", create_graph)
        single_out, outputs = _outputs(func(*inputs), "jacobian", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`.")
        blocks = []
        for number, output in enumerate(outputs):
            rows = [_row(output, place, number, inputs, strict, create_graph)
                    for place in range(output._array.size)]
            blocks.append([_stacked([row[i] for row in rows], output, t)
                           for i, t in enumerate(inputs)])
    blocks = [_finish(block, single, create_graph) for block in blocks]
    return blocks[0] if single_out else tuple(blocks)


def _row(output, place, number, inputs, strict, create_graph):
    """Return the gradients of one element of an output."""
    found = list(_grads((output.reshape(-1)[place],), inputs, (None,), create_graph,
                        retain_graph=True))
    for i, (g, t) in enumerate(zip(found, inputs)):
        if g is None:
            if strict:
                raise RuntimeError(f"Output {number} of the user-provided function is "
                                   f"independent of input {i}.{_BARRED}.")
            found[i] = t.detach().new_zeros(t.shape)
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError("The jacobian of the user-provided function is independent of "
                               f"input {number}.{_BARRED} when create_graph=True.")
    return found


def _stacked(rows, output, t):
    from .ops.joining import stack

    shape = output.shape + t.shape
    return stack(rows).reshape(shape) if rows else t.detach().new_zeros(shape)


def _jacobian_forward(func, inputs, create_graph, strict, vectorize):
    if create_graph:
        raise NotImplementedError(
            'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` '
            "are not supported together (yet). Please either set `create_graph=False` or "
            '`strategy="reverse-mode"`.')
    if strict:
        raise RuntimeError(
            'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are '
            "not supported together (yet). Please either set `strict=False` or "
            '`strategy="reverse-mode"`.')
    if not vectorize:
        raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse "
                                  "Hessian is only implemented for `vectorize=True`.")
    single, inputs = _tensors(inputs, "inputs given to jacobian")
    level = Level()
    with level:
        inputs = tuple(level.enter(t) for t in inputs)
        single_out, outputs = _outputs(func(*inputs), "jacobian", strict)
        blocks = columns(outputs, inputs, level)
    blocks = [block[0] if single else tuple(block) for block in blocks]
    return blocks[0] if single_out else tuple(blocks)


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False,
            outer_jacobian_strategy="reverse-mode"):
    """Return the matrix of second derivatives of a function with one output element.

    Arguments as in `jacobian`; `outer_jacobian_strategy` is the strategy of the second one.
    Raises:
        RuntimeError: when `func` returns more than one element, and in strict mode.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html

    >>> import ember
    >>> ember.autograd.functional.hessian(lambda x: (x ** 3).sum(), ember.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    single, inputs = _tensors(inputs, "inputs given to hessian")

    def scalar(*args):
        output = func(*args)
        _one_element(_outputs(output, "hessian", strict), "hessian")
        return output.squeeze()

    def gradient(*args):
        found = jacobian(scalar, args, create_graph=True)
        if strict:
            _check_requires_grad(found, "jacobian")
        return found

    found = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found[0][0] if single else found


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """Return (output, v times the Hessian of `func`), for a function with one output element.

    v has the shapes of the inputs. Arguments and errors as in `vjp`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html

    >>> import ember
    >>> ember.autograd.functional.vhp(lambda x: x ** 3, ember.tensor(2.0), ember.tensor(1.0))
    (tensor(8.), tensor(12.))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return (output, the Hessian of `func` times v): `vhp`, since the Hessian is symmetric.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html

    >>> import ember
    >>> ember.autograd.functional.hvp(lambda x: x ** 3, ember.tensor(2.0), ember.tensor(1.0))
    (tensor(8.), tensor(12.))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func, inputs, v, create_graph, strict, name):
    with modes.enable_grad():
        single, inputs = _inputs(inputs, name, create_graph)
        v = _vector(v, inputs, single, name, create_graph,
                    "input to the user-provided function is a single Tensor")
        single_out, outputs = _outputs(func(*inputs), name, strict)
        _one_element((single_out, outputs), name)
        first = _grads(outputs, inputs, (None,), True)
        if strict:
            _check_requires_grad(first, "jacobian")
    found = _grads(first, inputs, v, create_graph, retain_graph=False)
    found = _filled(found, inputs, strict, create_graph, "hessian")
    return _finish(outputs, single_out, create_graph), _finish(found, single, create_graph)


# -- shared ---------------------------------------------------------------------------------------


def _tensors(value, what):
    """Return (whether it is a single tensor, the tuple of tensors)."""
    if isinstance(value, Tensor):
        return True, (value,)
    if not isinstance(value, tuple):
        raise TypeError(f"The {what} must be either a Tensor or a tuple of Tensors but the given "
                        f"value has type {type(value)}.")
    for i, item in enumerate(value):
        if not isinstance(item, Tensor):
            raise TypeError(f"The {what} must be either a Tensor or a tuple of Tensors but the "
                            f"value at index {i} has type {type(item)}.")
    return False, value


def _inputs(inputs, name, create_graph):
    """Return the inputs to differentiate at, connected to the caller's with create_graph."""
    single, inputs = _tensors(inputs, f"inputs given to {name}")
    return single, tuple(t.view_as(t) if create_graph and t.requires_grad
                         else t.detach().requires_grad_() for t in inputs)


def _outputs(outputs, name, strict):
    single, outputs = _tensors(outputs, f"outputs of the user-provided function given to {name}")
    if strict:
        _check_requires_grad(outputs, "outputs")
    return single, outputs


def _one_element(outputs, name):
    single, tensors = outputs
    if not single:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if tensors[0]._array.size != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a "
                           "single element")


def _vector(v, others, single, name, create_graph, needed):
    """Return v as a tuple of tensors, checked against those it multiplies."""
    if v is None:
        if len(others) != 1 or others[0]._array.size != 1:
            raise RuntimeError(f"The vector v can only be None if the {needed} with a single "
                               "element.")
        return (None,)
    _, v = _tensors(v, f"v given to {name}")
    if len(v) != len(others):
        raise RuntimeError("The given v should contain a single Tensor." if single else
                           f"v is a tuple of invalid length: should be {len(others)} but got "
                           f"{len(v)}.")
    for i, (vi, other) in enumerate(zip(v, others)):
        if vi.shape != other.shape:
            raise RuntimeError(f"{'' if single else f'Entry {i} in '}v has invalid size: should "
                               f"be {other.shape} but got {vi.shape}.")
    return tuple(vi if create_graph else vi.detach() for vi in v)


def _check_requires_grad(tensors, what):
    for i, t in enumerate(tensors):
        if t is None:
            raise RuntimeError(_INDEPENDENT["jacobian"].format(i) + _BARRED + ".")
        if not t.requires_grad:
            raise RuntimeError(_CONSTANT[what].format(i))


def _grads(outputs, inputs, cotangents, create_graph, retain_graph=None):
    """Return the gradient per input, None where no output depends on it."""
    pairs = [(o, g) for o, g in zip(outputs, cotangents) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad([o for o, _ in pairs], inputs, [g for _, g in pairs], allow_unused=True,
                create_graph=create_graph, retain_graph=create_graph or retain_graph)


def _filled(found, like, strict, create_graph, what):
    """Return gradients with zeros for None, or raise in strict mode."""
    if strict:
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(_INDEPENDENT[what].format(i) + _BARRED + ".")
            if create_graph and not g.requires_grad:
                name = "hessian" if what == "hessian" else "jacobian"
                raise RuntimeError(f"The {name} of the user-provided function is independent of "
                                   f"input {i}.{_BARRED} when create_graph=True.")
    return tuple(t.detach().new_zeros(t.shape) if g is None else g for g, t in zip(found, like))


def _finish(tensors, single, create_graph):
    """Return results as the caller passed the inputs, cut off from the graph unless wanted."""
    tensors = tuple(t if create_graph else t.detach() for t in tensors)
    return tensors[0] if single else tensors
