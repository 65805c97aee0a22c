"""Spectral normalization by a hook; `parametrizations.spectral_norm` is its successor.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.spectral_norm.html
"""

from ...autograd import dot, no_grad
from ..functional import normalize
from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..parameter import Parameter, is_lazy

__all__ = ["output_dim", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The hook: before every forward, weight = weight_orig / sigma(weight_orig)."""

    def __init__(self, name="weight", n_power_iterations=1, dim=0, eps=1e-12):
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def start(self, weight):
        """Return random unit vectors of the sizes of the weight's two sides."""
        return [normalize(weight.new_empty(size).normal_(0, 1), dim=0, eps=self.eps)
                for size in self._matrix(weight.detach()).shape]

    def _matrix(self, weight):
        return weight.movedim(self.dim, 0).flatten(1)

    def compute_weight(self, module, do_power_iteration):
        """Return the weight over its largest singular value; improve the estimate on request."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self._matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.T @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
            # copies: the next forward writes into the buffers, perhaps before this one's backward
            u, v = u.clone(), v.clone()
        return weight / dot(u, matrix @ v)

    def remove(self, module):
        """Make the weight a parameter of the module again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for ending in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + ending)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module, module.training))

    def note_version(self, module, state_dict, prefix, local_metadata):
        """State hook: mark the layout of what is saved, as PyTorch does."""
        versions = local_metadata.setdefault("spectral_norm", {})
        versions[self.name + ".version"] = 1


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Divide a weight by its largest singular value, estimated at every training forward.

    Args:
        n_power_iterations: steps of the power iteration per forward.
        dim: the dimension of the outputs; None finds it from the layer.

    Returns:
        The module, with the parameter `weight_orig` and the buffers `weight_u`, `weight_v`.

    Raises:
        RuntimeError: the tensor is normalized already.
        ValueError: the parameter is None or has no shape yet.
    Source: Miyato and others, 2018, https://arxiv.org/abs/1802.05957

    >>> import ember as torch
    >>> layer = torch.nn.utils.spectral_norm(torch.nn.Linear(20, 40))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two spectral_norm hooks on the same parameter {name}")
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError("The module passed to `SpectralNorm` can't have uninitialized "
                         "parameters. Make sure to run the dummy forward before applying "
                         "spectral normalization")
    hook = SpectralNorm(name, n_power_iterations, output_dim(module) if dim is None else dim, eps)
    u, v = hook.start(weight)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module.register_state_dict_post_hook(hook.note_version)
    return module


def remove_spectral_norm(module, name="weight"):
    """Undo `spectral_norm`; the weight keeps its value. Returns the module.

    Raises:
        ValueError: the tensor is not normalized.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    saving = module._state_dict_hooks
    for key, function in saving.items():
        if getattr(function, "__self__", None) is hook:
            del saving[key]
            break
    return module


def output_dim(module):
    """Return the dimension of a layer's weight that its output channels are in."""
    return int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
