"""Recurrent layers, attention, Transformer and lazy modules beside PyTorch (see stories.py)."""

import copy
import itertools
import warnings

import pytest

from .stories import attempt, compare

PROGRAMS = {}


def program(function):
    """Register a function of a library that yields what is to be compared."""
    PROGRAMS[function.__name__] = function
    return function


def trained(lib, layer, *out):
    """Return outputs with the gradients of the sum of their squares."""
    sum(o.square().sum() for o in out if o is not None).backward()
    return [*out, *(p.grad for p in layer.parameters())]


def recurrent(lib, kind, **options):
    nn = lib.nn
    for bidirectional, layers, batch_first, bias in itertools.product(
            (False, True), (1, 2), (False, True), (True, False)):
        layer = getattr(nn, kind)(3, 4, layers, bidirectional=bidirectional, bias=bias,
                                  batch_first=batch_first, **options)
        yield layer, list(layer.state_dict())
        out, state = layer(lib.randn(5, 2, 3))
        yield trained(lib, layer, out, *(state if isinstance(state, tuple) else (state,)))
        out, state = layer(lib.randn(5, 3))
        yield out, state
        x = nn.utils.rnn.pack_sequence([lib.randn(n, 3) for n in (4, 2, 1)])
        packed, state = layer(x)
        yield packed.data, packed.batch_sizes, state
        x = nn.utils.rnn.pack_sequence([lib.randn(n, 3) for n in (1, 4, 2)], enforce_sorted=False)
        packed, state = layer(x)
        yield list(nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)), state
        yield nn.utils.rnn.unpack_sequence(packed)


@program
def rnn(lib):
    yield from recurrent(lib, "RNN")
    yield from recurrent(lib, "RNN", nonlinearity="relu")


@program
def lstm(lib):
    yield from recurrent(lib, "LSTM")


@program
def lstm_projected(lib):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oneDNN's
        yield from recurrent(lib, "LSTM", proj_size=2)


@program
def gru(lib):
    yield from recurrent(lib, "GRU")


@program
def recurrent_dropout_and_states(lib):
    layer = lib.nn.LSTM(3, 4, 2, dropout=0.5)
    yield layer(lib.randn(5, 2, 3))[0]
    state = lib.randn(2, 2, 4), lib.randn(2, 2, 4)
    yield layer.eval()(lib.randn(5, 2, 3), state)
    yield lib.nn.GRU(3, 4)(lib.randn(5, 3), lib.randn(1, 4))
    yield layer.all_weights[1][0].shape == (16, 4), layer.flatten_parameters()


@program
def recurrent_refusals(lib):
    nn = lib.nn
    layer = nn.LSTM(3, 4)
    yield attempt(layer, lib.randn(5, 2, 4)), attempt(layer, lib.randn(5))
    yield attempt(layer, lib.randn(5, 2, 3), (lib.randn(1, 3, 4), lib.randn(1, 3, 4)))
    yield attempt(nn.GRU(3, 4), lib.randn(5, 2, 3), lib.randn(1, 4))
    yield attempt(nn.LSTM, 3, 4, proj_size=4), attempt(nn.GRU, 3, 4, proj_size=2)
    yield attempt(nn.RNN, 3, 4, nonlinearity="gelu"), attempt(nn.LSTM, 3, 0)
    yield type(attempt(nn.LSTM, 3, 4.5)).__name__, attempt(nn.LSTM, 3, 4, dropout=2)


@program
def packed_sequences(lib):
    R = lib.nn.utils.rnn
    padded = R.pad_sequence([lib.ones(2, 1), lib.ones(4, 1), lib.ones(1, 1)], padding_value=7.0)
    yield padded, R.pad_sequence([lib.ones(2), lib.ones(3)], batch_first=True, padding_side="left")
    yield R.unpad_sequence(padded.clone(), lib.tensor([2, 4, 1]))
    packed = R.pack_padded_sequence(padded, [2, 4, 1], enforce_sorted=False)
    yield packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices
    yield packed.to(lib.float64).data, packed.is_cuda, packed.double().data, packed.int().data
    yield R.pad_packed_sequence(packed, padding_value=-1.0, total_length=6)
    yield attempt(R.pack_padded_sequence, padded, [2, 4, 1])
    yield attempt(R.pack_padded_sequence, padded, [2, 4, 0], enforce_sorted=False)
    yield attempt(R.pad_packed_sequence, packed, total_length=2)
    data, sizes, order, back = packed
    yield len(packed), data, type(R.PackedSequence(data, sizes, order, back)).__name__
    yield R.invert_permutation(lib.tensor([2, 0, 1])), packed.is_pinned()


@program
def cells(lib):
    nn, x = lib.nn, lib.randn(2, 3)
    for cell in (nn.RNNCell(3, 4), nn.RNNCell(3, 4, nonlinearity="relu", bias=False),
                 nn.GRUCell(3, 4)):
        yield cell, cell(x), cell(x, lib.randn(2, 4)), cell(x[0])
        yield attempt(cell, lib.randn(1, 2, 3))
        yield type(attempt(cell, lib.randn(2, 2))).__name__
    cell = nn.LSTMCell(3, 4)
    yield cell, cell(x), cell(x[0], (lib.randn(4), lib.randn(4)))
    yield trained(lib, cell, *cell(x))


