"""torch.compile runs training steps as they are where a replay could differ."""

import copy
import warnings

import pytest
from compiling import batches, eager, network, plain, state

import ember as torch
from ember.nn import functional as F

pytestmark = pytest.mark.host_only


def runs_eagerly(make, reason):
    """Check that a step is run eagerly, for a reason, and right."""
    model, runs = network(), []
    for is_compiled in (False, True):
        twin = copy.deepcopy(model)
        optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
        step = make(twin, optimizer)
        call = eager(step, reason) if is_compiled else step
        torch.manual_seed(1)
        runs.append([[state(call(*batch)), state(twin)] for batch in batches()])
    assert runs[0] == runs[1]
    assert call.check(), call.said


def test_results_that_share_no_graph_are_differentiated_eagerly():
    def make(model, optimizer):
        def step(x, y):
            first = F.cross_entropy(model(x), y)
            second = model(x * 2).square().mean()
            first.backward()
            second.backward()
            return first

        return step

    runs_eagerly(make, "share no graph")


def test_code_of_the_program_inside_of_a_call_runs_each_time():
    def hooked(model, optimizer):
        count = []
        model[4].weight.register_hook(lambda g: count.append(1) or g * len(count))
        return plain(model, optimizer)

    runs_eagerly(hooked, "in backward")

    def closure(model, optimizer):
        def step(x, y):
            def again():
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                return loss

            return optimizer.step(again)

        return step

    runs_eagerly(closure, "runs again in")


def test_reading_gradients_and_states_and_making_optimizers():
    def reads(model, optimizer):
        def step(x, y):
            model(x).square().mean().backward()
            return model[4].weight.grad * 2

        return step

    def asks(model, optimizer):
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

        def step(x, y):
            loss = model(x).square().mean() * schedule.get_last_lr()[0]
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        return step

    def makes(model, optimizer):
        def step(x, y):
            loss = model(x).square().mean()
            loss.backward()
            torch.optim.SGD(model.parameters(), lr=0.1).step()
            return loss

        return step

    runs_eagerly(reads, "Tensor.grad")
    runs_eagerly(asks, "get_last_lr")
    runs_eagerly(makes, "optimizer")


def test_seeding_and_watching_inside_of_a_step():
    def seeds(model, optimizer):
        def step(x, y):
            torch.manual_seed(3)
            loss = F.dropout(model(x)).mean()
            loss.backward()
            return loss

        return step

    def watches(model, optimizer):
        def step(x, y):
            loss = model(x).square().mean()
            with torch.autograd.set_detect_anomaly(True):
                loss.backward()
            return loss

        return step

    runs_eagerly(seeds, "manual_seed")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Anomaly Detection")
        runs_eagerly(watches, "mode")


def test_a_failing_backward_that_the_program_catches():
    def make(model, optimizer):
        def step(x, y):
            try:
                (x * 2).sum().backward()
            except RuntimeError:
                return model(x)
            return None

        return step

    runs_eagerly(make, "exception")


def test_backward_in_another_mode_and_values_read_on_the_way():
    def other_mode(model, optimizer):
        def step(x, y):
            loss = model(x).square().mean()
            with torch.no_grad():
                loss.backward()
            return loss

        return step

    def values(model, optimizer):
        def step(x, y):
            loss = model(x).square().mean()
            loss.backward()
            if loss.item() > 0:
                optimizer.step()
            return loss

        return step

    def used(function):
        def make(model, optimizer):
            def step(x, y):
                loss = model(x).square().mean()
                loss.backward()
                return function(loss)

            return step

        return make

    for function in (lambda loss: loss.item() * 2, lambda loss: round(loss.item(), 2),
                     lambda loss: loss.item() if loss.item() > 1 else 0.0):
        runs_eagerly(used(function), "item")
    runs_eagerly(other_mode, "mode")
    runs_eagerly(values, "item")


def test_no_grad_around_a_step_raises_as_the_function_does():
    model = network()
    compiled = torch.compile(plain(model, torch.optim.SGD(model.parameters(), lr=0.1)))
    x, y = batches(1)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            assert compiled(x, y).requires_grad
            with torch.no_grad(), pytest.raises(RuntimeError, match="does not require grad"):
                compiled(x, y)
