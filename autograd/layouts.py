"""Names that PyTorch programs pass along: memory formats and layouts.

Dense tensors are strided, and NumPy chooses the order of axes in memory; the formats are accepted
where PyTorch accepts them. Sparse tensors (`sparse.py`) are in coordinate form.
"""

__all__ = ["channels_last", "channels_last_3d", "contiguous_format", "jagged", "layout",
           "memory_format", "preserve_format", "sparse_coo", "strided"]


class _Named:
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return self.name


class memory_format(_Named):
    """The order of axes in memory, such as `ember.channels_last`."""

    __slots__ = ()


class layout(_Named):
    """How elements are stored; `ember.strided` or `ember.sparse_coo`."""

    __slots__ = ()


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
sparse_coo = layout("sparse_coo")
jagged = layout("jagged")
