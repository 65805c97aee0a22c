"""The Hopfield network: patterns stored as minima of an energy, recalled from noisy ones.

Source: Hopfield, 1982, https://doi.org/10.1073/pnas.79.8.2554
"""

from ...autograd import no_grad, randperm, zeros
from ..modules.module import Module

__all__ = ["HopfieldNetwork"]


class HopfieldNetwork(Module):
    """Units of state -1 or 1, all connected: E(s) = -1/2 s.Ws, w_ij = 1/n sum_p x_i x_j, w_ii = 0.

    The weights are learned by Hebb's rule, not by gradients. About 0.14 n random patterns can be
    held.

    Args:
        units: n.

    >>> import ember as torch
    >>> network = torch.nn.extra.HopfieldNetwork(6)
    >>> network.store(torch.tensor([[1.0, 1, 1, -1, -1, -1]]))
    >>> network(torch.tensor([1.0, -1, 1, -1, -1, -1])).tolist()
    [1.0, 1.0, 1.0, -1.0, -1.0, -1.0]
    """

    def __init__(self, units):
        super().__init__()
        self.register_buffer("weight", zeros(units, units))

    @no_grad()
    def store(self, patterns):
        """Add patterns of -1 and 1, shape (P, units), to the weights.

        Raises:
            ValueError: they hold other numbers.
        """
        if not (patterns.abs() == 1).all():
            raise ValueError("a Hopfield network stores patterns of -1 and 1 only")
        self.weight += patterns.T @ patterns / patterns.shape[1]
        self.weight.fill_diagonal_(0.0)

    def energy(self, state):
        """Return E of states of shape (..., units), shape (...)."""
        return -0.5 * ((state @ self.weight) * state).sum(-1)

    @no_grad()
    def forward(self, state, sweeps=100):
        """Return the stable state that units reach which are updated one after the other.

        Every update s_i = sign(sum_j w_ij s_j) lowers the energy or leaves it, so this ends.

        Args:
            state: shape (units), -1 and 1.
            sweeps: how often at most all units are updated, in random order.
        """
        state = state.clone()
        for _ in range(sweeps):
            before = state.clone()
            for i in randperm(len(state)).tolist():
                field = (self.weight[i] @ state).item()
                if field:
                    state[i] = 1.0 if field > 0 else -1.0
            if (state == before).all():
                break
        return state
