"""nn.utils beside PyTorch: each program is run with both libraries and has to tell the same."""

import importlib
import warnings

import pytest

from .stories import attempt, compare

PROGRAMS = {}


def program(function):
    """Register a function of a library that yields what is to be compared."""
    PROGRAMS[function.__name__] = function
    return function


def utils(lib, name):
    """Return a module below nn.utils."""
    return importlib.import_module(f"{lib.__name__}.nn.utils.{name}")


def symmetric(lib):
    """Return a parametrization without, and one with, a right inverse."""
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).T

    class Exponential(lib.nn.Module):
        def forward(self, x):
            return x.exp()

        def right_inverse(self, y):
            return y.abs().log()

    return Symmetric(), Exponential()


@program
def parametrize_chain(lib):
    P = utils(lib, "parametrize")
    first, second = symmetric(lib)
    layer = lib.nn.Linear(3, 3)
    weight = layer.weight
    P.register_parametrization(layer, "weight", first)
    yield layer, list(layer.state_dict()), layer.parametrizations.weight.original is weight
    P.register_parametrization(layer, "weight", second)
    yield layer.weight, P.is_parametrized(layer), P.is_parametrized(layer, "bias")
    yield P.type_before_parametrizations(layer).__name__, type(layer).__name__
    layer(lib.ones(1, 3)).sum().backward()
    yield layer.parametrizations.weight.original.grad
    yield attempt(lambda: setattr(layer, "weight", lib.ones(3, 3)))
    with P.cached():
        yield layer.weight is layer.weight
    yield layer.weight is layer.weight
    P.remove_parametrizations(layer, "weight")
    yield layer, layer.weight, layer.weight is weight, type(layer).__name__


@program
def parametrize_several_originals(lib):
    P = utils(lib, "parametrize")

    class Product(lib.nn.Module):
        def forward(self, a, b):
            return a * b

        def right_inverse(self, w):
            return w, w / w

    layer = lib.nn.Linear(2, 2)
    P.register_parametrization(layer, "weight", Product())
    yield layer, layer.state_dict(), [name for name, _ in layer.named_parameters()]
    layer.weight = lib.full((2, 2), 3.0)
    yield layer.weight, layer.parametrizations.weight.original0
    yield attempt(P.remove_parametrizations, layer, "weight", leave_parametrized=False)
    yield P.remove_parametrizations(layer, "weight"), type(layer.weight).__name__


@program
def parametrize_buffer_and_refusals(lib):
    P = utils(lib, "parametrize")
    first, _ = symmetric(lib)
    norm = lib.nn.BatchNorm1d(3)
    P.register_parametrization(norm, "running_mean", lib.nn.Tanh())
    yield sorted(norm.state_dict()), norm.running_mean
    P.remove_parametrizations(norm, "running_mean", leave_parametrized=False)
    yield sorted(norm.state_dict()), sorted(dict(norm.named_buffers()))
    yield attempt(P.register_parametrization, norm, "nothing", first)
    yield attempt(P.register_parametrization, lib.nn.Linear(2, 3), "weight", lib.nn.Flatten(0))
    yield attempt(P.remove_parametrizations, norm, "weight")
    yield attempt(P.ParametrizationList, [], norm.weight)


