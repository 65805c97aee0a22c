"""Networks with an energy: Hopfield's, and the restricted Boltzmann machine.

Sources: Hopfield, 1982, https://doi.org/10.1073/pnas.79.8.2554; Hinton, "Training products of
experts by minimizing contrastive divergence", 2002, https://doi.org/10.1162/089976602760128018
"""

from ...autograd import no_grad, randperm, zeros
from .. import init
from ..functional import linear, softplus
from ..modules.module import Module
from ..parameter import Parameter

__all__ = ["HopfieldNetwork", "RestrictedBoltzmannMachine"]


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


class RestrictedBoltzmannMachine(Module):
    """Binary visible and hidden units: P(v, h) ~ exp(-E), E(v, h) = -v.b - h.c - h.Wv.

    Args:
        visible, hidden: how many units of each kind.

    >>> import ember as torch
    >>> machine = torch.nn.extra.RestrictedBoltzmannMachine(6, 2)
    >>> optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
    >>> data = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0.0, 0, 0, 1, 1, 1]])
    >>> machine.contrastive_divergence(data).backward()
    >>> optimizer.step()
    """

    def __init__(self, visible, hidden):
        super().__init__()
        self.weight = Parameter(zeros(hidden, visible))
        self.visible_bias = Parameter(zeros(visible))
        self.hidden_bias = Parameter(zeros(hidden))
        init.normal_(self.weight, 0.0, 0.01)

    def energy(self, v, h):
        """Return E of pairs of states, shapes (N, visible) and (N, hidden) -> (N)."""
        return -(v @ self.visible_bias + h @ self.hidden_bias + (linear(v, self.weight) * h).sum(1))

    def free_energy(self, v):
        """Return F(v) = -log sum_h exp(-E(v, h)) = -v.b - sum_j log(1 + exp(c_j + W_j v))."""
        return -v @ self.visible_bias - softplus(linear(v, self.weight, self.hidden_bias)).sum(1)

    def hidden_given(self, v):
        """Return P(h_j = 1 | v), shape (N, hidden)."""
        return linear(v, self.weight, self.hidden_bias).sigmoid()

    def visible_given(self, h):
        """Return P(v_i = 1 | h), shape (N, visible)."""
        return linear(h, self.weight.T, self.visible_bias).sigmoid()

    @no_grad()
    def sample(self, v, k=1):
        """Return visible states after k steps of Gibbs sampling from v."""
        for _ in range(k):
            v = self.visible_given(self.hidden_given(v).bernoulli()).bernoulli()
        return v

    def contrastive_divergence(self, v, k=1):
        """Return the loss whose gradient is CD-k: mean F(data) - mean F(data after k steps)."""
        return self.free_energy(v).mean() - self.free_energy(self.sample(v, k)).mean()

    def forward(self, v):
        """Return the reconstruction of v: the probabilities one step further, without noise."""
        return self.visible_given(self.hidden_given(v))
