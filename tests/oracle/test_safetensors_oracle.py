"""safetensors files beside those of the safetensors library."""

import copy
import json
import random
import struct

import pytest
import torch

import ember
from ember.utils import safetensors

from .test_files_oracle import DTYPES, same

library = pytest.importorskip("safetensors.torch")


def test_safetensors_both_ways(tmp_path):
    def make(lib):
        return {f"x.{name}": lib.tensor([[1, 0], [1, 1], [0, 1]]).to(getattr(lib, name))
                for name in DTYPES if name != "complex128"} | {
                    "empty": lib.zeros(0, 4), "number": lib.tensor(3), "é": lib.ones(1)}

    ours, theirs = make(ember), make(torch)
    data = safetensors.save(ours, {"format": "pt"})
    assert data == library.save(theirs, {"format": "pt"})
    safetensors.save_file(ours, tmp_path / "x")
    for name, tensor in theirs.items():
        assert same(safetensors.load(data)[name], tensor)
        assert same(ours[name], library.load_file(tmp_path / "x")[name])


def test_safetensors_accepts_no_more_than_the_library():
    chance = random.Random(0)
    header = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
              "b": {"dtype": "F32", "shape": [3], "data_offsets": [8, 20]}}
    words = [0, 1, 2, 8, 12, 20, -1, 2**64, 1.0, True, None, "F32", "I32", "F64", [], [2], [3],
             [0, 8], [8, 20], {}, "dtype", "extra"]
    accepted = 0
    for _ in range(3000):
        mutant = json.loads(json.dumps(header))
        for _ in range(chance.randrange(3)):
            entry = mutant[chance.choice("ab")]
            key = chance.choice(["dtype", "shape", "data_offsets"])
            if isinstance(entry.get(key), list) and entry[key] and chance.random() < 0.7:
                entry[key][chance.randrange(len(entry[key]))] = copy.copy(chance.choice(words))
            else:
                entry[key] = copy.copy(chance.choice(words))
        text = bytearray(json.dumps(mutant).encode())
        if chance.random() < 0.3:
            text[chance.randrange(len(text))] = chance.randrange(256)
        data = struct.pack("<Q", len(text)) + bytes(text) + bytes(20)
        try:
            ours = safetensors.load(data)
        except ember.serialization.LoadError:
            continue
        accepted += 1
        theirs = library.load(data)
        assert sorted(ours) == sorted(theirs) and all(same(ours[n], theirs[n]) for n in ours)
    assert accepted > 300
