"""Compare derivatives from the formulas with numerical ones."""

import numpy as np

from .grad import grad
from .tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """Raised when a gradient disagrees with its numerical estimate."""


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True,
              nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False,
              check_batched_grad=False, check_batched_forward_grad=False, check_forward_ad=False,
              check_backward_ad=True, fast_mode=False, masked=None):
    """Check the gradients of a function against central differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: tensor or tuple; float64 tensors that require gradients are checked.
        eps: step of the differences; atol, rtol: tolerances.
        raise_exception: raise instead of returning False.
        nondet_tol: allowed difference between two runs of backward.
        check_backward_ad, check_forward_ad: which modes to check.
        fast_mode: compare the derivatives along one random direction instead of all elements;
            also for complex tensors.
    Returns:
        Whether all gradients agree.
    Raises:
        GradcheckError: naming the input, output and the two Jacobians.
        ValueError: when no input requires gradients, or nothing is to be checked.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html

    >>> import ember
    >>> x = ember.tensor([1.0, 2.0], dtype=ember.float64, requires_grad=True)
    >>> ember.autograd.gradcheck(ember.sin, (x,))
    True
    """
    if not (check_backward_ad or check_forward_ad):
        raise ValueError("Expected at least one of check_forward_ad or check_backward_ad to be "
                         "True, but got both as False")
    given = (func, _tuple(inputs), eps, atol, rtol, nondet_tol)
    try:
        if check_backward_ad:
            _check_along(*given) if fast_mode else _check(*given, _by_backward)
        if check_forward_ad:
            _check(*given, _by_forward, " computed with forward mode")
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3,
                  gen_non_contig_grad_outputs=False, raise_exception=True, nondet_tol=0.0,
                  check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
                  check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False,
                  masked=False):
    """Check second derivatives: `gradcheck` of the function that computes the gradients.

    Arguments as `gradcheck`; grad_outputs are the gradients of the outputs (random if None).
    """
    inputs = _tuple(inputs)
    outputs = [o for o in _tuple(func(*inputs)) if o.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = tuple(
            Tensor._wrap(o._xp.from_host(np.asarray(rng.standard_normal(o.shape)).astype(
                o._array.dtype)), o._xp).requires_grad_() for o in outputs)
    count = len(inputs)

    def gradients(*args):
        args, cotangents = args[:count], args[count:]
        outs = [o for o in _tuple(func(*args)) if o.requires_grad]
        wanted = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
        found = grad(outs, wanted, cotangents, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradients, inputs + _tuple(grad_outputs), eps=eps, atol=atol, rtol=rtol,
                     raise_exception=raise_exception, nondet_tol=nondet_tol, fast_mode=fast_mode,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev)


def _tuple(value):
    return (value,) if isinstance(value, Tensor) else tuple(value)


def _checked(inputs):
    """Return the places of the inputs to differentiate with respect to."""
    checked = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]
    if not checked:
        raise ValueError("gradcheck expects at least one input tensor to require gradient")
    return checked


def _check(func, inputs, eps, atol, rtol, nondet_tol, jacobians, how=""):
    checked = _checked(inputs)
    outputs = _tuple(func(*inputs))
    for o, out in enumerate(outputs):
        if not isinstance(out, Tensor) or not out.requires_grad:
            continue
        analytic = jacobians(func, inputs, checked, o)
        again = jacobians(func, inputs, checked, o)
        for place, a, b in zip(checked, analytic, again):
            if np.abs(a - b).max(initial=0) > nondet_tol:
                raise GradcheckError(f"Backward is not reentrant, i.e., running backward with "
                                     f"same input {place} gives different values")
            numeric = _numeric(func, inputs, place, o, eps)
            if not np.allclose(a, numeric, rtol, atol, equal_nan=True):
                raise GradcheckError(
                    f"Jacobian{how} mismatch for output {o} with respect to input {place},\n"
                    f"numerical:{numeric}\nanalytical:{a}")


