"""A table of a model's layers, in the form of the library torchinfo.

Source: https://github.com/TylerYep/torchinfo
"""

from .report import ModelStatistics, summary

__all__ = ["ModelStatistics", "summary"]
