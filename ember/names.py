"""PyTorch's names: which of them ember has, under what name, and what to say about the others.

Everything that answers for a PyTorch name asks here: the `torch` alias, the static check, and
the `__getattr__` that `guard` gives to ember's public modules.
"""

import functools
import importlib
import importlib.util
import sys
import types

__all__ = ["Explained", "INNER", "MissingAttribute", "MissingImport", "MissingModule", "ROOTS",
           "explain", "find", "guard", "in_pytorch", "module_for", "nearest", "pytorch_name",
           "pytorch_names"]

PYTORCH = "PyTorch 2.13"
WHERE_TO_ASK = "ask for it in ember's issue tracker"

# Top-level modules of a PyTorch program -> the modules of ember that stand for them.
ROOTS = {"torch": "ember", "torchvision": "ember.vision", "torchviz": "ember.torchviz",
         "torchinfo": "ember.torchinfo", "torchsummary": "ember.torchsummary"}

# PyTorch's inner modules, which hold nothing that the module around them does not offer: where
# ember has no file of that name, they show the names of the outer one.
INNER = {
    "torch": "functional random",
    "torch.amp": "autocast_mode grad_scaler",
    "torch.autograd": "function grad_mode variable",
    "torch.distributions": "bernoulli beta binomial categorical cauchy chi2 continuous_bernoulli "
    "dirichlet exp_family exponential fishersnedecor gamma generalized_pareto geometric gumbel "
    "half_cauchy half_normal independent inverse_gamma kumaraswamy laplace lkj_cholesky log_normal "
    "logistic_normal lowrank_multivariate_normal mixture_same_family multinomial "
    "multivariate_normal negative_binomial normal one_hot_categorical pareto poisson "
    "relaxed_bernoulli relaxed_categorical studentT transformed_distribution uniform von_mises "
    "weibull wishart",
    "torch.nn": "modules parameter",
    "torch.nn.modules": "activation batchnorm channelshuffle container conv distance dropout "
    "flatten fold instancenorm lazy linear loss module normalization padding pixelshuffle "
    "pooling rnn sparse transformer upsampling utils",
    "torch.nn.utils": "clip_grad convert_parameters",
    "torch.optim": "adadelta adagrad adam adamax adamw asgd lbfgs nadam optimizer radam rmsprop "
    "rprop sgd",
    "torch.utils.data": "dataloader dataset distributed sampler",
    "torchvision.models": "mobilenet",
    "torchvision.ops": "misc",
    "torchvision.transforms": "transforms",
}

# The modules that answer for a missing name as soon as they are imported; others do from their
# first use through one of these.
_FRONT = ("ember", "ember.autograd", "ember.backends", "ember.cuda", "ember.distributions",
          "ember.nn", "ember.nn.functional", "ember.nn.init", "ember.nn.utils",
          "ember.nn.utils.rnn", "ember.optim", "ember.optim.lr_scheduler", "ember.utils",
          "ember.utils.data", "ember.vision", "ember.vision.datasets", "ember.vision.io",
          "ember.vision.models", "ember.vision.ops", "ember.vision.transforms",
          "ember.vision.transforms.functional", "ember.vision.utils")
_LATER = ("ember.nn", "ember.optim", "ember.utils")  # too slow to import with ember

_facades = {}


class Explained:
    """An error about one PyTorch name. Its text is made when read: `hasattr` must stay cheap."""

    def __init__(self, qualified):
        super().__init__(qualified)
        self.qualified = qualified
        self.name = qualified
        self.obj = None  # else Python adds its own guess, over names that are not PyTorch's

    def __str__(self):
        return explain(self.qualified)


class MissingAttribute(Explained, AttributeError):
    """`torch.foo` was read, and ember has no such name."""


class MissingImport(Explained, ImportError):
    """`from torch import foo` was run, and ember has no such name."""


class MissingModule(Explained, ModuleNotFoundError):
    """`import torch.foo` was run, and ember has no such module."""


