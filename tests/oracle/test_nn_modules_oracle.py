"""Module, its hooks and its containers beside PyTorch, program by program (see stories.py)."""

import copy
import warnings
from collections import OrderedDict

import pytest

from .stories import attempt, compare

PROGRAMS = {}


def program(function):
    """Register a function of a library that yields what is to be compared."""
    PROGRAMS[function.__name__] = function
    return function


def network(lib):
    return lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh(), lib.nn.Linear(3, 1))


# -- hooks ----------------------------------------------------------------------------------------


@program
def order_of_hooks(lib):
    events = []

    def note(what):
        return lambda module, *rest: events.append((what, type(module).__name__, len(rest)))

    M = lib.nn.modules.module
    handles = [
        M.register_module_forward_pre_hook(note("global pre")),
        M.register_module_forward_hook(note("global forward")),
        M.register_module_forward_hook(note("global always"), with_kwargs=True, always_call=True),
        M.register_module_full_backward_pre_hook(note("global backward pre")),
        M.register_module_full_backward_hook(note("global backward")),
    ]
    net = network(lib)
    for module in net.modules():
        for i in (1, 2):
            module.register_forward_pre_hook(note(f"pre {i}"))
            module.register_forward_hook(note(f"forward {i}"))
            module.register_full_backward_pre_hook(note(f"backward pre {i}"))
            module.register_full_backward_hook(note(f"backward {i}"))
        module.register_forward_pre_hook(note("pre 0"), prepend=True, with_kwargs=True)
        module.register_forward_hook(note("forward 0"), prepend=True, with_kwargs=True)
        module.register_full_backward_pre_hook(note("backward pre 0"), prepend=True)
        module.register_full_backward_hook(note("backward 0"), prepend=True)
    x = lib.ones(4, 2, requires_grad=True)
    net(x).sum().backward()
    yield list(events)
    events.clear()
    for handle in handles:
        handle.remove()
    net(x).sum().backward()
    yield events


@program
def hooks_that_replace(lib):
    layer, x = lib.nn.Linear(2, 2), lib.ones(1, 2, requires_grad=True)
    layer.register_forward_pre_hook(lambda m, args: args[0] * 2)
    layer.register_forward_hook(lambda m, args, out: out + args[0].sum())
    layer.register_full_backward_pre_hook(lambda m, grads: (grads[0] * 3,))
    layer.register_full_backward_hook(lambda m, inner, outer: (inner[0] + 1,))
    layer(x).sum().backward()
    yield x.grad, layer.weight.grad
    layer.register_full_backward_hook(lambda m, inner, outer: (inner[0], inner[0]))
    yield attempt(lambda: layer(x).sum().backward())


@program
def hooks_with_kwargs(lib):
    class Scaled(lib.nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    scaled, seen = Scaled(), []
    scaled.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True)
    scaled.register_forward_hook(
        lambda m, args, kwargs, out: seen.append((kwargs, out)), with_kwargs=True)
    yield scaled(lib.ones(2), factor=2.0), seen
    scaled.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    yield attempt(scaled, lib.ones(2), factor=2.0)


@program
def hooks_called_always(lib):
    class Failing(lib.nn.Module):
        def forward(self, x):
            raise ValueError("no")

    seen, failing = [], Failing()
    failing.register_forward_hook(lambda m, args, out: seen.append("plain"))
    failing.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    error = attempt(failing, lib.ones(1))
    yield type(error).__name__, seen
    fine = lib.nn.Identity()

    def broken(module, args, out):
        seen.append("broken")
        raise KeyError("hook")

    fine.register_forward_hook(broken)
    fine.register_forward_hook(lambda m, args, out: seen.append("after"), always_call=True)
    yield type(attempt(fine, lib.ones(1))).__name__, seen


@program
def removed_hooks(lib):
    layer = lib.nn.Identity()
    handles = [layer.register_forward_hook(lambda m, args, out: out + 1) for _ in range(3)]
    yield len(layer._forward_hooks), list(layer._forward_hooks) == [h.id for h in handles]
    with handles[1]:
        yield layer(lib.zeros(1))
    handles[0].remove()
    handles[0].remove()
    yield layer(lib.zeros(1)), len(layer._forward_hooks)
    twin = copy.deepcopy(layer)
    layer._forward_hooks.clear()
    yield layer(lib.zeros(1)), twin(lib.zeros(1))


