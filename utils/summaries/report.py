"""The summary: its text and its totals."""

import math
import sys
from collections.abc import Mapping

import numpy as np

from ...autograd import dtypes as known_dtypes
from ...autograd.modes import no_grad
from ...autograd.random import rand
from ...autograd.tensor import Tensor
from .layers import add_containers, all_layers, called_layers

__all__ = ["ModelStatistics", "summary"]

_TITLES = {
    "kernel_size": "Kernel Shape", "input_size": "Input Shape", "output_size": "Output Shape",
    "num_params": "Param #", "params_percent": "Param %", "mult_adds": "Mult-Adds",
    "trainable": "Trainable",
}
_NEED_A_CALL = {"input_size", "output_size", "mult_adds"}
_ROW_SETTINGS = {"depth", "var_names", "ascii_only", "hide_recursive_layers"}


def summary(
    model, input_size=None, input_data=None, batch_dim=None, cache_forward_pass=None,
    col_names=None, col_width=25, depth=3, device=None, dtypes=None, mode=None,
    row_settings=None, verbose=None, **kwargs,
):
    """Print a table of a model's layers, and return it.

    Args:
        model: the module. It runs once, without gradients, if it is given an input.
        input_size: shape of its input with the batch, or a list of shapes.
        input_data: or the input: a tensor, a list of arguments, or a dict of them by name.
        batch_dim: where to insert a dimension of size 1 into each shape.
        cache_forward_pass: accepted; the model runs each time.
        col_names: of "input_size", "output_size", "num_params", "params_percent",
            "kernel_size", "mult_adds", "trainable".
        col_width: width of a column, in characters.
        depth: how many levels of modules to show.
        device: where the model is moved to and runs; where it is, if None.
        dtypes: of the inputs, for input_size; float32, if None.
        mode: "train" or "eval" (the default), for the run.
        row_settings: of "depth", "var_names", "ascii_only", "hide_recursive_layers".
        verbose: 0 prints nothing, 1 the table, 2 also each layer's parameters; 1, or 0 where
            Python is interactive, if None.
        kwargs: further arguments of the model.

    Returns:
        A `ModelStatistics`; its `str` is the table.

    Raises:
        RuntimeError: both kinds of input are given, or the model failed.
        ValueError: an unknown setting, or a column that needs an input without one.
        TypeError: input_size is no shape.

    Source: https://github.com/TylerYep/torchinfo

    >>> import ember
    >>> found = summary(ember.nn.Linear(2, 3), (1, 2), verbose=0)
    >>> found.total_params, found.total_mult_adds
    (9, 9)
    """
    has_input = input_size is not None or input_data is not None
    if col_names is None:
        col_names = ("output_size", "num_params") if has_input else ("num_params",)
    rows = {"depth"} if row_settings is None else {_text(setting) for setting in row_settings}
    columns = tuple(_text(name) for name in col_names)
    mode = "eval" if mode is None else _text(mode)
    if verbose is None:
        verbose = 0 if getattr(sys, "ps1", None) else 1
    _check(input_size, input_data, columns, rows, col_width, mode, verbose)
    if device is None and input_data is None:
        device = next((parameter.device for parameter in model.parameters()), None)
    if input_size is not None:
        sizes = _sizes(input_size)
        inputs = _random_inputs(sizes, batch_dim, dtypes, device)
    else:
        inputs = _moved(input_data, device)
        inputs = [inputs] if isinstance(inputs, (Tensor, np.ndarray)) else inputs
    if not has_input:
        layers = all_layers(model)
    else:
        layers = add_containers(called_layers(
            model, lambda: _run(model, inputs, _moved(kwargs, device), device, mode)))
    _number(layers)
    found = ModelStatistics(layers, has_input, _bytes(inputs), columns, col_width, depth, rows,
                            verbose)
    if verbose:
        print(found)
    return found


def _text(setting):
    return str(getattr(setting, "value", setting))


