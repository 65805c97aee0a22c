"""`torch.backends.mps`: what programs ask about Apple's GPU, for which ember has no backend."""


def is_available():
    """Return False: ember does not compute on Apple's GPU."""
    return False


def is_built():
    """Return False: ember has no backend for Apple's GPU."""
    return False
