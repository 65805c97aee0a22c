"""Generators and seeds: where random numbers come from, and how to repeat them.

Every device draws from the same host stream, so one seed gives the same numbers everywhere, and
the numbers are PyTorch's.
"""

import contextlib
import operator

import numpy as np

from .. import backends
from ..backends.random import DEFAULT_SEED, Stream
from . import devices, dtypes
from .tensor import Tensor

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed",
           "manual_seed", "seed", "set_rng_state", "stream_of"]


class Generator:
    """A stream of random numbers of its own, independent of the global one.

    Args:
        device: whose tensors it may fill. A CPU generator serves every device.
    Raises:
        RuntimeError: for a device that cannot be used here.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html

    >>> import ember
    >>> g = ember.Generator().manual_seed(2147483647)
    >>> ember.randint(0, 10, (4,), generator=g)
    tensor([1, 4, 9, 2])
    """

    __slots__ = ("device", "_made", "_first_seed")

    def __init__(self, device="cpu"):
        self.device = devices.device("cpu" if device is None else device)
        devices.backend_for(self.device)
        self._made = None
        self._first_seed = DEFAULT_SEED

    @property
    def stream(self):
        """The raw stream, made on first use: `import ember` shall not load numpy.random."""
        if self._made is None:
            self._made = Stream(self._first_seed)
        return self._made

    def manual_seed(self, seed):
        """Start the stream again from a seed; return the generator.

        Args:
            seed: an integer from -2^63 to 2^64 - 1; negative ones count back from 2^64.
        Raises:
            RuntimeError: when it is no integer.
            ValueError: when it is out of range.
        """
        if isinstance(seed, (bool, Tensor)) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        seed = operator.index(seed)
        if not -(1 << 63) <= seed < 1 << 64:
            raise ValueError(f"Overflow when unpacking long long: the seed {seed} is not between "
                             "-2^63 and 2^64 - 1")
        self.stream.reseed(seed % (1 << 64))
        return self

    def seed(self):
        """Start the stream again from a seed that the operating system draws; return the seed."""
        return self.stream.reseed()

    def initial_seed(self):
        """Return the seed the stream was last started from."""
        return self.stream.seed

    def get_state(self):
        """Return the state as a uint8 tensor, in the layout of `torch.get_rng_state()`."""
        return Tensor._wrap(self.stream.state())

    def set_state(self, new_state):
        """Continue from a state that `get_state` returned, in ember or in PyTorch.

        Raises:
            TypeError: when it is no uint8 tensor on the CPU.
            RuntimeError: when it holds no such state; the generator is unchanged then.
        """
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if new_state.dtype is not dtypes.uint8 or new_state._xp is not backends.cpu:
            raise TypeError(
                f"RNG state must be a torch.ByteTensor on the CPU, not {new_state.dtype} on "
                f"{new_state.device}")
        self.stream.restore(new_state._buffer())
        return self

    def clone_state(self):
        """Return a new generator that continues from the same state."""
        return Generator(self.device).set_state(self.get_state())

    def __repr__(self):
        return f"<ember.Generator on {self.device}, initial seed {self.initial_seed()}>"

    def __reduce__(self):
        return _rebuild, (str(self.device), self.stream.state().tobytes())


def _rebuild(device, state):
    generator = Generator(device)
    generator.stream.restore(np.frombuffer(state, np.uint8))
    return generator


default_generator = Generator()
default_generator._first_seed = None  # the operating system's choice


def stream_of(generator, xp):
    """Return the raw stream of a `generator=` argument, for a tensor on a backend.

    Raises:
        TypeError: when it is neither None nor a Generator.
        RuntimeError: when the generator belongs to another device.
    """
    if generator is None:
        return default_generator.stream
    if not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator or None, not "
                        f"{type(generator).__name__}")
    if generator.device.type not in ("cpu", xp.device_type):
        raise RuntimeError(
            f"Expected a '{xp.device_type}' device type for generator but found "
            f"'{generator.device.type}'; make it with torch.Generator('{xp.device_type}')")
    return generator.stream


def manual_seed(seed):
    """Seed the random numbers of all devices; return the global generator.

    Args:
        seed: an integer from -2^63 to 2^64 - 1, or what `int()` makes one of.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.manual_seed.html

    >>> import ember
    >>> _ = ember.manual_seed(1337)
    >>> ember.rand(3)
    tensor([0.0783, 0.4956, 0.6231])
    """
    return default_generator.manual_seed(int(seed))


def seed():
    """Seed the random numbers of all devices from the operating system; return the seed."""
    return default_generator.seed()


def initial_seed():
    """Return the seed of the global generator."""
    return default_generator.initial_seed()


def get_rng_state():
    """Return the state of the global generator as a uint8 tensor.

    >>> import ember
    >>> state = ember.get_rng_state()
    >>> first = ember.rand(2)
    >>> ember.set_rng_state(state)
    >>> bool((ember.rand(2) == first).all())
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state):
    """Set the state of the global generator. Raises as `Generator.set_state`."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, device_type=None):
    """Leave the global generator afterwards as it was before.

    Args:
        devices, device_type: accepted as in PyTorch; one generator serves all devices.
        enabled: False makes it a no-operation.
    Source: https://docs.pytorch.org/docs/stable/random.html#torch.random.fork_rng

    >>> import ember
    >>> _ = ember.manual_seed(0)
    >>> with ember.random.fork_rng():
    ...     _ = ember.rand(100)
    >>> ember.rand(1)
    tensor([0.4963])
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
