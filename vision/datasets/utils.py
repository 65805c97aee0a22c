"""Downloading, checking and unpacking the files of data sets.

Page: https://github.com/pytorch/vision/blob/v0.28.0/torchvision/datasets/utils.py
"""

import gzip
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

from ...utils.serialization.atomic import replacing
from ..download import digest_of, fetch

__all__ = ["calculate_md5", "check_integrity", "download_and_extract_archive", "download_url",
           "extract_archive"]


def calculate_md5(fpath, chunk_size=1 << 20):
    """Return the MD5 digest of a file in hexadecimal."""
    return digest_of(fpath, "md5")


def check_integrity(fpath, md5=None):
    """Return whether a file is there and, when a digest is given, has it."""
    return os.path.isfile(fpath) and (md5 is None or calculate_md5(fpath) == md5)


def download_url(url, root, filename=None, md5=None, max_redirect_hops=3):
    """Download a file into a folder, unless it is there and right.

    Args:
        url: where it is.
        root: the folder.
        filename: its name there; by default the end of the address.
        md5: the digest it must have.
    Raises:
        RuntimeError: it cannot be had; says which file to put where.
    """
    path = Path(root).expanduser() / (filename or os.path.basename(url))
    if check_integrity(path, md5):
        return
    try:
        fetch(url, path, md5)
    except RuntimeError as error:
        raise RuntimeError(f"{error}. To go on without the network, put {path.name} from {url} "
                           f"into {path.parent}") from error


def extract_archive(from_path, to_path=None, remove_finished=False):
    """Unpack a .tar(.gz, .bz2, .xz), .zip or .gz file; nothing lands outside of the folder.

    Args:
        from_path: the archive.
        to_path: the folder; by default the archive's own.
        remove_finished: whether to delete the archive.
    Returns:
        the folder.
    Raises:
        RuntimeError: another kind of file, or a damaged one.
    """
    source = Path(from_path)
    folder = Path(to_path) if to_path is not None else source.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if tarfile.is_tarfile(source):
            with tarfile.open(source) as archive:
                archive.extractall(folder, filter="data")
        elif zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder)
        elif source.suffix == ".gz":
            with gzip.open(source) as packed, replacing(folder / source.stem) as file:
                shutil.copyfileobj(packed, file)
        else:
            raise RuntimeError(f"{source} is no .tar, .zip or .gz file")
    except (EOFError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile) as error:
        raise RuntimeError(f"{source} is damaged: {error}") from error
    if remove_finished:
        source.unlink()
    return str(folder)


def download_and_extract_archive(url, download_root, extract_root=None, filename=None, md5=None,
                                 remove_finished=False):
    """Download an archive and unpack it; see `download_url` and `extract_archive`."""
    download_url(url, download_root, filename, md5)
    archive = Path(download_root).expanduser() / (filename or os.path.basename(url))
    extract_archive(archive, extract_root or archive.parent, remove_finished)
