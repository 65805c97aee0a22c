"""A corpus of damaged and forged PyTorch files, made here so that none lies in the repository."""

import contextlib
import io
import pickle
import struct
import sys
import tarfile
import zipfile

import numpy as np
import pytest

# -- making files ----------------------------------------------------------------------------------


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x20" + value.to_bytes(32, "little", signed=True)


def numbers(*values):
    return b"(" + b"".join(map(number, values)) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def storage(kind=b"ctorch\nFloatStorage\n", key="0", place="cpu", length=4, word="storage"):
    return b"(" + text(word) + kind + text(key) + text(place) + number(length) + b"tQ"


def tensor(stored=None, offset=0, size=(4,), stride=(1,), grad=b"\x89", hooks=b"N", more=b"",
           function=b"ctorch._utils\n_rebuild_tensor_v2\n"):
    stored = storage() if stored is None else stored
    size, stride = (n if type(n) is bytes else numbers(*n) for n in (size, stride))
    return (function + b"(" + stored + (offset if type(offset) is bytes else number(offset))
            + size + stride + grad + hooks + more + b"tR")


def archive(program=b"N", members=(), change=None, **options):
    """The bytes of a file; `program` is data.pkl without its frame."""
    data = b"\x80\x02" + program + b"."
    content = {"a/data.pkl": data, "a/byteorder": b"little", "a/version": b"3\n",
               "a/data/0": np.arange(4, dtype="f4").tobytes(), **dict(members)}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as target:
        for path, value in content.items():
            if value is not None:
                target.writestr(path, value)
    return file.getvalue() if change is None else change(file.getvalue())


def call(module, attribute, arguments=b")"):
    return name(module, attribute) + arguments + b"R"


# -- the corpus ------------------------------------------------------------------------------------

CODE = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"),
    ("__builtin__", "exec"), ("builtins", "getattr"), ("builtins", "__import__"),
    ("builtins", "open"), ("builtins", "print"), ("builtins", "type"), ("builtins", "object"),
    ("subprocess", "Popen"), ("socket", "create_connection"), ("importlib", "import_module"),
    ("functools", "partial"), ("operator", "attrgetter"), ("collections", "defaultdict"),
    ("runpy", "run_path"), ("pickle", "loads"), ("antigravity", "geohash"), ("this", "s"),
    ("torch", "load"), ("torch", "save"), ("torch.nn", "Linear"), ("torch.hub", "load"),
    ("torch.nn.modules.linear", "Linear"), ("torch", "__builtins__"), ("torch", "Generator"),
    ("torch._utils", "_rebuild_qtensor"), ("torch.jit", "load"), ("ember", "load"),
    ("torch.serialization", "load"), ("numpy", "fromfile"), ("numpy", "load"), ("numpy", "save"),
    ("numpy.core.multiarray", "fromstring"), ("numpy", "ndarray.tofile"), ("", ""), ("x", ""),
    ("torch.Tensor", "numpy"), ("torch", "Tensor.numpy"), ("copyreg", "_reconstructor"),
]