def _check(input_size, input_data, columns, rows, col_width, mode, verbose):
    if col_width <= 0:
        raise ValueError(f"Column width must be greater than 0: col_width={col_width}")
    if verbose not in (0, 1, 2):
        raise ValueError("Verbose must be either 0 (quiet), 1 (default), or 2 (verbose).")
    for what, given, known in (
        ("col_names", set(columns), set(_TITLES)), ("row_settings", rows, _ROW_SETTINGS),
        ("mode", {mode}, {"train", "eval"}),
    ):
        if given - known:
            raise ValueError(
                f"summary(): {what} has no {sorted(given - known)[0]!r}; choose from "
                + ", ".join(sorted(known)))
    if input_size is not None and input_data is not None:
        raise RuntimeError("Only one of (input_data, input_size) should be specified.")
    if input_size is None and input_data is None and _NEED_A_CALL & set(columns):
        raise ValueError(
            "You must pass input_data or input_size in order to use columns: "
            f"{sorted(_NEED_A_CALL & set(columns))}")


def _sizes(input_size):
    """Return a list of shapes."""
    if not isinstance(input_size, (list, tuple)):
        raise TypeError(
            "Input_size is not a recognized type. Please ensure input_size is valid: a shape, "
            "or for multiple inputs a list of shapes")
    shapes = input_size if input_size and not isinstance(input_size[0], int) else [input_size]
    if not input_size or any(n <= 0 for shape in shapes for n in shape):
        raise ValueError("Input_data is invalid, or negative size found in input_data.")
    return [tuple(shape) for shape in shapes]


def _random_inputs(sizes, batch_dim, dtypes, device):
    inputs = []
    for size, dtype in zip(sizes, dtypes or [known_dtypes.float32] * len(sizes)):
        x = rand(*size)
        inputs.append((x if batch_dim is None else x.unsqueeze(batch_dim)).to(device).to(dtype))
    return inputs


def _moved(data, device):
    """Return inputs of any structure with their tensors on a device."""
    if isinstance(data, Tensor):
        return data if device is None else data.to(device)
    if isinstance(data, Mapping):
        return {name: _moved(value, device) for name, value in data.items()}
    if type(data) in (list, tuple):
        return type(data)(_moved(value, device) for value in data)
    return data


def _bytes(data):
    """Return the bytes of the tensors in a structure."""
    if isinstance(data, Tensor):
        return data.numel() * data.element_size()
    if isinstance(data, np.ndarray):
        return data.nbytes
    if isinstance(data, Mapping):
        data = data.values()
    elif not isinstance(data, (list, tuple)):
        return 0
    return sum(map(_bytes, data))


def _run(model, inputs, kwargs, device, mode):
    before = model.training
    try:
        model.train(mode == "train")
        with no_grad():
            if device is not None:
                model.to(device)
            if isinstance(inputs, Mapping):
                model(**inputs, **kwargs)
            else:
                model(*inputs, **kwargs)
    finally:
        model.train(before)


def _number(layers):
    """Number the layers of each depth, and note what lies within each."""
    counts = {}
    for position, layer in enumerate(layers):
        layer.index = counts[layer.depth] = counts.get(layer.depth, 0) + 1
        inside = []
        for other in layers[position + 1 :]:
            if other.depth <= layer.depth:
                break
            inside.append(other)
        layer.inside = inside


