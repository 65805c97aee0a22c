"""What textbooks teach about optimization and PyTorch lacks."""

from .newton import Newton
from .penalty import Penalty, l1, l2

__all__ = ["Newton", "Penalty", "l1", "l2"]
