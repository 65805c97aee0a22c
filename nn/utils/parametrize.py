"""Tensors of a module computed from other tensors: a weight as a function of its parameters.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.register_parametrization.html
"""

import contextlib
import copy
import functools
from collections.abc import Sequence

from ...autograd import Tensor, no_grad
from ..modules.container import ModuleDict, ModuleList
from ..parameter import Parameter

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization",
           "remove_parametrizations", "transfer_parametrizations_and_params",
           "type_before_parametrizations"]

_cache: dict = {}
_cached_blocks = 0


@contextlib.contextmanager
def cached():
    """Compute every parametrized tensor at most once inside the block.

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.cached.html
    """
    global _cached_blocks
    _cached_blocks += 1
    try:
        yield
    finally:
        _cached_blocks -= 1
        if not _cached_blocks:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor and the tensors it is computed from.

    These are `original`, or `original0`, `original1`, ... where the first parametrization takes
    several. Made by `register_parametrization`.

    Args:
        modules: the parametrizations, first applied first.
        original: the Parameter or buffer that is parametrized.
        unsafe: skip the check that shape and dtype stay the same.

    Raises:
        ValueError: a `right_inverse` returns neither a tensor nor a sequence of tensors, or
            shape or dtype change.
    """

    def __init__(self, modules, original, unsafe=False):
        modules = list(modules)
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new = _inverse(self, original)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if not unsafe and new.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}")
            original.data = new.detach()
            _register(self, "original", original)
        else:
            for i, tensor in enumerate(new):
                _register(self, f"original{i}", _like(tensor, original, i))
        if not unsafe:
            _check("Registering a parametrization", self(), shape, dtype)

    def _originals(self):
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value):
        """Set the original tensors so that the parametrized one becomes `value`.

        Raises:
            RuntimeError: a parametrization has no `right_inverse`.
            ValueError: the inverse gives other tensors than the originals.
        """
        with no_grad():
            new = _inverse(self, value, required=True)
            new = [new] if self.is_tensor else list(new)
            originals = self._originals()
            if len(new) != len(originals):
                raise ValueError("'right_inverse' must return a sequence of tensors of length "
                                 f"{len(originals)}. Got {len(new)}.")
            for old, tensor in zip(originals, new):
                if not isinstance(tensor, Tensor) or tensor.dtype != old.dtype:
                    found = getattr(tensor, "dtype", type(tensor).__name__)
                    raise ValueError("While calling `right_inverse` on the parametrization, it "
                                     f"gave {found} where a tensor of {old.dtype} was expected")
            for old, tensor in zip(originals, new):
                old.data = tensor.detach().clone()

    def forward(self):
        """Compute the parametrized tensor."""
        value = self[0](*self._originals())
        for parametrization in list(self)[1:]:
            value = parametrization(value)
        return value


def _inverse(parametrizations, value, required=False):
    """Run the right inverses, last parametrization first."""
    with no_grad():
        for module in reversed(list(parametrizations)):
            if not hasattr(module, "right_inverse"):
                if required:
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement "
                        "right_inverse.")
                continue
            try:
                value = module.right_inverse(value)
            except NotImplementedError:
                if required:
                    raise
    if not isinstance(value, (Tensor, Sequence)):
        raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                         f"tuple...). Got {type(value).__name__}")
    return value


def _like(tensor, original, place):
    """Return an original tensor of the kind (Parameter or buffer) that was parametrized."""
    if not isinstance(tensor, Tensor):
        raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors. Got "
                         f"element {place} of the sequence with type {type(tensor).__name__}.")
    if isinstance(original, Parameter):
        return Parameter(tensor.detach(), requires_grad=original.requires_grad)
    return tensor.requires_grad_(original.requires_grad)


def _check(what, value, shape, dtype):
    if not isinstance(value, Tensor):
        raise ValueError(f"{what} must return a tensor. Got {type(value).__name__}.")
    for name, new, old in (("dtype", value.dtype, dtype), ("shape", value.shape, shape)):
        if new != old:
            raise ValueError(
                f"{what} may not change the {name} of the tensor, unless `unsafe` flag is "
                f"enabled.\nunparametrized {name}: {old}\nparametrized {name}: {new}")


def _register(module, name, tensor):
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


# -- the module's class, with a property per parametrized tensor ----------------------------------


@functools.cache
def _parametrized(base, names):
    """Return the subclass whose instances compute the named tensors when they are read."""
    members = {name: property(functools.partial(_read, name), functools.partial(_write, name))
               for name in names}
    members["__getstate__"] = _refuse_pickling
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    members["_before_parametrizations"] = base
    members["__module__"] = base.__module__
    return type(f"Parametrized{base.__name__}", (base,), members)


def _read(name, module):
    if not _cached_blocks:
        return module.parametrizations[name]()
    key = id(module), name
    if key not in _cache:
        _cache[key] = module.parametrizations[name]()
    return _cache[key]


def _write(name, module, value):
    module.parametrizations[name].right_inverse(value)


def _refuse_pickling(module):
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training")


def _deepcopy(module, memo):
    replica = object.__new__(type(module))
    memo[id(module)] = replica
    replica.__dict__.update(copy.deepcopy(module.__dict__, memo))
    return replica


def _set_class(module):
    base = type_before_parametrizations(module)
    names = tuple(module.parametrizations)
    module.__class__ = _parametrized(base, names) if names else base


def type_before_parametrizations(module):
    """Return a module's class as it was before anything was parametrized."""
    return getattr(type(module), "_before_parametrizations", type(module))