class ModelStatistics:
    """The layers of a model and their totals; as text, the table.

    Attributes:
        summary_list: the layers.
        total_params, trainable_params: numbers of parameters.
        total_mult_adds: multiplications with additions of one run.
        total_input, total_output_bytes, total_param_bytes: memory, in bytes; what the layers
            return counts twice, for its gradient.
    """

    def __init__(self, layers, was_run, input_bytes, columns, col_width, depth, rows, verbose):
        self.summary_list = layers
        self.total_input = input_bytes
        self._was_run, self._columns, self._col_width = was_run, columns, col_width
        self._depth, self._rows, self._verbose = depth, rows, verbose
        leaves = [layer for layer in layers if layer.is_leaf]
        fresh = [layer for layer in leaves if not layer.repeated]
        holders = [layer for layer in layers if not layer.is_leaf and not layer.repeated]
        self.total_params, self.trainable_params = (
            sum(getattr(layer, what) for layer in fresh)
            + sum(max(layer.rest(what), 0) for layer in holders)
            for what in ("params", "trainable"))
        self.total_mult_adds = sum(layer.mult_adds for layer in leaves)
        self.total_output_bytes = sum(2 * layer.output_bytes for layer in leaves if layer.params)
        self.total_param_bytes = sum(layer.param_bytes for layer in fresh)
        longest = max(len(self._name(layer)) + 5 * layer.depth + 1 for layer in layers)
        self._name_width = 40 if longest < 40 else math.ceil(longest / 5) * 5

    def __repr__(self):
        width = len(self._columns) * self._col_width + self._name_width
        line = "=" * width
        marks = " (var_name)" * ("var_names" in self._rows) + ":depth-idx" * ("depth" in self._rows)
        text = [line, self._row(f"Layer (type{marks})", _TITLES), line]
        for layer in self.summary_list:
            hidden = layer.repeated and "hide_recursive_layers" in self._rows
            if layer.depth <= self._depth and not hidden:
                text += self._rows_of(layer)
        text += [
            line, f"Total params: {self.total_params:,}",
            f"Trainable params: {self.trainable_params:,}",
            f"Non-trainable params: {self.total_params - self.trainable_params:,}",
        ]
        if self._was_run:
            sizes = self.total_input, self.total_output_bytes, self.total_param_bytes
            text += [f"Total mult-adds ({_readable(self.total_mult_adds)}", line]
            text += [f"{name} size (MB): {size / 1e6:.2f}" for name, size in zip(
                ("Input", "Forward/backward pass", "Params"), sizes)]
            text.append(f"Estimated Total Size (MB): {sum(sizes) / 1e6:.2f}")
        return "\n".join([*text, line])

    def _name(self, layer):
        name = f"{layer.kind} ({layer.name})" if "var_names" in self._rows else layer.kind
        if "depth" in self._rows and layer.depth:
            name += f": {layer.depth}-{layer.index}"
        return name

    def _branch(self, depth):
        plain = "ascii_only" in self._rows
        if depth < 2:
            return "" if not depth else "+ " if plain else "├─"
        return ("|    " if plain else "│    ") * (depth - 1) + ("+ " if plain else "└─")

    def _row(self, name, cells):
        cells = [f"{cells.get(column, ''):<{self._col_width}}" for column in self._columns]
        return " ".join([f"{name:<{self._name_width}}", *cells]).rstrip()

    def _rows_of(self, layer):
        """Return the lines of a layer: itself, and its parameters where those are shown."""
        lines = [self._row(self._branch(layer.depth) + self._name(layer), self._cells(layer))]
        if self._verbose == 2:
            for name, (shape, number) in layer.own.items():
                mark = "└─" if name == list(layer.own)[-1] else "├─"
                cells = {"kernel_size": str(shape), "num_params": f"{mark}{number:,}"}
                lines.append(self._row(self._branch(layer.depth + 1) + name, cells))
        return lines

    def _cells(self, layer):
        whole = layer.is_leaf or layer.depth == self._depth
        return {
            "kernel_size": str(layer.kernel_size or "--"),
            "input_size": str(layer.input_size or "--"),
            "output_size": str(layer.output_size or "--"),
            "num_params": _count(layer, whole),
            "params_percent": self._percent(layer, whole),
            "mult_adds": _mult_adds(layer, whole),
            "trainable": _trainable(layer),
        }

    def _percent(self, layer, whole):
        number = layer.params if whole else layer.rest("params")
        if layer.repeated and self.total_params:
            return "(recursive)"
        return f"{number / self.total_params:>7.2%}" if number else "     --"


def _count(layer, whole):
    if not layer.params:
        return "--"
    if layer.repeated:
        return "(recursive)"
    if whole:
        return f"{layer.params:,}" if layer.trainable else f"({layer.params:,})"
    rest = layer.rest("params")
    return f"{rest:,}" if rest > 0 else "--"


def _mult_adds(layer, whole):
    if layer.is_leaf:
        number = layer.mult_adds
    else:
        number = sum(inner.mult_adds for inner in layer.inside if inner.is_leaf) if whole else 0
    return f"{number:,}" if number and layer.called else "--"


def _trainable(layer):
    if not layer.params:
        return "--"
    return {0: "False", layer.params: "True"}.get(layer.trainable, "Partial")


def _readable(number):
    unit, scale = next((u, s) for u, s in (("T", 1e12), ("G", 1e9), ("M", 1e6))
                       if number >= s or u == "M")
    value = number / scale
    return f"{unit}): {value:,.0f}" if value.is_integer() else f"{unit}): {value:,.2f}"