@program
def state_hooks(lib):
    events, net = [], network(lib)

    def after(module, state, prefix, metadata):
        events.append(("post", type(module).__name__, prefix, dict(metadata)))
        state[prefix + "extra"] = lib.ones(1)

    def before_load(module, state, prefix, metadata, strict, missing, unexpected, errors):
        events.append(("load pre", type(module).__name__, prefix, strict))
        state.pop(prefix + "extra", None)

    def after_load(module, keys):
        events.append(("load post", type(module).__name__, len(keys.missing_keys)))
        keys.missing_keys.clear()

    for module in net.modules():
        module.register_state_dict_pre_hook(
            lambda m, prefix, keep: events.append(("pre", type(m).__name__, prefix, keep)))
        module.register_state_dict_post_hook(after)
        module.register_load_state_dict_pre_hook(before_load)
        module.register_load_state_dict_post_hook(after_load)
    state = net.state_dict()
    yield list(state), events
    events.clear()
    del state["0.weight"]
    yield str(net.load_state_dict(state))
    # ember asks all hooks before loading, so that nothing is written when one refuses
    yield [e for e in events if e[0] == "load pre"], [e for e in events if e[0] != "load pre"]
    bad = lib.nn.Linear(1, 1)
    bad.register_load_state_dict_post_hook(lambda m, keys: 3)
    yield type(attempt(bad.load_state_dict, bad.state_dict())).__name__
    old = lib.nn.Linear(1, 1)
    old._register_state_dict_hook(lambda m, state, prefix, metadata: {"only": state["bias"]})
    yield list(old.state_dict())
    new = lib.nn.Linear(1, 1)
    new.register_state_dict_post_hook(lambda m, state, prefix, metadata: {})
    yield type(attempt(new.state_dict)).__name__


@program
def registration_hooks(lib):
    M, events = lib.nn.modules.module, []
    handles = [
        M.register_module_parameter_registration_hook(
            lambda m, name, p: events.append((type(m).__name__, name, p is None))),
        M.register_module_buffer_registration_hook(
            lambda m, name, b: events.append((type(m).__name__, name, b is None))),
        M.register_module_module_registration_hook(
            lambda m, name, c: events.append((type(m).__name__, name, type(c).__name__)))]
    lib.nn.Sequential(lib.nn.Linear(2, 2, bias=False), lib.nn.BatchNorm1d(2))
    for handle in handles:
        handle.remove()
    lib.nn.Linear(2, 2)
    yield events


@program
def backward_hooks_of_two_kinds(lib):
    layer = lib.nn.Linear(1, 1)
    layer.register_full_backward_hook(lambda m, inner, outer: None)
    yield attempt(layer.register_backward_hook, lambda m, inner, outer: None)


# -- Module ---------------------------------------------------------------------------------------


@program
def names_and_lookups(lib):
    net = lib.nn.Sequential(OrderedDict(a=network(lib), b=lib.nn.BatchNorm1d(3)))
    net.c = net.a[0]
    yield [n for n, _ in net.named_modules()], [n for n, _ in net.named_children()]
    yield [n for n, _ in net.named_modules(remove_duplicate=False)]
    yield [n for n, _ in net.named_modules(prefix="p")]
    yield [n for n, _ in net.named_parameters()], [n for n, _ in net.named_buffers("x")]
    yield [n for n, _ in net.named_parameters("q", remove_duplicate=False)]
    yield [n for n, _ in net.named_parameters(recurse=False)]
    yield net.get_submodule("a.0"), net.get_parameter("b.weight"), net.get_buffer("b.running_var")
    yield net.get_submodule("") is net
    yield attempt(net.get_submodule, "a.9"), attempt(net.get_submodule, "b.weight")
    yield attempt(net.get_parameter, "b.running_var"), attempt(net.get_buffer, "b.nothing")
    net.set_submodule("a.1", lib.nn.ReLU())
    yield net
    yield attempt(net.set_submodule, "", lib.nn.ReLU())
    yield attempt(net.set_submodule, "a.z", lib.nn.ReLU(), strict=True)
    yield attempt(net.set_submodule, "b.weight", lib.nn.ReLU())
    yield attempt(lambda: net.nothing)
    memo = set()
    yield len(list(net.named_modules(memo))), len(memo)


