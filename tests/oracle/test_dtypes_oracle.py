"""The dtypes that records say they take are those PyTorch's database has samples of."""

import pytest
import torch

import ember.nn.functional  # noqa: F401
from ember.autograd.op import RECORDS

from . import adapter

KINDS = {"bool": {torch.bool}, "integer": {torch.int64}, "float": {torch.float32},
         "complex": {torch.complex64}}
GROUPS = {"any": set(KINDS), "real": {"bool", "integer", "float"},
          "number": {"integer", "float", "complex"}}
SPACES = ("nn.functional.", "special.", "linalg.", "")  # the last one found counts
# Of entries that share a name the first one counts; the others are variants of it.
INFOS = {entry.name: entry.info for entry in reversed(adapter.entries().values())}
PAIRS = {name: INFOS[space + name] for name in RECORDS for space in SPACES
         if space + name in INFOS and RECORDS[name].namespaces}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_record_takes_what_the_database_lists(name):
    taken = RECORDS[name].dtypes.partition(" -> ")[0]
    kinds = GROUPS[taken] if taken in GROUPS else set(taken.split("/"))
    listed = PAIRS[name].dtypes
    assert kinds == {kind for kind, dtypes in KINDS.items() if dtypes & listed}


def test_most_records_have_an_entry():
    assert len(PAIRS) > 200
