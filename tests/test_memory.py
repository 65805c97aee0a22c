"""With the garbage collector off, memory is flat: reference counting alone frees every step.

Each program runs some steps to reach its steady state, then many more; neither the objects that
the collector knows nor the bytes that Python allocated may grow with the number of steps.
"""

import gc
import tracemalloc
import weakref

import pytest

import ember as torch
from ember import nn
from ember.autograd import writes

WARM_UP, STEPS = 60, 240


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(8, 3))


def training(optimizer, **options):
    """A step of a small network with batch norm, dropout and an optimizer."""
    model = network()
    stepper = getattr(torch.optim, optimizer)(model.parameters(), **options)
    inputs, targets = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])

    def step():
        stepper.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        stepper.step()
        return loss.item()

    return step


def scalars():
    weights = [torch.tensor(0.1 * n, requires_grad=True) for n in range(5)]

    def step():
        out = sum((w * 0.5 for w in weights), torch.tensor(0.0)).tanh()
        (out * out).backward()
        with torch.no_grad():
            for w in weights:
                w -= 0.01 * w.grad
                w.grad = None

    return step


def create_graph():
    x = torch.randn(5, requires_grad=True)

    def step():
        (g,) = torch.autograd.grad((x * x.exp()).sum(), x, create_graph=True)
        (g * g).sum().backward()
        x.grad = None

    return step


def hooks():
    x = torch.randn(5, requires_grad=True)
    x.register_hook(lambda g: g * 2)

    def step():
        y = x * 2
        y.retain_grad()
        handle = y.register_hook(lambda g: g.clamp(max=1))
        x.register_post_accumulate_grad_hook(lambda t: None).remove()
        y.sum().backward()
        handle.remove()
        x.grad = None

    return step


def views_and_writes():
    x = torch.randn(4, 4, requires_grad=True)

    def step():
        y = x * 1
        part = y[1:, ::2]
        part.mul_(2)
        y[0] = y[1].detach()
        y[y > 1] = 1.0
        y.T.add_(1)
        (y.view(2, 8) * part.sum()).sum().backward()
        x.grad.zero_()

    return step


def many_views_of_one_base():
    """A base that lives on must not collect the views that do not."""
    base = torch.randn(64, 4)

    def step():
        for row in base:
            row[:2].sum()
        base.add_(1e-3)

    return step


def failures():
    x = torch.randn(3, requires_grad=True)

    def stop(g):
        raise ValueError("stop")

    def step():
        y = x.exp()
        y.register_hook(stop)
        with pytest.raises(ValueError):
            y.sum().backward()
        with pytest.raises(RuntimeError):
            x @ torch.ones(4)

    return step


def custom_function():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 + x * 0

    x = torch.randn(3, requires_grad=True)

    def step():
        Twice.apply(x).sum().backward()
        x.grad = None

    return step


def recurrent():
    model = nn.LSTM(3, 4, batch_first=True)
    inputs = torch.randn(2, 5, 3)

    def step():
        out, _ = model(inputs)
        out.sum().backward()
        model.zero_grad()

    return step


PROGRAMS = {
    "sgd": lambda: training("SGD", lr=0.01, momentum=0.9, nesterov=True),
    "adam": lambda: training("Adam", lr=0.01, amsgrad=True),
    "adamw": lambda: training("AdamW", lr=0.01),
    "adagrad": lambda: training("Adagrad", lr=0.01),
    "rmsprop": lambda: training("RMSprop", lr=0.01, momentum=0.9, centered=True),
    "adadelta": lambda: training("Adadelta"),
    **{f.__name__: f for f in (scalars, create_graph, hooks, views_and_writes,
                               many_views_of_one_base, failures, custom_function, recurrent)},
}


def fill_free_lists():
    """CPython keeps up to 2,000 freed tuples of each length: let it have them beforehand."""
    for length in range(1, 20):
        tuples = [(n,) * length for n in range(2100)]
        del tuples


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", PROGRAMS)
def test_memory_is_flat(name, no_collector):
    tracemalloc.start()
    fill_free_lists()
    step = PROGRAMS[name]()
    for _ in range(WARM_UP):
        step()
    objects, (held, _) = len(gc.get_objects()), tracemalloc.get_traced_memory()
    for _ in range(STEPS):
        step()
    grown, (now, _) = len(gc.get_objects()) - objects, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < STEPS / 10, f"{grown} objects more after {STEPS} steps"
    assert now - held < 100 * STEPS, f"{now - held} bytes more after {STEPS} steps"


def test_the_table_of_writes_forgets_memory_that_is_gone():
    before = len(writes._written)
    for _ in range(50):
        torch.ones(3).add_(1)
    assert len(writes._written) <= before + 1


def test_dropping_the_loss_frees_what_it_saved(no_collector):
    x = torch.randn(1000, requires_grad=True)
    y = (x.exp() * x).tanh()
    nodes = [weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.parents[0])]
    loss = y.sum()
    del y
    assert all(node() is not None for node in nodes)
    del loss
    assert all(node() is None for node in nodes)


def test_backward_frees_saved_values_as_it_goes(no_collector):
    """The peak of backward is far below the sum of all gradients."""
    x = torch.randn(200_000, requires_grad=True)
    y = x
    for _ in range(20):
        y = y * 1.01
    loss = y.sum()
    tracemalloc.start()
    loss.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * x.nbytes
