"""The names that 221 public PyTorch programs use: all of them are there.

used_names.txt has them without the collectives of torch.distributed, torchvision's LSUN, and
PyTorch's private modules. A leading dot marks the attribute of some object.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import ember
from ember import names
from ember.autograd.graph import Node
from ember.autograd.nested import NestedTensor
from ember.autograd.sparse import SparseTensor

pytestmark = pytest.mark.host_only
USED = Path(__file__).with_name("used_names.txt").read_text("ascii").split()
# What programs call these attributes of.
OWNERS = (ember.Tensor, ember.nn.Module, ember.optim.Optimizer, ember.device, Node, SparseTensor,
          NestedTensor)
OF_OTHERS = {".resize"}  # Pillow's images
QUALIFIED = [name for name in USED if not name.startswith(".")]


@pytest.mark.parametrize("name", [name for name in USED if name.startswith(".")])
def test_an_attribute_in_use_exists(name):
    assert name in OF_OTHERS or any(hasattr(owner, name[1:]) for owner in OWNERS)


@pytest.mark.parametrize("name", QUALIFIED)
def test_a_name_in_use_is_found(name):
    names.find(name)


def test_the_check_finds_nothing_missing(tmp_path):
    script = tmp_path / "uses_everything.py"
    script.write_text("import torch, torchvision\n" + "\n".join(QUALIFIED) + "\n")
    done = subprocess.run([sys.executable, "-m", "ember", "check", script],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