PROGRAMS = {
    "nothing": b"",
    "a mark only": b"(",
    "two values": b"NN",
    "a mark left open": b"(N",
    "a bare class": name("torch", "Size"),
    "a class in a list": b"]" + name("torch", "Size") + b"a",
    "a class in a tuple in a list": b"]" + name("torch", "Size") + b"\x85a",
    "a class as a key": b"}" + name("torch", "Size") + b"Ns",
    "an unknown opcode": b"\xff",
    "opcode INST": b"(" + text("echo") + b"ios\nsystem\n",
    "opcode OBJ": b"(" + b"cos\nsystem\n" + text("echo") + b"o",
    "opcode EXT1": b"\x82\x01",
    "opcode PERSID": b"Pstorage\n",
    "opcode DUP": b"N2",
    "opcode FLOAT": b"F1\n",
    "a name without an end": b"cos\nsystem",
    "a name that is no text": name("torch", "Size").replace(b"Size", b"\xff\xfe"),
    "STACK_GLOBAL": text("os") + text("system") + b"\x93",
    "STACK_GLOBAL of numbers": b"K\x01K\x02\x93",
    "an empty memo": b"h\x05",
    "an absurd memo": b"j\xff\xff\xff\xff",
    "a long text": b"X\xff\xff\xff\xffabc",
    "a longer text": b"\x8d" + b"\xff" * 8 + b"abc",
    "long bytes": b"\x8e\xff\xff\xff\xff\x00\x00\x00\x00",
    "a long integer": b"\x8b\xff\xff\xff\x7f",
    "a frame": b"\x95\x01",
    "text that is none": b"X\x02\x00\x00\x00\xff\xff",
    "a call of a number": b"K\x01)R",
    "a call of a text": text("os.system") + b")R",
    "a call without arguments": name("torch", "Size") + b"NR",
    "a call of a class": call("torch", "Tensor"),
    "a new object of a tensor": name("torch", "Tensor") + b")\x81",
    "a new object of a number": b"K\x01)\x81",
    "attributes for a list": b"]}b",
    "attributes for a number": b"K\x01}b",
    "attributes without a dict": call("collections", "OrderedDict") + b"]b",
    "attributes without names": call("collections", "OrderedDict") + b"}K\x01Nsb",
    "a hidden method of a dict": call("collections", "OrderedDict") + b"}" + text("items") + b"Nsb",
    "an append to a dict": b"}Na",
    "an append to nothing": b"Na",
    "an item for a list": b"]K\x00K\x01s",
    "items for a tensor": tensor() + b"(K\x00K\x01u",
    "half an item": b"}(K\x00u",
    "a list as a key": b"}]Ns",
    "a dict in a key": b"}}\x85Ns",
    "a set of lists": b"\x8f(]\x90",
    "a set of a number": call("builtins", "set", b"K\x01\x85"),
    "a set of sets": call("__builtin__", "set", b"]]a\x85"),
    "a Size of texts": call("torch", "Size", text("a") + b"\x85\x85"),
    "a Size of nothing": call("torch", "Size"),
    "a device of a number": call("torch", "device", b"K\x01\x85"),
    "a device that is none": call("torch", "device", text("moon") + b"\x85"),
    "a layout": call("torch.serialization", "_get_layout", text("torch.sparse_csr") + b"\x85"),
    "bytes by another encoding": call("_codecs", "encode", text("a") + text("rot13") + b"\x86"),
    "bytes beyond latin1": call("_codecs", "encode", text("λ") + text("latin1") + b"\x86"),
    "bytes of a number": call("_codecs", "encode", b"K\x05" + text("latin1") + b"\x86"),
    "one text as many bytes": text("x" * 5000) + b"q\x00" + text("latin1") + b"q\x01" + (
        name("_codecs", "encode") + b"h\x00h\x01\x86R") * 200,
    "one list as many sets": b"](" + b"K\x01" * 5000 + b"eq\x00" + (
        name("builtins", "set") + b"h\x00\x85R") * 200,
    "one dict as many Counters": b"}(" + b"".join(b"M" + struct.pack("<H", n) + b"N"
                                                 for n in range(5000)) + b"uq\x00" + (
        name("collections", "Counter") + b"h\x00\x85R") * 2000,
    "many zero bytes": call("builtins", "bytearray", number(2**40) + b"\x85"),
    "bytes of a length": call("builtins", "bytes", number(2**40) + b"\x85"),
    "a complex of texts": call("builtins", "complex", text("1") + text("2") + b"\x86"),
    "a Counter of a list": call("collections", "Counter", b"]\x85"),
    "pairs that are none": call("collections", "OrderedDict", b"]" + text("ab") + b"a\x85"),
    "keys by pairs": call("collections", "OrderedDict", b"]]]aNaa\x85"),
}

