"""The command line: `python -m ember script.py` and `python -m ember check script.py`."""

import argparse
import sys

EPILOG = """\
In the program, `torch`, `torchvision` and `torchviz` are ember; it need not be changed, and a
real PyTorch beside it is not touched. Everything after the program's name is the program's own.
A script that is really called `check` is run as ./check.
"""


def _parsers():
    parser = argparse.ArgumentParser(
        prog="python -m ember", epilog=EPILOG, formatter_class=argparse.RawTextHelpFormatter,
        usage="python -m ember [-h] [--version]\n"
              "       python -m ember script.py [arguments ...]\n"
              "       python -m ember -m module [arguments ...]\n"
              "       python -m ember check path [path ...]",
        description="Run PyTorch programs on ember, or check beforehand whether they will run.")
    parser.add_argument("--version", action="store_true", help="say which version this is")
    parser.add_argument("-m", metavar="module", dest="module", help="run a module, as python -m")
    parser.add_argument("script", nargs="?", help="the PyTorch program to run")
    check = argparse.ArgumentParser(
        prog="python -m ember check",
        description="Say which PyTorch names programs use that ember lacks, without running them.",
        epilog="Exit status: 0 when all names are there, 1 when some are missing, 2 when a file "
               "could not be checked.")
    check.add_argument("path", nargs="+", help="a Python file, or a folder to search for them")
    return parser, check


def _split(argv):
    """Return ember's own arguments and the program's: the first name ends ember's."""
    for i, argument in enumerate(argv):
        if argument == "-m":
            return argv[:i + 2], argv[i + 2:]
        if not argument.startswith("-"):
            return argv[:i + 1], argv[i + 1:]
    return argv, []


def main(argv=None):
    """Run the command line; return the exit status.

    Args:
        argv: the arguments, `sys.argv[1:]` when not given.
    """
    parser, check_parser = _parsers()
    own, rest = _split(sys.argv[1:] if argv is None else argv)
    if own == ["check"]:
        from . import check

        return check.main(check_parser.parse_args(rest).path)
    options = parser.parse_args(own)
    if options.version:
        from . import version

        print(f"ember {version.ember} (the API of {version.pytorch})")
        return 0
    if options.module is None and options.script is None:
        parser.print_help()
        return 0
    from . import script

    try:
        if options.module is not None:
            script.run_module(options.module, rest)
        else:
            script.run_script(options.script, rest)
    except script.CannotRun as error:
        print(f"python -m ember: {error}", file=sys.stderr)
        return 1 if options.module is not None else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
