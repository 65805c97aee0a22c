"""The op records by family. Importing this package attaches the methods of Tensor."""

import importlib
import os

FAMILIES = tuple(sorted(
    name[:-3] for name in os.listdir(os.path.dirname(__file__))
    if name.endswith(".py") and name != "__init__.py"))

for _family in FAMILIES:
    importlib.import_module("." + _family, __name__)
