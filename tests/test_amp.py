"""Mixed precision, and the names of PyTorch that are accepted and say once what they do not do."""

import threading
import warnings

import pytest

import ember as torch
from ember import nn
from ember.autograd import detours, notices


@pytest.fixture
def anew(monkeypatch):
    """Forget what was said before."""
    monkeypatch.setattr(notices, "_said", set())


@pytest.mark.host_only  # autocast of the CPU
def test_autocast_leaves_nothing_behind():
    before = detours.installed
    layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    with torch.autocast("cpu"):
        assert len(detours.installed) > len(before)
        out = layer(x)
        assert out.dtype is torch.bfloat16
    with pytest.raises(ZeroDivisionError), torch.autocast("cpu"):
        1 / 0  # noqa: B018 - only to leave the block
    assert layer(x).dtype is torch.float32
    assert not any(detour.__module__.endswith("autocast") for detour in detours.installed)
    out.float().sum().backward()
    assert layer.weight.grad.dtype is torch.float32


@pytest.mark.host_only  # autocast of the CPU
def test_autocast_of_one_thread_is_not_another_s():
    seen = {}

    def work():
        seen["dtype"] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    with torch.autocast("cpu"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
    assert seen["dtype"] is torch.float32


@pytest.mark.host_only  # autocast of the CPU
def test_losses_are_computed_in_float32_under_autocast():
    x = torch.full((1000,), 0.001).bfloat16()
    with torch.autocast("cpu"):
        loss = nn.functional.mse_loss(x, torch.zeros(1000).bfloat16(), reduction="sum")
    assert loss.dtype is torch.float32
    assert loss.item() == pytest.approx(float(x[0]) ** 2 * 1000, rel=1e-5)


def test_the_scaler_skips_a_step_that_overflowed():
    w = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([w], lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1)
    scaler.scale(w.sum() * float("inf")).backward()
    scaler.step(optimizer)
    scaler.update()
    assert w.item() == 1.0 and scaler.get_scale() == 2.0
    optimizer.zero_grad()
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert w.item() == 0.0 and scaler.get_scale() == 4.0


def test_the_scaler_refuses_float16_gradients_before_it_changes_any():
    w = nn.Parameter(torch.ones(1))
    h = nn.Parameter(torch.ones(1).half())
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(w.sum()).backward()
    h.grad = torch.ones(1).half()
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(torch.optim.SGD([w, h], lr=1.0))
    assert w.grad.item() == 65536.0


def accepted():
    """What is accepted and does less than its name says."""
    layer = nn.Linear(1, 1)
    return {
        "this process only": lambda: nn.parallel.DistributedDataParallel(layer),
        "jit.script returns": lambda: torch.jit.script(layer),
        "jit.trace returns": lambda: torch.jit.trace(layer, torch.ones(1, 1)),
    }


@pytest.mark.parametrize("words", accepted())
def test_what_does_less_than_its_name_says_so_once(words, anew):
    with pytest.warns(UserWarning, match=words) as caught:
        made = accepted()[words]()
    assert caught[0].filename == __file__ and callable(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accepted()[words]()


def test_the_compiled_and_the_wrapped_model_train(anew):
    torch.manual_seed(0)
    x, y = torch.randn(32, 2), torch.randn(32, 1)
    losses = []
    for wrap in (lambda m: m, torch.compile, nn.parallel.DistributedDataParallel):
        torch.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = wrap(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == losses[1] == losses[2]


def test_processes_are_asked_about_and_not_started():
    assert not torch.distributed.is_available() and not torch.distributed.is_initialized()
    for ask in (torch.distributed.get_rank, torch.distributed.get_world_size):
        with pytest.raises(ValueError, match="init_process_group"):
            ask()
    with pytest.raises(RuntimeError, match="one process"):
        torch.distributed.init_process_group("gloo")