@program
def parametrizations_weight_norm(lib):
    P = utils(lib, "parametrizations")
    for layer, dim in ((lib.nn.Linear(3, 4), 0), (lib.nn.Conv2d(2, 3, 2), None),
                       (lib.nn.ConvTranspose1d(2, 3, 2), 1)):
        P.weight_norm(layer, dim=dim)
        yield layer, layer.state_dict(), layer.weight
        layer.weight.sum().backward()
        yield [p.grad for p in layer.parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = lib.nn.utils.weight_norm(lib.nn.Linear(3, 4)).state_dict()
    new = P.weight_norm(lib.nn.Linear(3, 4))
    yield old, str(new.load_state_dict(old)), new.weight


@program
def parametrizations_spectral_norm(lib):
    P = utils(lib, "parametrizations")
    for layer in (lib.nn.Linear(3, 4), lib.nn.Conv2d(2, 3, 2), lib.nn.ConvTranspose2d(2, 3, 2)):
        P.spectral_norm(layer, n_power_iterations=2)
        yield layer, layer.weight, layer.state_dict()
        layer.eval()
        yield layer.weight, layer.state_dict()
        layer.weight.square().sum().backward()
        yield [p.grad for p in layer.parameters()]
    yield P.spectral_norm(lib.nn.Linear(3, 4), "bias").bias
    yield attempt(P.spectral_norm, lib.nn.Linear(3, 4), n_power_iterations=0)
    yield attempt(P.spectral_norm, lib.nn.Linear(3, 4), "nothing")


@program
def parametrizations_orthogonal(lib):
    P = utils(lib, "parametrizations")
    for shape in ((3, 3), (4, 2), (2, 4)):
        for kind in (None, "matrix_exp", "cayley", "householder"):
            for trivial in (True, False):
                layer = lib.nn.Linear(*shape)
                P.orthogonal(layer, orthogonal_map=kind, use_trivialization=trivial)
                yield shape, kind, trivial, layer, layer.weight, layer.state_dict()
                (layer.weight * layer.weight.exp()).sum().backward()
                yield [p.grad for p in layer.parameters()]
    layer = P.orthogonal(lib.nn.Linear(2, 2))
    layer.weight = lib.tensor([[0.0, 1.0], [1.0, 0.0]])
    yield layer.weight
    yield attempt(P.orthogonal, lib.nn.Linear(2, 2), "bias")
    yield attempt(P.orthogonal, lib.nn.Linear(2, 2), orthogonal_map="qr")


@program
def weight_norm(lib):
    U = lib.nn.utils
    for layer, dim in ((lib.nn.Linear(3, 4), 0), (lib.nn.Conv1d(2, 3, 2), None)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            U.weight_norm(layer, dim=dim)
            yield attempt(U.weight_norm, layer)
        with lib.no_grad():
            layer.weight_g.mul_(2)
        layer(lib.ones(1, 3) if dim == 0 else lib.ones(1, 2, 3)).sum().backward()
        yield layer, layer.state_dict(), layer.weight_g.grad, layer.weight_v.grad
        U.remove_weight_norm(layer)
        yield layer.state_dict(), type(layer.weight).__name__
        yield attempt(U.remove_weight_norm, layer)


@program
def spectral_norm(lib):
    U = lib.nn.utils
    layer = U.spectral_norm(lib.nn.Conv2d(2, 3, 2), n_power_iterations=2)
    yield layer.state_dict(), dict(layer.state_dict()._metadata), layer.weight
    layer(lib.ones(1, 2, 3, 3)).sum().backward()
    yield layer.weight_orig.grad, layer.weight_u, layer.weight
    yield attempt(U.spectral_norm, layer)
    layer.eval()(lib.ones(1, 2, 3, 3))
    yield layer.weight, layer.weight_u
    U.remove_spectral_norm(layer)
    yield layer.state_dict(), dict(layer.state_dict()._metadata)
    yield attempt(U.remove_spectral_norm, layer)


@program
def prune_methods(lib):
    P = utils(lib, "prune")
    conv = lib.nn.Conv2d(3, 4, 2)
    P.l1_unstructured(conv, "weight", 0.25)
    yield conv.state_dict(), conv.weight, P.is_pruned(conv), len(conv._forward_pre_hooks)
    P.ln_structured(conv, "weight", amount=2, n=2, dim=0)
    yield conv.weight_mask
    P.random_unstructured(conv, "weight", 3)
    yield conv.weight_mask
    P.random_structured(conv, "weight", 1, dim=1)
    yield conv.weight_mask, len(conv._forward_pre_hooks)
    (hook,) = conv._forward_pre_hooks.values()
    yield type(hook).__name__, [type(method).__name__ for method in hook], hook[0].amount
    conv(lib.ones(1, 3, 2, 2)).sum().backward()
    yield conv.weight_orig.grad, [name for name, _ in conv.named_parameters()]
    P.remove(conv, "weight")
    yield conv.state_dict(), P.is_pruned(conv)
    yield attempt(P.remove, conv, "weight")


@program
def prune_further(lib):
    P = utils(lib, "prune")
    net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.ReLU(), lib.nn.Linear(4, 2))
    pairs = [(net[0], "weight"), (net[2], "weight"), (net[0], "bias")]
    P.global_unstructured(pairs, pruning_method=P.L1Unstructured, amount=0.5)
    yield net.state_dict()
    P.global_unstructured(pairs, P.RandomUnstructured, amount=4)
    yield net.state_dict()
    P.identity(net[2], "bias")
    P.custom_from_mask(net[2], "bias", mask=lib.tensor([0, 1]))
    yield net[2].state_dict()
    layer = lib.nn.Linear(2, 3)
    P.l1_unstructured(layer, "weight", 2, importance_scores=lib.arange(6.0).view(3, 2))
    yield layer.weight_mask
    yield P.L1Unstructured(0.5).prune(lib.tensor([1.0, -3.0, 2.0, 0.5]))
    yield P.LnStructured(1, float("inf"), dim=0).prune(lib.tensor([[1.0, -3.0], [2.0, 0.5]]))


@program
def prune_refusals(lib):
    P = utils(lib, "prune")
    layer = lib.nn.Linear(2, 3)
    yield attempt(P.l1_unstructured, layer, "weight", "all")
    yield attempt(P.l1_unstructured, layer, "weight", 1.5)
    yield attempt(P.l1_unstructured, layer, "weight", -1)
    yield attempt(P.l1_unstructured, layer, "weight", 7)
    yield attempt(P.random_structured, layer, "bias", 1, dim=0)
    yield attempt(P.global_unstructured, 3, P.L1Unstructured)
    yield attempt(P.global_unstructured, [(layer, "weight")], P.LnStructured, amount=1, n=1)
    yield layer.state_dict(), len(layer._forward_pre_hooks)


@program
def fusion(lib):
    U = lib.nn.utils
    norm = lib.nn.BatchNorm2d(3, eps=0.1).train()
    norm(lib.randn(4, 3, 5, 5))
    norm.eval()
    for conv, transpose in ((lib.nn.Conv2d(2, 3, 2), False),
                            (lib.nn.ConvTranspose2d(2, 3, 2, bias=False), True)):
        fused = U.fuse_conv_bn_eval(conv.eval(), norm, transpose)
        yield fused, fused.state_dict(), [p.requires_grad for p in fused.parameters()]
    flat = lib.nn.BatchNorm1d(3).eval()
    yield U.fuse_linear_bn_eval(lib.nn.Linear(2, 3).eval(), flat).state_dict()


@program
def made_without_drawing(lib):
    layer = lib.nn.utils.skip_init(lib.nn.Linear, 2, 3)
    yield layer, list(layer.state_dict()), lib.rand(2)


@program
def functional_call(lib):
    layer = lib.nn.BatchNorm1d(2)
    given = {"running_mean": lib.ones(2), "weight": lib.full((2,), 3.0)}
    call = utils(lib, "stateless").functional_call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield call(layer, given, lib.tensor([[1.0, 2.0], [3.0, 5.0]])), given
    yield layer.state_dict()


@program
def parameter_vectors_and_clipping(lib):
    U = lib.nn.utils
    layer = lib.nn.Linear(2, 2)
    vector = U.parameters_to_vector(layer.parameters())
    U.vector_to_parameters(vector * 2, layer.parameters())
    yield vector, layer.state_dict()
    for parameter in layer.parameters():
        parameter.grad = parameter.detach() * 10
    yield U.get_total_norm([p.grad for p in layer.parameters()], float("inf"))
    U.clip_grads_with_norm_(layer.parameters(), 1.0, lib.tensor(5.0))
    yield [p.grad for p in layer.parameters()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_story(name):
    compare(PROGRAMS[name])