@program
def registering(lib):
    module = lib.nn.Module()
    module.register_parameter("p", None)
    module.register_buffer("b", None)
    module.register_module("m", None)
    yield module.p, module.b, module.m, module.state_dict(), repr(module)
    yield attempt(module.register_parameter, "p.q", None)
    yield attempt(module.register_parameter, "", None)
    yield attempt(module.register_parameter, "training", None)
    yield attempt(module.register_parameter, "x", lib.ones(1))
    yield attempt(module.register_buffer, "x", 3)
    yield attempt(module.register_module, "x", 3), attempt(module.register_buffer, 3, None)
    yield attempt(module.register_parameter, "x", lib.nn.Parameter(lib.ones(1)) * 2)
    module.register_buffer("temporary", lib.ones(2), persistent=False)
    module.register_buffer("kept", lib.zeros(2))
    module.p = lib.nn.Parameter(lib.ones(1))
    yield module.state_dict(), [n for n, _ in module.named_buffers()]
    yield attempt(setattr, module, "p", lib.ones(1)), attempt(setattr, module, "kept", 3)
    module.m = lib.nn.ReLU()
    yield attempt(setattr, module, "m", 3)
    del module.p, module.kept, module.m
    yield attempt(lambda: delattr(module, "p")), [n for n, _ in module.named_buffers()]
    module.q = lib.nn.Buffer(lib.ones(3), persistent=False)
    yield list(module._buffers), list(module.state_dict())
    module.temporary = None
    yield [n for n, _ in module.named_buffers()], module.temporary

    class Early(lib.nn.Module):
        def __init__(self):
            self.layer = lib.nn.Linear(1, 1)

    class EarlyParameter(lib.nn.Module):
        def __init__(self):
            self.p = lib.nn.Parameter(lib.ones(1))

    yield attempt(Early), attempt(EarlyParameter), attempt(lib.nn.Module, 3)
    yield type(attempt(lib.nn.Module())).__name__


