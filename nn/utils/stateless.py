"""Call a module with other parameters than its own, and stack those of several models."""

import contextlib

from ...autograd import stack

__all__ = ["functional_call", "stack_module_state"]


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *,
                    tie_weights=True, strict=False):
    """Call a module with the given tensors in the place of its parameters and buffers.

    Args:
        parameter_and_buffer_dicts: a dict from name to tensor, or a sequence of such dicts;
            names that are left out keep their own values.
        args: a tuple of positional arguments, or one argument.
        tie_weights: a tensor given for one of several names of a shared parameter counts for
            all of them.
        strict: raise unless the names are exactly the module's.
    Raises:
        ValueError: when a name occurs twice, or tied names are given different tensors.
        RuntimeError: for missing or unexpected names, when strict.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html

    >>> import ember
    >>> layer = ember.nn.Linear(2, 1)
    >>> values = {"weight": ember.ones(1, 2), "bias": ember.zeros(1)}
    >>> ember.func.functional_call(layer, values, ember.ones(3, 2)).squeeze()
    tensor([2., 2., 2.])
    """
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    given = _joined(parameter_and_buffer_dicts)
    own = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    if strict:
        _check_names(module, given, own)
    values = _tied(given, own) if tie_weights else dict(given)
    with _replaced(module, values, given):
        return module(*args, **(kwargs or {}))


def _joined(dicts):
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (list, tuple)) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of "
                         f"dicts, but got {type(dicts)}")
    repeated = sorted({k for i, d in enumerate(dicts) for k in d
                       if any(k in other for other in dicts[:i])})
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional "
                         "call is ambiguous")
    return {k: v for d in dicts for k, v in d.items()}


def _check_names(module, given, own):
    problems = []
    for what, names in (("Unexpected", set(given) - set(own)), ("Missing", set(own) - set(given))):
        if names:
            problems.append(f"{what} key(s): {', '.join(repr(n) for n in sorted(names))}.")
    if problems:
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}: "
                           + " ".join(problems))


def _tied(given, own):
    """Return the given tensors, each under all the names that its parameter has."""
    values = dict(given)
    groups = {}
    for name, t in own.items():
        if t is not None:
            groups.setdefault(id(t), []).append(name)
    for names in groups.values():
        found = {id(given[n]): n for n in names if n in given}
        if len(found) > 1:
            raise ValueError(f"functional_call got multiple values for keys {sorted(names)}, "
                             "which are tied. Consider using tie_weights=False")
        for n in names if found else ():
            values[n] = given[next(iter(found.values()))]
    return values


@contextlib.contextmanager
def _replaced(module, values, given):
    """Put tensors in the place of a module's own; what the call assigns goes to `given`."""
    swapped = []
    try:
        for name, value in values.items():
            path, _, attribute = name.rpartition(".")
            own = module.get_submodule(path).__dict__
            swapped.append((name, own, attribute, own.get(attribute), attribute in own))
            own[attribute] = value
        yield
    finally:
        for name, own, attribute, before, existed in reversed(swapped):
            if name in given and own.get(attribute) is not given[name]:
                given[name] = own.get(attribute)
            if existed:
                own[attribute] = before
            else:
                own.pop(attribute, None)


def stack_module_state(models):
    """Return (parameters, buffers) of models of one class, stacked by name in a new dimension.

    The stacked parameters are new leaves. With `vmap` over them an ensemble runs as one model.

    Raises:
        RuntimeError: when there are no models, or they differ in class, mode or requires_grad.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.stack_module_state.html

    >>> import ember
    >>> models = [ember.nn.Linear(2, 1) for _ in range(5)]
    >>> parameters, buffers = ember.func.stack_module_state(models)
    >>> parameters["weight"].shape
    torch.Size([5, 1, 2])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return tuple({name: _stacked(name, [d[name] for d in dicts]) for name in dicts[0]}
                 for dicts in (parameters, buffers))


def _stacked(name, tensors):
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    result = stack(tensors)
    return result.detach().requires_grad_() if wanted == {True} else result
