"""What all pruning methods share, and the chain of several of them.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#utilities
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from ....autograd import ones_like

__all__ = ["BasePruningMethod", "PruningContainer", "hook_of"]


class BasePruningMethod(ABC):
    """A rule that decides which entries stay; also the hook that applies the mask.

    Subclasses set PRUNING_TYPE ("unstructured": any entries; "structured": whole slices along
    `dim`; "global": like unstructured, over several tensors) and define `compute_mask`.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module, inputs):
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t, default_mask):
        """Return a mask of the shape of `t`, zero at least wherever `default_mask` is.

        Args:
            t: the importance of each entry.
            default_mask: the mask of the pruning done before.
        """

    def apply_mask(self, module):
        """Return the original tensor times its mask."""
        name = self._tensor_name
        mask, original = module._buffers[name + "_mask"], module._parameters[name + "_orig"]
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **kwargs):
        """Prune a tensor of a module with this method; return the method that is now its hook.

        Args:
            module: whose parameter; it is changed in place.
            name: the parameter's name.
            *args, **kwargs: for the constructor.
            importance_scores: ranks the entries instead of the tensor's own values.

        Raises:
            ValueError, AssertionError: the scores do not have the tensor's shape.
        """
        method = cls(*args, **kwargs)
        method._tensor_name = name
        tensor = getattr(module, name)
        scores = _scores_for(tensor, importance_scores)
        earlier = hook_of(module, name)
        if earlier is None:
            mask = method.compute_mask(scores, ones_like(tensor))
            original = module._parameters[name]
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
        else:
            key, before = earlier
            methods = before if isinstance(before, PruningContainer) else (before,)
            method = PruningContainer(*methods, method)
            method._tensor_name = name
            mask = method.compute_mask(scores, getattr(module, name + "_mask").detach().clone())
            del module._forward_pre_hooks[key]
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t, default_mask=None, importance_scores=None):
        """Return a pruned copy of a tensor."""
        scores = _scores_for(t, importance_scores)
        mask = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module):
        """Make pruning permanent: the parameter takes the masked values.

        Raises:
            ValueError: the module was not pruned.
        """
        name = self._tensor_name
        if name is None:
            raise ValueError(
                f"Module {module} has to be pruned before pruning can be removed")
        original = module._parameters[name + "_orig"]
        original.data = self.apply_mask(module).detach()
        del module._parameters[name + "_orig"], module._buffers[name + "_mask"]
        delattr(module, name)
        setattr(module, name, original)


def hook_of(module, name):
    """Return (number, hook) of what prunes a tensor, or None."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key, hook
    return None


def _scores_for(tensor, scores):
    if scores is None:
        return tensor.detach()
    if scores.shape != tensor.shape:
        raise AssertionError(
            "importance_scores should have the same shape as parameter of the module: expected "
            f"{tensor.shape}, got {scores.shape}")
    return scores.detach()


class PruningContainer(BasePruningMethod):
    """Several methods that pruned one tensor one after the other.

    Args:
        *args: the methods, or one iterable of methods.
    """

    PRUNING_TYPE = "container"

    def __init__(self, *args):
        self._pruning_methods = ()
        one_method = len(args) == 1 and isinstance(args[0], BasePruningMethod)
        if one_method:
            self._tensor_name = args[0]._tensor_name
        methods = args[0] if len(args) == 1 and not one_method and isinstance(
            args[0], Iterable) else args
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method):
        """Add a method; only what earlier ones left can be pruned by it.

        Raises:
            TypeError: it is no pruning method.
            ValueError: it prunes another tensor.
        """
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        own = getattr(self, "_tensor_name", None)
        if method is not None and own is not None and own != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{own}' to PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index):
        return self._pruning_methods[index]

    def compute_mask(self, t, default_mask):
        """Return the mask after the newest method pruned what the others left."""
        method, mask = self._pruning_methods[-1], default_mask.to(dtype=t.dtype)
        left = _left(method, t, mask)
        mask = mask.clone()
        mask[left] = method.compute_mask(t[left], default_mask=mask[left]).to(dtype=mask.dtype)
        return mask


def _left(method, t, mask):
    """Return the index of what a method may still prune: entries, or whole slices."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return slice(None)
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            "Pruning methods of PRUNING_TYPE 'structured' need to have the attribute `dim` "
            "defined.")
    dim = method.dim % t.ndim
    keep = mask.sum([d for d in range(t.ndim) if d != dim]) != 0
    return (slice(None),) * dim + (keep,)