TENSORS = {
    "a bare storage": storage(),
    "a storage in a list": b"]" + storage() + b"a",
    "a storage as a key": b"}" + storage() + b"Ns",
    "another word": storage(word="module"),
    "an identifier of one": b"N\x85Q",
    "an identifier that is none": b"K\x05Q",
    "a text identifier": text("storage") + b"Q",
    "a storage as a value of no class": storage(kind=text("FloatStorage")),
    "an unknown storage class": storage(kind=name("torch", "QInt8Storage")),
    "a storage of another class": storage(kind=name("torch", "Size")),
    "a place that is none": tensor(storage(place="moon")),
    "a missing storage": storage(key="1"),
    "a storage outside": storage(key="../../../etc/passwd"),
    "a storage too long": tensor(storage(length=5)),
    "a storage too short": tensor(storage(length=3)),
    "a storage of negative length": tensor(storage(length=-4)),
    "a huge storage": tensor(storage(length=2**60)),
    "no storage": tensor(b"N"),
    "bytes without a dtype": tensor(storage(kind=name("torch.storage", "UntypedStorage"),
                                            length=16)),
    "a negative offset": tensor(offset=-1),
    "a large offset": tensor(offset=1),
    "a huge offset": tensor(offset=2**70),
    "an offset that is no number": tensor(offset=b"N"),
    "a negative size": tensor(size=(-4,)),
    "a large size": tensor(size=(5,)),
    "a huge size": tensor(size=(2**62,)),
    "a product that overflows": tensor(size=(2**33, 2**33), stride=(0, 0)),
    "sizes beyond the largest": tensor(size=(2**80,), stride=(0,)),
    "an empty tensor of huge sizes": tensor(size=(0, 2**62, 2**62), stride=(1, 1, 1)),
    "a negative stride": tensor(stride=(-1,)),
    "a large stride": tensor(stride=(2,)),
    "a huge stride": tensor(size=(2,), stride=(2**63,)),
    "strides for other sizes": tensor(stride=(1, 1)),
    "65 dimensions": tensor(size=(1,) * 65, stride=(1,) * 65),
    "a truth value for a size": tensor(size=b"\x88\x85"),
    "a text for sizes": tensor(size=text("4")),
    "gradients of no truth value": tensor(grad=b"K\x01"),
    "gradients of integers": tensor(storage(kind=b"ctorch\nIntStorage\n"), grad=b"\x88"),
    "an argument too many": tensor(more=b"NNN"),
    "a conjugate of a repeated number": tensor(
        storage(b"ctorch\nComplexFloatStorage\n", length=2), size=(2**40,), stride=(0,),
        hooks=b"N", more=b"}" + text("conj") + b"\x88s"),
    "a dtype that is none": tensor(function=b"ctorch._utils\n_rebuild_tensor_v3\n", more=b"N"),
    "a view of larger elements": tensor(function=b"ctorch._utils\n_rebuild_tensor_v3\n",
                                        more=b"ctorch\nfloat64\n"),
    "a parameter of a number": call("torch._utils", "_rebuild_parameter", b"K\x01\x88N\x87"),
    "a parameter of integers": call("torch._utils", "_rebuild_parameter", tensor(
        storage(kind=b"ctorch\nIntStorage\n")) + b"\x88N\x87"),
    "a tensor by another function": call(
        "torch._tensor", "_rebuild_from_type_v2",
        b"(" + name("torch", "Size") + name("torch", "Tensor") + b")}t"),
    "a tensor with a hidden method": call(
        "torch._tensor", "_rebuild_from_type_v2",
        b"(" + name("torch._utils", "_rebuild_tensor_v2") + name("torch", "Tensor") + b"("
        + storage() + number(0) + numbers(4) + numbers(1) + b"\x89Nt}" + text("backward")
        + b"Nst"),
}

COO = call("torch.serialization", "_get_layout", text("torch.sparse_coo") + b"\x85")


def sparse(indices, size, kind=COO):
    """A sparse tensor of four values; the indices are longs."""
    return call("torch._utils", "_rebuild_sparse_tensor",
                kind + indices + tensor() + call("torch", "Size", numbers(*size) + b"\x85")
                + b"\x87\x86")


def longs(key, size=(1, 4)):
    return tensor(storage(b"ctorch\nLongStorage\n", key), size=size, stride=(4, 1)[:len(size)])


LONGS = {"a/data/1": np.array([0, 1, 2, 9]).tobytes(), "a/data/2": np.array([-1] * 4).tobytes()}
SPARSE = {
    "another layout": sparse(longs("1"), [10], kind=b"N"),
    "an index outside": sparse(longs("1"), [9]),
    "a negative index": sparse(longs("2"), [9]),
    "indices for another size": sparse(longs("1"), [10, 10]),
    "a negative size of a sparse one": sparse(longs("1"), [-10]),
    "indices in a row": sparse(longs("1", (4,)), [10]),
    "indices without end": sparse(tensor(storage(b"ctorch\nLongStorage\n", "1"), size=(1, 2**40),
                                         stride=(0, 0)), [10]),
    "indices that are floats": sparse(tensor(size=(1, 4), stride=(4, 1)), [10]),
}

