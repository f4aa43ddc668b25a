"""Which files a piece of code writes, whichever way it opens them: told by the interpreter's audit events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_PATHS = {
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.truncate": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "sqlite3.connect": (0,),
}
"""Events, and which of their arguments name what is written to."""

_listeners: list[list[Path]] = []
_installed: list[bool] = []


@contextmanager
def writes() -> Iterator[list[Path]]:
    """Within, the paths that are written to, made, renamed or removed, absolute and in order.

    Neither devices nor compiled modules are among them.
    """
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)  # stays for good, and does nothing unless somebody listens
    found: list[Path] = []
    _listeners.append(found)
    try:
        yield found
    finally:
        _listeners.remove(found)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listeners:
        return
    if event == "open":
        names = arguments[:1] if isinstance(arguments[2], int) and arguments[2] & _WRITING else ()
    else:
        names = tuple(arguments[place] for place in _PATHS.get(event, ()))
    for name in names:
        if isinstance(name, (str, bytes, os.PathLike)):
            path = Path(os.path.realpath(os.fsdecode(name)))
            if not path.is_relative_to("/dev") and path.suffix != ".pyc" and "__pycache__" not in path.parts:
                for found in _listeners:
                    found.append(path)
