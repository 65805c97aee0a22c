"""Writing a file so that a crash leaves the old contents or the new ones, never a mixture."""

import contextlib
import os
import secrets
import stat

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path):
    """A context that gives a binary file; at its end the file takes the place of `path`.

    The data goes into a hidden file beside the target, is forced to the disk, and is renamed.
    After an exception, also one from the body, the target is what it was.

    Args:
        path: str or path object. A symbolic link stays one; devices and pipes are written directly.
    Raises:
        OSError: when writing failed.
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            yield file
        return
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, _NEW, 0o666)
    try:
        with open(descriptor, "wb") as file:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


def _sync_folder(folder):
    """Force a renamed entry to the disk, where the system lets folders be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
