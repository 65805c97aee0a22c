"""The highway layer: a gate decides how much of the input passes unchanged.

Source: Srivastava and others, 2015, https://arxiv.org/abs/1505.00387
"""

from .. import init
from ..functional import relu
from ..modules.linear import Linear
from ..modules.module import Module

__all__ = ["Highway"]


class Highway(Module):
    """y = T(x) H(x) + (1 - T(x)) x, where T(x) = sigmoid(W_T x + b_T) and H(x) = act(W_H x + b_H).

    Args:
        features: features of the input and of the output.
        activation: act.
        gate_bias: the initial b_T; negative, so that deep stacks start as the identity.

    >>> import ember as torch
    >>> layer = torch.nn.extra.Highway(4, gate_bias=-100.0)
    >>> x = torch.randn(2, 4)
    >>> torch.equal(layer(x), x)
    True
    """

    def __init__(self, features, activation=relu, gate_bias=-2.0):
        super().__init__()
        self.transform = Linear(features, features)
        self.gating = Linear(features, features)
        self.activation = activation
        init.constant_(self.gating.bias, gate_bias)

    def gate(self, x):
        """Return T(x), between 0 (the input passes) and 1 (it is transformed)."""
        return self.gating(x).sigmoid()

    def forward(self, x):
        gate = self.gate(x)
        return gate * self.activation(self.transform(x)) + (1 - gate) * x
