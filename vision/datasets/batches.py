"""CIFAR's files: dicts that Python 2 pickled, read without pickle.

Python 2 had one type for texts and bytes; here an array's content stays bytes, and the rest becomes
texts.
"""

import numpy as np

from ...utils.serialization import LoadError, numpy_values
from ...utils.serialization.opcodes import Interpreter, Name


def read_batch(data):
    """Return the dict in a file: texts to numbers, texts, arrays of numbers, or lists of these.

    Args:
        data: the file's bytes.
    Raises:
        RuntimeError: the file is damaged, or holds something else.
    """
    batch = Interpreter(data, _find, _no_storage, _fill).run()
    if not isinstance(batch, dict):
        raise LoadError(f"the file holds a {type(batch).__name__}, not a dict")
    return {_text(key): list(map(_text, value)) if isinstance(value, list) else _text(value)
            for key, value in batch.items()}


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _find(path):
    if path not in numpy_values.BUILDERS:
        raise LoadError(f"the file names {path}; only numbers, texts and NumPy's arrays of numbers "
                        "are read")
    return Name(path, _dtype if path == "numpy.dtype" else numpy_values.BUILDERS[path])


def _dtype(code, *options):
    return numpy_values.BUILDERS["numpy.dtype"](_text(code), *options)


def _fill(target, state):
    if isinstance(target, np.dtype) and isinstance(state, tuple):
        state = tuple(map(_text, state))
    return numpy_values.fill(target, state)


def _no_storage(identifier):
    raise LoadError("the file refers to data outside of it")
