"""Ready parametrizations: weights of norm times direction, of spectral norm one, orthogonal ones.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#utilities
"""

from ...autograd import (
    Tensor,
    allclose,
    cat,
    eye,
    finfo,
    geqrf,
    matrix_exp,
    no_grad,
    randn,
    vdot,
    where,
    zeros_like,
)
from ...autograd.ops.reflections import householder_product
from ...autograd.ops.solving import linalg_qr, solve
from ..functional import normalize, pad
from ..modules.module import Module
from .parametrize import register_parametrization
from .spectral_norm import output_dim
from .weight_norm import norm_except_dim

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

ORTHOGONAL_MAPS = ("matrix_exp", "cayley", "householder")

def tensor_of(module, name):
    """Return the tensor that is to be parametrized.

    Raises:
        ValueError: the module has none of that name.
    """
    tensor = getattr(module, name, None)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return tensor


# -- weight norm ----------------------------------------------------------------------------------


class _WeightNorm(Module):
    """w = g v / |v|, the norm taken over all dimensions but one.

    Source: Salimans, Kingma, 2016, https://arxiv.org/abs/1602.07868
    """

    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        return weight_v * (weight_g / norm_except_dim(weight_v, 2, self.dim))

    def right_inverse(self, weight):
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """Parametrize a weight as a magnitude times a direction: w = g v / |v|.

    Args:
        dim: the dimension along which there is one magnitude each; None for a single one.

    Returns:
        The module, whose `parametrizations.weight` holds g as `original0` and v as `original1`.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.weight_norm.html

    >>> import ember as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    torch.Size([40, 1])
    """
    tensor_of(module, name)
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def take_old_names(state_dict, prefix, *rest):
        """Rename what the hook-based `nn.utils.weight_norm` saved."""
        for old, new in (("g", "original0"), ("v", "original1")):
            key = f"{prefix}{name}_{old}"
            if key in state_dict:
                state_dict[f"{prefix}parametrizations.{name}.{new}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(take_old_names)
    return module


# -- spectral norm --------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """w / sigma(w), the largest singular value estimated by power iteration.

    Source: Miyato and others, 2018, https://arxiv.org/abs/1802.05957
    """

    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of "
                             f"[-{weight.ndim}, {weight.ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight.detach())
            for name, size in zip(("_u", "_v"), matrix.shape):
                start = matrix.new_empty(size).normal_(0, 1)
                self.register_buffer(name, normalize(start, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight):
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _iterate(self, matrix, times):
        for _ in range(times):
            self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight):
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        # copies: another forward in training mode writes into the buffers before backward
        return weight / vdot(self._u.clone(), matrix @ self._v.clone())

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Divide a weight by its largest singular value, estimated while training.

    Args:
        n_power_iterations: steps of the power iteration per forward in training mode.
        dim: the dimension of the outputs; None finds it from the layer.

    Returns:
        The module.

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.spectral_norm.html

    >>> import ember as torch
    >>> _ = torch.manual_seed(0)
    >>> layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(20, 40))
    >>> _ = [layer.weight for _ in range(300)]
    >>> round(torch.linalg.matrix_norm(layer.weight, 2).item(), 3)
    1.0
    """
    weight = tensor_of(module, name)
    dim = output_dim(module) if dim is None else dim
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# -- orthogonal -----------------------------------------------------------------------------------


class _Orthogonal(Module):
    """A matrix with orthonormal columns (or rows, whichever are fewer) from any matrix.

    With `use_trivialization` the map starts from `base`, an orthogonal matrix that assigning to
    the weight sets (Lezcano-Casado, 2019, https://arxiv.org/abs/1909.09501).
    """

    def __init__(self, weight, orthogonal_map, *, use_trivialization=True):
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X):
        wide = X.shape[-2] < X.shape[-1]
        X = X.mT if wide else X
        Q = _reflected(X) if self.orthogonal_map == "householder" else self._rotated(X)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if wide else Q

    def _rotated(self, X):
        """exp(A), or Cayley's (I - A/2)^-1 (I + A/2), of the skew-symmetric A = L - L^H."""
        n, k = X.shape[-2:]
        L = pad(X.tril(), (0, n - k))
        A = L - L.mH
        if self.orthogonal_map == "matrix_exp":
            return matrix_exp(A)[..., :k]
        unit = eye(n, dtype=A.dtype, device=A.device)
        return solve(unit - A / 2, unit + A / 2)[..., :k]

    @no_grad()
    def right_inverse(self, Q):
        if Q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. "
                             f"Got a tensor of shape {Q.shape}.")
        wide = Q.shape[-2] < Q.shape[-1]
        Q = Q.mT if wide else Q
        if hasattr(self, "base"):
            self.base = _square_orthogonal(Q)
            start = zeros_like(Q)  # every map sends -I to I
            start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        elif self.orthogonal_map == "householder":
            start = _reflections(Q)
        else:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False.")
        return start.mT if wide else start


def _reflected(X):
    """Return the product of the Householder reflections below X's diagonal, whose signs turn
    the columns; the signs are not trained."""
    A = X.tril(-1)
    tau = 2 / (1 + (A * A).sum(-2))
    return householder_product(A, tau) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)


def _reflections(Q):
    """Return the matrix that `_reflected` sends to the orthogonal factor of Q."""
    A, tau = geqrf(Q)
    signs = A.diagonal(dim1=-2, dim2=-1)
    signs.copy_(where(tau == 0, -signs.sign(), signs.sign()))
    return A


def _square_orthogonal(Q):
    """Return an orthogonal matrix whose first columns are those of Q, orthonormalized."""
    n, k = Q.shape[-2:]
    if n == k and _is_orthogonal(Q):
        return Q.clone()
    if n > k:
        Q = cat([Q, randn(*Q.shape[:-2], n, n - k, dtype=Q.dtype, device=Q.device)], -1)
    Q, R = linalg_qr(Q)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _is_orthogonal(Q):
    unit = eye(Q.shape[-1], dtype=Q.dtype, device=Q.device)
    return allclose(Q.mH @ Q, unit, atol=10 * Q.shape[-1] * finfo(Q.dtype).eps)


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """Keep a matrix orthogonal (with orthonormal rows or columns) while it is trained.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; None takes the first for
            square and complex matrices and the last for others.
        use_trivialization: start the map from the present value, so that the weight can be
            assigned to; costs an n x n buffer.

    Returns:
        The module.

    Raises:
        ValueError: the tensor is no matrix, or the map is not known.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.orthogonal.html

    >>> import ember as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3))
    >>> torch.allclose(layer.weight.T @ layer.weight, torch.eye(3), atol=1e-5)
    True
    """
    weight = tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError("Expected a matrix or batch of matrices. "
                         f"Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1] or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in ORTHOGONAL_MAPS:
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", '
                         f'"householder". Got: {orthogonal_map}')
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, parametrization, unsafe=True)