@functools.cache
def pytorch_names():
    """Return PyTorch's public names, {module (or "torch.Tensor"): set of names}."""
    from importlib import resources

    text = (resources.files(__package__) / "data" / "torch_names.txt").read_text("ascii")
    return {words[0]: frozenset(words[1:]) for words in map(str.split, text.splitlines())}


def in_pytorch(qualified):
    """Return whether PyTorch has this dotted name.

    >>> in_pytorch("torch.nn.Linear"), in_pytorch("torch.nn.Linaer")
    (True, False)
    """
    outer, _, name = qualified.rpartition(".")
    if not outer:
        return qualified in ROOTS
    listed = [pytorch_names().get(place) for place in (outer, _outer_of_inner(outer))]
    if not any(listed):  # below a class, or in an area whose names are not kept
        return in_pytorch(outer)
    return qualified in _inner_names() or any(name in names for names in listed if names)


@functools.cache
def _inner_names():
    return frozenset(f"{outer}.{name}" for outer, names in INNER.items() for name in names.split())


def _outer_of_inner(name):
    """Return the module whose names an inner module shows; the name itself for any other."""
    return _outer_of_inner(name.rpartition(".")[0]) if name in _inner_names() else name


def pytorch_name(module_name):
    """Return what PyTorch programs call a module of ember.

    >>> pytorch_name("ember.nn.functional"), pytorch_name("ember.vision")
    ('torch.nn.functional', 'torchvision')
    """
    for theirs, ours in reversed(ROOTS.items()):
        if module_name == ours or module_name.startswith(ours + "."):
            return theirs + module_name[len(ours):]
    return module_name


def module_for(name):
    """Return the module of ember that stands for a PyTorch module.

    Args:
        name: as PyTorch programs write it ("torch.nn.functional").
    Raises:
        MissingModule: when ember has none; the message says so and names the nearest.
    """
    root, _, rest = name.partition(".")
    own = f"{ROOTS[root]}.{rest}" if rest else ROOTS[root]
    if _exists(own, rest):
        module = importlib.import_module(own)
        guard()
        return _answer(module)
    if name not in _inner_names():
        raise MissingModule(name)
    if name not in _facades:
        facade = types.ModuleType(name, f"The names of {_outer_of_inner(name)}.")
        facade.__path__ = []
        facade.__dir__ = lambda: dir(module_for(_outer_of_inner(name)))
        _facades[name] = _answer(facade)
    return _facades[name]


def _exists(own, rest):
    if any(part.startswith("_") for part in rest.split(".")):
        return False
    if own in sys.modules:
        return True
    try:
        return importlib.util.find_spec(own) is not None
    except ModuleNotFoundError:  # its parent is missing, or a module without inner modules
        return False


def find(qualified):
    """Return the object of ember that a dotted PyTorch name means.

    Names below a function or a value are not followed.

    Raises:
        ImportError, AttributeError: when ember lacks a part of the name.
    """
    root, *parts = qualified.split(".")
    found = module_for(root)
    for part in parts:
        if isinstance(found, types.ModuleType):
            found = getattr(_answer(found), part)
        elif isinstance(found, type):
            found = getattr(found, part)
    return found


def guard():
    """Let ember's public modules say what they lack when a missing name is asked of them.

    Packages that are imported later are noticed when Python puts them into ember.
    """
    for name in _FRONT:
        if name in sys.modules:
            _answer(sys.modules[name])
    complete = all(name in sys.modules for name in _LATER)
    # Reading `torch.x` is slower by 15 ns while watched, so it ends as soon as it can.
    sys.modules["ember"].__class__ = types.ModuleType if complete else _Watched


