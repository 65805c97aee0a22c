"""Damaged and forged safetensors and .npz files: one clear error each."""

import contextlib
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hostile_corpus import watched

import ember as torch
from ember.serialization import LoadError
from ember.utils import npz, safetensors

pytestmark = pytest.mark.host_only

# -- safetensors ---------------------------------------------------------------------------------


def safe(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(1,), data_offsets=(0, 4), **more):
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets, **more}


SAFETENSORS = {
    "nothing": b"",
    "seven bytes": bytes(7),
    "a length only": struct.pack("<Q", 8),
    "an empty header": safe(b""),
    "a header beyond the end": safe({}, length=100),
    "a header beyond the limit": safe({}, length=10**9),
    "the largest length": safe({}, length=2**64 - 1),
    "an array": safe(b"[]"),
    "a space first": safe(b" {}"),
    "a byte order mark": safe(b"\xef\xbb\xbf{}"),
    "no JSON": safe(b"{a}"),
    "two objects": safe(b"{}{}"),
    "zero bytes behind": safe(b"{}\x00"),
    "no text": safe(b'{"\xff":1}'),
    "half a surrogate": safe(b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
                             bytes(4)),
    "deep JSON": safe(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a name twice": safe(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), bytes(4)),
    "a field twice": safe(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
                          bytes(4)),
    "a missing field": safe({"a": {"dtype": "F32", "shape": [1]}}),
    "an unknown field": safe({"a": entry(extra=1)}, bytes(4)),
    "an entry that is none": safe({"a": 1}),
    "an unknown dtype": safe({"a": entry("F31")}, bytes(4)),
    "a dtype that is a list": safe({"a": entry(["F32"])}, bytes(4)),
    "eight-bit floats": safe({"a": entry("F8_E4M3", [4])}, bytes(4)),
    "a negative size": safe({"a": entry(shape=[-1])}, bytes(4)),
    "minus zero": safe(b'{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
    "a true size": safe({"a": entry(shape=[True])}, bytes(4)),
    "a broken size": safe({"a": entry(shape=[1.0])}, bytes(4)),
    "a size of NaN": safe({"a": entry(shape=[float("nan")])}, bytes(4)),
    "an endless number": safe(b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}'
                              % (b"9" * 5000), bytes(4)),
    "a product that overflows": safe({"a": entry(shape=[2**32, 2**32, 2**32])}, bytes(4)),
    "65 dimensions": safe({"a": entry(shape=[1] * 65)}, bytes(4)),
    "another number of bytes": safe({"a": entry(shape=[2])}, bytes(4)),
    "places that are none": safe({"a": entry(data_offsets=[0])}, bytes(4)),
    "places backwards": safe({"a": entry(data_offsets=[4, 0])}, bytes(4)),
    "places from the middle": safe({"a": entry(data_offsets=[4, 8])}, bytes(8)),
    "a hole": safe({"a": entry(), "b": entry(data_offsets=[8, 12])}, bytes(12)),
    "an overlap": safe({"a": entry(), "b": entry(data_offsets=[0, 4])}, bytes(4)),
    "a file too long": safe({"a": entry()}, bytes(5)),
    "a file too short": safe({"a": entry()}, bytes(3)),
    "metadata of numbers": safe({"__metadata__": {"a": 1}}),
    "metadata that is a list": safe({"__metadata__": []}),
    "truth values that are none": safe({"a": entry("BOOL", [1], [0, 1])}, b"\x02"),
}


@pytest.mark.parametrize("what", SAFETENSORS)
def test_refused_safetensors(what):
    with pytest.raises(LoadError):
        safetensors.load(SAFETENSORS[what])


def test_hostile_names_are_names_only():
    names = ["../../etc/passwd", "__class__.__init__", "", "\0", "a" * 1000, "{}", "<script>"]
    tensors = {name: torch.full((1,), i) for i, name in enumerate(names)}
    loaded = safetensors.load(safetensors.save(tensors))
    assert {name: int(t) for name, t in loaded.items()} == {n: i for i, n in enumerate(names)}
    with pytest.raises(RuntimeError, match="Unexpected key"):
        torch.nn.Linear(1, 1).load_state_dict(loaded)


# -- npz -----------------------------------------------------------------------------------------


def npz_bytes(member=None, name="x.npy", compression=zipfile.ZIP_STORED):
    if member is None:
        file = io.BytesIO()
        np.lib.format.write_array(file, np.arange(3.0))
        member = file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(name, member)
    return file.getvalue()


def npy(header, data=b"", version=b"\x01\x00"):
    header = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


NPZ = {
    "no zip": b"hello",
    "no array": npz_bytes(b"hello"),
    "an empty member": npz_bytes(b""),
    "objects": npz_bytes(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
                             pickle.dumps([1]))),
    "texts": npz_bytes(npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", bytes(4))),
    "records": npz_bytes(npy("{'descr': [('a', 'f4')], 'fortran_order': False, 'shape': (1,)}",
                             bytes(4))),
    "dates": npz_bytes(npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}",
                           bytes(8))),
    "16-byte floats": npz_bytes(npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}",
                                    bytes(16))),
    "code in the header": npz_bytes(npy("__import__('os').system('echo hacked')")),
    "a huge shape": npz_bytes(npy(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2199023255552,)}")),
    "a negative shape": npz_bytes(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}")),
    "an overflowing shape": npz_bytes(npy(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}")),
    "an unknown version": npz_bytes(npy("{}", version=b"\x09\x00")),
    "too short": npz_bytes(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}",
                               bytes(8))),
    "too long": npz_bytes(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
                              bytes(16))),
    "cut off": npz_bytes()[:-30],
    "a flipped bit": npz_bytes().replace(struct.pack("<d", 2.0), struct.pack("<d", 4.0)),
    "a deep header": npz_bytes(npy("(" * 5000 + ")" * 5000)),
}


@pytest.mark.parametrize("what", NPZ)
def test_refused_npz(what):
    with pytest.raises(LoadError):
        npz.load(io.BytesIO(NPZ[what]))


def test_a_member_that_claims_to_be_larger_than_deflate_can_make_it():
    data = npz_bytes(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
                     compression=zipfile.ZIP_DEFLATED)
    at = data.index(b"PK\x01\x02") + 24
    with pytest.raises(LoadError, match="cannot be that large"):
        npz.load(io.BytesIO(data[:at] + struct.pack("<I", 10**9) + data[at + 4:]))


def test_nothing_is_executed_imported_or_written():
    def load_all():
        for data in SAFETENSORS.values():
            with contextlib.suppress(LoadError):
                safetensors.load(data)
        for data in (*NPZ.values(), npz_bytes()):
            with contextlib.suppress(LoadError):
                npz.load(io.BytesIO(data))

    load_all()  # what ember itself imports on first use
    with watched() as events:
        load_all()
    assert events == []
