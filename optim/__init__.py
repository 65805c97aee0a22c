"""Optimizers and learning rate schedules.

PyTorch page: https://docs.pytorch.org/docs/2.13/optim.html
"""

import importlib as _importlib

from . import lr_scheduler
from .adafactor import Adafactor, Muon
from .adagrad import Adadelta, Adagrad, RMSprop
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .lbfgs import LBFGS
from .optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from .sgd import ASGD, SGD, Rprop

__all__ = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon",
    "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop", "SGD", "lr_scheduler",
    "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook",
]

_ON_FIRST_USE = frozenset(("extra", "swa_utils"))  # swa_utils needs nn


def __getattr__(name):
    if name in _ON_FIRST_USE:
        return _importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