class _Watched(types.ModuleType):
    """`ember` until its packages are imported."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if isinstance(value, types.ModuleType):
            guard()


def _answer(module):
    """Give a module the `__getattr__` that explains, and return it; its own is asked first."""
    own = vars(module).get("__getattr__")
    ours = pytorch_name(module.__name__).partition(".")[0] in ROOTS
    if not ours or hasattr(own, "answers_for"):
        return module

    def __getattr__(name):
        if own is not None:
            try:
                found = own(name)
                return _answer(found) if isinstance(found, types.ModuleType) else found
            except AttributeError:
                pass
            except ModuleNotFoundError as error:
                if error.name != f"{module.__name__}.{name}":
                    raise  # the module is there; something that it needs is not
        if name == "__path__":
            return []  # so that an import from within is looked for, and explained
        if name.startswith("__"):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        place = pytorch_name(module.__name__)
        try:
            return _on_use(place, name)
        except (MissingModule, MissingAttribute):
            outer = _outer_of_inner(place)
            raise _error_for(sys._getframe(1), f"{outer}.{name}") from None

    __getattr__.answers_for = module.__name__
    module.__getattr__ = __getattr__
    return module


def _on_use(place, name):
    """Return what a module shows without holding it: inner modules, and the outer one's names."""
    qualified = f"{place}.{name}"
    if place in _inner_names() and qualified not in _inner_names():
        return getattr(module_for(_outer_of_inner(place)), name)
    if not in_pytorch(qualified):
        raise MissingModule(qualified)
    return module_for(qualified)  # PyTorch imports most of its modules by itself


def _error_for(frame, qualified):
    """Return the error to raise in this frame for a missing name.

    Python turns any AttributeError in `from torch import foo` into an ImportError of its own
    words, so there the error must be an ImportError already.
    """
    import opcode

    running = frame.f_code.co_code[frame.f_lasti] if frame.f_lasti >= 0 else None
    kind = MissingImport if running == opcode.opmap["IMPORT_FROM"] else MissingAttribute
    return kind(qualified)


def explain(qualified):
    """Return one sentence on a missing name: whose it is, what is nearest, where to ask.

    >>> explain("torch.nn.Linaer")
    'neither PyTorch 2.13 nor ember has torch.nn.Linaer; nearest: torch.nn.Linear'
    """
    close = nearest(qualified)
    hint = f"; nearest: {close}" if close else ""
    if "._" in qualified:
        return f"ember has no {qualified}{hint} (names with an underscore are PyTorch's own)"
    if in_pytorch(qualified):
        return f"ember has no {qualified} yet{hint} ({PYTORCH} has it: {WHERE_TO_ASK})"
    return f"neither {PYTORCH} nor ember has {qualified}{hint}"


def nearest(qualified):
    """Return the dotted name in ember nearest to a PyTorch name, or None.

    The same word in another module comes first (`torch.Linear` -> `torch.nn.Linear`), then a
    similar word in the same module, then a similar word anywhere.
    """
    import difflib

    if qualified in pytorch_names():  # a whole module: a word like it helps nobody
        return None
    outer, _, word = qualified.rpartition(".")
    outer = _outer_of_inner(outer)
    have = _supported()
    for module in (outer, *have):
        for name in have.get(module, ()):
            if name.lower() == word.lower() and f"{module}.{name}" != qualified:
                return f"{module}.{name}"
    close = difflib.get_close_matches(word, have.get(outer, ()), n=1)
    if close:
        return f"{outer}.{close[0]}"
    everywhere = {name: module for module in reversed(have) for name in have[module]}
    close = difflib.get_close_matches(word, everywhere, n=1, cutoff=0.75)
    return f"{everywhere[close[0]]}.{close[0]}" if close else None


def _supported():
    """Return what ember has of PyTorch's names, in the modules loaded so far."""
    have = {}
    for module, names in pytorch_names().items():
        root, _, rest = module.partition(".")
        own = sys.modules.get(f"{ROOTS[root]}.{rest}" if rest else ROOTS[root])
        if module == "torch.Tensor":
            own = getattr(sys.modules.get("ember"), "Tensor", None)
        if own is not None:
            have[module] = sorted(names & set(dir(own)))
    return have