@program
def attention(lib):
    nn = lib.nn
    for options in ({}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True},
                    {"kdim": 6, "vdim": 5}, {"batch_first": True}, {"dropout": 0.5}):
        layer = nn.MultiheadAttention(4, 2, **options)
        yield layer, list(layer.state_dict()), layer.in_proj_weight
        query = lib.randn(3, 3, 4)
        key = lib.randn(3, 3, options.get("kdim", 4))
        value = lib.randn(3, 3, options.get("vdim", 4))
        out, weights = layer(query, key, value)
        yield trained(lib, layer, out, weights)
        for average in (True, False):
            yield layer.eval()(query, key, value, average_attn_weights=average)
        yield layer(query, key, value, need_weights=False)
        yield layer(query[:, 0], key[:, 0], value[:, 0])
        hidden = lib.tensor([[False, False, True], [False] * 3, [False, True, True]])
        yield layer(query, key, value, key_padding_mask=hidden)
        causal = nn.Transformer.generate_square_subsequent_mask(3)
        yield layer(query, key, value, attn_mask=causal)
        if "add" not in str(list(options)):  # PyTorch's hint hides the added key as well
            yield layer(query, key, value, attn_mask=causal, is_causal=True, need_weights=False)
        yield layer(query, key, value, attn_mask=lib.randn(6, 3, 3))
        yield layer(query, key, value, attn_mask=causal != 0, key_padding_mask=hidden[:1].expand(
            3, 3))
        yield attempt(layer, query, key, value, is_causal=True)
    yield attempt(nn.MultiheadAttention, 5, 2), attempt(nn.MultiheadAttention, 0, 1)


@program
def transformers(lib):
    nn = lib.nn
    source, target = lib.randn(2, 3, 4), lib.randn(2, 2, 4)
    for options in ({}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False},
                    {"activation": lib.nn.functional.elu}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = nn.Transformer(4, 2, 1, 2, 8, 0.0, batch_first=True, **options)
        yield str(net).replace("<function", "") if "activation" not in options else None
        causal = nn.Transformer.generate_square_subsequent_mask(2)
        yield trained(lib, net, net(source, target, tgt_mask=causal, tgt_is_causal=True))
        hidden = lib.tensor([[False, False, True], [False] * 3])
        yield net(source, target, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
        yield net(source[0], target[0]), net.eval()(source, target)
    yield attempt(net, source, lib.randn(2, 2, 5)), attempt(net, source, lib.randn(3, 2, 4))
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4), enable_nested_tensor=False)
    yield stack, stack(source), stack.eval()(source)
    yield stack(source, mask=nn.Transformer.generate_square_subsequent_mask(2), is_causal=True)
    yield attempt(nn.TransformerEncoderLayer, 4, 2, activation="swish")
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0), 1)
    yield decoder, decoder(target, source.transpose(0, 1)[:2])


@program
def lazy_modules(lib):
    nn = lib.nn
    inputs = {1: (2, 3, 5), 2: (2, 3, 5, 5), 3: (2, 3, 5, 5, 5)}
    made = [(nn.LazyLinear(4), (2, 3))]
    for n, shape in inputs.items():
        made += [(getattr(nn, f"LazyConv{n}d")(4, 2, stride=2), shape),
                 (getattr(nn, f"LazyConv{n}d")(4, 2, 1, 1, 1, 1, False), shape),
                 (getattr(nn, f"LazyConvTranspose{n}d")(4, kernel_size=2, bias=False), shape),
                 (getattr(nn, f"LazyBatchNorm{n}d")(momentum=None), shape),
                 (getattr(nn, f"LazyInstanceNorm{n}d")(affine=True), shape)]
    for layer, shape in made:
        yield layer, list(layer.state_dict()), layer.has_uninitialized_params()
        out = layer(lib.randn(shape))
        yield layer, out, type(layer).__name__, layer.state_dict()
        yield hasattr(layer, "has_uninitialized_params"), len(layer._forward_pre_hooks)
    lazy = nn.LazyLinear(2)
    twin = copy.deepcopy(lazy)
    yield twin(lib.ones(1, 3)), twin, lazy, copy.deepcopy(lazy)(lib.ones(1, 5))
    yield type(attempt(lambda: lazy.weight.shape)).__name__
    lazy.load_state_dict(nn.Linear(3, 2).state_dict())
    yield lazy, lazy.weight, lazy(lib.ones(1, 3)), lazy
    fixed = nn.Linear(3, 2)
    yield attempt(fixed.load_state_dict, nn.LazyLinear(2).state_dict()).__class__.__name__
    yield nn.LazyLinear(2).double()(lib.ones(1, 3).double())


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_story(name):
    compare(PROGRAMS[name])
