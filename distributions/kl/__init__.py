"""The Kullback-Leibler divergence of pairs of distributions.

Source: https://docs.pytorch.org/docs/2.13/distributions.html#module-torch.distributions.kl
"""

from . import formulas
from .registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
