"""What a recorded program may call, and what makes it impossible to replay."""

import dis
import sys
import types

from ..autograd import Tensor, function, hooks
from ..autograd.generator import Generator, get_rng_state, manual_seed, seed, set_rng_state
from ..autograd.grad import backward, grad
from ..nn.modules.module import Module
from ..nn.utils import clip_grad_norm_, clip_grad_value_
from ..optim import SGD, Optimizer, lr_scheduler

__all__ = ["FORBIDDEN", "HOST", "is_library", "is_ours", "is_trusted", "only_returns", "pure",
           "works_for_ember"]

# Methods that show more of a tensor than a program's signature holds, or change it unseen.
_METHODS = """
    item tolist numpy __array__ data_ptr untyped_storage storage __dlpack__ register_hook
    register_post_accumulate_grad_hook retain_grad requires_grad_ detach_ set_ resize_ resize_as_
    share_memory_ __setstate__ __reduce_ex__ __deepcopy__ _take_memory __repr__ __str__ __format__
    is_set_to __contains__ equal allclose apply_ map_
""".split()
_PROPERTIES = "grad grad_fn is_leaf data retains_grad _base _version output_nr".split()

# Functions of modules written in C whose result depends on their arguments alone.
_PURE_MODULES = frozenset(("math", "cmath", "_operator", "operator", "_functools", "_struct"))
_PURE_BUILTINS = frozenset("""
    abs all any ascii bin callable chr divmod format getattr hasattr hex isinstance issubclass iter
    len max min oct ord pow repr round sorted sum __build_class__
""".split())
_VALUES = (str, bytes, int, float, complex, tuple, frozenset, range, slice, list, dict, set,
           types.MappingProxyType)


_LIBRARIES = frozenset(("numpy", "numba", "scipy", "llvmlite", "threadpoolctl", "importlib"))


# Modules of the standard library that keep no state a program could read.
_TRUSTED = frozenset("""
    abc collections contextlib copyreg dataclasses enum functools inspect itertools keyword math
    numbers operator re reprlib types typing warnings _collections_abc __future__
""".split())


def is_ours(code, namespace):
    """Return whether code is ember's own."""
    return (namespace.get("__name__") or "").partition(".")[0] == "ember" and (
        code.co_filename[:1] != "<")


def is_trusted(name):
    """Return whether a module of this name only calls what it is given, or makes named tuples."""
    name = (name or "").partition(".")[0]
    return name in _TRUSTED or name.startswith("namedtuple_")


def is_library(namespace):
    """Return whether code belongs to a library that ember calls.

    Compiled code that shows itself, and text that Numba writes, stand in no module.
    """
    name = namespace.get("__name__")
    if name is None:
        return namespace.keys() <= {"__builtins__", "np", "numba"}
    return name.partition(".")[0] in _LIBRARIES


def _codes():
    found = {}
    for name in _METHODS:
        method = getattr(Tensor, name, None)
        if hasattr(method, "__code__"):
            found[method.__code__] = f"Tensor.{name}"
    for name in _PROPERTIES:
        prop = Tensor.__dict__.get(name)
        for accessor in (getattr(prop, "fget", None), getattr(prop, "fset", None)):
            if hasattr(accessor, "__code__"):
                found[accessor.__code__] = f"Tensor.{name}"
    found[Tensor.requires_grad.fset.__code__] = "Tensor.requires_grad"
    for item in (grad, manual_seed, seed, get_rng_state, set_rng_state, *[
            getattr(Generator, name) for name in ("manual_seed", "seed", "get_state", "set_state")
            ], *[getattr(hooks, name) for name in hooks.__all__]):
        if hasattr(item, "__code__"):
            found[item.__code__] = item.__name__
    found[function.Function.apply.__func__.__code__] = "Function.apply"
    return found


FORBIDDEN = _codes()

# Functions that each replay calls as well, by their code. All optimizers' steps have one code,
# that of the hooks around them.
HOST = {function.__code__: function for function in (
    Tensor.backward, backward, Tensor.__dict__["grad"].fset, Module.zero_grad, Optimizer.zero_grad,
    SGD.step, clip_grad_norm_, clip_grad_value_, Tensor.item,
    *[cls.step for cls in vars(lr_scheduler).values() if hasattr(cls, "step")])}


# What the end of a function may consist of whose values cannot matter but by being returned.
_ENDING = frozenset("""
    CACHE CALL PRECALL PUSH_NULL NOP LOAD_FAST LOAD_CONST LOAD_METHOD LOAD_ATTR STORE_FAST POP_TOP
    BUILD_TUPLE BUILD_LIST BUILD_MAP BUILD_CONST_KEY_MAP RETURN_VALUE RETURN_CONST
    LOAD_FAST_LOAD_FAST STORE_FAST_LOAD_FAST LOAD_FAST_BORROW LOAD_SMALL_INT
    LOAD_FAST_BORROW_LOAD_FAST_BORROW LIST_EXTEND NOT_TAKEN
""".split())


def only_returns(frame):
    """Return whether code does nothing from where it is on but call methods and return."""
    rest = [i.opname for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti]
    return _ENDING.issuperset(rest[:1 + next(
        (n for n, name in enumerate(rest) if name.startswith("RETURN")), len(rest))])


def works_for_ember(frame):
    """Return whether a function of a library or of the standard library was called by ember,
    itself or by way of a trusted module, as `os.environ.get` is by way of collections.abc.
    """
    name = (frame.f_globals.get("__name__") or "").partition(".")[0]
    if not is_library(frame.f_globals) and (
            name not in sys.stdlib_module_names or name in _TRUSTED):
        return False
    caller = frame.f_back  # None where compiled code shows itself
    while caller is not None and is_trusted(caller.f_globals.get("__name__") or ""):
        caller = caller.f_back
    return caller is not None and is_ours(caller.f_code, caller.f_globals)


def pure(function):
    """Return whether a C function does nothing but compute from its arguments, or change a
    container, which the guards watch where it outlives the call.
    """
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", "")
    if isinstance(owner, types.ModuleType):
        if owner.__name__ == "builtins":
            return name in _PURE_BUILTINS
        return owner.__name__ in _PURE_MODULES
    if isinstance(owner, type):
        return owner.__module__ == "builtins"  # not datetime.now
    return isinstance(owner, _VALUES)
