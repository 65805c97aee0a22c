"""Transforms of functions: torch.func and autograd.functional."""

import pytest

import ember as torch
from ember import func
from ember.autograd import functional


def cube(x):
    return (x**3).sum()


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0, 3.0])


def close(a, b):
    return torch.allclose(a, b, rtol=1e-5, atol=1e-6)


# -- grad, vjp, jvp -------------------------------------------------------------------------------


def test_gradients_to_the_fourth_order():
    f, x = (lambda x: x**4), torch.tensor(2.0)
    values = []
    for _ in range(4):
        f = func.grad(f)
        values.append(f(x).item())
    assert values == [32.0, 48.0, 48.0, 24.0]


def test_grad_takes_nested_structures():
    tree = {"a": torch.ones(2), "b": (torch.tensor(3.0), [torch.ones(1)])}
    g = func.grad(lambda t: (t["a"] * t["b"][0]).sum() + t["b"][1][0].sum())(tree)
    assert g["a"].tolist() == [3.0, 3.0]
    assert g["b"][0].item() == 2.0
    assert g["b"][1][0].tolist() == [1.0]


def test_argnums_and_aux(x):
    y = torch.tensor([2.0, 2.0, 2.0])
    g, (value, aux) = func.grad_and_value(
        lambda x, y: ((x * y).sum(), {"kept": x + y}), argnums=(1, 0), has_aux=True)(x, y)
    assert [t.tolist() for t in g] == [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]]
    assert value.item() == 12.0 and aux["kept"].tolist() == [3.0, 4.0, 5.0]
    assert not value.requires_grad and not aux["kept"].requires_grad
    assert func.grad(lambda x, y: (x * y).sum(), argnums=-1)(x, y).tolist() == x.tolist()


def test_results_have_a_history_only_where_the_caller_can_ask_for_it(x):
    w = torch.tensor(2.0, requires_grad=True)
    assert not func.grad(cube)(x).requires_grad
    g = func.grad(lambda x: cube(x) * w)(x)
    assert torch.autograd.grad(g.sum(), w)[0].item() == 3 * (1 + 4 + 9)
    x.requires_grad_()
    assert torch.autograd.grad(func.grad(cube)(x).sum(), x)[0].tolist() == [6.0, 12.0, 18.0]
    with torch.no_grad():
        assert not func.grad(lambda x: cube(x) * w)(x).requires_grad


def test_perturbations_are_not_confused():
    inner = func.grad(lambda y, x: y * x, argnums=0)
    assert func.grad(lambda x: x * inner(torch.tensor(1.0), x))(torch.tensor(3.0)).item() == 6.0
    pushed = func.jvp(
        lambda x: x * func.jvp(lambda y: x + y, (torch.tensor(1.0),), (torch.tensor(1.0),))[1],
        (torch.tensor(1.0),), (torch.tensor(1.0),))
    assert pushed[1].item() == 1.0


def test_a_function_may_write_into_its_argument(x):
    def f(x):
        x.mul_(2.0)
        x[0] = 0.0
        return cube(x)

    assert func.grad(f)(x.clone()).tolist() == [0.0, 96.0, 216.0]


def test_an_argument_without_influence_has_gradient_zero(x):
    assert func.grad(lambda a, b: a.sum(), argnums=1)(x, x).tolist() == [0.0, 0.0, 0.0]
    assert func.grad(lambda a: torch.tensor(1.0))(x).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("f, match", [
    (lambda x: x * 2, "scalar Tensor"),
    (lambda x: 3.0, "return a Tensor"),
    (lambda x: (cube(x),), "return a Tensor"),
])
def test_grad_refuses_what_is_no_scalar(f, match, x):
    with pytest.raises(RuntimeError, match=match):
        func.grad(f)(x)


def test_grad_refuses_bad_argnums_and_integers(x):
    for argnums, match in ((1, "only 1 positional"), ((), "non-empty"), ((0, 0), "unique"),
                           ("a", "int or Tuple")):
        with pytest.raises(RuntimeError, match=match):
            func.grad(cube, argnums=argnums)(x)
    with pytest.raises(RuntimeError, match="floating point"):
        func.grad(cube)(torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="must be Tensor"):
        func.grad(cube)(2.0)


def test_vjp_can_be_called_again_and_differentiated(x):
    output, vjp_fn = func.vjp(lambda x: {"out": x.exp()}, x)
    assert close(output["out"], x.exp()) and not output["out"].requires_grad
    one = torch.ones(3)
    for _ in range(2):
        assert close(vjp_fn({"out": one})[0], x.exp())
    assert close(func.jvp(lambda v: vjp_fn({"out": v})[0], (one,), (2 * one,))[1], 2 * x.exp())
    with pytest.raises(RuntimeError, match="structure of cotangents"):
        vjp_fn(one)
    with pytest.raises(RuntimeError, match="floating-point or complex"):
        func.vjp(lambda x: x > 0, x)


def test_jvp_and_linearize_agree(x):
    def f(a, b):
        return (a * b).sin(), (a / b).sum(0)

    primals, tangents = (x, x + 1), (torch.ones(3), 2 * torch.ones(3))
    value, pushed = func.jvp(f, primals, tangents)
    same, jvp_fn = func.linearize(f, *primals)
    for a, b in zip((*value, *pushed), (*same, *jvp_fn(*tangents))):
        assert close(a, b)
    assert close(pushed[0], (x * (x + 1)).cos() * (3 * x + 1))
    assert close(jvp_fn(*(2 * t for t in tangents))[1], 2 * pushed[1])


