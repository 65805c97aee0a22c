"""Files from the network, checked before they are used."""

import hashlib
import os
import tempfile
import urllib.request
from pathlib import Path

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
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with open(handle, "wb") as file:
            found = _copy(url, file, algorithm)
        if digest is not None and not found.startswith(digest):
            raise RuntimeError(f"what {url} sent is not the file expected: its {algorithm} is "
                               f"{found}, not {digest}; nothing was kept")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _copy(url, file, algorithm):
    """Write what a URL sends into a file; return the digest."""
    if not url.startswith(("http://", "https://", "ftp://")):
        raise ValueError(f"not a network address: {url}")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    request = urllib.request.Request(url, headers={"User-Agent": "ember"})
    try:
        with urllib.request.urlopen(request) as response:
            while chunk := response.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
    except OSError as error:  # no network, no such file, broken off
        raise RuntimeError(f"could not download {url}: {error}") from error
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()
