"""Interleaving groups of channels.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.ChannelShuffle.html
"""

from .. import functional as F
from .module import Module

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """Interleaves groups of channels. Shape: (N, C, *) -> same."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
