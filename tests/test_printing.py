"""The text of a tensor: PyTorch's, from its documentation and from sessions with it."""

import numpy as np
import pytest

from ember.autograd.printing import (
    get_printoptions,
    printoptions,
    set_printoptions,
    tensor_str,
)

pytestmark = pytest.mark.host_only


@pytest.mark.parametrize(
    ("array", "dtype", "text"),
    [
        (np.float32(2), "float32", "tensor(2.)"),
        (np.array([1.0, -2.5], "f4"), "float32", "tensor([ 1.0000, -2.5000])"),
        (np.array([1.0, 2.0], "f8"), "float64", "tensor([1., 2.], dtype=torch.float64)"),
        (np.array([1e-5, 1.0], "f4"), "float32", "tensor([1.0000e-05, 1.0000e+00])"),
        (np.array([1.0, np.nan, -np.inf], "f4"), "float32", "tensor([1., nan, -inf])"),
        (np.array([0.5, np.inf], "f4"), "float32", "tensor([0.5000,    inf])"),
        (np.array([True, False]), "bool", "tensor([ True, False])"),
        (np.array([1, -20]), "int64", "tensor([  1, -20])"),
        (np.array([1, 2], "i4"), "int32", "tensor([1, 2], dtype=torch.int32)"),
        (np.array([1 + 2j, -0.5j], "c8"), "complex64", "tensor([1.+2.0000j, -0.-0.5000j])"),
        (np.zeros((0,), "f4"), "float32", "tensor([])"),
        (np.zeros((2, 0), "i8"), "int64", "tensor([], size=(2, 0), dtype=torch.int64)"),
        (np.zeros((2, 1), "f4"), "float32", "tensor([[0.],\n        [0.]])"),
    ],
)
def test_text(array, dtype, text):
    assert tensor_str(array, dtype_name=dtype) == text


def test_three_dimensions_are_set_apart():
    text = tensor_str(np.zeros((2, 1, 2), "f4"))
    assert text == "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"


def test_suffixes():
    one = np.float32(1)
    assert tensor_str(one, grad_fn_name="MulBackward0") == "tensor(1., grad_fn=<MulBackward0>)"
    assert tensor_str(one, requires_grad=True) == "tensor(1., requires_grad=True)"
    assert tensor_str(one, device_name="cuda:0") == "tensor(1., device='cuda:0')"
    parameter = tensor_str(one, requires_grad=True, is_parameter=True)
    assert parameter == "Parameter containing:\ntensor(1., requires_grad=True)"
    assert tensor_str(one, default_dtype_name="float64") == "tensor(1., dtype=torch.float32)"
    meta = tensor_str(np.zeros((2, 3)), device_name="meta")
    assert meta == "tensor(..., device='meta', size=(2, 3))"


def test_a_suffix_that_does_not_fit_goes_on_its_own_line():
    text = tensor_str(np.full((9,), 0.123, "f8"), dtype_name="float64", requires_grad=True)
    assert text.splitlines()[-1] == "       dtype=torch.float64, requires_grad=True)"


def test_more_than_a_thousand_elements_are_summarised():
    assert tensor_str(np.arange(1001), dtype_name="int64") == (
        "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    )
    lines = tensor_str(np.zeros((40, 40), "f4")).splitlines()
    assert lines[0] == "tensor([[0., 0., 0.,  ..., 0., 0., 0.],"
    assert lines[3] == "        ...,"
    assert len(lines) == 7


def test_summary_does_not_touch_what_it_leaves_out():
    """Of a million numbers, the width comes from those that are shown."""
    array = np.zeros(1_000_000)
    array[500] = 1e20
    assert tensor_str(array, dtype_name="float64") == (
        "tensor([0., 0., 0.,  ..., 0., 0., 0.], dtype=torch.float64)"
    )


def test_options_change_and_return():
    before = get_printoptions()
    with printoptions(precision=1, sci_mode=False):
        assert tensor_str(np.array([1e-5, 2.25], "f4")) == "tensor([0.0, 2.2])"
    assert get_printoptions() == before
    set_printoptions(profile="short")
    assert get_printoptions()["precision"] == 2
    set_printoptions(profile="default")
    assert get_printoptions() == before


def test_unknown_profile_names_the_known_ones():
    with pytest.raises(ValueError, match="'default', 'short', 'full'"):
        set_printoptions(profile="long")


def test_options_return_after_an_error():
    before = get_printoptions()
    with pytest.raises(ValueError), printoptions(precision=9, profile="long"):
        pass
    assert get_printoptions() == before
