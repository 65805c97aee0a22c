"""The table of a model's layers is torchinfo's, to the letter."""

import re

import pytest
import torch

import ember

torchinfo = pytest.importorskip("torchinfo")

ALL = ["input_size", "output_size", "num_params", "params_percent", "kernel_size", "mult_adds",
       "trainable"]


def mlp(t):
    return t.nn.Sequential(t.nn.Linear(8, 16), t.nn.ReLU(), t.nn.Dropout(0.5), t.nn.Linear(16, 2))


def nested(t):
    nn = t.nn

    class Block(nn.Module):
        def __init__(self, size, depth):
            super().__init__()
            self.scale = nn.Parameter(t.zeros(size))
            self.conv = nn.Sequential(nn.Conv2d(size, size, 3, padding=1), nn.BatchNorm2d(size))
            self.inner = Block(size, depth - 1) if depth else nn.Identity()

        def forward(self, x):
            return x + self.inner(self.conv(x)) * self.scale[:, None, None]

    model = nn.Sequential(nn.Conv2d(3, 64, 7, stride=2), Block(64, 3), nn.MaxPool2d(2),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10))
    for parameter in model[1].conv.parameters():
        parameter.requires_grad_(False)
    model[0].bias.requires_grad_(False)
    return model


def shared(t):
    nn = t.nn

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.again = self.first
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU())
                                        for _ in range(2))
            self.named = nn.ModuleDict({"a": nn.Linear(4, 4), "unused": nn.Linear(4, 9)})
            self.numbers = nn.ParameterList([nn.Parameter(t.zeros(3))])
            self.own = nn.Parameter(t.zeros(2, 2))
            self.act = nn.ReLU()

        def forward(self, x):
            x = self.act(self.again(self.first(x)))
            for block in self.blocks:
                x = self.act(block(x))
            return {"b": x, "a": self.named["a"](x)}

    return Shared()


def recurrent(t):
    nn = t.nn

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(50, 6)
            self.lstm = nn.LSTM(6, 5, 2, bidirectional=True, batch_first=True)
            self.gru = nn.GRU(10, 4, batch_first=True)
            self.out = nn.Linear(4, 3)

        def forward(self, words):
            x, _ = self.lstm(self.embed(words))
            return self.out(self.gru(x)[0])

    return Tagger()


def two_inputs(t):
    nn = t.nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.join = nn.Bilinear(3, 5, 2)

        def forward(self, x, y, scale=1.0):
            return self.join(x, y) * scale, x

    return Two()


def transformer(t):
    layer = t.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return t.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def pruned(t):
    from importlib import import_module

    model = mlp(t)
    import_module(t.__name__ + ".nn.utils.prune").l1_unstructured(model[0], "weight", 0.25)
    return model


CASES = [
    (mlp, {"input_size": (4, 8)}),
    (mlp, {}),
    (mlp, {"input_size": (8,), "batch_dim": 0, "col_width": 12, "row_settings": ["var_names"]}),
    (mlp, {"input_size": [(4, 8)], "verbose": 2, "col_names": ALL}),
    (pruned, {"input_size": (4, 8), "col_names": ALL, "verbose": 2}),
    (nested, {"input_size": (2, 3, 64, 64), "col_names": ALL, "depth": 5}),
    (nested, {"input_size": (2, 3, 224, 224), "depth": 2}),
    (nested, {"input_size": (2, 3, 32, 32), "mode": "train",
              "row_settings": ["depth", "var_names", "ascii_only"]}),
    (shared, {"input_size": (2, 4), "col_names": ALL}),
    (shared, {"input_size": (2, 4), "row_settings": ["depth", "hide_recursive_layers"]}),
    (shared, {"input_size": (2, 4), "depth": 1, "col_names": ALL}),
    (shared, {}),
    (recurrent, {"input_size": (2, 7), "dtypes": "int64", "col_names": ALL, "verbose": 2}),
    (two_inputs, {"input_size": [(2, 3), (2, 5)], "scale": 2.0, "col_names": ALL}),
    (two_inputs, {"input_data": {"y": (2, 5), "x": (2, 3)}}),
    (two_inputs, {"input_data": [(2, 3), (2, 5)]}),
    (transformer, {"input_size": (2, 3, 16), "depth": 4, "mode": "train"}),
]


def table(t, summary, build, options):
    options = dict(options, verbose=options.get("verbose", 0))
    if "dtypes" in options:
        options["dtypes"] = [getattr(t, options["dtypes"])]
    if "input_data" in options:
        data = options["input_data"]
        options["input_data"] = (
            {name: t.ones(*shape) for name, shape in data.items()} if isinstance(data, dict)
            else [t.ones(*shape) for shape in data])
    # Since Python 3.12 torchinfo writes the unit as "Units.MEGABYTES"; it means the letter.
    return re.sub(r"Units\.(.)[A-Z]*", r"\1", str(summary(build(t), **options)))


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize(("build", "options"), CASES,
                         ids=[f"{build.__name__}{i}" for i, (build, _) in enumerate(CASES)])
def test_as_torchinfo(build, options, capsys):
    theirs = table(torch, torchinfo.summary, build, options)
    printed = capsys.readouterr().out
    ours = table(ember, ember.utils.summary, build, options)
    assert ours == theirs
    assert bool(printed) == bool(capsys.readouterr().out) == (options.get("verbose") == 2)
