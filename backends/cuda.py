"""The flags of `torch.backends.cuda`, which the CUDA backend reads.

Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-cuda
"""

import importlib.util


class _MatmulFlags:
    """How products of matrices are computed on the GPU.

    Attributes:
        allow_tf32: float32 products may use TF32 units (10 bits of mantissa).
        allow_fp16_reduced_precision_reduction: float16 products may add up in float16.
        allow_bf16_reduced_precision_reduction: the same for bfloat16.
    """

    __slots__ = ("allow_tf32", "allow_fp16_reduced_precision_reduction",
                 "allow_bf16_reduced_precision_reduction")

    def __init__(self):
        self.allow_tf32 = False
        self.allow_fp16_reduced_precision_reduction = True
        self.allow_bf16_reduced_precision_reduction = True


matmul = _MatmulFlags()


def is_built():
    """Return whether CuPy is installed, with or without a GPU to use it on."""
    return importlib.util.find_spec("cupy") is not None
