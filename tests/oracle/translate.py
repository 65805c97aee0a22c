"""Sample arguments and op callables of PyTorch, rebuilt for a peer that speaks the same API.

Tensors are rebuilt from a copy of their storage with the same sizes, strides and offset, so that
non-contiguous, broadcast and overlapping inputs stay what they are. Wrappers such as
`lambda x, n: x.unfold(...)` are recompiled with every torch object they mention replaced by the
peer's.
"""

from __future__ import annotations

import functools
import importlib
import types
from typing import Any

import numpy as np
import torch

from . import adapter

PUBLIC = (
    "", "nn.functional", "linalg", "special", "fft", "signal.windows", "masked", "random",
)  # fmt: skip


class MissingName(Exception):
    """The peer lacks a name that the operator needs."""


@functools.cache
def _public_names() -> dict[int, str]:
    """Map the id of every public torch callable to its dotted name below `torch`."""
    names: dict[int, str] = {}
    spaces = [(path, _descend(torch, path)) for path in PUBLIC]
    for path, space in [*spaces, ("Tensor", torch.Tensor)]:
        for name in dir(space):
            if not hasattr(space, name) or (name.startswith("_") and not name.endswith("__")):
                continue
            found = getattr(space, name)
            if callable(found):
                names.setdefault(id(found), f"{path}.{name}" if path else name)
    return names


def _descend(root: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        root = getattr(root, part)
    return root


def lookup(peer: Any, path: str) -> Any:
    """Return the peer's object under a dotted name, or raise MissingName."""
    found = peer
    for index, part in enumerate(path.split(".")):
        try:
            found = getattr(found, part)
        except AttributeError:
            module = ".".join([peer.__name__, *path.split(".")[: index + 1]])
            try:
                found = importlib.import_module(module)
            except ImportError:
                raise MissingName(path) from None
    return found


def storage_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a copy of the tensor's whole storage as a flat array of its dtype."""
    storage = tensor.detach().untyped_storage()
    count = storage.nbytes() // tensor.element_size()
    flat = torch.empty(0, dtype=tensor.dtype).set_(storage, 0, (count,), (1,))
    if tensor.dtype is torch.bfloat16:
        flat = flat.float()
    return flat.numpy().copy()


class Builder:
    """Builds one call's arguments for `side.module`; tensors keep identity and shared storage."""

    def __init__(self, side: Side):
        self.side = side
        self.leaves: list[Any] = []
        self.tensors: list[Any] = []
        self._built: dict[int, tuple[torch.Tensor, Any]] = {}  # The source kept, its id is its own.
        self._storages: dict[tuple[int, Any], np.ndarray] = {}

    def __call__(self, value: Any) -> Any:
        """Return `value` with every torch object in it replaced by the peer's."""
        if isinstance(value, torch.Tensor):
            if id(value) not in self._built:
                self._built[id(value)] = (value, self._tensor(value))
            return self._built[id(value)][1]
        if isinstance(value, torch.Size):
            return self.side.size(tuple(value))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self, value))
        if isinstance(value, (list, tuple)):
            return type(value)(map(self, value))
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        return self.side.constant(value)

    def _tensor(self, tensor: torch.Tensor) -> Any:
        key = (tensor.untyped_storage().data_ptr(), tensor.dtype)
        if key not in self._storages or tensor.numel() == 0:
            self._storages[key] = storage_array(tensor)
        flat = self._storages[key][tensor.storage_offset() :]
        strides = [step * flat.itemsize for step in tensor.stride()]
        view = np.lib.stride_tricks.as_strided(flat, tuple(tensor.shape), strides)
        made = self.side.tensor(view, tensor.dtype)
        if tensor.requires_grad:
            made.requires_grad_(True)
            self.leaves.append(made)
        self.tensors.append(made)
        return made


