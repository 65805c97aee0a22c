"""`torch.compile`: a function or module that records what it does and replays it.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.compile.html
"""

import functools

from ..nn.modules.module import Module
from .dispatch import Compiled

__all__ = ["OptimizedModule", "compile"]

MODES = ("default", "lite", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


class OptimizedModule(Module):
    """What `compile` returns for a module: the module under the name `_orig_mod`.

    Calls are compiled; everything else is the module's own: attributes, the mode.
    """

    def __init__(self, mod, compiled):
        super().__init__()
        functools.update_wrapper(self, type(mod), updated=())
        self.__dict__.update(_compiled=compiled, _wraps=True)  # all else is set on the module
        self._orig_mod = mod

    def forward(self, *args, **kwargs):
        return self._compiled(*args, **kwargs)

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
    """Return a model or function that gives the results of the given one, faster.

    The first call with new shapes runs the function and records its operations; later calls
    replay them without the Python around them. What the function reads besides its arguments
    is watched; where it changed, or where a function does what cannot be replayed (reading a
    tensor's values, printing, keeping state), the function itself runs, and a warning says why.
    Given tensors on another device than the CPU it runs as well: programs are loops for the CPU.
    Usable as a decorator, with and without arguments.

    The function may be a whole training step: each replay calls `backward`, the `step` of
    optimizers and learning rate schedules, `zero_grad` and `clip_grad_norm_` as the function
    does, so rates, states and accumulated gradients are those of now. Steps with hooks on
    gradients, with a closure, a GradScaler, or several losses without a common graph run
    as they are. `return loss.item()` is replayed; a number read earlier on is not.

    Args:
        model: a Module or a function.
        fullgraph: raise where the function cannot be recorded, instead of running it.
        dynamic: accepted; each combination of shapes is recorded by itself, eight at most.
        backend: "eager" runs the function as it is, any other name compiles.
        mode, options: accepted.
        disable: return the model itself.

    Raises:
        RuntimeError: the mode is not one of PyTorch's, or given together with options.

    >>> import ember as torch
    >>> model = torch.compile(torch.nn.Linear(2, 1))
    >>> list(model.state_dict()), model(torch.ones(3, 2)).shape
    (['_orig_mod.weight', '_orig_mod.bias'], torch.Size([3, 1]))

    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> @torch.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = torch.nn.functional.mse_loss(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> losses = [float(step(torch.ones(3, 2), torch.ones(3, 1))) for _ in range(5)]
    >>> losses == sorted(losses, reverse=True)
    True
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
    compiled = Compiled(model, fullgraph, dynamic, record=backend != "eager")
    return OptimizedModule(model, compiled) if isinstance(model, Module) else compiled
