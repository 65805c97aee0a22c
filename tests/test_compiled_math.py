"""The scalar functions of compiled kernels, against NumPy in float64."""

import math

import numpy as np
import pytest

numba = pytest.importorskip("numba")
pytest.importorskip("scipy")
pytest.importorskip("threadpoolctl")

from ember.backends.compiled import jit  # noqa: E402
from ember.backends.compiled import math as scalar  # noqa: E402


@jit.serial
def _all(x, out):
    for i in range(x.size):
        out[0, i] = scalar.exp(x[i])
        out[1, i] = scalar.expm1(x[i])
        out[2, i] = scalar.log(x[i])
        out[3, i] = scalar.log1p(x[i])
        out[4, i] = scalar.tanh(x[i])
        out[5, i] = scalar.erf(x[i])
        out[6, i] = scalar.sigmoid(x[i])


_NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf", "sigmoid")
_UNITS = dict(zip(_NAMES, (2, 2, 2, 2, 3, 2, 3), strict=True))


def _computed(x):
    out = np.empty((len(_NAMES), x.size), x.dtype)
    _all(x, out)
    return dict(zip(_NAMES, out, strict=True))


def _exact(name, x):
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        if name == "erf":
            return np.array([math.erf(v) for v in x])
        return 1 / (1 + np.exp(-x)) if name == "sigmoid" else getattr(np, name)(x)


def _samples():
    """Return dense numbers of ordinary size and all magnitudes, of both signs."""
    wide = np.concatenate([np.geomspace(1e-45, 1, 8000), np.geomspace(1, 3e38, 4000)])
    return np.concatenate([np.linspace(-110, 95, 8001), np.linspace(-5, 5, 20001), wide,
                           -wide]).astype(np.float32)


@pytest.mark.parametrize("name", _NAMES)
def test_float32_is_right_to_a_few_units_in_the_last_place(name):
    x = _samples()
    if name == "sigmoid":
        x = x[x > -87]  # exp(-x) overflows below, as PyTorch's does
    got, exact = _computed(x)[name], _exact(name, x)
    with np.errstate(over="ignore"):
        nearest = exact.astype(np.float32)
    finite = np.isfinite(nearest)
    np.testing.assert_array_equal(got[~finite], nearest[~finite])
    units = np.abs(got[finite] - exact[finite]) / np.spacing(np.abs(nearest[finite]))
    assert units.max() <= _UNITS[name]


@pytest.mark.parametrize("name", _NAMES)
def test_extremes(name):
    x = np.array([0, -0.0, 1e-45, -1e-45, np.inf, -np.inf, np.nan, 3e38, -3e38], np.float32)
    with np.errstate(over="ignore"):
        expected = _exact(name, x).astype(np.float32)
    np.testing.assert_array_equal(_computed(x)[name], expected)


def test_float64_is_the_c_library():
    x = np.concatenate([np.linspace(-3, 3, 101), [np.inf, -np.inf, np.nan, 0]])
    for name, got in _computed(x).items():
        np.testing.assert_allclose(got, _exact(name, x), rtol=4e-15, err_msg=name)


def test_loops_become_vector_instructions():
    @jit.inline
    def loop(x, out):
        for i in range(x.size):
            out[i] = scalar.log(scalar.exp(x[i])) + scalar.tanh(scalar.erf(x[i]))

    # Compiled and not called: what is made for kernels to call cannot be called from Python.
    loop.compile("void(float32[::1], float32[::1])")
    (code,) = loop.inspect_llvm().values()
    assert "x float>" in code
    assert not any(f"call float @{name}f(" in code for name in _NAMES)