class Side:
    """One of the two libraries of a comparison: `torch` itself or a peer with its API."""

    def __init__(self, module: Any, device: str | None = None):
        self.module = module
        self.device = device
        self.reference = module is torch
        self._known: dict[int, tuple[Any, Any]] = {}

    def tensor(self, array: np.ndarray, dtype: Any) -> Any:
        """Return a tensor over `array` without copying it where the library allows that."""
        made = self.module.from_numpy(array)
        if dtype is torch.bfloat16:
            made = made.to(self.constant(dtype))
        return made if self.device is None else made.to(self.device)

    def seed(self, seed: int) -> None:
        """Seed the library's generator; one without it can still be compared on all the rest."""
        manual_seed = getattr(self.module, "manual_seed", None)
        if manual_seed is not None:
            manual_seed(seed)

    def size(self, shape: tuple[int, ...]) -> Any:
        """Return the library's `Size` of a shape."""
        return self.module.Size(shape)

    def constant(self, value: Any) -> Any:
        """Return the library's counterpart of a torch dtype, layout, device or callable."""
        if self.device is not None and str(value) == "cpu":
            return self.device if isinstance(value, str) else self.module.device(self.device)
        if self.reference:
            return value
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
            return lookup(self.module, str(value).removeprefix("torch."))
        if isinstance(value, torch.device):
            return self.module.device(str(value))
        if isinstance(value, torch.nn.Module):
            return self._module_instance(value)
        if isinstance(value, types.ModuleType) or callable(value):
            return self.function(value)
        return value

    def function(self, function: Any, name: str | None = None) -> Any:
        """Return the library's counterpart of a torch function, method, module or wrapper.

        `name` is the dotted name to use for objects without a public path of their own.
        """
        if self.reference or function is None:
            return function
        key = id(function)
        if key not in self._known:  # The pair keeps `function` alive, so its id stays its own.
            self._known[key] = (function, self._counterpart(function, name))
        return self._known[key][1]

    def _counterpart(self, function: Any, name: str | None) -> Any:
        if function is adapter.seeding_wrapper():
            return self._with_seed
        if function in adapter.masking_wrappers():
            return functools.partial(self._where_defined, function)
        if isinstance(function, types.ModuleType):
            root, _, path = function.__name__.partition(".")
            if root != "torch":
                return function
            return lookup(self.module, path) if path else self.module
        public = _public_names().get(id(function))
        if public is not None:
            return lookup(self.module, public)
        if isinstance(function, functools.partial):
            args, kwargs = map(self.constant, function.args), function.keywords
            return functools.partial(
                self.function(function.func),
                *args,
                **{key: self.constant(value) for key, value in kwargs.items()},
            )
        if isinstance(function, types.FunctionType):
            if function.__module__.startswith("torch.testing"):
                return self._rebind(function)
            if function.__module__.startswith("torch"):
                return lookup(self.module, name or function.__qualname__)
        if function is torch.ops.aten.slice.Tensor:
            return _slice
        if type(function).__name__ in {"OpOverload", "OpOverloadPacket"}:
            return lookup(self.module, name or function.__name__)
        return function

    def _with_seed(self, op: Any, *args: Any, **kwargs: Any) -> Any:
        self.seed(42)
        return op(*args, **kwargs)

    def _where_defined(self, wrapper: Any, op: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a masked operation and clear what `wrapper` clears, which asks PyTorch for it."""
        output = op(*args, **kwargs)

        def ones(*_: Any, **__: Any) -> torch.Tensor:
            return torch.ones(tuple(output.shape), dtype=torch.bool)

        ones.__name__ = op.__name__  # says how the mask is reduced
        kwargs.pop("dtype", None)
        defined = wrapper(ones, *map(_to_torch, args),
                          **{key: _to_torch(value) for key, value in kwargs.items()})
        return self.module.where(self.tensor(defined.numpy(), torch.bool), output,
                                 output.new_zeros([]))

    def _module_instance(self, module: torch.nn.Module) -> Any:
        kind = lookup(self.module, f"nn.{type(module).__name__}")
        if isinstance(module, torch.nn.TransformerEncoderLayer):
            return self._encoder_layer(kind, module)
        made = kind()
        for key, value in vars(module).items():
            if not key.startswith("_"):
                setattr(made, key, value)
        return made

    def _encoder_layer(self, kind: Any, layer: torch.nn.TransformerEncoderLayer) -> Any:
        made = kind(
            layer.self_attn.embed_dim,
            layer.self_attn.num_heads,
            layer.linear1.out_features,
            layer.dropout.p,
            activation=self.constant(layer.activation),
            layer_norm_eps=layer.norm1.eps,
            batch_first=layer.self_attn.batch_first,
            norm_first=layer.norm_first,
            bias=layer.linear1.bias is not None,
        )
        made.load_state_dict(Builder(self)(dict(layer.state_dict())))
        return made

    def _rebind(self, function: types.FunctionType) -> Any:
        """Recompile a wrapper of torch's tests so that its globals and cells are the peer's."""
        names = _names_used(function.__code__)
        world = dict(function.__globals__)
        world.update({n: self._lazily(world[n]) for n in names if n in world})
        cells = tuple(
            types.CellType(self._lazily(cell.cell_contents)) for cell in function.__closure__ or ()
        )
        made = types.FunctionType(
            function.__code__, world, function.__name__, function.__defaults__, cells
        )
        made.__kwdefaults__ = function.__kwdefaults__
        return made

    def _lazily(self, value: Any) -> Any:
        """Translate a value a wrapper mentions; only a call may find out that it is missing."""
        try:
            return self.constant(value)
        except MissingName as error:
            return _Absent(str(error))


def _slice(
    x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """Spell `aten::slice`, which has no Python name, as the indexing it comes from."""
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, end, step),)]


class _Absent:
    """Stands for a name that the peer lacks until a wrapper really uses it."""

    def __init__(self, path: str):
        self._path = path

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise MissingName(self._path)

    def __getattr__(self, name: str) -> Any:
        raise MissingName(f"{self._path}.{name}")


def _names_used(code: types.CodeType) -> set[str]:
    used = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            used |= _names_used(constant)
    return used


def _to_torch(value: Any) -> Any:
    return torch.from_numpy(value.detach().numpy()) if hasattr(value, "detach") else value
