"""What of a process belongs to everybody in it, and who changed it: handlers, folder, generators, precision ..."""

from __future__ import annotations

import builtins
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """Something global that is not as it was. `severity`: `error` where others' results or files depend on it."""

    what: str
    before: str
    after: str
    severity: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}" if self.before != self.after else self.what


@dataclass(frozen=True, slots=True)
class _Aspect:
    """One thing to look at; `read` gives its parts by name, and nothing where its package is not loaded."""

    what: str
    read: Callable[[], Mapping[str, Any]]
    severity: str = "error"


def snapshot() -> dict[str, dict[str, str]]:
    """Every aspect as it is now, in words. Reading changes none, and imports nothing."""
    return {aspect.what: {key: str(value) for key, value in aspect.read().items()} for aspect in _ASPECTS}


def changes(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> list[Change]:
    """What differs between two snapshots; packages that were loaded in between count from the second on."""
    found = []
    for aspect in _ASPECTS:
        old, new = before[aspect.what], after[aspect.what]
        for key in sorted(old.keys() | new.keys()) if old else ():
            one, other = old.get(key, "absent"), new.get(key, "absent")
            if one != other:
                what = f"{aspect.what} {key}".strip()
                found.append(Change(what, _short(one), _short(other), aspect.severity))
    return found


def threads() -> list[str]:
    """The names of the Python threads beside the main one."""
    return [t.name for t in threading.enumerate() if t is not threading.main_thread()]


def children() -> list[str]:
    """The processes that this one has started and that are still there (Linux): number and command."""
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += [f"{pid} {_command(pid)}" for pid in task.read_text().split()]
    return found


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def _short(value: str) -> str:
    return value if len(value) <= 80 else f"{value[:77]}..."


def _handlers() -> dict[str, Any]:
    return {signal.Signals(n).name: _name(signal.getsignal(n)) for n in signal.valid_signals() if _named(n)}


def _named(number: int) -> bool:
    return number in {*signal.Signals}


def _name(handler: Any) -> str:
    if callable(handler):
        return f"{getattr(handler, '__module__', '')}.{getattr(handler, '__qualname__', handler)}"
    return str(handler)


def _mask() -> dict[str, Any]:
    mask = os.umask(0)
    os.umask(mask)
    return {"": f"{mask:03o}"}


def _filters() -> dict[str, Any]:
    return {"": f"{len(warnings.filters)} filters ({_digest(warnings.filters)})"}


def _digest(value: Any) -> str:
    data = value if isinstance(value, bytes) else repr(value).encode()
    return f"{zlib.crc32(data):08x}"


def _numpy() -> dict[str, Any]:
    module = sys.modules.get("numpy.random")
    return {"": _digest([str(part) for part in module.get_state()])} if module else {}


def _logger() -> dict[str, Any]:
    root = logging.getLogger()
    return {"level": root.level, "handlers": [type(handler).__name__ for handler in root.handlers]}


def _torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_default_dtype"):
        return {}
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "generator": _digest(torch.random.get_rng_state().numpy().tobytes()),
        "threads": torch.get_num_threads(),
        "gradient mode": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "cudnn.deterministic": torch.backends.cudnn.deterministic,
    }


_ASPECTS = (
    _Aspect("the handler of", _handlers),
    _Aspect("the working folder", lambda: {"": Path.cwd()}),
    _Aspect("the file mask", _mask),
    _Aspect("the locale", lambda: {"": locale.setlocale(locale.LC_ALL)}),
    _Aspect("the state of random", lambda: {"": _digest(random.getstate())}),
    _Aspect("the state of numpy.random", _numpy),
    _Aspect("torch's", _torch),
    _Aspect("the recursion limit", lambda: {"": sys.getrecursionlimit()}),
    _Aspect("sys.excepthook", lambda: {"": _name(sys.excepthook)}),
    _Aspect("builtins", lambda: {name: "there" for name in vars(builtins) if name != "_"}),
    _Aspect("the environment variable", lambda: os.environ, "warning"),
    _Aspect("the warnings filters", _filters, "warning"),
    _Aspect("sys.path", lambda: {"": _digest(sys.path)}, "warning"),
    _Aspect("the root logger's", _logger, "warning"),
)
