"""`torch.compile`: accepted, and run eagerly; a warning says so once.

Nothing is compiled; a compiled function gives the results, the gradients and the speed of the
function itself. What programs can see of PyTorch's is kept: the wrapper of a module, whose names
in `state_dict` start with "_orig_mod.".
PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.compile.html
"""

import functools

from ..autograd.notices import say_once
from .modules.module import Module

__all__ = ["OptimizedModule", "compile"]

MODES = ("default", "lite", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


class OptimizedModule(Module):
    """What `compile` returns for a module: the module under the name `_orig_mod`.

    Everything else is the module's own: attributes, calls, the mode.
    """

    def __init__(self, mod):
        super().__init__()
        object.__setattr__(self, "_wraps", True)
        self._orig_mod = mod
        functools.update_wrapper(self, type(mod), updated=())

    def forward(self, *args, **kwargs):
        return self._orig_mod(*args, **kwargs)

    @property
    def training(self):
        """The module's mode."""
        return self._orig_mod.training

    @training.setter
    def training(self, mode):
        if "_orig_mod" in self.__dict__:
            self._orig_mod.training = mode

    def __getattr__(self, name):
        if name == "_orig_mod":
            raise AttributeError(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name, value):
        if "_wraps" not in self.__dict__ or name in ("_orig_mod", "training"):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __len__(self):
        return len(self._orig_mod)

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self._orig_mod)})


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None,
            options=None, disable=False):
    """Return a model or function that behaves as the given one; nothing is compiled.

    Usable as a decorator, with and without arguments.

    Args:
        model: a Module or a function.
        fullgraph, dynamic, backend, mode, options: accepted.
        disable: return the model itself.

    Raises:
        RuntimeError: the mode is not one of PyTorch's, or given together with options.

    >>> import warnings
    >>> import ember as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     model = torch.compile(torch.nn.Linear(2, 1))
    >>> list(model.state_dict()), model(torch.ones(3, 2)).shape
    (['_orig_mod.weight', '_orig_mod.bias'], torch.Size([3, 1]))
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified "
                           "at the same time.")
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend,
                                 mode=mode, options=options, disable=disable)
    if not callable(model):
        raise RuntimeError("torch.compile needs a Module or a function, got "
                           f"{type(model).__name__}")
    if disable or isinstance(model, type):
        return model
    say_once("torch.compile compiles nothing in ember: models run as they are")
    if isinstance(model, Module):
        return OptimizedModule(model)

    @functools.wraps(model)
    def compiled(*args, **kwargs):
        return model(*args, **kwargs)

    compiled._torchdynamo_orig_callable = model
    return compiled
