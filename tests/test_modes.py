"""Recording on and off: threads, tasks, generators, exceptions."""

import asyncio
import threading

import pytest

import ember as torch


def test_no_grad_as_context_and_decorator():
    x = torch.tensor(1.0, requires_grad=True)

    @torch.no_grad()
    def double(t):
        return t * 2

    @torch.no_grad
    def triple(t):
        return t * 3

    assert not double(x).requires_grad and not triple(x).requires_grad
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_exception_restores_the_mode():
    with pytest.raises(ValueError), torch.no_grad():
        raise ValueError
    assert torch.is_grad_enabled()


def test_other_threads_are_not_affected():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_tasks_do_not_leak_into_each_other():
    async def quiet(started, finish):
        with torch.no_grad():
            started.set()
            await finish.wait()
            return torch.is_grad_enabled()

    async def main():
        started, finish = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(quiet(started, finish))
        await started.wait()
        outside = torch.is_grad_enabled()
        finish.set()
        return outside, await task

    assert asyncio.run(main()) == (True, False)


def test_suspended_generator_does_not_leak():
    def batches():
        with torch.no_grad():
            yield torch.is_grad_enabled()
            yield torch.is_grad_enabled()

    inside = []
    for value in batches():
        inside.append(value)
        assert torch.is_grad_enabled()
    assert inside == [False, False]


def test_generators_that_end_out_of_order():
    def quiet():
        with torch.no_grad():
            yield

    first, second = quiet(), quiet()
    next(first), next(second)
    first.close()
    assert torch.is_grad_enabled()
    second.close()
    assert torch.is_grad_enabled()


def test_decorated_generator():
    @torch.no_grad()
    def numbers():
        got = yield torch.is_grad_enabled()
        yield got, torch.is_grad_enabled()

    generator = numbers()
    assert next(generator) is False and torch.is_grad_enabled()
    assert generator.send("hello") == ("hello", False)


def test_set_grad_enabled_as_function_and_context():
    torch.set_grad_enabled(False)
    try:
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    assert torch.is_grad_enabled()
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_inference_mode():
    x = torch.tensor(1.0, requires_grad=True)
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled() and not (x * 2).requires_grad
    with torch.inference_mode(False):
        assert (x * 2).requires_grad


@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "div_"])
@pytest.mark.parametrize("other", [
    torch.full((3, 4), 0.5), torch.tensor(0.5), 0.5, 2, torch.full((4,), 0.5),
    torch.tensor(0.5, dtype=torch.float64), torch.tensor(2)], ids=str)
def test_unrecorded_writes_are_those_of_the_operation(name, other, device):
    other = other.to(device) if isinstance(other, torch.Tensor) else other
    x = torch.arange(1.0, 13.0).reshape(3, 4)
    expected = getattr(torch, name[:-1])(x, other)
    for target in (x.clone(), x.t().clone().t()):
        version = target._version
        with torch.no_grad():
            assert getattr(target, name)(other) is target
        assert torch.equal(target, expected) and target._version == version + 1


def test_unrecorded_writes_reach_views_and_refuse_other_shapes():
    x = torch.arange(1.0, 7.0).reshape(2, 3)
    with torch.no_grad():
        x[0].mul_(x[0])
        x[1].sub_(x[1, 0])
        assert x.tolist() == [[1, 4, 9], [0, 1, 2]]
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            x.add_(torch.ones(4, 2, 3))
        with pytest.raises(RuntimeError, match="can't be cast"):
            torch.ones(3, dtype=torch.int64).add_(0.5)
