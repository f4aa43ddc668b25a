"""What ends the interpreter when it is imported is kept out of this one: new plugins are tried elsewhere first.

Plugins declare themselves in Python, so finding out what one offers runs its code, and a C extension that crashes,
an `os._exit` or a loop without end would take every verb with it. Therefore a plugin that is not genframe's own is
loaded once in a process of its own; if it comes through, or merely raises, it is loaded here as ever, and a note in
the user's cache folder spares it the trial until something changes: the plugin's files, what is installed beside it
(an ABI may have moved), Python, or genframe. Noting only *that* a plugin may be loaded, and not what it declared,
leaves one way of loading and nothing that could be stale. The price is some 0.2 s once after an installation, and
at every start where no note can be kept (a home that is read-only). A verdict is one small file a plugin, replaced
whole, so processes that run at once can't confuse each other, and one that is killed leaves nothing that accuses.

What stays possible: a plugin that came through and later dies of something that is in no file, such as an
environment variable. `--no-plugins=NAME` starts without it, and `genframe plugins doctor NAME` loads it elsewhere.
Plugin files are named by their user, and are not tried.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from genframe import places

TIMEOUT = 30.0
"""Seconds that all new plugins have together."""

_CODE = (".py", ".so", ".pyd")
_known: dict[str, Verdict] = {}  # by fingerprint: spares a process that can't keep notes the second trial


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin to be tried: its entry point, its distribution, and the folder that this is installed in."""

    point: EntryPoint
    distribution: str
    version: str
    site: str

    def request(self) -> dict[str, str]:
        point = self.point
        whence = {"distribution": self.distribution, "version": self.version}
        return {"name": point.name, "value": point.value, **whence}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a plugin ended the interpreter, and where in its files; empty for one that may be loaded."""

    death: str = ""
    place: str = ""


def verdicts(candidates: Sequence[Candidate]) -> list[Verdict]:
    """Whether each may be loaded in this process; what is not known yet is tried."""
    prints = [fingerprint(candidate) for candidate in candidates]
    found = [_noted(candidate, mark) for candidate, mark in zip(candidates, prints, strict=True)]
    unknown = [number for number, verdict in enumerate(found) if verdict is None]
    for number, verdict in zip(unknown, _tried([candidates[n] for n in unknown]), strict=True):
        found[number] = verdict
        note(candidates[number], verdict)
    return [verdict or Verdict() for verdict in found]


def note(candidate: Candidate, verdict: Verdict) -> None:
    """Keep a verdict until something changes; where that can't be written, for this process."""
    mark = fingerprint(candidate)
    _known[mark] = verdict
    path = _path(candidate)
    if path is None:
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({"of": mark, "death": verdict.death, "place": verdict.place}))
        aside.replace(path)


def fingerprint(candidate: Candidate) -> str:
    """Changes when the plugin, what is installed beside it, Python or genframe do."""
    from genframe import __version__

    point = candidate.point
    facts = [sys.version, sys.prefix, __version__, candidate.distribution, candidate.version, point.value]
    stamps = [
        *_stamps(Path(candidate.site)),
        *(s for path in places.files_of(point.module) for s in _tree(path)),
    ]
    return "|".join([*facts, *stamps])


def _stamps(path: Path) -> Iterator[str]:
    with suppress(OSError):
        stat = path.stat()
        yield f"{path} {stat.st_mtime_ns} {stat.st_size}"


def _tree(path: Path) -> Iterator[str]:
    """The stamps of a plugin's files, sources and extensions, in a settled order; folders of data are passed by."""
    if not path.is_dir():
        yield from _stamps(path)
        return
    for folder, inner, names in os.walk(path):
        code = sorted(name for name in names if name.endswith(_CODE))
        inner[:] = sorted(inner) if code else []
        for name in code:
            yield from _stamps(Path(folder, name))


def _noted(candidate: Candidate, mark: str) -> Verdict | None:
    if mark in _known:
        return _known[mark]
    path = _path(candidate)
    try:
        kept: Any = json.loads(path.read_text()) if path else None
        if isinstance(kept, dict) and kept.get("of") == mark:
            _known[mark] = Verdict(str(kept["death"]), str(kept["place"]))
            return _known[mark]
    except (OSError, ValueError, KeyError):
        pass
    return None


def _folder() -> Path | None:
    """Where verdicts are kept."""
    cache = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(cache) if cache else Path.home() / ".cache") / "genframe" / "tried-plugins"
    except RuntimeError:  # a user without a home
        return None


def _path(candidate: Candidate) -> Path | None:
    """Where the verdict of a plugin stands: one file for each plugin of each Python environment."""
    folder = _folder()
    environment = zlib.crc32(sys.prefix.encode())
    name = zlib.crc32(f"{candidate.distribution} {candidate.point.name}".encode())
    return folder and folder / f"{environment:08x}-{name:08x}.json"


def _tried(candidates: Sequence[Candidate]) -> Iterator[Verdict]:
    """Load new plugins in another process, one after the other; after one that ended it, the rest in a next one."""
    from genframe import isolation  # 10 ms that only a new plugin costs

    rest = [] if isolation.INSIDE in os.environ else list(candidates)
    yield from [Verdict()] * (len(candidates) - len(rest))
    while rest:
        try:
            outcome = isolation.run("load", [c.request() for c in rest], TIMEOUT, partial(_say, rest))
        except OSError:  # no process, no folder: load them here, as there is no choice
            yield from [Verdict()] * len(rest)
            return
        begun = len(outcome.all("begin"))
        if outcome.ended or not begun:
            yield from [Verdict()] * len(rest)
            return
        yield from [Verdict()] * (begun - 1)
        guilty = rest[begun - 1]
        yield Verdict(outcome.death, places.faulting(outcome.stderr, places.files_of(guilty.point.module)))
        rest = rest[begun:]


def _say(candidates: Sequence[Candidate]) -> None:
    names = ", ".join(candidate.point.name for candidate in candidates)
    print(f"genframe: plugins that are new here are tried first ({names})", file=sys.stderr)
