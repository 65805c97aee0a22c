"""Along one axis: running results, and the transposes of `take_along_axis`."""


class Along:
    """The part of a backend that works along one axis."""

    def running(self, combine, array, axis):
        """Return the elements up to each one combined, by doubling the reach log₂ n times.

        Args:
            combine: an associative function of two arrays.
        """
        array, reach = self.moveaxis(array, axis, -1), 1
        while reach < array.shape[-1]:
            further = combine(array[..., reach:], array[..., :-reach])
            array = self.concatenate([array[..., :reach], further], -1)
            reach *= 2
        return self.moveaxis(array, -1, axis)

    def joined(self, arrays, axis):
        """Return gradients of the parts of an array joined along an axis."""
        return self.concatenate(arrays, axis)

    def logcumsumexp(self, array, axis):
        """Return the logarithms of the sums of exponentials up to each element."""
        if array.dtype.kind != "c":
            return self.running(self.logaddexp, array, axis)
        rows = list(self.moveaxis(array, axis, 0))  # one by one: the order decides the branch
        for i in range(1, len(rows)):
            rows[i] = self.complex_logaddexp(rows[i], rows[i - 1])
        return self.moveaxis(self.stack(rows), 0, axis)

    def complex_logaddexp(self, a, b):
        """Return log(exp(a) + exp(b)) of complex numbers, without overflow."""
        larger = a.real >= b.real
        top, low = self.where(larger, a, b), self.where(larger, b, a)
        sum_ = top + self.log1p(self.exp(low - top))
        return self.where(self.isinf(top.real) & (top.real == low.real) & (top == low), top, sum_)

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
