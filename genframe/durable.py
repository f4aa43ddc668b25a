"""Files and folders that are there whole or not at all, also after a kill or a power cut."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genframe.errors import Problem, RunError

ASIDE = ".tmp-"
"""What the name of a file or folder starts with while it is being written."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write aside, sync, rename onto `path`, sync the folder. A reader sees the old file or the new one."""
    aside = path.with_name(ASIDE + path.name)
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def append(path: Path, data: bytes) -> None:
    """Add `data` to the end of `path` and sync it; a kill may leave the last line torn, and no other."""
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_json(data: Any) -> str:
    """Standard JSON, readable and ending in a newline. Raises ValueError for NaN and infinities."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextmanager
def reported(what: str, folder: Path, remedy: str | None = None) -> Iterator[None]:
    """Turn what the system says about writing `what` below `folder` into a RunError (GF716).

    `remedy` is the next command to type.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{what} could not be written to {folder}: {reason}{_room(folder)}"
        raise RunError(Problem("GF716", message, command=remedy)) from error


def _room(folder: Path) -> str:
    """` (3.1 MB are free there)`; nothing where the folder is not even there."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f" ({free / 1e6:,.1f} MB are free there)"
