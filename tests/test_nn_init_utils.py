"""Initial values; gradients clipped; parameters as one vector."""

import math

import pytest

import ember as torch
from ember import nn

init = nn.init


def test_plain_fills():
    w = torch.empty(2, 3)
    assert init.constant_(w, 0.5) is w and w.tolist() == [[0.5] * 3] * 2
    assert init.ones_(w).sum().item() == 6.0 and init.zeros_(w).sum().item() == 0.0
    assert init.eye_(w).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    kernel = init.dirac_(torch.empty(2, 2, 3))
    assert kernel.tolist() == [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]


@pytest.mark.parametrize("fill, std", [
    (lambda w: init.normal_(w, 0, 0.3), 0.3), (lambda w: init.uniform_(w, -1, 1), 3**-0.5),
    (init.xavier_uniform_, math.sqrt(2 / 500)), (init.xavier_normal_, math.sqrt(2 / 500)),
    (lambda w: init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / 300)),
    (lambda w: init.kaiming_uniform_(w, nonlinearity="tanh"), 5 / 3 / math.sqrt(200)),
    (lambda w: init.trunc_normal_(w, 0, 0.1, -9, 9), 0.1)])
def test_spread(fill, std):
    torch.manual_seed(1)
    w = fill(torch.empty(300, 200))
    assert abs(w.std().item() / std - 1) < 0.02 and abs(w.mean().item()) < 0.02 * std


def test_trunc_normal_stays_inside():
    torch.manual_seed(1)
    for a, b in ((-1, 1), (2, 3)):
        w = init.trunc_normal_(torch.empty(1000), 0, 1, a, b)
        assert a <= w.min().item() and w.max().item() <= b
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(torch.empty(3), 9, 1, 0, 1)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 2)])
def test_orthogonal(shape):
    w = init.orthogonal_(torch.empty(shape), gain=2.0).flatten(1)
    small = min(w.shape)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert torch.allclose(product, 4 * torch.eye(small), atol=1e-5)


def test_parameters_stay_leaves():
    layer = nn.Linear(3, 3)
    for fill in (init.xavier_uniform_, init.orthogonal_, init.eye_, init.zeros_):
        assert fill(layer.weight) is layer.weight
        assert layer.weight.is_leaf and layer.weight.requires_grad


def test_bad_arguments():
    vector = torch.empty(3)
    for fill in (init.xavier_uniform_, init.kaiming_normal_, init.eye_, init.orthogonal_,
                 init.dirac_, lambda w: init.sparse_(w, 0.5)):
        with pytest.raises(ValueError):
            fill(vector)
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.calculate_gain("sine")
    with pytest.warns(FutureWarning, match="xavier_uniform_"):
        init.xavier_uniform(torch.empty(2, 2))


def test_generators():
    a = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(3))
    b = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(3))
    assert a.tolist() == b.tolist()


def with_gradients(*gradients):
    parameters = [nn.Parameter(torch.zeros(len(g))) for g in gradients]
    for parameter, g in zip(parameters, gradients):
        parameter.grad = torch.tensor(g)
    return parameters


def test_clip_grad_norm():
    parameters = [*with_gradients([3.0], [4.0]), nn.Parameter(torch.zeros(1))]
    assert nn.utils.clip_grad_norm_(iter(parameters), 1.0).item() == 5.0
    assert torch.allclose(torch.cat([p.grad for p in parameters[:2]]), torch.tensor([0.6, 0.8]))
    assert nn.utils.clip_grad_norm_(parameters, 9.0, norm_type=math.inf).item() <= 0.8 + 1e-6
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0.0
    bad = with_gradients([math.inf])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(bad, 1.0, error_if_nonfinite=True)
    assert bad[0].grad.tolist() == [math.inf]


def test_clip_grad_value():
    (parameter,) = with_gradients([-3.0, 0.5])
    nn.utils.clip_grad_value_(parameter, 1.0)
    assert parameter.grad.tolist() == [-1.0, 0.5]


def test_parameters_as_a_vector():
    layer = nn.Linear(2, 1)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.requires_grad
    nn.utils.vector_to_parameters(torch.arange(3.0), layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0]] and layer.bias.tolist() == [2.0]
    with pytest.raises(TypeError, match="expected torch.Tensor"):
        nn.utils.vector_to_parameters([1.0], layer.parameters())


def test_data_parallel_wraps():
    model = nn.DataParallel(nn.Linear(2, 1))
    assert model(torch.ones(3, 2)).shape == (3, 1)
    assert model.module.weight is next(model.parameters())


def test_clipping_writes_to_the_gradients_only_when_they_are_too_long(device):
    parameters = [torch.nn.Parameter(torch.zeros(3, 4, dtype=d)) for d in (torch.float32,
                                                                         torch.float64)]
    for parameter in parameters:
        parameter.grad = torch.ones(4, 3, dtype=parameter.dtype).T
    memory = [parameter.grad.data_ptr() for parameter in parameters]
    versions = [parameter.grad._version for parameter in parameters]
    nn.utils.clip_grad_norm_(parameters, 100.0)
    if device.type == "cpu":  # elsewhere asking for the norm would mean waiting for it
        assert [p.grad._version for p in parameters] == versions
    assert nn.utils.clip_grad_norm_(parameters, 1.0).item() == pytest.approx(24**0.5)
    for parameter, place, version in zip(parameters, memory, versions):
        assert torch.allclose(parameter.grad, torch.full_like(parameter, 24**-0.5))
        assert parameter.grad.data_ptr() == place and parameter.grad._version > version
