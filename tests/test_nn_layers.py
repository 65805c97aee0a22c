"""What layers do beyond their formula: state, errors, laziness, defaults."""

import pytest

import ember as torch
from ember import nn

F = nn.functional


# -- errors name the layer, the shapes and the remedy --------------------------------------------


BAD_CALLS = [
    (nn.Linear(784, 10), torch.ones(32, 100), RuntimeError, r"32x100 and 784x10.*in_features=100"),
    (nn.Conv2d(3, 8, 3), torch.ones(1, 1, 9, 9), RuntimeError, "to have 3 channels, but got 1"),
    (nn.Conv2d(1, 8, 5), torch.ones(1, 1, 3, 3), RuntimeError, "Kernel size can't be greater"),
    (nn.Conv2d(1, 8, 3), torch.ones(9, 9), RuntimeError, "Expected 3D .* or 4D"),
    (nn.Conv1d(1, 1, 1).double(), torch.ones(1, 1, 1), RuntimeError, "should be the same"),
    (nn.BatchNorm2d(3), torch.ones(2, 3), ValueError, "expected 4D input"),
    (nn.BatchNorm1d(3), torch.ones(1, 3), ValueError, "more than 1 value per channel"),
    (nn.BatchNorm1d(3), torch.ones(4, 2), RuntimeError, "should contain 2 elements not 3"),
    (nn.LayerNorm(4), torch.ones(2, 3), RuntimeError, r"normalized_shape=\[4\], expected input"),
    (nn.GroupNorm(2, 4), torch.ones(2, 3), RuntimeError, "divisible by num_groups"),
    (nn.InstanceNorm2d(3), torch.ones(2, 3, 1, 1), ValueError, "more than 1 spatial element"),
    (nn.Embedding(5, 2), torch.tensor([1, 5]), IndexError, "index out of range in self"),
    (nn.Embedding(5, 2), torch.tensor([-1]), IndexError, "index out of range in self"),
    (nn.Embedding(5, 2), torch.ones(2), RuntimeError, "Long, Int"),
    (nn.MaxPool2d(2, padding=2), torch.ones(1, 4, 4), RuntimeError, "half of the effective"),
    (nn.MaxPool2d(5), torch.ones(1, 4, 4), RuntimeError, "Output size is too small"),
    (nn.LSTM(3, 4), torch.ones(5, 2, 2), RuntimeError, "Expected 3, got 2"),
    (nn.GRU(3, 4), torch.ones(5), ValueError, "2D or 3D, got 1D"),
    (nn.LSTMCell(3, 4), torch.ones(2, 2), RuntimeError, "inconsistent input_size: got 2"),
    (nn.PixelShuffle(2), torch.ones(1, 3, 2, 2), RuntimeError, "divisible by the square"),
    (nn.ReflectionPad1d(3), torch.ones(1, 1, 3), RuntimeError, "less than the corresponding"),
    (nn.PReLU(3), torch.ones(1, 2), RuntimeError, "parameter numbers = 3 and channel size = 2"),
    (nn.GLU(), torch.ones(3), RuntimeError, "Halving dimension must be even"),
]


@pytest.mark.parametrize("layer, x, error, message", BAD_CALLS,
                         ids=[f"{c[0]._get_name()}-{i}" for i, c in enumerate(BAD_CALLS)])
@pytest.mark.host_only
def test_bad_input(layer, x, error, message):
    with pytest.raises(error, match=message):
        layer(x)


BAD_OPTIONS = [
    (lambda: nn.Conv2d(3, 4, 1, groups=2), "in_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 1, groups=2), "out_channels must be divisible"),
    (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), "not supported for strided"),
    (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), "padding_mode must be one of"),
    (lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"), 'Only "zeros"'),
    (lambda: nn.Dropout(1.5), "between 0 and 1"),
    (lambda: nn.GroupNorm(2, 3), "must be divisible by num_groups"),
    (lambda: nn.LSTM(1, 0), "hidden_size must be greater than zero"),
    (lambda: nn.GRU(1, 2, proj_size=1), "only supported for LSTM"),
    (lambda: nn.RNN(1, 2, nonlinearity="sin"), "Unknown nonlinearity 'sin'"),
    (lambda: nn.Hardtanh(1, 1), "must be greater than min_val"),
    (lambda: nn.MultiMarginLoss(p=3), "p == 1 and p == 2"),
    (lambda: nn.FractionalMaxPool2d(2), "output size, or a pooling ratio"),
    (lambda: nn.TripletMarginLoss(margin=0), "margin to be greater than 0"),
    (lambda: nn.MultiheadAttention(0, 1), "must be greater than 0"),
]


