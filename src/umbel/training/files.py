"""Files that are there whole or not at all: written to a temporary name, fsynced, renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from umbel.errors import DiskError

__all__ = ["replace_file", "replace_folder", "write_bytes", "write_text"]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DiskError as error:  # of a file within a folder: the folder is what the user knows
        raise DiskError(f"'{path}' could not be written", found=error.found, remedy=error.remedy) from error
    except OSError as error:
        raise DiskError(
            f"'{path}' could not be written",
            found=error.strerror or str(error),
            remedy="free some space or choose another folder; what stood there before is untouched",
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically.

    :raises DiskError: it could not be written; a former file is untouched.
    """
    with replace_file(path) as scratch, scratch.open("wb") as file:
        file.write(content)


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Make a file new as a whole, however it is written.

    Within the block the file is written under the (temporary) name that is given; it takes its place at
    the end, or goes away where the block fails.

    :raises DiskError: it could not be written; a former file is untouched.
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield scratch
            with scratch.open("rb+") as file:
                os.fsync(file.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write a text file (UTF-8) atomically; see :func:`write_bytes`."""
    write_bytes(path, content.encode())


def replace_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder's content new as a whole.

    :param path: the folder; what stood there is replaced only after the new content is complete.
    :param fill: writes the content into the (temporary) folder it is given.
    :raises DiskError: it could not be written; the former folder is untouched.
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    former = scratch.with_name(scratch.name + ".old")
    with _told(path):
        try:
            scratch.mkdir(parents=True)
            fill(scratch)
            if path.exists():
                path.rename(former)
            scratch.rename(path)
            shutil.rmtree(former, ignore_errors=True)
        except BaseException:
            if former.exists() and not path.exists():
                former.rename(path)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
