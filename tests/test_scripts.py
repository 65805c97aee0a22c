"""Unmodified PyTorch scripts on ember: `python -m ember`, `ember.install()`, missing names."""

import importlib
import os
import subprocess
import sys
import textwrap

import pytest

import ember
from ember import names
from ember.autograd.drawing import _dot_command

pytestmark = pytest.mark.host_only


def python(*arguments, cwd, **environment):
    """Run Python in a process of its own, outside the repository; return what came of it."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=kept | environment, timeout=120)


@pytest.fixture
def script(tmp_path):
    """A function that writes files into a folder and returns the path of the first."""

    def write(text, name="script.py", **others):
        for file, content in {name: text, **others}.items():
            path = tmp_path / file.replace("__py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content), encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def run(script, tmp_path):
    """A function that runs a text as a script on ember and returns what it printed."""

    def run_text(text, *arguments, **environment):
        done = python("-m", "ember", script(text), *arguments, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_text


# -- running scripts ------------------------------------------------------------------------------


def test_a_training_script_runs_unmodified(run):
    printed = run("""
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        from torch import optim
        from torch.utils.data import DataLoader, TensorDataset

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden = nn.Linear(2, 16)
                self.out = nn.Linear(16, 1)

            def forward(self, x):
                return self.out(torch.tanh(self.hidden(x)))

        torch.manual_seed(0)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        x = torch.tensor([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
        y = torch.tensor([[0.], [1.], [1.], [0.]])
        loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True)
        net = Net().to(device)
        optimizer = optim.Adam(net.parameters(), lr=0.05)
        for epoch in range(150):
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = F.mse_loss(net(inputs.to(device)), targets.to(device))
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            print(((net(x.to(device)).cpu() > 0.5).float() == y).all().item())
        """)
    assert printed == "True\n"


def test_every_form_of_import_gives_ember_itself(run):
    printed = run("""
        import ember
        import torch, torch as th
        import torch.nn as nn, torch.nn.functional as F, torch.optim.lr_scheduler as schedules
        import torch.utils.data
        import torch.backends.cudnn as cudnn
        from torch import nn as layers, optim, Tensor, cuda
        from torch.nn import functional, Linear, init
        from torch.utils.data import DataLoader
        from torch.autograd import Variable, Function
        from torch.nn.modules.linear import Linear as Linear2
        from torch.nn.parameter import Parameter
        from torch.optim.optimizer import Optimizer
        from torch.utils.data.dataset import Dataset
        from torch.utils.data.dataloader import DataLoader as DataLoader2

        assert torch is th is ember
        assert nn is layers is torch.nn is ember.nn
        assert F is functional is ember.nn.functional
        assert schedules is optim.lr_scheduler is ember.optim.lr_scheduler
        assert torch.utils.data is ember.utils.data
        assert cudnn is torch.backends.cudnn is ember.backends.cudnn
        assert Linear is Linear2 is ember.nn.Linear is nn.modules.linear.Linear
        assert Parameter is ember.nn.Parameter and Optimizer is ember.optim.Optimizer
        assert DataLoader is DataLoader2 is ember.utils.data.DataLoader
        assert Dataset is ember.utils.data.Dataset and init is ember.nn.init
        assert Tensor is ember.Tensor and cuda is ember.cuda
        assert Function is ember.autograd.Function
        print("all the same")
        """)
    assert printed == "all the same\n"


def test_the_script_sees_what_python_would_show_it(script, tmp_path):
    path = script(
        """
        import sys, helper
        print(__name__, __file__, sys.argv, sys.path[0], __spec__, helper.__name__)
        print(sys.modules["__main__"].__dict__ is globals(), __doc__, __package__ or None)
        """,
        "folder/program.py", folder__helper__py="", **{"folder/helper.py": ""})
    arguments = ["folder/program.py", "--lr", "0.1", "-m", "--", "--help"]
    ours = python("-m", "ember", *arguments, cwd=tmp_path)
    assert ours.stdout == python(*arguments, cwd=tmp_path).stdout
    assert str(path.parent) in ours.stdout and not ours.stderr


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return 1 / x\n\nf(0)\n",
        "import json\njson.loads('[1')\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e\n",
        "x = (1\n",
        "import no_such_module\n",
        "raise SystemExit(7)\n",
        "import sys\nsys.exit('a reason')\n",
        "raise KeyboardInterrupt\n",
        "import atexit\natexit.register(print, 'at the end')\n",
        "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])\n",
        "import sys\nsys.excepthook = lambda *e: print('mine', e[0].__name__)\n1 / 0\n",
        "import os\nos.write(1, b'text'); os._exit(3)\n",
    ],
    ids=lambda text: text.split("\n")[-2],
)
def test_a_script_ends_as_it_does_under_python(script, tmp_path, text):
    path = script(text)
    ours, theirs = python("-m", "ember", path, cwd=tmp_path), python(path, cwd=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        theirs.returncode, theirs.stdout, theirs.stderr)


def test_a_module_runs_as_with_python_m(script, tmp_path):
    files = {"parcel/__init__.py": "", "parcel/part.py": "answer = 42"}
    script("from .part import answer\nimport sys\nimport torch\n"
           "print(__name__, __package__, answer, sys.argv[1:], torch.__name__)\n",
           "parcel/program.py", **files)
    done = python("-m", "ember", "-m", "parcel.program", "--x", "1", cwd=tmp_path)
    assert done.stdout == "__main__ parcel 42 ['--x', '1'] ember\n", done.stderr


def test_a_folder_with_a_main_runs(script, tmp_path):
    script("import beside\nprint(__name__, beside.value)", "program/__main__.py",
           **{"program/beside.py": "value = 3"})
    assert python("-m", "ember", "program", cwd=tmp_path).stdout == "__main__ 3\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere.py"], 2, "nowhere.py': No such file or directory"),
        (["-m", "nowhere.program"], 1, "No module named 'nowhere.program'"),
        (["-m", "json"], 1, "'json' is a package without a __main__"),
        (["-m", ".relative"], 1, "can't run '.relative' as a module"),
        (["--no-such-option", "x.py"], 2, "unrecognized arguments: --no-such-option"),
        (["check"], 2, "the following arguments are required: path"),
    ],
)
def test_bad_command_lines_get_one_sentence(tmp_path, arguments, status, said):
    done = python("-m", "ember", *arguments, cwd=tmp_path)
    assert done.returncode == status and not done.stdout
    assert said in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_help_and_version(tmp_path):
    without = python("-m", "ember", cwd=tmp_path)
    assert without.returncode == 0 and "python -m ember check" in without.stdout
    assert python("-m", "ember", "--help", cwd=tmp_path).stdout == without.stdout
    version = python("-m", "ember", "--version", cwd=tmp_path).stdout
    assert version == f"ember {ember.version.ember} (the API of PyTorch 2.13)\n"


# -- beside a real PyTorch ------------------------------------------------------------------------


@pytest.fixture
def real_torch(script, tmp_path):
    """A folder that holds a `torch` and a `torchvision` which tell on whoever imports them."""
    told = "import sys\nprint('the real one was imported', file=sys.stderr)\ngenuine = True\n"
    files = {f"site/{name}/__init__.py": told for name in ("torchvision", "torchviz")}
    script(told, "site/torch/__init__.py", **files, **{"site/torch/only_there.py": told})
    return str(tmp_path / "site")


def test_a_real_torch_is_not_touched(run, real_torch):
    printed = run(
        """
        import torch, ember
        try:
            import torch.only_there
        except ImportError as error:
            print(type(error).__mro__[2].__name__)
        for name in ("torchvision", "torchviz"):
            try:
                module = __import__(name)
            except ImportError:
                continue
            assert module.__name__.startswith("ember")
        print(torch is ember)
        """, PYTHONPATH=os.pathsep.join([real_torch, os.environ.get("PYTHONPATH", "")]))
    assert printed == "ModuleNotFoundError\nTrue\n"


def test_install_refuses_when_the_real_torch_is_imported(script, real_torch, tmp_path):
    path = script("import torch, ember\nember.install()\n")
    paths = os.pathsep.join([real_torch, os.environ.get("PYTHONPATH", "")])
    done = python(path, cwd=tmp_path, PYTHONPATH=paths)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: cannot install the alias: the real torch is already")
    assert "before anything imports torch" in last and real_torch in last


def test_the_real_torch_comes_back_after_uninstall(script, real_torch, tmp_path):
    path = script("""
        import ember
        alias = ember.install()
        import torch, torch.nn.functional
        assert torch is ember
        alias.uninstall()
        alias.uninstall()
        import torch
        print(torch.genuine, hasattr(ember, "genuine"))
        """)
    paths = os.pathsep.join([real_torch, os.environ.get("PYTHONPATH", "")])
    assert python(path, cwd=tmp_path, PYTHONPATH=paths).stdout == "True False\n"


# -- in a process ---------------------------------------------------------------------------------


@pytest.fixture
def installed():
    """The alias, for tests that can have it: not beside a PyTorch that is imported already."""
    if "torch" in sys.modules:
        pytest.skip("PyTorch is imported in this process")
    with ember.install() as alias:
        yield alias


def test_install_twice_is_once(installed):
    before = list(sys.meta_path)
    again = ember.install()
    assert sys.meta_path == before
    with again:
        pass
    import torch  # the inner block restored what was before it: the alias

    assert torch is ember
    again.uninstall()
    assert "torch" not in sys.modules


def test_a_with_block_ends_the_alias():
    if "torch" in sys.modules:
        pytest.skip("PyTorch is imported in this process")
    finders = list(sys.meta_path)
    with ember.install():
        assert importlib.import_module("torch.nn") is ember.nn
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.split(".")[0] in names.ROOTS]


def test_the_alias_leaves_embers_modules_as_they_are(installed):
    spec, name = ember.nn.__spec__, ember.nn.__name__
    importlib.import_module("torch.nn.modules.linear")
    importlib.import_module("torch.backends.cudnn")
    assert (ember.nn.__spec__, ember.nn.__name__) == (spec, name)
    assert ember.backends.cpu.device_type == "cpu"


# -- missing names --------------------------------------------------------------------------------


def message(module, name):
    """What ember says when a name is asked of a module."""
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    return str(caught.value)


def test_a_missing_attribute_names_the_nearest():
    assert message(ember, "zeroes").endswith("torch.zeroes; nearest: torch.zeros")
    assert message(ember.nn, "Linaer").endswith("torch.nn.Linaer; nearest: torch.nn.Linear")
    said = message(ember.nn.functional, "reluu")
    assert said == ("neither PyTorch 2.13 nor ember has torch.nn.functional.reluu; "
                    "nearest: torch.nn.functional.relu")


def test_a_name_that_only_pytorch_has_says_where_to_ask():
    said = message(ember, "fx")
    assert said.startswith("ember has no torch.fx yet")
    assert said.endswith("(PyTorch 2.13 has it: ask for it in ember's issue tracker)")


def test_a_package_that_is_imported_on_use_answers_too(run):
    printed = run("""
        import torch, torch.nn, torch.optim, torch.utils.data
        try:
            torch.accelerator.device_index
        except AttributeError as error:
            print(error)
        """)
    assert printed.startswith("ember has no torch.accelerator.device_index yet; nearest:")


def test_a_package_that_is_imported_by_itself_answers_too(script, tmp_path):
    path = script("""
        import ember as torch
        import ember.nn.functional as F
        import ember.optim
        print(type(torch) is type(F))
        for module in (F, torch.nn, torch.optim.lr_scheduler):
            try:
                module.no_such_name
            except AttributeError as error:
                print(error)
        import ember.utils
        print(type(torch) is type(F))
        """)
    lines = python(path, cwd=tmp_path).stdout.splitlines()
    assert lines == ["False", *(f"neither PyTorch 2.13 nor ember has torch.{place}.no_such_name"
                     for place in ("nn.functional", "nn", "optim.lr_scheduler")), "True"]


def test_missing_imports_are_import_errors(installed):
    with pytest.raises(ImportError, match=r"torch\.zeroes; nearest: torch\.zeros"):
        from torch import zeroes  # noqa: F401
    with pytest.raises(ImportError, match=r"torch\.nn\.Linaer; nearest: torch\.nn\.Linear"):
        from torch.nn import Linaer  # noqa: F401
    with pytest.raises(ImportError, match=r"torch\.nn\.functional\.reluu; nearest"):
        from torch.nn.functional import reluu  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"ember has no torch\.futures yet"):
        import torch.futures
    with pytest.raises(ModuleNotFoundError, match=r"ember has no torch\.accelerator\.graphs yet"):
        import torch.accelerator.graphs
    with pytest.raises(ImportError, match=r"ember has no torch\._dynamo"):
        import torch._dynamo  # noqa: F401


def test_asking_for_a_missing_name_is_cheap_and_plain():
    names.pytorch_names.cache_clear()
    assert not hasattr(ember, "no_such_name")
    assert getattr(ember.nn, "NoSuchLayer", None) is None
    assert message(ember, "__wrapped__") == "module 'ember' has no attribute '__wrapped__'"


@pytest.mark.parametrize(
    "line", ["torch.no_such_name", "from torch import no_such_name", "import torch.no_such_name"])
def test_the_traceback_of_a_missing_name_ends_in_the_script(script, tmp_path, line):
    shown = python("-m", "ember", script(f"import torch\n{line}\n"), cwd=tmp_path).stderr
    assert shown.count("File ") == 1 and "script.py\", line 2, in <module>" in shown
    assert "neither PyTorch 2.13 nor ember has torch.no_such_name" in shown.splitlines()[-1]


def test_a_missing_tensor_method_is_explained_when_a_script_ends(script, tmp_path):
    lacking = "sparse_resize_and_clear_"
    path = script(f"import torch\ntorch.ones(3).{lacking}()\n")
    last = python("-m", "ember", path, cwd=tmp_path).stderr.splitlines()[-1]
    assert last.startswith(f"ember has no torch.Tensor.{lacking} yet")


def test_a_missing_module_is_compared_with_nothing():
    assert message(ember, "futures").startswith("ember has no torch.futures yet (")
    assert names.nearest("torch.distributed") is None


# -- drawing --------------------------------------------------------------------------------------


TORCHVIZ = """
import torch
from torchviz import make_dot
weight = torch.tensor([1.0, 2.0], requires_grad=True)
dot = make_dot((weight * 3).exp().sum(), params={"the weight": weight})
print(dot.save("graph.gv"), "the weight" in dot.source)
"""


def test_torchviz_draws_every_operation(run, tmp_path):
    assert run(TORCHVIZ) == "graph.gv True\n"
    source = (tmp_path / "graph.gv").read_text(encoding="utf-8")
    assert all(word in source for word in ("digraph", "float32[2]", "exp"))


def test_torchviz_renders_as_graphviz_does(run, tmp_path):
    try:
        _dot_command()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    printed = run(TORCHVIZ + "\n".join([
        "print(dot.render('out/picture', format='svg', cleanup=True))",
        "dot.format = 'png'",
        "print(dot.render('picture', directory='out'))"]))
    assert printed.splitlines()[1:] == ["out/picture.svg", "out/picture.png"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "picture", "picture.png", "picture.svg"]


# -- what scripts ask about the machine -----------------------------------------------------------


def test_flags_can_be_set_and_read_back(installed):
    import torch

    before = torch.backends.cudnn.benchmark
    with torch.backends.cudnn.flags(benchmark=not before):
        assert torch.backends.cudnn.benchmark is not before
    assert torch.backends.cudnn.benchmark is before
    with pytest.raises(TypeError, match="has no flag 'bench'"), torch.backends.cudnn.flags(bench=1):
        pass
    assert torch.backends.cuda.matmul.allow_tf32 is False
    with pytest.raises(AttributeError):
        torch.backends.cuda.matmul.allow_tf23 = True
    assert torch.backends.mps.is_available() is False


def test_the_usual_imports_of_training_scripts_resolve(script, tmp_path):
    """The forms in which programs import mixed precision, pruning, compiling and the like."""
    path = script("""
        import torch
        import torch.distributed as dist
        import torch.nn.utils.prune as prune
        from torch.amp.autocast_mode import autocast
        from torch.cuda.amp import GradScaler
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.modules.module import register_module_forward_hook
        from torch.nn.parallel import DistributedDataParallel
        from torch.nn.utils import parametrize, weight_norm
        from torch.nn.utils.parametrizations import orthogonal, spectral_norm
        from torch.types import Device, FileLike, Number, Storage

        @torch.compile
        def double(x):
            return 2 * x

        with autocast("cpu"):
            print(double(torch.ones(1)).item(), dist.is_available(), prune.is_pruned.__name__)
    """)
    assert python("-m", "ember", path, cwd=tmp_path).stdout == "2.0 False is_pruned\n"


def test_the_inner_modules_of_distributions_resolve(script, tmp_path):
    """PyTorch has a file for each family; ember's files hold several."""
    path = script("""
        import importlib
        import torch.distributions.studentT
        from torch.distributions.constraints import positive
        from torch.distributions.exp_family import ExponentialFamily
        from torch.distributions.half_cauchy import HalfCauchy
        from torch.distributions.relaxed_categorical import ExpRelaxedCategorical
        from ember.names import INNER

        for name in INNER["torch.distributions"].split():
            importlib.import_module(f"torch.distributions.{name}")
        print(torch.distributions.studentT.StudentT(2.0))
        print(HalfCauchy is torch.distributions.HalfCauchy)
    """)
    printed = "StudentT(df: 2.0, loc: 0.0, scale: 1.0)\nTrue\n"
    assert python("-m", "ember", path, cwd=tmp_path).stdout == printed
    path = script("""
        import ember as torch
        from ember.distributions import HalfCauchy
        print(torch.distributions.half_cauchy.HalfCauchy is HalfCauchy)
    """)
    assert python(path, cwd=tmp_path).stdout == "True\n"