def is_parametrized(module, tensor_name=None):
    """Return whether a module (or the named tensor of it) is parametrized."""
    parametrizations = module.__dict__.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


# -- registering and removing ---------------------------------------------------------------------


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Have a tensor of a module computed by a module from a parameter of the same role.

    `module.weight` becomes `parametrization(original)`; where the parametrization has a
    `right_inverse`, the original starts at its value and assignments to the tensor set it.

    Args:
        module: whose tensor; it is changed in place.
        tensor_name: the name of a parameter or buffer.
        parametrization: a module from tensors to a tensor.
        unsafe: skip the checks that shape and dtype stay the same.

    Returns:
        The module.

    Raises:
        ValueError: the module has no such tensor, or shape or dtype change.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.register_parametrization.html

    >>> import ember as torch
    >>> from ember.nn.utils import parametrize
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = parametrize.register_parametrization(torch.nn.Linear(3, 3), "weight", Symmetric())
    >>> torch.equal(layer.weight, layer.weight.T), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        listed = module.parametrizations[tensor_name]
        if not unsafe:
            _check_further(parametrization, getattr(module, tensor_name))
        listed.append(parametrization)
        listed.unsafe = listed.unsafe or unsafe
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        original = getattr(module, tensor_name)
        listed = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            module.parametrizations = ModuleDict()
        module.parametrizations[tensor_name] = listed
        _set_class(module)
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'")
    return module


def _check_further(parametrization, value):
    """Check a parametrization that is to follow others, before anything is changed."""
    result = parametrization(value)
    _check("Registering a parametrization", result, value.shape, value.dtype)
    if hasattr(parametrization, "right_inverse"):
        try:
            inverse = parametrization.right_inverse(result)
        except NotImplementedError:
            return
        _check("The right_inverse of a parametrization that follows another", inverse,
               value.shape, value.dtype)


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Make a parametrized tensor an ordinary parameter or buffer again.

    Args:
        leave_parametrized: whether it keeps its present value or takes the original's.

    Returns:
        The module.

    Raises:
        ValueError: the tensor is not parametrized, or has no single original.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed = module.parametrizations[tensor_name]
    if not listed.is_tensor and not leave_parametrized:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
                         "that is parametrized in terms of a sequence of tensors.")
    if listed.is_tensor:
        tensor = listed.original
        if leave_parametrized:
            with no_grad():
                tensor.data = getattr(module, tensor_name).detach()
    else:
        tensor = getattr(module, tensor_name)
        trained = tensor.requires_grad
        tensor = Parameter(tensor.detach()) if trained else tensor.detach()
    del module.parametrizations[tensor_name]
    _set_class(module)
    if not len(module.parametrizations):
        del module.parametrizations
    _register(module, tensor_name, tensor)
    return module


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Parametrize a module as another one is; the parametrizations are shared, values copied.

    Args:
        tensor_name: the only tensor to be treated; None for all parametrized ones.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in [tensor_name] if tensor_name else list(from_module.parametrizations):
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            _register(to_module, name, _like(getattr(from_module, name).detach().clone(),
                                             source._originals()[0], 0))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization, unsafe=True)
        target = to_module.parametrizations[name]
        for old, new in zip(target._originals(), source._originals()):
            old.data = new.detach().clone()
    return to_module
