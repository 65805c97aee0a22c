"""Names that PyTorch programs pass along: memory formats and layouts.

ember has one layout, strided, and lets NumPy choose the order of axes in memory; the formats
are accepted where PyTorch accepts them.
"""

__all__ = ["channels_last", "channels_last_3d", "contiguous_format", "layout", "memory_format",
           "preserve_format", "strided"]


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
    """How elements are stored; ember knows `ember.strided` only."""

    __slots__ = ()


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
