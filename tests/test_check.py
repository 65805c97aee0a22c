"""`python -m ember check`: which PyTorch names a program uses, and which of them ember lacks."""

import ast
import subprocess
import sys

import pytest

import ember
from ember import check, names
from ember.usage import uses

pytestmark = pytest.mark.host_only


def used(text, **wanted):
    """The PyTorch names in a program, without those that only an import statement mentions."""
    found = uses(ast.parse(text))
    return [u.name for u in found if all(getattr(u, k) == v for k, v in wanted.items())]


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ntorch.nn.Linear",
        "import torch as th\nth.nn.Linear",
        "import torch.nn\ntorch.nn.Linear",
        "import torch.nn as nn\nnn.Linear",
        "from torch import nn\nnn.Linear",
        "from torch import nn as layers\nlayers.Linear",
        "from torch.nn import Linear\nLinear(1, 2)",
        "from torch.nn import *\nLinear(1, 2)",
        "import torch\nlayers = torch.nn\nlayers.Linear",
        "import torch\ngetattr(torch.nn, 'Linear')",
        "def f():\n    import torch.nn as nn\n    return nn.Linear",
        "import torch.nn as nn\nclass Net(nn.Module):\n    def f(self):\n        nn.Linear",
        "import torch.nn as nn\n[nn.Linear for _ in range(3)]",
        "import torch.nn as nn\ndef f(layer=nn.Linear): pass",
        "import torch.nn as nn\nasync def f() -> nn.Linear: pass",
        "import torch.nn as nn\n@nn.Linear\ndef f(): pass",
        "import torch.nn as nn\nf'{nn.Linear}'",
    ],
)
def test_every_way_to_a_name_is_seen(text):
    assert "torch.nn.Linear" in used(text)


@pytest.mark.parametrize(
    "text",
    [
        "from torch.utils import data\nfor data in []:\n    data.shape",
        "from torch.utils import data\ndef f(data):\n    data.Dataset2",
        "from torch.utils import data\n[data.x for data in []]",
        "from torch.utils import data\nlambda data: data.x",
        "from torch.utils import data\nwith open('x') as data:\n    data.x",
        "from torch.utils import data\n(data := 3).x\ndata.x",
        "import os\nos.nn.Linear",
        "from . import torch\ntorch.nn.Linear",
    ],
)
def test_a_name_with_another_meaning_is_not_followed(text):
    assert set(used(text)) <= {"torch.utils.data"}


def test_lines_are_those_of_the_text():
    found = uses(ast.parse("import torch\n\nx = torch.tensor(\n    torch.pi)\n"))
    assert [(u.name, u.line) for u in found] == [
        ("torch", 1), ("torch.tensor", 3), ("torch.pi", 4)]


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from torch.nn import Foo\nexcept ImportError:\n    Foo = None",
        "try:\n    from torch.nn import Foo\nexcept Exception:\n    pass",
        "try:\n    torch.nn.Foo\nexcept (AttributeError, KeyError):\n    pass",
        "if hasattr(torch.nn, 'Foo'):\n    torch.nn.Foo",
        "getattr(torch.nn, 'Foo', None)",
    ],
)
def test_a_name_that_the_program_can_do_without_is_optional(text):
    assert "torch.nn.Foo" in used("import torch\n" + text, optional=True)
    assert "torch.nn.Foo" not in used("import torch\n" + text, optional=False)


def test_a_handler_around_other_work_excuses_nothing():
    text = "import torch\ntry:\n    torch.nn.Foo()\nexcept Exception:\n    pass"
    assert "torch.nn.Foo" in used(text, optional=False)