@pytest.mark.parametrize("make, message", BAD_OPTIONS)
def test_bad_options(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -- batch normalization --------------------------------------------------------------------------


def test_batch_norm_statistics():
    layer = nn.BatchNorm1d(2, momentum=0.5)
    x = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    out = layer(x)
    assert out.mean(0).abs().max().item() < 1e-6
    assert layer.running_mean.tolist() == [1.0, 10.0]  # half way from 0 to the mean
    assert layer.running_var.tolist() == [1.5, 100.5]  # half way from 1 to the unbiased variance
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    assert torch.allclose(layer(x), (x - layer.running_mean) / (layer.running_var + 1e-5).sqrt())


def test_batch_norm_plain_average_and_no_tracking():
    layer = nn.BatchNorm1d(1, momentum=None, affine=False)
    for value in (1.0, 2.0, 6.0):
        layer(torch.tensor([[value], [value]]))
    assert abs(layer.running_mean.item() - 3.0) < 1e-6
    untracked = nn.BatchNorm1d(1, track_running_stats=False).eval()
    assert untracked.running_mean is None
    assert torch.allclose(untracked(torch.tensor([[1.0], [3.0]])).mean(), torch.tensor(0.0))


def test_old_batch_norm_files_lack_the_counter():
    state = nn.BatchNorm1d(2).state_dict()
    del state["num_batches_tracked"], state._metadata
    nn.BatchNorm1d(2).load_state_dict(state)


# -- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer, shape", [
    (nn.Dropout(0.5), (1000,)), (nn.Dropout1d(0.5), (40, 25, 3)),
    (nn.Dropout2d(0.5), (9, 50, 2, 2)), (nn.Dropout3d(0.5), (5, 99, 2, 1, 2)),
    (nn.AlphaDropout(0.5), (1000,)), (nn.FeatureAlphaDropout(0.5), (10, 50, 2))])
def test_dropout(layer, shape):
    x = torch.ones(shape, requires_grad=True)
    out = layer(x)
    kinds = out.detach().unique()
    assert kinds.numel() == 2
    kept = (out == out.max()).float()
    assert 0.35 < kept.mean().item() < 0.65
    if layer._get_name() in ("Dropout1d", "Dropout2d", "Dropout3d"):  # channels stand and fall
        channels = kept.flatten(2)
        assert bool((channels.amin(2) == channels.amax(2)).all())
    out.sum().backward()
    assert bool(((x.grad != 0) == (out == out.max())).all())
    assert layer.eval()(x) is x


# -- embedding ------------------------------------------------------------------------------------


def test_embedding_adds_up_repeated_rows_and_skips_padding():
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3 and layer.weight[3].tolist() == [0.0, 0.0]
    layer(torch.tensor([[0, 1, 1], [3, 1, 3]])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]


def test_embedding_options():
    table = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    limited = nn.Embedding.from_pretrained(table.clone(), max_norm=1.0)
    assert torch.allclose(limited(torch.tensor([0])), torch.tensor([[0.6, 0.8]]))
    shared = nn.Embedding(2, 1, scale_grad_by_freq=True)
    shared(torch.tensor([0, 0, 1])).sum().backward()
    assert shared.weight.grad.tolist() == [[1.0], [1.0]]


def test_embedding_bag():
    table = torch.tensor([[1.0], [2.0], [4.0]])
    rows, offsets = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 2])
    for mode, expected in (("sum", [[3.0], [8.0]]), ("mean", [[1.5], [4.0]]),
                           ("max", [[2.0], [4.0]])):
        bag = nn.EmbeddingBag.from_pretrained(table, mode=mode)
        assert bag(rows, offsets).tolist() == expected
        assert bag(rows.reshape(2, 2)).tolist() == expected


# -- lazy layers ----------------------------------------------------------------------------------


def test_lazy_layers_take_their_shape_from_the_first_input():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    assert repr(model[0].weight) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="uninitialized"):
        _ = model[0].weight.shape
    x = torch.ones(2, 3, 5, 5)
    model(x).sum().backward()
    kinds = [type(layer) for layer in model]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.Flatten, nn.Linear]
    assert model[3].in_features == 36 and model[0].weight.grad is not None
    assert not model[0]._hooks


@pytest.mark.parametrize("name", ["numel", "nelement", "tolist", "__len__"])
def test_a_lazy_parameter_has_no_elements_to_count(name):
    layer = nn.LazyLinear(2)
    with pytest.raises(ValueError, match="uninitialized.*dry run"):
        getattr(layer.weight, name)()
    layer(torch.ones(1, 3))
    assert getattr(layer.weight, name)()


def test_a_parameter_is_made_of_a_tensor():
    with pytest.raises(TypeError, match=r"Tensor, not list. Make one with torch.tensor"):
        nn.Parameter([1.0])


def test_an_unknown_padding_mode_lists_the_modes_in_one_order():
    with pytest.raises(ValueError, match="zeros, reflect, replicate, circular.*'reflct'"):
        nn.Conv2d(1, 1, 3, padding_mode="reflct")


def test_lazy_layers_load_saved_shapes():
    saved = nn.Linear(3, 2)
    layer = nn.LazyLinear(2)
    layer.load_state_dict(saved.state_dict())
    assert layer(torch.ones(1, 3)).tolist() == saved(torch.ones(1, 3)).tolist()


# -- defaults -------------------------------------------------------------------------------------


def test_same_seed_same_weights():
    def weights():
        torch.manual_seed(5)
        model = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(2, 3, 2), nn.Embedding(5, 2), nn.GRU(2, 3))
        return [p.tolist() for p in model.parameters()]

    assert weights() == weights()


def test_linear_starts_from_pytorchs_numbers():
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    expected = torch.tensor([[-0.00529398, 0.37932289], [-0.58198076, -0.52038747]])
    assert torch.allclose(layer.weight, expected, atol=1e-6)
    assert torch.allclose(layer.bias, torch.tensor([-0.27234524, 0.18961589]), atol=1e-6)


def test_pytorchs_module_paths_resolve():
    from ember.nn.modules.linear import Linear, NonDynamicallyQuantizableLinear

    assert Linear is nn.Linear and issubclass(NonDynamicallyQuantizableLinear, Linear)
    assert nn.modules.activation.MultiheadAttention is nn.MultiheadAttention
    assert nn.modules.module.Module is nn.Module and nn.parameter.Parameter is nn.Parameter
