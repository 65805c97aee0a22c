"""Lazy layers: their parameters get a shape from the first input.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

from ..parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """What lazy layers share: run `initialize_parameters` before the first forward pass, then
    become an ordinary layer (`cls_to_become`)."""

    cls_to_become: type | None = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_forward_pre_hook(_infer_parameters, with_kwargs=True)
        self._register_load_state_dict_pre_hook(_materialize_from, with_module=True)

    def initialize_parameters(self, *args, **kwargs):
        """Give every parameter its shape; each lazy layer defines it."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self):
        """Return whether a parameter or buffer still waits for its shape."""
        return any(tensor is not None and is_lazy(tensor) for tensor in (
            *self._parameters.values(), *self._buffers.values()))


def _infer_parameters(module, args, kwargs):
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    # found by their function: a copied module has its hooks, but no handles of its own
    for hooks, own in ((module._forward_pre_hooks, _infer_parameters),
                       (module._load_state_dict_pre_hooks, _materialize_from)):
        for key in [key for key, function in hooks.items() if function is own]:
            del hooks[key]
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


def _materialize_from(module, state_dict, prefix, *args):
    """Take shapes from saved tensors before they are loaded."""
    for name, tensor in module._own_state().items():
        saved = state_dict.get(prefix + name)
        if saved is not None and is_lazy(tensor) and not is_lazy(saved):
            tensor.materialize(saved.shape)
