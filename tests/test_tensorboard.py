"""SummaryWriter: the files it writes, read back by TensorBoard's own reader where there is one."""

import struct
import subprocess
import sys

import numpy as np
import pytest

import ember

tensorboard = pytest.importorskip(
    "ember.utils.tensorboard", reason="needs tensorboardX", exc_type=ModuleNotFoundError)
SummaryWriter = tensorboard.SummaryWriter

from tensorboardX.proto.event_pb2 import Event  # noqa: E402
from tensorboardX.proto.graph_pb2 import GraphDef  # noqa: E402

pytestmark = pytest.mark.host_only


def events(folder):
    """Every event in the files of a folder, in the order of their files."""
    found = []
    for path in sorted(folder.glob("events.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            found.append(Event.FromString(data[at + 12 : at + 12 + length]))
            at += length + 16
    return found


def values(folder):
    """{tag: [(step, value)]} of a folder."""
    found = {}
    for event in events(folder):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value))
    return found


def test_scalars(tmp_path):
    with SummaryWriter(tmp_path, filename_suffix=".end") as writer:
        for step in range(3):
            writer.add_scalar("loss/train", ember.tensor([0.5]) * step, ember.tensor(step))
        writer.add_scalar("loss/train", np.float64(7), 3, walltime=12.5)
        assert writer.log_dir == writer.get_logdir() == str(tmp_path)
    assert next(tmp_path.iterdir()).name.endswith(".end")
    written = values(tmp_path)["loss/train"]
    assert [(step, v.simple_value) for step, v in written] == [(0, 0), (1, 0.5), (2, 1), (3, 7)]
    assert [e.wall_time for e in events(tmp_path)][-1] == 12.5


def test_several_scalars_lie_where_pytorch_puts_them(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("a/b", {"x": ember.tensor(1), "y": 2.0}, 5)
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {"a_b_x", "a_b_y"}
    ((step, value),) = values(tmp_path / "a_b_y")["a/b"]
    assert step == 5 and value.simple_value == 2


def test_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SummaryWriter(comment="-lr0.1").close()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-lr0.1")


def test_a_run_that_starts_again_hides_what_came_later(tmp_path):
    with SummaryWriter(tmp_path, purge_step=4):
        pass
    assert [event.step for event in events(tmp_path)][1:] == [4, 4]


def test_histograms_images_figures_texts_and_curves(tmp_path):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("h", ember.arange(10.0, requires_grad=True), 1)
        writer.add_histogram("few", ember.arange(4), bins=2)
        writer.add_image("i", ember.rand(3, 4, 5))
        writer.add_image("hw", ember.zeros(4, 5), dataformats="HW")
        writer.add_images("is", ember.zeros(2, 3, 4, 4, dtype=ember.uint8))
        writer.add_image_with_boxes("b", ember.zeros(3, 9, 9), ember.tensor([[1, 1, 5, 5]]))
        writer.add_text("t", "**bold**", 2)
        writer.add_pr_curve("pr", ember.tensor([0, 1]), ember.tensor([0.2, 0.7]))
        writer.add_mesh("m", ember.zeros(1, 3, 3))
        if hasattr(figure, "canvas"):
            writer.add_figure("f", figure, close=False)
    found = {tag.split("/")[0]: rows[0][1] for tag, rows in values(tmp_path).items()}
    assert found["h"].histo.num == 10 and found["h"].histo.sum == 45
    assert list(found["few"].histo.bucket)[-2:] == [2, 2]
    assert (found["i"].image.height, found["i"].image.width) == (4, 5)
    assert (found["is"].image.height, found["is"].image.width) == (4, 8)
    assert found["hw"].image.encoded_image_string[1:4] == b"PNG" and found["b"].image.height == 9
    assert found["t"].tensor.string_val[0] == b"**bold**"
    assert found["pr"].metadata.plugin_data.plugin_name == "pr_curves"
    assert found["f"].image.height > 100 and any(tag.startswith("m") for tag in found)


def test_settings_and_results(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_hparams({"lr": ember.tensor(0.5), "name": "sgd"}, {"acc": ember.tensor(3)},
                           run_name="first", global_step=2)
        with pytest.raises(TypeError, match="should be dictionary"):
            writer.add_hparams([1], {})
    found = values(tmp_path / "first")
    assert found["acc"][0][0] == 2 and found["acc"][0][1].simple_value == 3
    assert b"lr" in found["_hparams_/session_start_info"][0][1].metadata.plugin_data.content


# tensorboardX multiplies memory that it has not written.
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_embeddings(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_embedding(ember.eye(2), ember.tensor([7, 8]), ember.rand(2, 3, 4, 4), 1)
    (folder,) = tmp_path.glob("00001/*")
    assert (folder / "metadata.tsv").read_text() == "7\n8\n"
    rows = (folder / "tensors.tsv").read_text().splitlines()
    assert [[float(x) for x in row.split("\t")] for row in rows] == [[1, 0], [0, 1]]


def test_the_graph_of_a_model(tmp_path, capsys):
    model = ember.nn.Sequential(ember.nn.Linear(2, 3), ember.nn.ReLU())
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, ember.ones(1, 2), verbose=True)
        with pytest.raises(ValueError, match="input_to_model"):
            writer.add_graph(model)
    assert "0/weight" in capsys.readouterr().out
    (written,) = [event.graph_def for event in events(tmp_path) if event.graph_def]
    nodes = {node.name: node for node in GraphDef.FromString(written).node}
    assert {"0/weight", "0/bias", "input/0", "output/0"} <= set(nodes)
    (relu,) = [node for node in nodes.values() if node.op == "relu"]
    (linear,) = relu.input
    assert {"0/weight", "0/bias", "input/0"} <= set(nodes[linear].input)
    assert nodes["output/0"].input == [relu.name] and b"[1, 3]" in relu.attr["output"].s


def test_tensorboard_reads_the_files(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("x", 0.25, 3)
        writer.add_histogram("h", ember.arange(4.0), 3)
    reader = accumulators.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in reader.Scalars("x")] == [(3, 0.25)]
    assert reader.Histograms("h")[0].histogram_value.num == 4


def test_pytorch_is_left_alone():
    program = "import sys, ember.utils.tensorboard; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_without_the_library_the_error_names_the_remedy(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("ember.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(vars(ember.utils), "tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install ember\[tensorboard\]"):
        from ember.utils import tensorboard  # noqa: F401
