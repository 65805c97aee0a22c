"""Writes ember/data/torch_names.txt: PyTorch's public names, for the check and for errors.

Run it by hand when the pinned PyTorch changes: ``python tests/oracle/torch_names.py``. With
torchvision installed, its names are renewed too; without it they are kept. One line per module:
the module's name, then the names it offers.
"""

import importlib
import pkgutil
import sys
import types
import warnings
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "ember" / "data" / "torch_names.txt"

# Whole areas that are not the eager API (compilers, packaging, other vendors' devices): the
# name of the module is kept, its contents are not.
LEFT_OUT = (
    "torch.ao", "torch.quantization", "torch.fx", "torch.export", "torch.package", "torch.mtia",
    "torch.xpu", "torch.return_types", "torch.multiprocessing", "torch.compiler", "torch.ops",
    "torch.classes", "torch.onnx", "torch.testing", "torch.monitor", "torch.library",
    "torch.overrides", "torch.nn.modules", "torch.nn.quantized", "torch.nn.intrinsic",
    "torch.nn.qat", "torch.nn.quantizable", "torch.nn.backends", "torch.nn.attention",
    "torch.utils.benchmark", "torch.utils.viz", "torch.utils.collect_env",
    "torch.backends.python_native", "torch.utils.data.datapipes", "torch.cuda.tunable",
    "torchvision.prototype",
)
# Areas whose inner modules only repeat what the area itself offers.
ONLY_TOP = ("torch.distributed", "torch.distributions", "torch.jit", "torchvision.models",
            "torchvision.datasets", "torchvision.ops")
# Modules that `import torch` leaves to the user's own import.
ALSO = (
    "torch.autograd.forward_ad", "torch.autograd.functional", "torch.autograd.graph",
    "torch.autograd.profiler", "torch.cuda.amp", "torch.distributions", "torch.nn.utils.prune",
    "torch.nn.utils.parametrizations", "torch.nn.utils.parametrize", "torch.optim.swa_utils",
    "torch.profiler", "torch.utils.checkpoint", "torch.utils.data",
)


def public_names(module):
    """Return the names that a module offers: its `__all__`, else what it defines itself."""
    names = {inner.name for inner in pkgutil.iter_modules(getattr(module, "__path__", ()))}
    listed = getattr(module, "__all__", None)
    if isinstance(listed, (list, tuple)):
        names.update(name for name in listed if hasattr(module, name))
    if listed is None or module.__name__ == "torch":
        names.update(name for name in dir(module) if is_own(getattr(module, name)))
    if module.__name__ == "torch.cuda":
        names.add("OutOfMemoryError")  # documented, and missing in its `__all__`
    if hasattr(module, "m"):  # torch.backends.cudnn: its flags are properties of its class
        names.update(vars(type(module)))
        names.update(name for name, value in vars(module.m).items() if is_own(value))
    if module.__name__ == "torch":
        names.difference_update(script_types(module))
    return sorted(name for name in names if not name.startswith("_"))


def is_own(value):
    """Return whether PyTorch made this value, rather than importing it for its own use."""
    if isinstance(value, types.ModuleType):
        return type(value) is not types.ModuleType  # torch.ops, which is no file
    home = getattr(value, "__module__", None) or type(value).__module__
    return home.split(".")[0] in ("torch", "torchvision") or home == "builtins" and callable(value)


def script_types(torch):
    """Return the names of TorchScript's compiler types, which `torch` exposes by accident."""
    wanted = ("AcceleratorError", "Event", "Generator", "OutOfMemoryError", "Size", "Stream")
    return {name for name, value in vars(torch._C).items()
            if isinstance(value, type) and name[:1].isupper() and name not in wanted}


def is_listed(name):
    """Return whether the contents of this module go into the file."""
    if any(part.startswith("_") for part in name.split(".")):
        return False
    if any(name == area or name.startswith(area + ".") for area in LEFT_OUT):
        return False
    return not any(name.startswith(area + ".") for area in ONLY_TOP)


def names_of(root):
    """Return {module name: its public names} for one installed package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(root)
        for name in ALSO:
            if name.startswith(root + "."):
                importlib.import_module(name)
        table = {}
        for name in sorted(sys.modules):
            module = sys.modules[name]
            ours = name.split(".")[0] == root and isinstance(module, types.ModuleType)
            if ours and is_listed(name):
                table[name] = public_names(module)
    if root == "torch":
        tensor = sys.modules["torch"].Tensor
        table["torch.Tensor"] = sorted(name for name in dir(tensor) if not name.startswith("_"))
    return table


def read():
    """Return the table that the file holds now."""
    lines = DATA.read_text(encoding="ascii").splitlines() if DATA.exists() else []
    return {words[0]: words[1:] for words in map(str.split, lines)}


def main():
    """Write the file anew."""
    kept = {name: names for name, names in read().items() if name.startswith("torchvision")}
    table = names_of("torch")
    try:
        table.update(names_of("torchvision"))
    except ImportError:
        table.update(kept)
    lines = [" ".join([name, *names]) for name, names in sorted(table.items()) if names]
    DATA.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
