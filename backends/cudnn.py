"""The flags of `torch.backends.cudnn`, which the CUDA backend reads.

They live beside the backends because those read them and may import nothing above themselves.
Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-cudnn
"""

import contextlib
import sys

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available():
    """Return False: ember computes without cuDNN so far."""
    return False


def version():
    """Return cuDNN's version; None, as ember computes without cuDNN so far."""
    return None


@contextlib.contextmanager
def flags(**values):
    """Set flags inside a `with` block, and put them back after it.

    Args:
        values: enabled, benchmark, benchmark_limit, deterministic or allow_tf32.
    Raises:
        TypeError: for any other name.

    >>> import ember
    >>> with ember.backends.cudnn.flags(deterministic=True):
    ...     ember.backends.cudnn.deterministic
    True
    """
    flags_of = vars(sys.modules[__name__])
    known = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    for name in values:
        if name not in known:
            raise TypeError(f"cudnn.flags() has no flag {name!r}; it has {', '.join(known)}")
    before = {name: flags_of[name] for name in values}
    flags_of.update(values)
    try:
        yield
    finally:
        flags_of.update(before)
