"""Tools around training: data loading, summaries, early stopping, search for hyperparameters.

PyTorch page: https://docs.pytorch.org/docs/2.13/data.html
"""

from . import data, search
from .early_stopping import EarlyStopping
from .summaries import summary

__all__ = ["EarlyStopping", "data", "search", "summary"]
