"""What a summary knows about each layer: one `Layer` per call of a module, in order."""

from collections.abc import Mapping
from math import prod

from ...autograd.tensor import Tensor
from ...nn.parameter import is_lazy

__all__ = ["Layer", "all_layers", "add_containers", "called_layers"]


class Layer:
    """One call of a module, or a module that is shown without having been called.

    Attributes:
        module, name: the module, and what its parent calls it.
        depth: how many modules it lies in.
        index: its number among the layers of its depth.
        path: the layers that it lies in, outermost first, without the model itself.
        inside: the layers within it.
        repeated: whether the module has been shown before.
        input_size, output_size: shapes, as lists; empty if unknown.
        params, trainable, param_bytes: numbers of parameters, and their bytes.
        own: {name: (shape, number)} of the parameters.
        mult_adds: multiplications with additions of this call.
        output_bytes: of what it returned.
    """

    def __init__(self, module, name, depth, path):
        self.module, self.name, self.depth, self.path = module, name, depth, path
        self.index, self.inside = None, []
        self.repeated = self.called = False
        self.input_size, self.output_size = [], []
        self.output_bytes = self.mult_adds = 0
        self.is_leaf = next(module.children(), None) is None
        self.count()

    @property
    def kind(self):
        """The name of the module's class."""
        return type(self.module).__name__

    @property
    def kernel_size(self):
        """The size of the module's kernel; None without one."""
        size = getattr(self.module, "kernel_size", None)
        return list(size) if isinstance(size, (tuple, list)) else size

    def count(self):
        """Count the parameters; those of lazy modules, which are not made yet, count nothing."""
        self.params = self.trainable = self.param_bytes = 0
        self.own = {}
        for name, parameter, number in _parameters(self.module):
            self.params += number
            self.trainable += number if parameter.requires_grad else 0
            self.param_bytes += number * parameter.element_size()
            shape = list(parameter.shape)
            if name == "weight" and len(shape) > 1:
                shape[:2] = shape[1::-1]  # inputs before outputs
            if self.depth or "." not in name:
                self.own[name] = shape, number

    def note_call(self, inputs, outputs):
        """Note what one call was given, returned and cost."""
        self.count()
        given, made = _tensor_in(inputs), _tensor_in(outputs)
        self.called = True
        self.input_size = [] if given is None else list(given.shape)
        if made is None:
            return
        self.output_size = list(made.shape)
        self.output_bytes = made.numel() * made.element_size()
        self.mult_adds = sum(
            number * self._uses(name) for name, _, number in _parameters(self.module))

    def _uses(self, name):
        """Return how often a call uses each element of a parameter."""
        size = self.output_size
        if name in ("weight", "bias"):
            return prod(size[:1] + size[2:]) if "Conv" in self.kind else size[0] if size else 0
        return prod(size[:2]) if "weight" in name or "bias" in name else 0

    def rest(self, what):
        """Return the parameters that no layer within this one has; what: params or trainable."""
        return getattr(self, what) - sum(
            getattr(layer, what) if layer.is_leaf else layer.rest(what)
            for layer in self.inside if not layer.repeated)


def _parameters(module):
    """Yield (name, parameter, number of elements); pruned ones by their mask."""
    buffers = dict(module.named_buffers())
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            continue
        mask = buffers.get(name.removesuffix("_orig") + "_mask")
        if name.endswith("_orig") and mask is not None:
            yield name.removesuffix("_orig"), parameter, int(mask.sum())
        else:
            yield name, parameter, parameter.numel()


def _tensor_in(value):
    """Return the tensor whose shape stands for inputs or outputs of any structure, or None."""
    if isinstance(value, Mapping):
        return _tensor_in(list(value.values())[-1]) if value else None
    if isinstance(value, (tuple, list)):
        return _tensor_in(value[0]) if value else None
    if isinstance(value, Tensor):
        return value
    data = getattr(value, "data", None)
    return data if isinstance(data, Tensor) else None


def _walk(model):
    """Yield a layer for each place of a module in a model, outer ones first."""
    stack = [Layer(model, type(model).__name__, 0, [])]
    while stack:
        layer = stack.pop()
        yield layer
        path = [*layer.path, layer] if layer.depth else []
        stack += [Layer(module, name, layer.depth + 1, path)
                  for name, module in reversed(list(layer.module._modules.items()))
                  if module is not None]


def all_layers(model):
    """Return the layers of a model that is not called."""
    layers, seen = [], set()
    for layer in _walk(model):
        layer.repeated = layer.module in seen
        seen.add(layer.module)
        layers.append(layer)
    return layers


def called_layers(model, call):
    """Return the layers in the order in which a call uses them.

    Args:
        model: the model.
        call: a function that calls it.
    Raises:
        RuntimeError: the call failed; says how far it came.
    """
    places = {layer.module: layer for layer in _walk(model)}  # a shared module: at its last place
    layers, running, seen, hooks = [], [], set(), []

    def before(module, inputs):
        place = places[module]
        layer = Layer(module, place.name, place.depth, place.path)
        layer.repeated = module in seen
        seen.add(module)
        layers.append(layer)
        running.append(layer)

    def after(module, inputs, outputs):
        running.pop().note_call(inputs, outputs)

    try:
        for module in places:
            hooks.append(module.register_forward_pre_hook(before))
            hooks.append(module.register_forward_hook(after))
        call()
    except Exception as error:
        done = [f"{layer.kind}: {layer.depth}" for layer in layers if layer.called]
        raise RuntimeError(
            "Failed to run torchinfo. See above stack traces for more details. "
            f"Executed layers up to: [{', '.join(done)}]") from error
    finally:
        for hook in hooks:
            hook.remove()
    return layers


def add_containers(layers):
    """Return the layers with those around them that were not called, such as a ModuleList.

    One that is come back to is shown again, as repeated.
    """
    seen = {layer.module for layer in layers}
    complete, around = [], []
    for layer in layers:
        for depth, holder in enumerate(layer.path):
            if depth >= len(around) or around[depth].module is not holder.module:
                holder.repeated = holder.module in seen
                seen.add(holder.module)
                complete.append(holder)
                around[depth:] = [holder]
        around[max(layer.depth - 1, 0):] = [layer] if layer.depth else []
        complete.append(layer)
    return complete
