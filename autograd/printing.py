"""The text of a tensor, as PyTorch prints it: host arrays and names in, a string out.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.set_printoptions.html
"""

import math
from contextlib import contextmanager

import numpy as np

_PROFILES: dict[str, dict] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options: dict = {**_PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
):
    """Choose how tensors are printed.

    Args:
        precision: digits after the point (4).
        threshold: number of elements above which the middle is left out (1000).
        edgeitems: elements kept at both ends of each axis when summarising (3).
        linewidth: characters per line (80).
        profile: ``"default"``, ``"short"`` or ``"full"``; the other arguments override it.
        sci_mode: True or False forces scientific notation on or off; None decides by value.

    Raises:
        ValueError: the profile is unknown.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.set_printoptions.html

    >>> set_printoptions(precision=2)
    >>> tensor_str(np.float32(1.12345))
    'tensor(1.12)'
    >>> set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: unknown profile {profile!r}; choose one of {[*_PROFILES]}"
            )
        _options.update(_PROFILES[profile])
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options.update((name, value) for name, value in given.items() if value is not None)
    _options["sci_mode"] = sci_mode


def get_printoptions():
    """Return the current print options as a dict that `set_printoptions` accepts.

    >>> get_printoptions()["edgeitems"]
    3
    """
    return dict(_options)


@contextmanager
def printoptions(**changes):
    """Change print options (those of `set_printoptions`) inside a ``with`` block.

    >>> with printoptions(sci_mode=True):
    ...     print(tensor_str(np.float32(1.5)))
    tensor(1.5000e+00)
    """
    before = get_printoptions()
    try:
        set_printoptions(**changes)
        yield
    finally:
        set_printoptions(**before)


def tensor_str(
    array,
    *,
    dtype_name="float32",
    default_dtype_name="float32",
    device_name=None,
    grad_fn_name=None,
    requires_grad=False,
    is_parameter=False,
    prefix="tensor",
):
    """Return PyTorch's text for a tensor.

    Args:
        array: NumPy array or scalar on the host, any shape; for the meta device anything
            that has a ``shape``.
        dtype_name: ``"float32"``, ``"int64"``, ... the tensor's dtype.
        default_dtype_name: the current default dtype, which is not spelled out.
        device_name: ``"cuda:0"``; None for the default device.
        grad_fn_name: ``"MulBackward0"``; None for a leaf.
        requires_grad: whether a leaf asks for a gradient.
        is_parameter: whether to announce a parameter.
        prefix: the word before the parenthesis.

    >>> tensor_str(np.array([1, 2]), dtype_name="int64")
    'tensor([1, 2])'
    >>> tensor_str(np.array(0.5), dtype_name="float64", grad_fn_name="MulBackward0")
    'tensor(0.5000, dtype=torch.float64, grad_fn=<MulBackward0>)'
    """
    head = prefix + "("
    body, suffixes = _body(array, len(head), dtype_name, default_dtype_name, device_name)
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    text = _append_suffixes(head + body, suffixes, len(head))
    return "Parameter containing:\n" + text if is_parameter else text


def _body(array, indent, dtype_name, default_dtype_name, device_name):
    """The bracketed elements, and the suffixes that device, shape and dtype call for."""
    suffixes = [] if device_name is None else [f"device='{device_name}'"]
    shape = tuple(array.shape)
    meta, empty = device_name == "meta", 0 in shape
    if meta or (empty and len(shape) != 1) or (not empty and _options["edgeitems"] == 0):
        suffixes.append(f"size={shape}")
    # Elements cannot show the dtype of an empty tensor, so only the default one is implied.
    implied = {default_dtype_name}
    if not (meta or empty):
        default_complex = "complex128" if default_dtype_name == "float64" else "complex64"
        implied |= {default_complex, "int64", "bool"}
    if dtype_name not in implied:
        suffixes.append(f"dtype=torch.{dtype_name}")
    if meta:
        return "...", suffixes
    return ("[]" if empty else _elements(np.asarray(array), indent, dtype_name)), suffixes


def _elements(array, indent, dtype_name):
    """The elements of a non-empty array, its middle left out where it is large."""
    edge = _options["edgeitems"]
    cut = [False] * array.ndim
    if array.size > _options["threshold"]:
        for axis, length in enumerate(array.shape):
            if length > 2 * edge:
                ends = [*range(edge), *range(length - edge, length)]
                array, cut[axis] = array.take(ends, axis), True
    if dtype_name.startswith("complex"):
        real, real_width = _number_format(array.real, True)
        imag, imag_width = _number_format(array.imag, True)

        def write(value):
            right = (imag(value.imag) + "j").lstrip()
            return real(value.real) + (right if right[0] in "+-" else "+" + right)

        width = real_width + imag_width + 1
    else:
        write, width = _number_format(array, dtype_name.startswith(("float", "bfloat")))
    return _brackets(array, cut, indent, write, width)


def _number_format(array, floating):
    """A function from number to text of at least the common width, and that width."""
    if not floating:
        values = array.reshape(-1).tolist()
        width = max((len(str(value)) for value in values), default=1)
        return lambda value: str(value).rjust(width), width

    finite = array.reshape(-1).astype(np.float64)
    finite = finite[np.isfinite(finite) & (finite != 0)]
    precision = _options["precision"]
    whole = bool((finite == np.ceil(finite)).all())
    if _scientific(np.abs(finite)):
        spec, point = f".{precision}e", ""
    elif whole:
        spec, point = ".0f", "."
    else:
        spec, point = f".{precision}f", ""
    width = max((len(format(value, spec) + point) for value in finite.tolist()), default=1)

    def write(value):
        return (format(value, spec) + (point if math.isfinite(value) else "")).rjust(width)

    return write, width


def _scientific(magnitudes):
    """Whether finite non-zero magnitudes need scientific notation to be told apart."""
    if magnitudes.size == 0:
        return False
    if _options["sci_mode"] is not None:
        return _options["sci_mode"]
    low, high = float(magnitudes.min()), float(magnitudes.max())
    return high > 1e8 or low < 1e-4 or high / low > 1000.0


def _brackets(array, cut, indent, write, width):
    """Nested brackets around the elements; depth is at most NumPy's 64 axes."""
    if array.ndim == 0:
        return write(array.item())
    edge = _options["edgeitems"]
    if array.ndim == 1:
        items = [write(value) for value in array.tolist()]
        if cut[0]:
            items.insert(edge, " ..." if edge else "...")
        per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
        rows = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        gap = "\n"
    else:
        rows = [_brackets(part, cut[1:], indent + 1, write, width) for part in array]
        if cut[0]:
            rows.insert(edge, "...")
        gap = "\n" * (array.ndim - 1)
    return "[" + ("," + gap + " " * (indent + 1)).join(rows) + "]"


def _append_suffixes(text, suffixes, indent):
    """The suffixes after the elements, each on a new line if the line would be too long."""
    pieces = [text]
    line = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if line + len(suffix) + 2 > _options["linewidth"]:
            pieces.append(",\n" + " " * indent + suffix)
            line = indent + len(suffix)
        else:
            pieces.append(", " + suffix)
            line += len(suffix) + 2
    return "".join(pieces) + ")"
