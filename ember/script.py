"""Running a PyTorch program on ember, as Python itself would run it."""

import importlib.util
import os
import runpy
import sys
import types
from importlib.machinery import SourceFileLoader

from . import alias, names

__all__ = ["CannotRun", "run_module", "run_script"]

# Who calls the user's program; a traceback that showed them would not be Python's.
_RUNNERS = (__file__, os.path.join(os.path.dirname(__file__), "__main__.py"), runpy.__file__,
            "<frozen runpy>", "<frozen importlib._bootstrap>",
            "<frozen importlib._bootstrap_external>")


class CannotRun(Exception):
    """There is no such program; the text says so in one sentence."""


def run_script(path, arguments):
    """Run a file (or a folder with a `__main__.py`) as the main program.

    Args:
        path: the script, as given on the command line.
        arguments: what the script shall see in `sys.argv[1:]`.
    Raises:
        CannotRun: when the file cannot be read.
    """
    program = os.path.join(os.getcwd(), path)
    main = os.path.join(program, "__main__.py") if os.path.isdir(program) else program
    try:
        with open(main, "rb"):
            pass
    except OSError as error:
        raise CannotRun(f"can't open {main!r}: {error.strerror}") from None
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(main))
    _take_over([path, *arguments])
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__doc__ = None
    module.__file__ = main
    module.__loader__ = _MainLoader("__main__", main)
    module.__loader__.exec_module(module)


class _MainLoader(SourceFileLoader):
    """Python's own loader, except that a main program leaves no `__pycache__`."""

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.path), self.path)


def run_module(name, arguments):
    """Run a module as the main program, found on `sys.path` from the current folder on.

    Args:
        name: the dotted name, as after `python -m`.
        arguments: what the module shall see in `sys.argv[1:]`.
    Raises:
        CannotRun: when there is no such module.
    """
    _take_over(["-m", *arguments])
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise  # the package exists; something that it imports does not
        found = None
    except (ImportError, ValueError) as error:  # a relative or an empty name
        raise CannotRun(f"can't run {name!r} as a module: {error}") from None
    if found is None:
        raise CannotRun(f"No module named {name!r}")
    if found.submodule_search_locations and not importlib.util.find_spec(f"{name}.__main__"):
        raise CannotRun(f"{name!r} is a package without a __main__, so it cannot be run")
    runpy.run_module(name, run_name="__main__", alter_sys=True)


class _Arguments(list):
    """`sys.argv` of a program that runs on ember.

    multiprocessing tells each new process the parent's arguments before it imports the program
    again there. So that `import torch` means ember in it as well, they bring the alias along.
    """

    def __reduce__(self):
        return _with_alias, (list(self),)


def _with_alias(argv):
    alias.install()
    return _Arguments(argv)


def _take_over(argv):
    sys.argv = _with_alias(argv)
    # Only the runner may do this: ember.install() leaves the process's hooks alone.
    before = sys.excepthook

    def show(kind, error, traceback):
        traceback = _users_part(traceback, error)
        _explain_method(error)
        before(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = show


def _users_part(traceback, error):
    """Return the traceback from the program's first line on; None when it never ran.

    A missing name's error ends at the program's line too, not in ember's own.
    """
    while traceback is not None and traceback.tb_frame.f_code.co_filename in _RUNNERS:
        traceback = traceback.tb_next
    if isinstance(error, names.Explained):
        last, frame = traceback, traceback
        while frame is not None:
            if frame.tb_frame.f_code.co_filename not in (names.__file__, alias.__file__):
                last = frame
            frame = frame.tb_next
        last.tb_next = None
    return traceback


def _explain_method(error):
    """Add to `'Tensor' object has no attribute 'foo'` what ember knows about PyTorch's `foo`.

    Tensor has no `__getattr__` that could say it: each of its attributes would get five times
    slower.
    """
    from .autograd import Tensor

    if type(error) is AttributeError and isinstance(error.obj, Tensor):
        qualified = f"torch.Tensor.{error.name}"
        if names.in_pytorch(qualified):
            error.add_note(names.explain(qualified))
