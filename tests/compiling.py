"""What the tests of torch.compile share."""

import warnings

import ember as torch


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
