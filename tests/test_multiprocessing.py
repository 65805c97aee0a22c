"""torch.multiprocessing: tensors between real processes, and functions run in several."""

import os
import signal
import subprocess
import sys

import pytest

import ember
import ember.multiprocessing as mp
from ember.backends import memory_files

pytestmark = [pytest.mark.host_only,
              pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
              pytest.mark.skipif(not memory_files.available(), reason="needs memfd_create")]
EACH = ["fork", *(pytest.param(m, marks=pytest.mark.slow) for m in ("forkserver", "spawn"))]


@pytest.fixture
def strategy():
    yield mp.set_sharing_strategy
    mp.set_sharing_strategy("file_descriptor")


def receive_and_double(questions, answers):
    x = questions.get(timeout=60)
    x.mul_(2)
    answers.send(x.sum().item())


@pytest.mark.parametrize("method", EACH)
def test_shared_tensors_are_one_in_both_processes(method):
    context = mp.get_context(method)
    x = ember.arange(6.0).reshape(2, 3)
    questions, (ours, theirs) = context.Queue(), context.Pipe()
    process = context.Process(target=receive_and_double, args=(questions, theirs))
    process.start()
    questions.put(x)
    assert ours.poll(60) and ours.recv() == 30
    process.join(60)
    assert process.exitcode == 0 and x.is_shared()
    assert x.tolist() == [[0, 2, 4], [6, 8, 10]], "sending has moved it to shared memory"


@pytest.mark.parametrize("method", EACH)
def test_a_models_parameters_can_be_shared(method):
    model = ember.nn.Linear(2, 1)
    weight = model.weight
    model.share_memory()
    assert model.weight is weight and weight.is_shared() and weight.requires_grad
    mp.start_processes(fill, (model,), nprocs=2, start_method=method)
    assert weight.tolist() == [[5, 6]] and model.bias.item() == 0


def fill(index, model):
    assert model.weight.requires_grad and type(model.weight) is ember.nn.Parameter
    with ember.no_grad():
        model.weight[0, index] = 5 + index
        model.bias.zero_()


@pytest.mark.parametrize("make", [
    lambda: ember.tensor(3), lambda: ember.empty(0, 2), lambda: ember.arange(6).reshape(2, 3).T,
    lambda: ember.ones(3, dtype=ember.bfloat16), lambda: ember.ones(2, requires_grad=True)])
def test_whatever_the_layout_the_same_arrives(make, strategy):
    ours, theirs = mp.Pipe()
    for name in mp.get_all_sharing_strategies():
        strategy(name)
        x = make()
        ours.send(x)
        y = theirs.recv()
        assert y.dtype == x.dtype and y.tolist() == x.tolist()
        assert y.stride() == x.stride() or not x.numel()
        assert y.requires_grad == x.requires_grad
        assert x.is_shared() == (name == "file_descriptor")


def test_what_cannot_be_sent():
    with pytest.raises(RuntimeError, match="call detach"):
        mp.Pipe()[0].send(ember.ones(2, requires_grad=True) * 2)
    with pytest.raises(AssertionError, match="'pigeon' is unknown"):
        mp.set_sharing_strategy("pigeon")


def test_nothing_stays_open():
    before = len(os.listdir("/proc/self/fd"))
    ours, theirs = mp.Pipe()
    ours.send(ember.ones(100_000))
    theirs.recv().sum()
    ours.close()
    theirs.close()
    sharer = 2  # the thread that hands out descriptors keeps its socket
    assert len(os.listdir("/proc/self/fd")) <= before + sharer


def fail(index, how):
    if index == 1:
        how()
    signal.pause()


def raise_oddly():
    raise ValueError("odd")


def test_a_failing_process_ends_the_others():
    with pytest.raises(mp.ProcessRaisedException, match="(?s)Process 1 .*ValueError: odd") as e:
        mp.start_processes(fail, (raise_oddly,), nprocs=3, start_method="fork")
    assert e.value.error_index == 1
    context = mp.start_processes(
        fail, (lambda: os.kill(os.getpid(), signal.SIGKILL),), 2, join=False, start_method="fork")
    with pytest.raises(mp.ProcessExitedException, match="process 1 .*SIGKILL") as e:
        context.join()
    assert e.value.exit_code == -9 and e.value.error_pid == context.pids()[1]
    assert not any(process.is_alive() for process in context.processes)
    with pytest.raises(mp.ProcessExitedException, match="exit code 3"):
        mp.start_processes(fail, (lambda: os._exit(3),), 2, start_method="fork")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_script_on_ember_has_torch_in_its_processes_too(tmp_path, method):
    script = tmp_path / "program.py"
    script.write_text(
        "import sys\nimport torch\nimport torch.multiprocessing as mp\n"
        "from torch.utils.data import DataLoader, Dataset\n\n"
        "class Rows(Dataset):\n"
        "    def __len__(self):\n        return 3\n"
        "    def __getitem__(self, index):\n        return torch.full((2,), index), sys.argv[1]\n\n"
        "def work(rank, x):\n    x[rank] = rank\n\n"
        "if __name__ == '__main__':\n"
        "    x = torch.full((2,), -1).share_memory_()\n"
        f"    mp.start_processes(work, (x,), 2, start_method={method!r})\n"
        f"    loader = DataLoader(Rows(), num_workers=1, multiprocessing_context={method!r})\n"
        "    print(x.tolist(), [[row.tolist(), *word] for row, word in loader])\n")
    done = subprocess.run([sys.executable, "-m", "ember", str(script), "word"],
                          capture_output=True, text=True, timeout=120)
    assert done.stdout == (
        "[0, 1] [[[[0, 0]], 'word'], [[[1, 1]], 'word'], [[[2, 2]], 'word']]\n"), done.stderr
