"""Files from the network, checked before they are used."""

import hashlib
from pathlib import Path

from ..utils.serialization.atomic import replacing

_CHUNK = 1 << 20


def digest_of(path, algorithm):
    """Return the digest of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def fetch(url, path, digest=None, algorithm="md5"):
    """Download a file; it appears under its name only when it is whole and right.

    Args:
        url: http(s) or ftp.
        path: where the file goes; missing folders are made.
        digest: what the digest of the content must begin with, in hexadecimal.
        algorithm: the name of the digest.
    Raises:
        RuntimeError: the network or the file is not there, or the content is another one.
        ValueError: another kind of address.
    """
    if not url.startswith(("http://", "https://", "ftp://")):
        raise ValueError(f"not a network address: {url}")
    from http.client import HTTPException  # slow to import, as all that knows the network

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        try:
            found = _copy(url, file, hashlib.new(algorithm, usedforsecurity=False))
        except (OSError, HTTPException) as error:
            raise RuntimeError(f"could not download {url}: {error}") from error
        if digest is not None and not found.startswith(digest):
            raise RuntimeError(f"what {url} sent is not the file expected: its {algorithm} is "
                               f"{found}, not {digest}; nothing was kept")


def _copy(url, file, digest):
    """Write what an address sends into a file; return the digest in hexadecimal."""
    import urllib.request

    request = urllib.request.Request(url, headers={"User-Agent": "ember"})
    with urllib.request.urlopen(request) as response:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        missing = getattr(response, "length", None)  # http only: of what was promised
    if missing:
        raise OSError(f"it broke off {missing} bytes before its end")
    return digest.hexdigest()
