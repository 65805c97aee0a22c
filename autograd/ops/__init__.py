"""The op records by family. Importing this package attaches the methods of Tensor."""

import importlib
import pkgutil

FAMILIES = tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))

for _family in FAMILIES:
    importlib.import_module("." + _family, __name__)
