"""Start one program as Python would, after seeding: start.py SEED SETTINGS script [arguments].

SETTINGS is a JSON object of texts of the program and what stands there instead. A notebook runs
as one program of its code cells, without their %commands.
"""

import importlib
import json
import os
import random
import re
import runpy
import sys

import numpy as np


def cells(path):
    """Return the code of a notebook."""
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    code = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", "\n".join(code), flags=re.MULTILINE)


def replaced(source, settings):
    """Return the program with each text of the settings replaced by its value."""
    for old, new in settings.items():
        if old not in source:
            raise SystemExit(f"the program has no {old!r}")
        source = source.replace(old, new)
    return source


def declare_operators_of_torchvision(torch):
    """Let torchvision's wheel, built for CUDA, be imported beside a PyTorch without it.

    The operators exist for as long as what is returned.
    """
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    return library


def main():
    """Seed the three generators that programs use, and run."""
    seed, settings = int(sys.argv[1]), json.loads(sys.argv[2])
    sys.argv = sys.argv[3:]
    torch = importlib.import_module("torch")
    operators = None if "ember" in sys.modules else declare_operators_of_torchvision(torch)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    start(settings)
    del operators


def start(settings):
    """Run what `sys.argv` names as the main program."""
    if sys.argv[0] == "-m":
        del sys.argv[0]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    script = sys.argv[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    if not settings and script.endswith(".py"):
        runpy.run_path(script, run_name="__main__")
        return
    with open(script, encoding="utf-8") as file:
        source = cells(script) if script.endswith(".ipynb") else file.read()
    code = compile(replaced(source, settings), script, "exec")
    exec(code, {"__name__": "__main__", "__file__": script})  # noqa: S102


if __name__ == "__main__":
    main()
