"""Writing along one axis: the transposes of `take_along_axis`."""


class Along:
    """The part of a backend that puts values where `take_along_axis` reads them."""

    def put_along(self, values, index, shape, axis):
        """Return zeros of a shape with values at the places an index array names.

        Args:
            values, index: arrays of one shape; along the axis no place is named twice.
        """
        whole = self.zeros(shape, values.dtype)
        self.put_along_axis(whole, index, values, axis)
        return whole

    def add_along(self, values, index, shape, axis):
        """The same for places that may be named several times: their values add up."""
        grid = [self.arange(n).reshape((n,) + (1,) * (index.ndim - 1 - i))
                for i, n in enumerate(index.shape)]
        grid[axis] = index
        return self.scatter_add(self.zeros(shape, values.dtype), tuple(grid), values)