def test_jvp_refuses_what_does_not_fit(x):
    for primals, tangents, match in (
            (x, x, "primals to be a tuple"), ((x,), (x, x), "same python structure"),
            ((x,), (x[:2],), "shape"), ((x,), (x.double(),), "dtype")):
        with pytest.raises(RuntimeError, match=match):
            func.jvp(cube, primals, tangents)
    with pytest.raises(RuntimeError, match="strict=True"):
        func.jvp(lambda x: torch.ones(2), (x,), (x,), strict=True)


# -- Jacobians ------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", [func.jacrev, func.jacfwd])
@pytest.mark.parametrize("inner", [func.jacrev, func.jacfwd])
def test_second_derivatives_by_every_pair_of_modes(outer, inner, x):
    expected = torch.diag(6 * x)
    assert close(outer(inner(cube))(x), expected)
    assert close(func.hessian(cube)(x), expected)


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd])
def test_jacobians_of_structures(jacobian, x):
    blocks = jacobian(lambda d: (d["a"] * d["b"], {"s": d["a"].sum()}))(
        {"a": x, "b": torch.tensor(2.0)})
    assert blocks[0]["a"].tolist() == torch.diag(torch.full((3,), 2.0)).tolist()
    assert blocks[0]["b"].tolist() == x.tolist()
    assert blocks[1]["s"]["a"].tolist() == [1.0, 1.0, 1.0]
    assert blocks[1]["s"]["b"].item() == 0.0


def test_functional_agrees_with_func(x):
    v = torch.tensor([1.0, -1.0, 2.0])
    assert close(functional.jacobian(torch.exp, x), torch.diag(x.exp()))
    assert close(functional.jacobian(torch.exp, x, strategy="forward-mode", vectorize=True),
                 torch.diag(x.exp()))
    assert close(functional.hessian(cube, x), torch.diag(6 * x))
    for product in (functional.vhp, functional.hvp):
        value, found = product(cube, x, v)
        assert value.item() == 36.0 and close(found, 6 * x * v)
    assert close(functional.vjp(torch.exp, x, v)[1], v * x.exp())
    assert close(functional.jvp(torch.exp, x, v)[1], v * x.exp())
    two = functional.hessian(lambda a, b: (a * b).sum(), (x, v))
    assert close(two[0][1], torch.eye(3)) and close(two[0][0], torch.zeros(3, 3))


def test_functional_records_with_create_graph(x):
    x.requires_grad_()
    g = functional.hessian(cube, x, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [6.0, 6.0, 6.0]
    assert not functional.jacobian(cube, x).requires_grad


@pytest.mark.parametrize("call, match", [
    (lambda x: functional.jacobian(lambda x: torch.ones(2), x, strict=True), "does not require"),
    (lambda x: functional.jacobian(lambda x, y: x * 2, (x, x), strict=True), "independent"),
    (lambda x: functional.hessian(lambda x: x.sum(), x, strict=True), "does not require|indep"),
    (lambda x: functional.vjp(torch.exp, x), "can only be None"),
    (lambda x: functional.vjp(torch.exp, x, x[:1]), "invalid size"),
    (lambda x: functional.hessian(torch.exp, x), "single element"),
    (lambda x: functional.vhp(lambda x: (x, x), x, x), "single Tensor"),
])
def test_functional_refuses(call, match, x):
    with pytest.raises(RuntimeError, match=match):
        call(x)


def test_functional_asks_for_tensors(x):
    with pytest.raises(TypeError, match="index 0"):
        functional.jacobian(cube, (1.0,))
    with pytest.raises(NotImplementedError, match="vectorize=True"):
        functional.jacobian(cube, x, strategy="forward-mode")


# -- modules --------------------------------------------------------------------------------------


def test_functional_call_replaces_and_restores():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    values = {k: torch.zeros_like(v) for k, v in model.named_parameters()}
    buffers = {k: v.clone() for k, v in model.named_buffers()}
    assert func.functional_call(model, (values, buffers), torch.ones(4, 2)).abs().sum() == 0
    assert buffers["1.num_batches_tracked"].item() == 1
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    with pytest.raises(RuntimeError, match="Missing key"):
        func.functional_call(model, {"0.weight": values["0.weight"]}, torch.ones(4, 2), strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        func.functional_call(model, (values, values), torch.ones(4, 2))


def test_gradients_of_a_functional_call():
    model = torch.nn.Linear(2, 1)
    x = torch.ones(4, 2)
    values = {k: v.detach() for k, v in model.named_parameters()}
    g = func.grad(lambda p: func.functional_call(model, p, x).sum())(values)
    model(x).sum().backward()
    assert torch.equal(g["weight"], model.weight.grad) and torch.equal(g["bias"], model.bias.grad)


def test_functionalize_changes_nothing(x):
    double = func.functionalize(lambda x: x.clone().mul_(2), remove="mutations_and_views")
    assert torch.equal(double(x), x * 2)
    with pytest.raises(RuntimeError, match="remove is"):
        func.functionalize(torch.sin, remove="views")(x)