@program
def moving_and_casting(lib):
    net = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    parameter = net[0].weight
    net(lib.ones(3, 2)).sum().backward()
    for change in (net.double, net.half, net.bfloat16, net.float):
        yield change() is net, [v.dtype.itemsize for v in net.state_dict().values()]
        yield net[0].weight is parameter, str(parameter.grad.dtype)[-8:]
    net.to(lib.float64)
    yield [str(v.dtype).split(".")[1] for v in net.state_dict().values()]
    net.to("cpu", lib.float32, non_blocking=True).to(device="cpu").to(lib.ones(1).double())
    yield net[0].weight
    yield attempt(net.to, lib.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's: a new feature
        yield lib.nn.Linear(2, 2).to(lib.complex64)(lib.ones(1, 2, dtype=lib.complex64))
    conv = lib.nn.Conv2d(2, 2, 2).to(memory_format=lib.channels_last)
    yield conv.weight.is_contiguous(memory_format=lib.channels_last)
    empty = net.to_empty(device="cpu")
    yield empty is net, net[0].weight.shape == (2, 2)
    net.type(lib.float16)
    yield [str(v.dtype).split(".")[1] for v in net.state_dict().values()]
    yield net.cpu() is net


@program
def gradients_and_modes(lib):
    net = network(lib)
    net(lib.ones(1, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    yield [p.grad for p in net.parameters()]
    net.zero_grad()
    yield [p.grad for p in net.parameters()]
    yield net.requires_grad_(False) is net, [p.requires_grad for p in net.parameters()]
    yield net.eval() is net, [m.training for m in net.modules()], net.train()[1].training
    yield attempt(net.train, "yes")
    order = []
    yield net.apply(lambda m: order.append(type(m).__name__)) is net, order


@program
def states(lib):
    net = network(lib)
    yield list(net.state_dict(prefix="net.")), net.state_dict()._metadata
    yield type(net.state_dict()).__name__
    kept = net.state_dict(keep_vars=True)
    yield [type(v).__name__ for v in kept.values()], [v.requires_grad for v in kept.values()]
    own = OrderedDict()
    yield net.state_dict(destination=own) is own, list(own)
    shared = net.state_dict()["0.bias"]
    with lib.no_grad():
        shared.fill_(7.0)
    yield net[0].bias
    yield str(net.load_state_dict({"0.bias": lib.zeros(3), "z": lib.zeros(1)}, strict=False))
    yield attempt(net.load_state_dict, {"0.bias": 3}), attempt(net.load_state_dict, [1])
    before = net[0].weight
    net.load_state_dict({k: v.double() for k, v in net.state_dict().items()}, assign=True)
    yield net[0].weight is before, net[0].weight, net[0].weight.requires_grad


@program
def extra_state(lib):
    class Counter(lib.nn.Module):
        count = 3

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    counter = Counter()
    state = counter.state_dict()
    yield state
    state["_extra_state"] = {"count": 5}
    counter.load_state_dict(state)
    yield counter.count, attempt(counter.load_state_dict, {})
    yield attempt(lib.nn.Linear(1, 1, bias=False).load_state_dict,
                  {"weight": lib.ones(1, 1), "_extra_state": 3})


@program
def prefixes_taken_off(lib):
    consume = lib.nn.modules.utils.consume_prefix_in_state_dict_if_present
    state = lib.nn.DataParallel(network(lib)).state_dict()
    consume(state, "module.")
    yield list(state), list(state._metadata), str(network(lib).load_state_dict(state))
    consume(state, "absent.")
    yield list(state)


@program
def texts(lib):
    class Odd(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = lib.nn.ModuleList([lib.nn.Linear(2, 2) for _ in range(3)])
            self.layers.extend([lib.nn.Sequential(lib.nn.ReLU(), lib.nn.ReLU())] * 2)
            self.empty = lib.nn.ModuleDict()

        def extra_repr(self):
            return "first line\nsecond line"

    yield Odd(), lib.nn.Sequential(), lib.nn.ModuleList()
    yield "training" in dir(Odd()), "layers" in dir(Odd())
    yield lib.nn.ModuleDict({"a": lib.nn.Linear(1, 1), "b": network(lib)})


@program
def copies(lib):
    net = network(lib)
    net.alias = net[0]
    net[2].note = [1, 2]
    twin = copy.deepcopy(net)
    yield twin, twin.alias is twin[0], twin[0].weight is net[0].weight, twin[2].note
    shallow = copy.copy(net[0])
    yield shallow.weight is net[0].weight, shallow
    bare = lib.nn.Linear(2, 2)
    again = lib.nn.Linear(1, 1)
    again.__setstate__(bare.__dict__)
    yield again.weight is bare.weight, again(lib.ones(1, 2))
    frozen = lib.nn.Linear(2, 2).requires_grad_(False)
    yield [p.requires_grad for p in copy.deepcopy(frozen).parameters()]


# -- containers -----------------------------------------------------------------------------------


@program
def sequentials(lib):
    nn = lib.nn
    net = network(lib)
    yield net[-1], net[:2], net[1:], len(net), attempt(lambda: net[5]), attempt(lambda: net[-4])
    net.append(nn.ReLU()).extend([nn.Tanh()]).insert(1, nn.Sigmoid())
    yield net
    yield net.insert(-1, nn.ELU()), attempt(net.insert, 20, nn.ReLU())
    yield type(attempt(net.insert, 0, 3)).__name__
    del net[0]
    yield net
    del net[1:3]
    yield net, net.pop(0), net
    net[0] = nn.GELU()
    yield net, net + nn.Sequential(nn.ReLU())
    yield nn.Sequential(nn.ReLU()) * 2, 2 * nn.Sequential(nn.ELU())
    net += nn.Sequential(nn.SELU())
    net *= 2
    yield net, attempt(lambda: net + [nn.ReLU()]), attempt(lambda: net * 0)
    yield attempt(lambda: net * 1.5)
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Linear(1, 1), c=nn.ELU()))
    yield named.a, named[1], named[:2]
    del named[1]
    yield named
    yield [type(m).__name__ for m in named], attempt(nn.Sequential, 3)
    yield attempt(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), lib.ones(1, 2), 3).__class__.__name__


@program
def module_lists(lib):
    nn = lib.nn
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    layers.append(nn.ELU())
    layers.insert(1, nn.Linear(1, 1))
    layers.extend(nn.ModuleList([nn.GELU()]))
    yield layers, layers[1:3], type(layers[1:3]).__name__, len(layers), layers[-1]
    layers += [nn.SELU()]
    yield layers + [nn.Mish()], layers.pop(0), layers.pop(-2), layers
    del layers[1:]
    yield layers, nn.Tanh in [type(m) for m in layers], layers[0] in layers
    layers[0] = nn.Linear(2, 2)
    yield layers, attempt(layers.extend, 3), attempt(lambda: layers[7]), attempt(layers.append, 3)
    yield type(attempt(layers, 1)).__name__, [n for n, _ in layers.named_parameters()]
    yield [type(m).__name__ for m in reversed(nn.ModuleList([nn.ReLU(), nn.Tanh()]))]


@program
def module_dicts(lib):
    nn = lib.nn
    heads = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    heads["c"] = nn.ELU()
    heads.update([["d", nn.GELU()]])
    heads.update(OrderedDict(a=nn.Linear(1, 1)))
    yield heads, list(heads), list(heads.keys()), len(heads), "a" in heads
    yield [type(m).__name__ for m in heads.values()], [k for k, _ in heads.items()]
    yield heads.pop("b"), attempt(lambda: heads["b"]), attempt(heads.pop, "b")
    del heads["c"]
    yield heads, attempt(heads.update, 3), type(attempt(heads.update, [3]))
    yield attempt(heads.update, [[1]])
    yield attempt(heads.__setitem__, "x", 3), attempt(heads.__setitem__, "x.y", nn.ReLU())
    heads.clear()
    yield heads, nn.ModuleDict(nn.ModuleDict({"k": nn.ReLU()}))


@program
def parameter_lists(lib):
    nn = lib.nn
    values = nn.ParameterList([lib.ones(2), nn.Parameter(lib.zeros(1)), 3, "text"])
    yield values, len(values), [type(v).__name__ for v in values], list(values.state_dict())
    values.append(lib.ones(1, 1))
    values += [lib.full((1,), 5.0)]
    values.extend(nn.ParameterList([lib.ones(1)]))
    yield values, values[-1], values[1:3], type(values[1:3]).__name__
    values[0] = lib.full((2,), 4.0)
    yield values[0], [n for n, _ in values.named_parameters()]
    yield attempt(values, 1), attempt(values.extend, 3), attempt(lambda: values[20])
    yield attempt(values.extend, lib.ones(2))


@program
def parameter_dicts(lib):
    nn = lib.nn
    values = nn.ParameterDict({"b": lib.ones(2), "a": nn.Parameter(lib.zeros(1)), "n": 3})
    yield values, list(values), list(values.state_dict()), len(values), "a" in values
    values["z"] = lib.ones(1, 1)
    values.update([["y", lib.ones(3)]])
    values.update(nn.ParameterDict({"x": lib.ones(1)}))
    yield values, list(reversed(values)), values.get("q"), values.get("q", 5), values.get("a")
    yield values.pop("a"), values.popitem(), list(values)
    yield values.setdefault("new"), values.setdefault("d", lib.ones(1)), list(values)
    yield list(values | {"k": lib.ones(1)}), list(values.copy()), list(values.fromkeys(["u", "v"]))
    values |= {"m": lib.ones(1)}
    yield list(values.keys()), [type(v).__name__ for v in values.values()]
    del values["b"]
    yield list(values)
    yield attempt(values, 1), type(attempt(values.update, 3)).__name__
    values = nn.ParameterDict({"b": lib.ones(2)})
    values.clear()
    yield values, len(values)
    yield type(attempt(values.__setitem__, 3, lib.ones(1))).__name__


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_story(name):
    compare(PROGRAMS[name])
