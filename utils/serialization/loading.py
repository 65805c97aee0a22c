"""`torch.load`."""

import contextlib
import os

from ... import backends
from ...autograd import Tensor, devices, dtypes
from . import modules, names
from .archive import Archive
from .errors import LoadError, UnknownName
from .opcodes import Interpreter, Name
from .scanning import unknown_names
from .storages import Storage, in_this_order, stored_dtype

__all__ = ["get_unsafe_globals_in_checkpoint", "load"]


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None,
         **pickle_load_args):
    """Load what `torch.save` saved, in ember or in PyTorch (since 1.6).

    Nothing in the file is executed: its pickled part is read by an interpreter that builds
    tensors, numbers, texts and containers of them and knows nothing else, whatever
    `weights_only` says. Every byte is checked against the file's checksums.

    Args:
        f: a path, or a binary file that can seek, at the beginning of what was saved.
        map_location: where the tensors go. None: where they were saved from; a device or its
            name; a dict from saved to wanted device; or a function of a storage (as a uint8
            tensor on the CPU) and its saved device that returns the tensor on the wanted device,
            or None for the saved one.
        weights_only: accepted; True is what is done in any case. Whole modules are loaded when
            the program vouches for their classes by `torch.serialization.add_safe_globals`.
        mmap: map the file into memory instead of reading it, so that only what is used is read;
            `f` must be a path. Checksums are not compared then.
        pickle_module, pickle_load_args: accepted for PyTorch's sake.
    Returns:
        The saved object.
    Raises:
        LoadError: (a RuntimeError and a `pickle.UnpicklingError`) when the file is damaged, is no
            such file, or holds something that is not loaded, which the message names.
        RuntimeError: when tensors were saved from a device that is missing here.
        OSError: when the file cannot be read.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.load.html

    >>> import ember as torch, io
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.Linear(2, 1).state_dict(), file)
    >>> _ = file.seek(0)
    >>> list(torch.load(file, map_location="cpu"))
    ['weight', 'bias']
    """
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("f must be a string filename in order to use mmap argument")
    with _opened(f) as stream:
        try:
            return _Loader(Archive(stream, bool(mmap)), map_location).load()
        except _CallersError as error:
            raise error.args[0] from None
        except UnknownName as error:
            hint = _NO_UNSAFE_MODE if weights_only is False else ""
            raise UnknownName(error.paths, hint) from None


def get_unsafe_globals_in_checkpoint(f):
    """Return what `add_safe_globals` would have to be given before a file can be loaded.

    Args:
        f: a path, or a binary file that can seek, at the beginning of what was saved.
    Returns:
        A list of the full names of classes and functions.
    Raises:
        LoadError, OSError: as `load`.
    Source: https://docs.pytorch.org/docs/2.13/notes/serialization.html

    >>> import ember as torch, io
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.Sequential(torch.nn.Linear(2, 1)), file)
    >>> _ = file.seek(0)
    >>> torch.serialization.get_unsafe_globals_in_checkpoint(file)
    ['torch.nn.modules.container.Sequential', 'torch.nn.modules.linear.Linear']
    """
    with _opened(f) as stream:
        return unknown_names(Archive(stream, False).bytes_of("data.pkl"))


_NO_UNSAFE_MODE = ". weights_only=False changes nothing: ember has no mode that runs what files say"


@contextlib.contextmanager
def _opened(f):
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as stream:
            yield stream
    elif all(hasattr(f, name) for name in ("readinto", "seek", "tell")):
        yield f
    else:
        raise AttributeError(
            f"expected a path or a binary file that can seek, but got {type(f).__name__}. Read it "
            "into memory first: torch.load(io.BytesIO(file.read()))")


class _Loader:
    """Loads one archive."""

    def __init__(self, archive, map_location):
        self.archive = archive
        self.find_place = _Places(map_location)
        self.storages = {}
        order = archive.bytes_of("byteorder").decode("ascii", "replace") \
            if "byteorder" in archive else "little"
        if order not in ("little", "big"):
            raise LoadError(f"the file is damaged: its byte order is {order!r}")
        self.byteorder = order

    def load(self):
        """Return the object in the archive."""
        code = self.archive.bytes_of("data.pkl")
        program = Interpreter(code, names.find, self.storage, names.fill)
        try:
            loaded = program.run()
        except UnknownName as error:
            raise UnknownName(unknown_names(code) or error.paths) from None
        modules.check(program.made)
        return loaded

    def storage(self, identifier):
        """Return the storage of PyTorch's identifier ("storage", class, number, place, length)."""
        word, kind, number, location, length = identifier
        if word != "storage" or type(kind) is not Name or type(number) is not str \
                or type(location) is not str or type(length) is not int:
            raise LoadError("the file is damaged or forged: it refers to something else than "
                            "storages")
        if number not in self.storages:
            self.storages[number] = self._read(kind, number, location, length)
        return self.storages[number]

    def _read(self, kind, number, location, length):
        dtype = stored_dtype(kind.path.rpartition(".")[2])
        memory = self.archive.storage(f"data/{number}")
        expected = length * (1 if dtype is None else dtype.itemsize)
        if memory.size != expected:
            raise LoadError(f"the file is damaged or forged: storage {number} has {memory.size} "
                            f"bytes where {expected} are announced")
        memory = in_this_order(memory, dtype, self.byteorder)
        memory, xp = self.find_place(memory, location)
        return Storage(dtype, memory, xp)


class _Places:
    """Where storages go (`map_location`): called with memory and its saved place."""

    def __init__(self, wanted):
        if not (wanted is None or callable(wanted) or isinstance(wanted, dict)):
            wanted = devices.device(wanted)
        self.wanted = wanted

    def __call__(self, memory, location):
        wanted = self.wanted
        if callable(wanted):
            moved = self._ask(memory, location)
            if moved is not None:
                return moved._buffer(), moved._xp
            wanted = None
        if isinstance(wanted, dict):
            wanted = wanted.get(location)
        xp = _backend(_saved_place(location) if wanted is None else devices.device(wanted))
        return (memory if xp is backends.cpu else xp.from_host(memory)), xp

    def _ask(self, memory, location):
        try:
            moved = self.wanted(Tensor._wrap(memory), location)
            if moved is not None and not (isinstance(moved, Tensor) and moved.dtype is dtypes.uint8
                                          and moved.shape == memory.shape):
                raise TypeError("map_location shall return its first argument, moved to a device, "
                                f"or None, but returned {type(moved).__name__}")
            return moved
        except Exception as error:
            raise _CallersError(error) from None


class _CallersError(Exception):
    """Carries an error of the program's own function past what catches errors of the file."""


def _saved_place(location):
    try:
        return devices.device(location)
    except RuntimeError:
        raise LoadError(f"tensors in the file were saved on {location[:50]!r}, a device that ember "
                        "does not know; pass map_location='cpu'") from None


def _backend(place):
    if place.type != "cpu" and not backends.is_available(place.type):
        raise RuntimeError(
            f"Attempting to deserialize object on a {place.type.upper()} device but "
            f"torch.{place.type}.is_available() is False. If you are running on a CPU-only "
            "machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU.")
    return devices.backend_for(place)
