"""Recurrent layers: cells, packing, directions; and ragged sequences."""

import pytest

import ember as torch
from ember import nn
from ember.nn.utils import rnn as ragged


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_layer_is_its_cell_repeated(kind):
    layer = getattr(nn, kind)(3, 4)
    cell = getattr(nn, kind + "Cell")(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): tensor
                          for name, tensor in layer.state_dict().items()})
    x = torch.randn(5, 2, 3)
    out, final = layer(x)
    state = None
    for step, expected in zip(x, out):
        state = cell(step, state)
        assert torch.allclose(state[0] if kind == "LSTM" else state, expected, atol=1e-6)
    last = final[0] if kind == "LSTM" else final
    assert torch.allclose(last[0], out[-1])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_the_same_as_each_alone(kind, bidirectional):
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=bidirectional)
    sequences = [torch.randn(n, 3) for n in (2, 5, 3)]
    packed = ragged.pack_sequence(sequences, enforce_sorted=False)
    out, final = layer(packed)
    padded, lengths = ragged.pad_packed_sequence(out, batch_first=True)
    assert lengths.tolist() == [2, 5, 3]
    for i, sequence in enumerate(sequences):
        alone, state = layer(sequence)
        assert torch.allclose(padded[i, :len(sequence)], alone, atol=1e-6)
        for whole, single in zip(final if kind == "LSTM" else (final,),
                                 state if kind == "LSTM" else (state,)):
            assert torch.allclose(whole[:, i], single, atol=1e-6)


def test_layouts_and_shapes():
    layer = nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True, proj_size=2)
    out, (h, c) = layer(torch.randn(5, 7, 3))
    assert (out.shape, h.shape, c.shape) == ((5, 7, 4), (4, 5, 2), (4, 5, 4))
    assert layer(torch.randn(7, 3))[0].shape == (7, 4)
    assert [name for name, _ in layer.named_parameters()][:6] == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0",
        "weight_ih_l0_reverse"]
    assert len(layer.all_weights) == 4 and layer.flatten_parameters() is None


def test_wrong_states():
    layer = nn.GRU(3, 4)
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]"):
        layer(torch.ones(5, 2, 3), torch.ones(1, 3, 4))
    with pytest.raises(RuntimeError, match="should also be 3-D but got"):
        layer(torch.ones(5, 2, 3), torch.ones(2, 4))
    with pytest.raises(ValueError, match="does not match weight dtype"):
        layer(torch.ones(5, 2, 3).double())
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.GRU(3, 4, dropout=0.5)


def test_padding_and_packing():
    a, b = torch.tensor([1, 2, 3]), torch.tensor([4])
    assert ragged.pad_sequence([b, a]).tolist() == [[4, 1], [0, 2], [0, 3]]
    left = ragged.pad_sequence([a, b], True, padding_value=9, padding_side="left")
    assert left.tolist() == [[1, 2, 3], [9, 9, 4]]
    packed = ragged.pack_sequence([a, b])
    assert packed.data.tolist() == [1, 4, 2, 3] and packed.batch_sizes.tolist() == [2, 1, 1]
    assert [s.tolist() for s in ragged.unpack_sequence(packed)] == [[1, 2, 3], [4]]
    padded, _ = ragged.pad_packed_sequence(packed, total_length=4)
    assert padded.shape == (4, 2)
    with pytest.raises(RuntimeError, match="sorted in decreasing order"):
        ragged.pack_sequence([b, a])
    with pytest.raises(ValueError, match="total_length"):
        ragged.pad_packed_sequence(packed, total_length=2)


def test_transformer_masks():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    encoder = nn.TransformerEncoder(layer, 2)
    x = torch.randn(2, 4, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    changed = x.clone()
    changed[:, 3] = 0.0  # the future
    a, b = encoder(x, mask), encoder(changed, mask, is_causal=True)
    assert torch.allclose(a[:, :3], b[:, :3], atol=1e-6) and not torch.allclose(a[:, 3], b[:, 3])
    padding = torch.tensor([[False, False, False, True]] * 2)
    a, b = (encoder(t, src_key_padding_mask=padding) for t in (x, changed))
    assert torch.allclose(a[:, :3], b[:, :3], atol=1e-6)


def test_attention_weights():
    attention = nn.MultiheadAttention(6, 3, kdim=4, vdim=5, add_bias_kv=True, add_zero_attn=True)
    out, weights = attention(torch.randn(2, 3, 6), torch.randn(4, 3, 4), torch.randn(4, 3, 5))
    assert out.shape == (2, 3, 6) and weights.shape == (3, 2, 6)
    assert torch.allclose(weights.sum(-1), torch.ones(3, 2), atol=1e-6)
    query = torch.randn(2, 6)
    assert nn.MultiheadAttention(6, 2)(query, query, query, need_weights=False)[1] is None
