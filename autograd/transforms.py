"""Functions of functions: grad, vjp, jvp, linearize (PyTorch's torch.func).

Arguments and results are tensors or nested tuples, lists and dicts of tensors. Transforms nest:
each run differentiates at copies of its inputs that belong to it (`levels.py`).
"""

import functools

from . import modes
from .batching import arranged, like
from .levels import Level, gradients, probe, release
from .pushing import Pushforward
from .pytree import flatten, map_leaves, unflatten
from .tensor import Tensor

__all__ = ["functionalize", "grad", "grad_and_value", "jvp", "linearize", "value_and_grad", "vjp"]


def grad(func, argnums=0, has_aux=False):
    """Return a function that computes the gradient of `func` with respect to its arguments.

    Args:
        func: takes tensors, returns a 0-d tensor (or a pair of it and anything, with has_aux).
        argnums: which arguments to differentiate: a number, or a tuple of them for a tuple of
            gradients.
        has_aux: return (gradient, auxiliary value).
    Raises:
        RuntimeError: when `func` returns anything but a 0-d tensor, or argnums do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.grad.html

    >>> import ember
    >>> ember.func.grad(ember.func.grad(lambda x: x ** 3))(ember.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        g, value = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return wrapper


def grad_and_value(func, argnums=0, has_aux=False):
    """Return a function that computes (gradient, value); (gradient, (value, aux)) with has_aux.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.grad_and_value.html

    >>> import ember
    >>> ember.func.grad_and_value(lambda x: x * x)(ember.tensor(3.0))
    (tensor(6.), tensor(9.))
    """
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        level = Level()
        with level:
            args, probes, spec = entered(level, args, argnums)
            output, aux = split_aux(func(*args, **kwargs), has_aux, "grad_and_value(f)(*args)")
            _check_scalar(output)
            found = unflatten(gradients([output], probes, [None], level), spec)
        value = release(output, level)
        return found, (value, released(aux, level)) if has_aux else value

    return wrapper


def value_and_grad(func, argnums=0, has_aux=False):
    """The same, with the value first: (value, gradient). Not PyTorch's name.

    >>> import ember
    >>> ember.func.value_and_grad(lambda x: x * x)(ember.tensor(3.0))
    (tensor(9.), tensor(6.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return both(*args, **kwargs)[::-1]

    return wrapper


def vjp(func, *primals, has_aux=False):
    """Return the value of `func` and the function that multiplies cotangents by its Jacobian.

    Args:
        primals: the arguments of func.
        has_aux: func returns (output, aux); aux is returned as a third item.
    Returns:
        output, vjp_fn: `vjp_fn(cotangents)` takes the structure of the output and returns the
        gradient of the primal (a tuple for several), as often as it is called.
    Raises:
        RuntimeError: for outputs that are no floating point tensors, or cotangents that do not
            fit them.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.vjp.html

    >>> import ember
    >>> output, vjp_fn = ember.func.vjp(lambda x: x * x, ember.tensor([1.0, 2.0]))
    >>> vjp_fn(ember.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    level = Level()
    with level:
        args, probes, spec = entered(level, primals, tuple(range(len(primals))))
        output, aux = split_aux(func(*args), has_aux, "vjp(f, *primals)")
        leaves, output_spec = flatten(output)
        check_outputs(leaves, "vjp(f, *primals)")
        for leaf in leaves:
            if not (leaf.is_floating_point() or leaf.is_complex()):
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, "
                    f"got Tensor with dtype {leaf.dtype}")
    ends = [probe(leaf) for leaf in leaves]

    def vjp_fn(cotangents, retain_graph=True, create_graph=None):
        """Return the cotangents times the Jacobian."""
        given, given_spec = flatten(cotangents)
        if given_spec != output_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {given_spec}, primal output: "
                f"{output_spec}")
        if not modes.is_grad_enabled() and create_graph is None:
            create_graph = False
        found = unflatten(
            gradients(ends, probes, given, level, retain_graph, create_graph), spec)
        return found

    result = (map_leaves(lambda leaf: release(leaf, level), output), vjp_fn)
    return (*result, released(aux, level)) if has_aux else result


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """Return the value of `func` and its Jacobian times tangents.

    Args:
        primals, tangents: tuples of the same structure and shapes.
        strict: raise where an output does not depend on the inputs, instead of giving zeros.
        has_aux: func returns (output, aux); aux is returned as a third item.
    Raises:
        RuntimeError: when primals and tangents do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.jvp.html

    >>> import ember
    >>> ember.func.jvp(lambda x: x * x, (ember.tensor(3.0),), (ember.tensor(1.0),))
    (tensor(9.), tensor(6.))
    """
    _check_tangents(primals, tangents)
    level = Level()
    with level:
        args, probes, _ = entered(level, primals, tuple(range(len(primals))))
        output, aux = split_aux(func(*args), has_aux, "jvp(f, primals, tangents)")
        leaves, spec = flatten(output)
        check_outputs(leaves, "jvp(f, primals, tangents)")
        seeds = {p._node: arranged(t, p) for p, t in zip(probes, flatten(tangents)[0])}
        pushed = Pushforward(leaves, seeds)(seeds)
        pushed = _filled(pushed, leaves, strict)
    result = (unflatten([release(leaf, level) for leaf in leaves], spec),
              unflatten([release(t, level) for t in pushed], spec))
    return (*result, released(aux, level)) if has_aux else result


def linearize(func, *primals):
    """Return the value of `func` and its linearisation, a function of tangents.

    The linearisation can be called many times; `func` is run once.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.linearize.html

    >>> import ember
    >>> output, jvp_fn = ember.func.linearize(lambda x: x * x, ember.tensor(3.0))
    >>> jvp_fn(ember.tensor(1.0)), jvp_fn(ember.tensor(2.0))
    (tensor(6.), tensor(12.))
    """
    level = Level()
    with level:
        args, probes, _ = entered(level, primals, tuple(range(len(primals))))
        output = func(*args)
        leaves, spec = flatten(output)
        check_outputs(leaves, "linearize(f, *primals)")
        forward = Pushforward(leaves, [p._node for p in probes], keep=True)
    primals_spec = flatten(primals)[1]
    ends = [leaf.detach() for leaf in leaves]

    def jvp_fn(*tangents):
        """Return the Jacobian times the tangents."""
        given, given_spec = flatten(tangents)
        if given_spec != primals_spec:
            raise RuntimeError(f"Expected the tangents {given_spec} to have the same argspec as "
                               f"the primals {primals_spec}")
        for number, (t, p) in enumerate(zip(given, probes)):
            _check_like(t, p, f"tangent:{number}")
        pushed = forward({p._node: arranged(t, p) for p, t in zip(probes, given)})
        pushed = _filled(pushed, ends, False)
        return unflatten([release(t, level) for t in pushed], spec)

    return unflatten([release(leaf, level) for leaf in leaves], spec), jvp_fn


# -- shared ---------------------------------------------------------------------------------------


def functionalize(func, *, remove="mutations"):
    """Return the function as it is: its results are those of one without writes in place.

    PyTorch rewrites the program that a compiler is to see, without in-place operations, and for
    "mutations_and_views" without views; what it computes, and what it writes into its arguments,
    stays the same. ember hands no program to a compiler, so there is nothing to rewrite.
    Raises:
        RuntimeError: when the result is called, for another `remove` than the two above.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.functionalize.html

    >>> import ember
    >>> ember.func.functionalize(lambda x: x.clone().add_(1))(ember.zeros(2))
    tensor([1., 1.])
    """
    @functools.wraps(func)
    def call(*args, **kwargs):
        if remove not in ("mutations", "mutations_and_views"):
            raise RuntimeError(f"functionalize(f, remove='{remove}'): received invalid argument; "
                               "remove is 'mutations' or 'mutations_and_views'")
        return func(*args, **kwargs)

    return call


def entered(level, args, argnums):
    """Return arguments with those to differentiate replaced by the level's copies.

    Returns:
        (arguments, probes at the copies, structure of the gradients).
    """
    numbers = _numbers(argnums, len(args))
    args, probes = list(args), []
    for number in dict.fromkeys(numbers):
        leaves, spec = flatten(args[number])
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise ValueError("Thing passed to transform API must be Tensor, got "
                                 f"{type(leaf)}")
        copies = [level.enter(leaf) for leaf in leaves]
        probes += [probe(copy) for copy in copies]
        args[number] = unflatten(copies, spec)
    chosen = args[numbers[0]] if isinstance(argnums, int) else tuple(args[n] for n in numbers)
    return tuple(args), probes, flatten(chosen)[1]


def _numbers(argnums, count):
    """Return argnums as a tuple of numbers from 0 on."""
    if isinstance(argnums, bool) or not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    if not given:
        raise RuntimeError("argnums must be non-empty")
    for n in given:
        if not isinstance(n, int):
            raise RuntimeError(f"argnum must be int, got: {type(n)}")
        if not -count <= n < count:
            raise RuntimeError(f"Got argnum={n}, but only {count} positional inputs")
    numbers = tuple(n % count for n in given)
    if len(set(numbers)) != len(numbers):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return numbers


def split_aux(output, has_aux, name):
    """Return (output, aux) of what a function returned."""
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if "
                           "has_aux is True")
    return output


def released(aux, level):
    """Return an auxiliary value whose tensors have left the level."""
    return map_leaves(lambda leaf: release(leaf, level), aux)


def check_outputs(leaves, name):
    """Raise when the results of a function are not tensors."""
    if not leaves:
        raise RuntimeError(f"{name}: Expected f to be a function that has non-empty output")
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{name}: expected f(*args) to return only tensors, got "
                               f"unsupported type {type(leaf)}")


def _check_scalar(output):
    if not isinstance(output, Tensor):
        raise RuntimeError("grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                           f"{type(output)}")
    if output.ndim:
        raise RuntimeError(
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor "
            f"with {output.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")


def _check_tangents(primals, tangents):
    name = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{name}: Expected primals to be a tuple. E.g. it should be valid to "
                           "call f(*primals).")
    leaves, spec = flatten(primals)
    given, given_spec = flatten(tangents)
    if spec != given_spec:
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals "
            f"with structure {spec} and tangents with structure {given_spec}")
    for what, values in (("primals", leaves), ("tangents", given)):
        if not values:
            raise RuntimeError(f"{name}: Expected {what} to contain at least one Tensor.")
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(f"{name}: Expected {what} to only contain Tensors, got "
                                   f"{type(value)}")
    for number, (t, p) in enumerate(zip(given, leaves)):
        _check_like(t, p, f"{name}: tangent {number}")


def _check_like(tangent, primal, name):
    if tangent.shape != primal.shape:
        raise RuntimeError(f"{name} with shape {list(tangent.shape)} in flattened pytree doesn't "
                           f"match the shape {list(primal.shape)} of the corresponding primal.")
    if tangent.dtype != primal.dtype:
        raise RuntimeError(f"{name} with dtype {tangent.dtype} in flattened pytree doesn't match "
                           f"the dtype {primal.dtype} of the corresponding primal.")


def _filled(tangents, leaves, strict):
    """Return tangents with zeros where an output does not depend on the inputs."""
    if strict and any(t is None for t in tangents):
        raise RuntimeError("jvp(f, primals, tangents, strict=True): The output of f is "
                           "independent of the inputs. This is not allowed with strict=True.")
    return [leaf.detach().new_zeros(leaf.shape) if t is None else like(leaf, t)
            for t, leaf in zip(tangents, leaves)]
