"""Reading and writing parts of arrays, for every array module that indexes like NumPy."""


class Indexing:
    """The part of a backend that reads and writes at keys."""

    def zeros_with(self, part, shape, index):
        """Return zeros of a shape with `part` at a basic key."""
        whole = self.zeros(shape, part.dtype)
        whole[index] = part
        return whole

    def pick(self, array, index):
        """Return the elements at a key with index arrays or masks."""
        arrays = [n for n, item in enumerate(index) if type(item) is not slice]
        if len(arrays) == 1 and index[arrays[0]].dtype.kind == "i":
            return array.take(index[arrays[0]], axis=arrays[0])
        return array[index]

    def write_at(self, array, index, values, accumulate=False):
        """Write (or add) values at a key in place; return the array."""
        if accumulate and not _is_mask(index):
            return self.scatter_add(array, index, values)
        if accumulate:
            array[index] += values
        else:
            array[index] = values
        return array

    def zeros_plus(self, part, shape, index):
        """Return zeros of a shape with `part` added at a key; repeated places add up."""
        return self.write_at(self.zeros(shape, part.dtype), index, part, not _is_mask(index))

    def scatter_with(self, ufunc, array, index, values):
        """Combine values into `array[index]` in place by the ufunc of a name; places may repeat."""
        if ufunc == "add":
            return self.scatter_add(array, index, values)
        getattr(self, ufunc).at(array, index, values)
        return array

    def zeros_written(self, part, shape, index):
        """Return zeros of a shape with `part` written at a key; where places repeat, the last."""
        return self.write_at(self.zeros(shape, part.dtype), index, part)

    def read_written(self, array, index):
        """Return the elements at a key, zero where a later value went to the same place."""
        part = self.pick(array, index)
        if _is_mask(index):
            return part
        order = self.arange(part.size).reshape(part.shape)
        last = self.zeros(array.shape, order.dtype)
        last[index] = order
        return part * (last[index] == order)

    def cleared(self, array, index):
        """Return a copy with zeros at a key."""
        rest = array.copy()
        rest[index] = 0
        return rest

    def diagonal_view(self, array, offset, dim1, dim2):
        """Return a writable view of the diagonals of two dimensions; they become the last one."""
        rows, columns = array.shape[dim1], array.shape[dim2]
        length = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
        steps = [s // array.itemsize for s in array.strides]
        start = 0 if not length else offset * steps[dim2] if offset >= 0 else -offset * steps[dim1]
        rest = [d for d in range(array.ndim) if d not in (dim1 % array.ndim, dim2 % array.ndim)]
        return self.view(array, (*[array.shape[d] for d in rest], length),
                         (*[steps[d] for d in rest], steps[dim1] + steps[dim2]), start)

    def zeros_diagonal(self, part, shape, offset, dim1, dim2):
        """Return zeros of a shape with `part` on the diagonals of two dimensions."""
        whole = self.zeros(shape, part.dtype)
        self.diagonal_view(whole, offset, dim1, dim2)[...] = part
        return whole


def _is_mask(index):
    """Whether a key names no place twice: slices and masks only."""
    return all(type(item) is slice or item.dtype.kind == "b" for item in index)
