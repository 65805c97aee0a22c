"""From a worker process to its loader: structure through the connection, bytes through memory.

A message is a header, the pickled structure of a batch, and, where its arrays are large, the
descriptor of an anonymous file in memory that holds them. The loader maps that file, so the bytes
are copied once, by the worker. This is what `Connection.send` and `recv` do, with the arrays
taken aside.
"""

import io
import os
from multiprocessing.reduction import ForkingPickler, recv_handle, send_handle

from ...autograd.tensor import Tensor
from ...backends import memory_files

__all__ = ["receive", "send"]

_SMALLEST = 1 << 17  # bytes: below, the connection is faster than a file


def send(connection, header, batch):
    """Send a batch of any structure, after a header of plain values.

    Raises:
        Exception: what pickling the batch raises; nothing was sent then.
    """
    payload, buffers, fd = _pickled(batch)
    try:
        connection.send((header, [buffer.nbytes for buffer in buffers]))
        connection.send_bytes(payload)
        if fd is not None:
            send_handle(connection, fd, None)
    finally:
        if fd is not None:
            os.close(fd)


def receive(connection):
    """Return the header and the batch of the next message.

    Raises:
        EOFError, OSError: the worker is gone.
        RuntimeError: no file can be opened any more.
    """
    header, sizes = connection.recv()
    payload = connection.recv_bytes()
    buffers = memory_files.map_parts(_descriptor(connection), sizes) if sizes else ()
    return header, ForkingPickler.loads(payload, buffers=buffers)


def _pickled(batch):
    """Return a batch in bytes: its structure, its large buffers, and the file that holds those."""
    buffers = []
    if memory_files.available():
        payload = _dump(batch, lambda part: _is_small(part) or buffers.append(part.raw()))
        try:
            return payload, buffers, memory_files.write_parts(buffers) if buffers else None
        except OSError:  # no memory or no descriptor is left: the connection still works
            pass
    return _dump(batch, None), [], None


def _is_small(part):
    return part.raw().nbytes < _SMALLEST


def _dump(batch, buffer_callback):
    stream = io.BytesIO()
    pickler = ForkingPickler(stream, 5, True, buffer_callback)
    # Tensors go by value here, not by reference as torch.multiprocessing sends them.
    pickler.dispatch_table = {
        kind: how for kind, how in pickler.dispatch_table.items() if not issubclass(kind, Tensor)
    }
    pickler.dump(batch)
    return stream.getbuffer()


def _descriptor(connection):
    try:
        return recv_handle(connection)
    except (RuntimeError, OSError) as error:
        raise RuntimeError(
            "Too many open files: the DataLoader cannot take a batch from its worker. Keep fewer "
            "batches, or raise the limit with `ulimit -n` in the shell"
        ) from error