# -- the command ----------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path):
    """A function that writes a program and returns its path."""

    def write(text, name="program.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return str(path)

    return write


COMPLETE = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return F.relu(self.fc(x)).masked_fill_(x > 1, 0.0)

net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.backends.cudnn.benchmark = True
with torch.no_grad():
    print(torch.__version__, isinstance(net.fc.weight, torch.Tensor), torch.float32)
"""


def test_a_program_that_ember_can_run(program, capsys):
    assert check.main([program(COMPLETE)]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert out.startswith("1 file, ") and "ember has them all" in out


def test_a_missing_name_is_reported_where_it_is_used(program, capsys):
    path = program(COMPLETE + "\nnn.Linaer(2, 3)\n\nnn.Linaer(4, 5)\n")
    line = COMPLETE.count("\n") + 2
    assert check.main([path]) == 1
    first, summary = capsys.readouterr().out.splitlines()
    assert first == (f"{path}:{line}: neither PyTorch 2.13 nor ember has torch.nn.Linaer; "
                     "nearest: torch.nn.Linear [2 times]")
    assert summary.endswith("ember lacks 1")


def test_a_name_that_pytorch_has_is_told_apart(program, capsys):
    assert check.main([program("import torch\ntorch.jit.fork(lambda: 0)\n")]) == 1
    assert "ember has no torch.jit.fork yet" in capsys.readouterr().out


def test_a_missing_module_is_reported_with_the_name_wanted_of_it(program, capsys):
    assert check.main([program("from torch.ao.quantization import QConfig\n")]) == 1
    assert "torch.ao.quantization.QConfig" in capsys.readouterr().out


def test_a_missing_library_is_no_missing_name(program, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("ember.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(vars(ember.utils), "tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    _, missing = check.check_file(program("from torch.utils.tensorboard import SummaryWriter"))
    assert not missing


def test_optional_names_are_told_but_do_not_fail(program, capsys):
    path = program("try:\n    import torch.jit.xyz\nexcept ImportError:\n    pass\n")
    assert check.main([path]) == 0
    assert "[the program can do without]" in capsys.readouterr().out


def test_a_tensor_method_is_judged_only_when_it_can_be_nothing_else(program, capsys):
    text = "import torch\nimport numpy as np\nx = torch.ones(3)\n"
    method = "sparse_resize_and_clear_"  # nobody else has one of this name, and ember never will
    assert check.main([program(f"{text}x.{method}()\n")]) == 1
    assert f"torch.Tensor.{method}" in capsys.readouterr().out
    assert check.main([program(f"{text}np.{method}()\n")]) == 0
    own = f"class A:\n    def {method}(self): ...\nA().{method}()\n"
    assert check.main([program(text + own)]) == 0


def test_a_folder_is_searched(program, tmp_path, capsys):
    program("import torch\ntorch.tensor(1)\n", "one.py")
    program("import torch\ntorch.no_such_name\n", "inner/two.py")
    program("import torch\ntorch.ignored\n", ".venv/three.py")
    program("not python", "notes.txt")
    assert check.main([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "two.py:2:" in out and "ignored" not in out
    assert out.splitlines()[-1].startswith("2 files, ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import torch\nprint(1\n", "program.py:2: is not Python: '(' was never closed"),
        (b"import torch\nx = '\xff'\n", "program.py: is not a text in UTF-8"),
        (b"\xff\xfe", "program.py: is not a text in UTF-8"),
        (b"x = 1\0\n", "is not Python"),
        ("x = " + "(" * 5000 + ")" * 5000, "program.py"),
        ("x = " + "-" * 100_000 + "1", "program.py"),
        ("x = a" + ".b" * 100_000, "program.py"),
    ],
    ids=["syntax", "encoding", "utf-16", "null", "parentheses", "minus signs", "dots"],
)
def test_a_file_that_is_no_program_gets_one_sentence(program, capsys, text, said):
    status = check.main([program(text)])
    out, err = capsys.readouterr()
    if status == 0:  # this Python can read it after all
        return
    assert status == 2
    assert said in err and err.count("\n") == 1
    assert "could not be checked" in out


def test_a_missing_file_and_an_empty_folder_get_one_sentence(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert check.main([str(tmp_path / "nowhere.py"), str(tmp_path / "empty")]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].endswith("nowhere.py: cannot be read: No such file or directory")
    assert err[1].endswith("empty: holds no Python files")


def test_one_bad_file_does_not_hide_the_others(program, tmp_path, capsys):
    program("print(", "a.py")
    program("import torch\ntorch.no_such_name\n", "b.py")
    assert check.main([str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert "torch.no_such_name" in out
    assert out.splitlines()[-1] == "1 file, 2 PyTorch names: ember lacks 1; 1 could not be checked"


def test_checking_runs_nothing(program):
    path = program("import torch\nraise SystemExit('it ran')\n")
    command = [sys.executable, "-m", "ember", "check", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "it ran" not in done.stdout + done.stderr


# -- PyTorch's names ------------------------------------------------------------------------------


def test_names_of_pytorch():
    assert names.in_pytorch("torch.nn.functional.scaled_dot_product_attention")
    assert names.in_pytorch("torch.Tensor.masked_fill_")
    assert names.in_pytorch("torch.nn.modules.linear.Linear")
    assert names.in_pytorch("torch.ao.quantization.QConfig")
    assert names.in_pytorch("torchvision.transforms.ToTensor")
    assert not names.in_pytorch("torch.nn.functional.no_such_name")
    assert not names.in_pytorch("numpy.zeros")


def test_nearest_names():
    assert names.nearest("torch.Linear") == "torch.nn.Linear"
    assert names.nearest("torch.nn.relu") == "torch.nn.ReLU"
    assert names.nearest("torch.zeroes") == "torch.zeros"
    assert names.nearest("torch.nn.functional.cross_entropyy") == (
        "torch.nn.functional.cross_entropy")
    assert names.nearest("torch.qqqqqqqq") is None


def test_the_list_of_names_is_small():
    from importlib import resources

    assert len((resources.files("ember") / "data" / "torch_names.txt").read_bytes()) < 60_000