DTYPE = call("numpy", "dtype", text("f8") + b"\x85")
NUMPY = {
    "a dtype of objects": call("numpy", "dtype", text("O") + b"\x85"),
    "a dtype of records": call("numpy", "dtype", text("f8,(99999999,)f8") + b"\x85"),
    "a dtype of a number": call("numpy", "dtype", b"K\x05\x85"),
    "the other byte order": DTYPE + b"(K\x03" + text(">") + b"tb",
    "a scalar of another size": call("numpy.core.multiarray", "scalar",
                                     DTYPE + b"C\x01a\x86"),
    "a scalar of no dtype": call("numpy._core.multiarray", "scalar", b"NC\x01a\x86"),
    "an array of a tensor": call("numpy.core.multiarray", "_reconstruct",
                                 name("torch", "Tensor") + b")N\x87"),
    "an array too large": call("numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray")
                               + b")N\x87") + b"(K\x01" + numbers(2**40) + DTYPE + b"\x89C\x00tb",
    "an array of negative size": call(
        "numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray") + b")N\x87")
    + b"(K\x01" + numbers(-1) + DTYPE + b"\x89C\x00tb",
}


def deflated():
    return archive(compression=zipfile.ZIP_DEFLATED)


def doubled():
    with pytest.warns(UserWarning, match="Duplicate"):
        file = io.BytesIO(archive())
        with zipfile.ZipFile(file, "a") as target:
            target.writestr("a/data/0", bytes(16))
    return file.getvalue()


def central(field, value):
    """A change of one field in the central directory's entry of data.pkl."""

    def change(data):
        at = data.index(b"PK\x01\x02") + field
        return data[:at] + value + data[at + len(value):]

    return lambda: archive(change=change)


def old_format():
    return b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."


def tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as target:
        target.addfile(tarfile.TarInfo("storages"))
    return file.getvalue()


CONTAINERS = {
    "an empty file": lambda: b"",
    "a text": lambda: b"hello, world\n" * 10,
    "a plain pickle": lambda: pickle.dumps([1]),
    "the format before 1.6": old_format,
    "the format before 0.1": tar,
    "an empty zip": lambda: b"PK\x05\x06" + bytes(18),
    "another zip": lambda: archive(members={"a/data.pkl": None}),
    "two folders": lambda: archive(members={"b/data.pkl": b"\x80\x02N."}),
    "a program": lambda: archive(members={"a/constants.pkl": b""}),
    "compressed members": deflated,
    "a name twice": doubled,
    "encrypted members": central(8, b"\x01"),
    "a wrong checksum": central(16, b"\x01\x02\x03\x04"),
    "two sizes": central(20, b"\x01"),
    "huge sizes": central(20, b"\xff\xff\xff\x7f\xff\xff\xff\x7f"),
    "64-bit sizes without them": central(20, b"\xff" * 8),
    "a member elsewhere": central(42, b"\x07\x00\x00\x00"),
    "a member beyond the end": central(42, b"\xff\xff\xff\x7f"),
    "another byte order": lambda: archive(members={"a/byteorder": b"middle"}),
    "a missing storage": lambda: archive(tensor(), members={"a/data/0": None}),
    "a long storage": lambda: archive(tensor(), members={"a/data/0": bytes(20)}),
    "half a file": lambda: archive(tensor())[:200],
    "no end": lambda: archive(tensor())[:-1],
}

CORPUS = {
    **{f"code: {module}.{attribute}": lambda m=module, a=attribute: archive(
        call(m, a, text("echo hacked") + b"\x85")) for module, attribute in CODE},
    **{what: lambda p=program: archive(p)
       for programs in (PROGRAMS, TENSORS, NUMPY) for what, program in programs.items()},
    **{what: lambda p=program: archive(p, LONGS) for what, program in SPARSE.items()},
    **CONTAINERS,
}


# -- watching --------------------------------------------------------------------------------------

FORBIDDEN = ("exec", "import", "subprocess.", "socket.", "os.", "shutil.", "ctypes.", "pickle.",
             "marshal.", "code.", "object.__setattr__", "open", "tempfile.", "urllib.")
_seen = []  # one list of events while a test watches


def _hook(event, arguments):
    if _seen and event.startswith(FORBIDDEN):
        _seen[0].append((event, arguments))


@contextlib.contextmanager
def watched():
    """A context that gives the list of what Python reports of code, processes, files, sockets."""
    if _hook not in _installed:
        _installed.append(_hook)  # an audit hook stays for good
        sys.addaudithook(_hook)
    events = []
    _seen.append(events)
    try:
        yield events
    finally:
        _seen.clear()


_installed = []
