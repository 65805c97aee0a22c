"""What the tests of torch.compile share."""

import warnings

import ember as torch
from ember import nn
from ember.compiler.fusion import Fused


def programs(compiled):
    """How many programs a compiled function or module holds."""
    return sum(map(len, getattr(compiled, "_compiled", compiled)._entries.values()))


def steps(compiled):
    """The steps of the only chain of a compiled function."""
    (entry,) = [e for entries in compiled._entries.values() for e in entries]
    return [step for program in entry.program.programs for step in program.steps]


def replays(function, *args, calls=2, **options):
    """Compile a function, call it until it replays, and return the compiled function."""
    compiled = torch.compile(function, fullgraph=True, **options)
    for _ in range(calls):
        compiled(*args)
    assert programs(compiled) == 1
    return compiled


def eager(function, reason):
    """Compile a function of which a warning must say why it is run eagerly."""
    compiled = torch.compile(function)

    def call(*args):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = compiled(*args)
        call.said += [str(w.message) for w in caught]
        assert programs(compiled) == 0
        return result

    call.said = []
    call.check = lambda: [s for s in call.said if reason in s] == call.said != []
    return call


def groups(compiled):
    """How many members each fused step of a function's program has."""
    return [len(s.members) for s in steps(compiled) if isinstance(s, Fused)]


def compare(function, *shapes, dtype=torch.float32, tolerance=2e-6):
    """Compare values and gradients of compiled and eager calls on random tensors; return what
    `groups` says."""
    torch.manual_seed(0)
    made = [torch.randn(s, dtype=dtype) for s in shapes]
    results = []
    compiled = torch.compile(function, fullgraph=True)
    for call in (function, compiled, compiled, compiled):
        leaves = [t.clone().requires_grad_() for t in made]
        out = call(*leaves)
        out.backward(torch.linspace(-1, 1, out.numel(), dtype=dtype).reshape(out.shape))
        results.append([out.detach(), *[t.grad for t in leaves]])
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            assert a.dtype is b.dtype and a.shape == b.shape
            assert torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    assert programs(compiled) == 1
    return groups(compiled)


# -- training steps ----------------------------------------------------------------------------


def network():
    """A small network with everything that training changes."""
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(8, 3))


def batches(count=5):
    """Batches for it."""
    made = torch.Generator().manual_seed(3)
    return [(torch.randn(6, 4, generator=made), torch.randint(0, 3, (6,), generator=made))
            for _ in range(count)]


def state(value):
    """All numbers in a result, a module or an optimizer, bit for bit."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, nn.Module):
        return [state(dict(value.state_dict())), [state(p.grad) for p in value.parameters()]]
    if isinstance(value, torch.optim.Optimizer):
        return state(value.state_dict())
    if isinstance(value, dict):
        return {k: state(v) for k, v in value.items()}
    return [state(v) for v in value] if isinstance(value, (list, tuple)) else value


def plain(model, optimizer):
    """Return the usual step."""
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
