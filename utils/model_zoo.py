"""Trained weights by URL (`torch.hub`): from the cache on disk. ember never uses the network.

PyTorch page: https://docs.pytorch.org/docs/2.13/hub.html
"""

import hashlib
import os
import re
from urllib.parse import urlparse

from .serialization import load as load_file

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "load_url", "set_dir"]

_HASH = re.compile(r"-([a-f0-9]{8,})\.[^.]*$")
_chosen = None


def get_dir():
    """Return the folder that holds what the hub keeps, `checkpoints` in it the weights.

    It is what `set_dir` chose, else `hub` in $TORCH_HOME, else in the user's cache folder.
    """
    if _chosen is not None:
        return _chosen
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d):
    """Set the folder that `get_dir` returns."""
    global _chosen
    _chosen = os.path.expanduser(d)


def load_state_dict_from_url(url, model_dir=None, map_location=None, progress=True,
                             check_hash=False, file_name=None, weights_only=True):
    """Load the weights that belong to a URL, from the folder where PyTorch keeps them.

    Args:
        url: its last part is the file's name.
        model_dir: the folder; by default `checkpoints` in `get_dir()`.
        map_location, weights_only: as in `torch.load`.
        progress: accepted; nothing is downloaded.
        check_hash: compare the file with the beginning of its SHA-256 in its name.
        file_name: the file's name when it is another.
    Raises:
        FileNotFoundError: when the file is not there; the message says what to put where.
        RuntimeError: when its hash differs, and as `torch.load`.
    Source: https://docs.pytorch.org/docs/stable/hub.html#torch.hub.load_state_dict_from_url
    """
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(model_dir or os.path.join(get_dir(), "checkpoints"), name)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"{path} is not there, and ember downloads nothing. Fetch {url} by other means and "
            "put it there")
    if check_hash:
        _compare_hash(path, name)
    return load_file(path, map_location=map_location)


load_url = load_state_dict_from_url


def _compare_hash(path, name):
    named = _HASH.search(name)
    if named is None:
        raise RuntimeError(f"check_hash=True, but the name {name!r} holds no hash")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(named[1]):
        raise RuntimeError(f"invalid hash value of {path} (expected {named[1]!r}, got "
                           f"{found[:len(named[1])]!r}); fetch it again")


def download_url_to_file(url, dst, hash_prefix=None, progress=True):
    """Say that ember downloads nothing.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(f"ember downloads nothing. Fetch {url} by other means and put it at {dst}")
