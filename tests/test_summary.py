"""The table of a model's layers; the oracle tests compare it with torchinfo's."""

import os
import subprocess
import sys

import pytest

import ember
from ember import nn
from ember.utils import summary

TABLE = """\
==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
Sequential                               [2, 2]                    --
├─Conv2d: 1-1                            [2, 4, 6, 6]              40
├─Sequential: 1-2                        [2, 4, 6, 6]              --
│    └─ReLU: 2-1                         [2, 4, 6, 6]              --
├─Flatten: 1-3                           [2, 144]                  --
├─Linear: 1-4                            [2, 2]                    290
==========================================================================================
Total params: 330
Trainable params: 330
Non-trainable params: 0
Total mult-adds (M): 0.00
==========================================================================================
Input size (MB): 0.00
Forward/backward pass size (MB): 0.00
Params size (MB): 0.00
Estimated Total Size (MB): 0.00
=========================================================================================="""


def network():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU()), nn.Flatten(), nn.Linear(144, 2))


def test_the_table_is_printed_and_returned(capsys):
    model = network()
    found = summary(model, (2, 1, 8, 8))
    assert capsys.readouterr().out == TABLE + "\n" and str(found) == TABLE
    assert found.total_params == 330 and found.total_mult_adds == 40 * 2 * 36 + 2 * 290
    assert found.total_output_bytes == 2 * 4 * (2 * 4 * 36 + 2 * 2)
    assert found.total_input == 512 and found.total_param_bytes == 1320
    assert model.training and not model[0]._forward_hooks and not model[0]._forward_pre_hooks


def test_quiet_where_python_is_interactive(capsys, monkeypatch):
    monkeypatch.setattr("sys.ps1", ">>> ", raising=False)
    summary(network())
    assert not capsys.readouterr().out


def test_the_mode_of_the_run(capsys):
    class Modal(nn.Module):
        def forward(self, x):
            seen.append((self.training, x.dtype, ember.is_grad_enabled()))

    seen = []
    model = Modal().eval()
    summary(model, (1,), mode="train", dtypes=[ember.int64], verbose=0)
    summary(model, input_data=ember.ones(1), verbose=0)
    assert seen == [(True, ember.int64, False), (False, ember.float32, False)]
    assert not model.training


def test_a_model_that_fails_says_how_far_it_came():
    model = network()
    with pytest.raises(RuntimeError, match=r"layers up to: \[Conv2d: 1, Sequential: 1, ReLU: 2"):
        summary(model, (2, 1, 9, 9))
    assert model.training and not model[0]._forward_hooks


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"input_size": (1,), "input_data": 1}, RuntimeError, "Only one of"),
    ({"col_width": 0}, ValueError, "col_width=0"),
    ({"verbose": 3}, ValueError, "Verbose must be"),
    ({"col_names": ["size"]}, ValueError, "col_names has no 'size'; choose from"),
    ({"row_settings": ["color"]}, ValueError, "row_settings has no 'color'"),
    ({"mode": "test"}, ValueError, "mode has no 'test'"),
    ({"col_names": ["mult_adds"]}, ValueError, r"to use columns: \['mult_adds'\]"),
    ({"input_size": 3}, TypeError, "a list of shapes"),
    ({"input_size": (2, -1)}, ValueError, "negative size"),
])
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        summary(network(), **options)


def test_its_other_names(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "from torch import nn\nimport torchinfo, torchsummary\n"
        "model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU()), nn.Flatten(),\n"
        "                      nn.Linear(144, 2))\n"
        "torchsummary.summary(model, (1, 8, 8), batch_size=2)\n"
        "torchinfo.summary(model, (2, 1, 8, 8))\n")
    done = subprocess.run([sys.executable, "-m", "ember", str(script)], capture_output=True,
                          encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert done.stdout == f"{TABLE}\n{TABLE}\n", done.stderr
