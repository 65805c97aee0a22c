"""Tools around training: data loading.

PyTorch page: https://docs.pytorch.org/docs/2.13/data.html
"""

from . import data

__all__ = ["data"]
