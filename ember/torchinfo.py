"""`torchinfo`: the table of a model's layers.

Source: https://github.com/TylerYep/torchinfo
"""

from .utils.summaries import ModelStatistics, summary

__all__ = ["ModelStatistics", "summary"]
