"""repr and str of tensors."""

import numpy as np

from . import dtypes, printing
from .tensor import tensor_method


@tensor_method
def __repr__(self, *, tensor_contents=None):
    node = self.grad_fn
    device = None if self._xp.device_type == "cpu" else str(self.device)
    return printing.tensor_str(
        np.asarray(self._xp.to_host(self._array)), dtype_name=self.dtype.name,
        device_name=device, grad_fn_name=None if node is None else node.name(),
        requires_grad=self._node is not None,
        default_dtype_name=dtypes.get_default_dtype().name)