def _check_along(func, inputs, eps, atol, rtol, nondet_tol):
    """Compare the derivative of v · func along a direction u, for random unit vectors u and v."""
    checked = _checked(inputs)
    rng = np.random.default_rng(0)
    for o, out in enumerate(_tuple(func(*inputs))):
        if not isinstance(out, Tensor) or not out.requires_grad:
            continue
        v = _direction(out, rng)
        runs = [grad(out, [inputs[i] for i in checked], v, retain_graph=True, allow_unused=True,
                     materialize_grads=True) for _ in range(2)]
        for place, g, again in zip(checked, *runs):
            u = _direction(inputs[place], rng)
            analytic = _dot(g, u)
            if abs(analytic - _dot(again, u)) > nondet_tol:
                raise GradcheckError(f"Backward is not reentrant, i.e., running backward with "
                                     f"same input {place} gives different values")
            ends = []
            for step in (eps, -eps):
                moved = (inputs[place].detach() + step * u).requires_grad_()
                args = (*inputs[:place], moved, *inputs[place + 1:])
                ends.append(_dot(_tuple(func(*args))[o], v))
            numeric = (ends[0] - ends[1]) / (2 * eps)
            if not np.isclose(analytic, numeric, rtol, atol, equal_nan=True):
                raise GradcheckError(
                    f"Derivative mismatch for output {o} with respect to input {place} along a "
                    f"random direction,\nnumerical:{numeric}\nanalytical:{analytic}")


def _direction(like, rng):
    """Return a random tensor of the shape and dtype of another, of length 1."""
    values = rng.standard_normal(like.shape)
    if like.is_complex():
        values = values + 1j * rng.standard_normal(like.shape)
    values = np.asarray(values / max(np.linalg.norm(values), 1e-12))
    return Tensor._wrap(like._xp.from_host(values.astype(like._array.dtype)), like._xp)


def _dot(a, b):
    """Return the real part of conj(a) · b: what b adds to a function whose gradient is a."""
    return np.vdot(_host(a), _host(b)).real


def _host(t):
    return np.array(t._xp.to_host(t._array))


def _by_forward(func, inputs, checked, o):
    """Return, per checked input, the Jacobian [input size, output size] by forward mode."""
    from .functional import jacobian

    def output(*values):
        args = list(inputs)
        for place, value in zip(checked, values):
            args[place] = value
        return _tuple(func(*args))[o]

    blocks = jacobian(output, tuple(inputs[place] for place in checked), vectorize=True,
                      strategy="forward-mode")
    return [_host(b).reshape(-1, inputs[place].numel()).T for place, b in zip(checked, blocks)]


def _by_backward(func, inputs, checked, o):
    """Return, per checked input, the Jacobian [input size, output size] by backward."""
    out = _tuple(func(*inputs))[o]
    wanted = [inputs[i] for i in checked]
    columns = [np.zeros((t.numel(), out.numel())) for t in wanted]
    flat = np.eye(out.numel()).reshape(out.numel(), *out.shape).astype(out._array.dtype)
    for j in range(out.numel()):
        cotangent = Tensor._wrap(out._xp.from_host(flat[j]), out._xp)
        for column, g in zip(columns, grad(out, wanted, cotangent, retain_graph=True,
                                           allow_unused=True)):
            if g is not None:
                column[:, j] = _host(g).ravel()
    return columns


def _numeric(func, inputs, place, o, eps):
    """Return the Jacobian [input size, output size] by central differences."""
    original = _host(inputs[place])
    columns = []
    for index in np.ndindex(original.shape):
        ends = []
        for step in (eps, -eps):
            moved = original.copy()
            moved[index] += step
            t = Tensor._wrap(inputs[place]._xp.from_host(moved), inputs[place]._xp)
            args = (*inputs[:place], t.requires_grad_(), *inputs[place + 1:])
            ends.append(_host(_tuple(func(*args))[o]))
        columns.append(((ends[0] - ends[1]) / (2 * eps)).ravel())
    size = _host(_tuple(func(*inputs))[o]).size
    return np.array(columns).reshape(original.size, size)
