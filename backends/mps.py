"""`torch.backends.mps`: programs ask whether Apple's GPU can be used; ember has no backend for it."""


def is_available():
    """Return False: ember does not compute on Apple's GPU."""
    return False


def is_built():
    """Return False: ember has no backend for Apple's GPU."""
    return False
