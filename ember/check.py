"""The static check: will a PyTorch program run on ember? (`python -m ember check`)"""

import ast
import io
import os
import sys
import tokenize
import warnings

from . import names
from .usage import uses

__all__ = ["CannotCheck", "check_file", "main", "python_files"]

# Folders inside a project that hold other people's programs.
_SKIPPED = {"__pycache__", "build", "env", "node_modules", "site-packages", "venv"}


class CannotCheck(Exception):
    """A file could not be checked; the text says why in one sentence."""


def check_file(path):
    """Return the uses of PyTorch names in one program, and those that ember lacks.

    Args:
        path: a Python file.
    Returns:
        The set of the names used, and a list of (missing name, its `Use`).
    Raises:
        CannotCheck: when it cannot be read, or is not Python.
    """
    tree = _parse(path)
    try:
        found = uses(tree)
    except RecursionError:
        raise CannotCheck(f"{path}: its expressions are nested too deeply to check") from None
    missing = []
    for use in found:
        lacking = _lacking_method(use) if use.method else _lacking(use.name)
        if lacking:
            missing.append((lacking, use))
    return {use.name for use in found if not use.method}, missing


def _parse(path):
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise CannotCheck(f"{path}: cannot be read: {error.strerror}") from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        raise CannotCheck(f"{path}: is not a text in UTF-8 or the encoding it declares") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as error:
        raise CannotCheck(f"{path}:{error.lineno or 1}: is not Python: {error.msg}") from None
    except ValueError as error:
        raise CannotCheck(f"{path}: is not Python: {error}") from None
    except (RecursionError, MemoryError):
        raise CannotCheck(f"{path}: its expressions are nested too deeply to check") from None


def _lacking(name):
    """Return the part of a dotted name that ember lacks, None when it has it all."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        prefix = ".".join(parts[:end])
        try:
            names.find(prefix)
        except (ImportError, AttributeError) as error:
            if isinstance(error, ImportError) and not isinstance(error, names.Explained):
                return None  # ember has it; that a library it needs is missing, its import says
            return _with_what_was_wanted(prefix, parts[end:])
    return None


def _with_what_was_wanted(module, rest):
    """Return `torch.jit.script` rather than `torch.jit`, where PyTorch has both."""
    for part in rest:
        name = f"{module}.{part}"
        if module[module.rindex(".") + 1:][0].isupper() or not names.in_pytorch(name):
            break
        module = name
    return module


def _lacking_method(use):
    """Return the name of a tensor method that ember lacks, None when it might be another's.

    Only names with an underscore are judged: they are hardly ever methods of anything else.
    """
    import numpy as np

    from . import Tensor, nn, optim

    method = use.name.rpartition(".")[2]
    others = (Tensor, nn.Module, optim.Optimizer, np.ndarray, str, bytes, dict, list, set, object)
    if "_" not in method.lstrip("_") or not names.in_pytorch(use.name):
        return None
    return None if any(hasattr(other, method) for other in others) else use.name


def python_files(path):
    """Return the Python files that a path names: itself, or those in the folder.

    Raises:
        CannotCheck: when there are none.
    """
    if not os.path.isdir(path):
        return [path]
    found = []
    for folder, inner, files in os.walk(path):
        inner[:] = sorted(i for i in inner if not i.startswith(".") and i not in _SKIPPED)
        found += [os.path.join(folder, name) for name in sorted(files) if name.endswith(".py")]
    if not found:
        raise CannotCheck(f"{path}: holds no Python files")
    return found


def main(paths):
    """Check files and folders, and print what was found.

    Returns:
        The exit status: 0 when ember has every name, 1 when it lacks some, 2 when a file could
        not be checked.
    """
    files, used, lacking, refused = 0, set(), set(), 0
    for path in paths:
        try:
            found = python_files(path)
        except CannotCheck as error:
            refused += _refuse(error)
            continue
        for file in found:
            try:
                found_here, missing = check_file(file)
            except CannotCheck as error:
                refused += _refuse(error)
                continue
            files += 1
            used |= found_here
            lacking |= {name for name, use in missing if not use.optional}
            _report(file, missing)
    print(_summary(files, used, lacking, refused))
    return 2 if refused else 1 if lacking else 0


def _refuse(error):
    print(error, file=sys.stderr)
    return 1


def _report(path, missing):
    """Print a line for each name that one file lacks, where it is used first."""
    first, times = {}, {}
    for name, use in missing:
        first.setdefault(name, use)
        times[name] = times.get(name, 0) + 1
    for name, use in first.items():
        again = f" [{times[name]} times]" if times[name] > 1 else ""
        excuse = " [the program can do without]" if use.optional else ""
        print(f"{path}:{use.line}: {names.explain(name)}{again}{excuse}")


def _summary(files, used, lacking, refused):
    of = f"{files} file{'s' * (files != 1)}, {len(used)} PyTorch name{'s' * (len(used) != 1)}"
    unread = f"; {refused} could not be checked" if refused else ""
    if lacking:
        return f"{of}: ember lacks {len(lacking)}{unread}"
    return f"{of}: ember has {'them all' if used else 'nothing to add'}{unread}"
