"""torch.compile of whole training steps: backward and updates are part of what is replayed."""

import copy
import types

import pytest
from compiling import batches, network, plain, programs, state

import ember as torch
from ember import nn
from ember.backends import kernels
from ember.nn import functional as F

pytestmark = [pytest.mark.host_only, pytest.mark.skipif(
    not kernels.compiled_from(), reason="generated loops round otherwise; see test_compile.py")]


def same(make, runs=None, compiled=1, make_model=network, make_optimizer=torch.optim.Adam):
    """Run a step eagerly and compiled; compare results, weights, gradients, state and randomness.

    Args:
        make: from a model and an optimizer to the step of a batch.
        runs: what to do between calls, one function of model and optimizer for each; or None.
        compiled: how many programs there must be in the end.
    """
    torch.manual_seed(0)
    model, histories = make_model(), []
    for is_compiled in (False, True):
        twin = copy.deepcopy(model)
        optimizer = make_optimizer(twin.parameters(), lr=0.1)
        step = make(twin, optimizer)
        call = torch.compile(step, fullgraph=True) if is_compiled else step
        torch.manual_seed(1)
        history = []
        for n, batch in enumerate(batches()):
            if runs and n < len(runs) and runs[n]:
                runs[n](twin, optimizer)
            history += [state(call(*batch)), state(twin), state(optimizer)]
        histories.append([*history, torch.rand(1).tolist()])
    assert histories[0] == histories[1]
    assert programs(call) == compiled


@pytest.mark.parametrize("make_optimizer", [
    torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop,
    torch.optim.Adadelta])
def test_a_step_gives_the_losses_weights_gradients_and_state_of_the_function(make_optimizer):
    same(plain, make_optimizer=make_optimizer)


def clipped(model, optimizer):
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        nn.utils.clip_grad_value_(list(model.parameters()), 0.01)
        optimizer.step()
        return {"loss": loss.detach(), "norm": norm * 2}

    return step


def accumulating(model, optimizer):
    def step(x, y):
        loss = F.cross_entropy(model(x), y) / 2
        loss.backward()
        return loss.detach()

    return step


def without_result(model, optimizer):
    def step(x, y):
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        model.zero_grad()

    return step


def backward_twice(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        loss.backward(retain_graph=True)
        loss.backward(torch.full((), 0.5))
        optimizer.step()
        with torch.no_grad():
            hits = (scores.argmax(1) == y).float().mean()
        return loss, hits

    return step


def two_losses(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        second = model(x * 2).square().mean()
        torch.autograd.backward([second], inputs=list(model[4].parameters()))
        optimizer.step()
        return second

    return step


def losses_of_one_graph(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        hidden = model[:3](x)
        first, second = model[3:](hidden).logsumexp(1).mean(), hidden.mean()
        first.backward(retain_graph=True)
        second.backward()
        optimizer.step()
        return first, second

    return step


def unrolled(model, optimizer):
    def step(x, y):
        for part in range(2):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x + part), y)
            loss.backward()
            optimizer.step()
        model.zero_grad()
        return loss, model[0].weight.detach().norm()

    return step


def with_compiled_parts(model, optimizer):
    compiled = torch.compile(model)

    @torch.compile
    def loss_of(x, y):
        return F.cross_entropy(compiled(x), y)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def numbers(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        loss.backward()
        optimizer.step()
        hits = (scores.argmax(1) == y).float().mean()
        value = loss.item()
        return value, {"hits": hits.item(), "k": 0.5}, [loss]

    return step


def by_assignment(model, optimizer):
    def step(x, y):
        for parameter in model.parameters():
            parameter.grad = None
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("make", [
    clipped, accumulating, without_result, backward_twice, two_losses, losses_of_one_graph,
    unrolled, by_assignment, with_compiled_parts, numbers])
def test_other_steps(make):
    same(make)


def test_what_changes_between_calls_is_respected():
    def lower(model, optimizer):
        optimizer.param_groups[0]["lr"] = 0.01

    def load(model, optimizer):
        model.load_state_dict({k: v * 0 + 1 for k, v in model.state_dict().items()})

    def forget(model, optimizer):
        optimizer.state.clear()

    same(plain, [None, None, lower, load, forget])
    same(plain, [None, lambda m, o: m.eval(), None, lambda m, o: m.train(), None], compiled=2)

    def replace(model, optimizer):
        model[4] = nn.Linear(8, 3)
        optimizer.add_param_group({"params": model[4].parameters()})

    same(plain, [None, None, replace], compiled=2)


def test_schedules_change_the_rate_at_each_replay():
    def make(model, optimizer):
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        return step

    same(make)


def test_a_schedule_may_ask_the_program_for_the_rate():
    def make(model, optimizer):
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))

        def step(x, y):
            loss = F.cross_entropy(model(x), y)
            penalty = sum(p.square().sum() for p in model.parameters())
            (loss + penalty).backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            return loss.detach(), penalty

        return step

    same(make)


