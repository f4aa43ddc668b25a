"""Where in a plugin's own files something went wrong: the line that its author can mend."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Collection
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_FAULT = re.compile(
    r'File "(.+)", line (\d+) in '
)  # a line of faulthandler's, which a dying interpreter writes


def files_of(module: str) -> tuple[Path, ...]:
    """The folders or the file of a module's top-level package, found without running it; () where there is none."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations:
        return tuple(Path(folder) for folder in spec.submodule_search_locations)
    return (Path(spec.origin),) if spec.origin and spec.has_location else ()


def culprit(error: BaseException, files: Collection[Path]) -> str:
    """`file:line` of the last step of an error inside a plugin's files; of a syntax error, where it stands."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    steps = [(step.filename, step.lineno or 1) for step in traceback.extract_tb(error.__traceback__)]
    return _last_inside(steps, files)


def faulting(stderr: str, files: Collection[Path]) -> str:
    """The same of an interpreter that died, from what faulthandler wrote (the innermost step comes first)."""
    steps = [(file, int(line)) for file, line in _FAULT.findall(stderr)]
    return _last_inside(steps[::-1], files)


def defined(function: Callable[..., Any]) -> str:
    """`file:line` of a function; empty where it is none."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def assigned(module: Any, name: str) -> tuple[str, int]:
    """File and line of the first assignment to a name at a module's top level; line 1 where none is in sight."""
    file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
    try:
        lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines() if file else []
    except OSError:
        lines = []
    wanted = re.compile(rf"{name}\b\s*[:=]")
    return file or "", next((n for n, line in enumerate(lines, 1) if wanted.match(line)), 1)


def _last_inside(steps: list[tuple[str, int]], files: Collection[Path]) -> str:
    for file, line in reversed(steps):
        if any(Path(file).is_relative_to(own) for own in files):
            return f"{file}:{line}"
    return ""
