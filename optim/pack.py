"""Small parameters of one group, updated as one flat array."""

from ..autograd.writes import mark_written

# Copying in and out costs less than separate calls up to about this many elements.
LIMIT = 8192


def small(job, others):
    """Whether an update may be packed with those already chosen."""
    array = job[0]._array
    if array.size > LIMIT or array.dtype.kind != "f":
        return False
    if others:
        param, _, state, counters = others[0]
        alike = array.dtype == param._array.dtype and job[0]._xp is param._xp
        return alike and job[3] == counters and job[2].keys() == state.keys()
    return True


class Pack:
    """The flat arrays behind several updates ``(param, grad array, state, counters)``.

    The state tensors of the parameters become views of the pack's memory, so that only
    parameters and gradients are copied at each step.

    Args:
        jobs: the updates; parameters of one dtype and device.
        names: the state tensors that the rule takes.
    """

    def __init__(self, jobs, names):
        first, _, state, _ = jobs[0]
        self.xp = xp = first._xp
        self.params = [job[0] for job in jobs]
        ends = [0]
        for param in self.params:
            ends.append(ends[-1] + param._array.size)
        self.spans = [slice(*span) for span in zip(ends, ends[1:])]
        self.param = xp.empty(ends[-1], first._array.dtype)
        self.updated = [
            self.param[span].reshape(param._array.shape)
            for span, param in zip(self.spans, self.params)
        ]
        self.grad = xp.empty_like(self.param)
        self.names = set(state)
        self.state = []  # flat arrays, None for a name that is not in use
        self.views = []  # (job number, name, array that the state tensor must still have)
        for name in names:
            self.state.append(self._flatten(jobs, name) if name in state else None)

    def _flatten(self, jobs, name):
        tensors = [state[name] for _, _, state, _ in jobs]
        flat = self.xp.concatenate([t._buffer() for t in tensors], axis=None)
        for index, (tensor, span) in enumerate(zip(tensors, self.spans)):
            tensor._array = flat[span].reshape(tensor._array.shape)
            self.views.append((index, name, tensor._array))
        return flat

    def holds(self, jobs):
        """Whether the jobs are the pack's own and their state is still its memory."""
        if len(jobs) != len(self.params) or jobs[0][2].keys() != self.names:
            return False
        if jobs[0][0]._array.dtype != self.param.dtype or jobs[0][0]._xp is not self.xp:
            return False
        for job, param, updated in zip(jobs, self.params, self.updated):
            if job[0] is not param or param._array.shape != updated.shape:
                return False
        for index, name, array in self.views:
            tensor = jobs[index][2].get(name)
            if tensor is None or tensor._array is not array:
                return False
        return True

    def update(self, rule, jobs, options):
        """Apply the rule to all of them at once."""
        xp = self.xp
        arrays = [param._buffer() for param in self.params]
        xp.concatenate(arrays, axis=None, out=self.param)
        xp.concatenate([job[1] for job in jobs], axis=None, out=self.grad)
        rule(xp, self.param, self.grad, *self.state, *jobs[0][3], **options)
        for array, updated in zip(arrays, self.updated):
            array[...] = updated
            mark_written(array)