def test_a_method_and_an_optimizer_that_is_an_argument():
    class Trainer:
        def __init__(self, model, optimizer):
            self.model, self.optimizer = model, optimizer

        def step(self, x, y):
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            return loss

    same(lambda model, optimizer: Trainer(model, optimizer).step)

    def step(model, optimizer, x):
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled, seen = torch.compile(step, fullgraph=True), []
    for _ in range(2):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            before = model.weight.tolist()
            compiled(model, optimizer, torch.ones(1, 2))
            seen.append(before != model.weight.tolist())
    assert all(seen) and programs(compiled) == 2


def test_an_exception_leaves_what_the_function_would_leave():
    tables = []
    for is_compiled in (False, True):
        torch.manual_seed(0)
        table = nn.Embedding(3, 2)
        optimizer = torch.optim.SGD(table.parameters(), lr=0.1)

        def step(i, table=table, optimizer=optimizer):
            optimizer.zero_grad()
            loss = table(i).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        call = torch.compile(step) if is_compiled else step
        for _ in range(3):
            call(torch.tensor([0, 1]))
        with pytest.raises(IndexError, match="out of range"):
            call(torch.tensor([0, 7]))
        assert table.weight.grad is None
        call(torch.tensor([2, 1]))
        tables.append(state(table))
    assert tables[0] == tables[1]


def test_classes_that_a_kernel_declines_in_some_batches():
    """The kernel of cross entropy takes batches without ignored classes only."""
    def make(model, optimizer):
        calls = iter((0, 0, 2, 0, 6))

        def step(x, y):
            y = y.clone()
            y[:next(calls)] = -100
            return update(x, y)

        def update(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward(retain_graph=True)
            loss.backward()
            optimizer.step()
            return loss

        update = torch.compile(update, fullgraph=True)
        step.update = update
        return step

    histories = []
    for stance in ("force_eager", "default"):
        torch.manual_seed(0)
        model = network()
        step = make(model, torch.optim.SGD(model.parameters(), lr=0.1))
        with torch.compiler.set_stance(stance):
            histories.append(str([[state(step(*batch)), state(model)] for batch in batches()]))
    assert histories[0] == histories[1] and "nan" in histories[0] and programs(step.update) == 1


def _step_of_globals(x, y):
    optimizer.zero_grad()  # noqa: F821 - its globals are those that the test gives
    loss = F.mse_loss(model(x), y)  # noqa: F821
    loss.backward()
    optimizer.step()  # noqa: F821
    return loss


def test_a_step_that_stands_in_no_module_trains_as_well():
    model = nn.Linear(2, 1)
    world = {"F": F, "model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1)}
    step = torch.compile(types.FunctionType(_step_of_globals.__code__, world), fullgraph=True)
    x = torch.rand(8, 2)
    losses = [step(x, x.sum(1, keepdim=True)).item() for _ in range(5)]
    assert losses == sorted(losses, reverse=True) and losses[4] < losses[3]
