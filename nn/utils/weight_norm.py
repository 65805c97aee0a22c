"""Weight normalization by a hook; `parametrizations.weight_norm` is its successor.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.weight_norm.html
"""

import warnings

from ..parameter import Parameter, is_lazy

__all__ = ["norm_except_dim", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v, pow=2, dim=0):
    """Return the norms over all dimensions but one, which keeps its size; -1 keeps none."""
    if dim == -1:
        return v.norm(pow)
    rest = [d for d in range(v.ndim) if d != dim]
    return v.norm(pow, rest, keepdim=True) if rest else v.abs()


class WeightNorm:
    """The hook: before every forward, weight = g v / |v|."""

    def __init__(self, name, dim):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module):
        """Return the weight from the module's g and v."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norm_except_dim(v, 2, self.dim))

    def remove(self, module):
        """Make the weight a parameter of the module again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"], module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module, name="weight", dim=0):
    """Replace a weight by its magnitude and direction, `weight_g` and `weight_v`.

    Args:
        dim: the dimension along which there is one magnitude each; None for a single one.

    Returns:
        The module.

    Raises:
        RuntimeError: the tensor is normalized already.
        ValueError: the parameter has no shape yet.
    Source: Salimans, Kingma, 2016, https://arxiv.org/abs/1602.07868

    >>> import warnings
    >>> import ember as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     layer = torch.nn.utils.weight_norm(torch.nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    warnings.warn("`torch.nn.utils.weight_norm` is deprecated in favor of "
                  "`torch.nn.utils.parametrizations.weight_norm`.", FutureWarning, stacklevel=2)
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    if is_lazy(weight):
        raise ValueError("The module passed to `WeightNorm` can't have uninitialized "
                         "parameters. Make sure to run the dummy forward before applying "
                         "weight normalization")
    delattr(module, name)
    module.register_parameter(name + "_g",
                              Parameter(norm_except_dim(weight, 2, hook.dim).detach()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module, name="weight"):
    """Undo `weight_norm`; the weight keeps its value. Returns the module.

    Raises:
        ValueError: the tensor is not normalized.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
