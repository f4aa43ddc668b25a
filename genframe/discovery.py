"""Finding plugins: entry points of the group `genframe`, files that were named, and what was registered live.

Each plugin is loaded in a guard of its own and gets a status; whatever is wrong with one costs that one.
Installed is available, and nothing more: only a recipe makes a component run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any

from genframe.errors import PluginError, Problem, nearest
from genframe.hooks import Component
from genframe.kinds import KINDS
from genframe.loading import NAME, load_entry_point, load_file, malformed
from genframe.registry import Offer, Plugin, PluginStatus, Registry
from genframe.vetting import Candidate, Verdict, verdicts

GROUP = "genframe"
FIRST_PARTY = "genframe"
"""The distribution whose plugins own bare names."""

LOCAL = "local"
"""The owner of what `register` offers."""

ALL = "all"
"""Blocks every installed plugin that is not first-party."""

_registered: dict[tuple[str, str], Offer] = {}


def discover(
    files: Iterable[str | Path] = (), blocked: str | Collection[str] | None = None, local: bool = True
) -> Registry:
    """Every plugin there is, loaded as far as it can be.

    files: plugin files, each a plugin named by its stem; they are executed here, once.
    blocked: names of plugins or distributions that are not loaded, or "all" for every installed one that is
    not first-party; None reads GENFRAME_NO_PLUGINS.
    local: whether what `register` was given takes part.

    Raises PluginError for a file that is missing, is no Python or has a name that is taken; a broken plugin
    raises nothing and has a status.
    """
    names = blocked_from((), os.environ) if blocked is None else _words(blocked)
    loaded = _load_all(installed(), names)
    if local and _registered:
        offers = tuple(_registered.values())
        status = PluginStatus(LOCAL, "genframe.register", "ok", offers=len(offers))
        loaded.append(Plugin(status, offers))
    return add_files(Registry(tuple(loaded), names), files)


def add_files(registry: Registry, files: Iterable[str | Path]) -> Registry:
    """The registry with more plugin files; one that it holds is not loaded again. Raises PluginError."""
    loaded = list(registry.loaded)
    for file in files:
        path = _resolved(file)
        if any(plugin.status.source == str(path) for plugin in loaded):
            continue
        _check_file(path, loaded)
        if _canonical(path.stem) in map(_canonical, registry.blocked):
            loaded.append(Plugin(_blocked(PluginStatus(path.stem, str(path), "ok"))))
        else:
            loaded.append(load_file(path))
    return replace(registry, loaded=tuple(loaded))


def _resolved(file: str | Path) -> Path:
    try:
        path = Path(file).expanduser().resolve()
        path.stat()
    except (OSError, ValueError, RuntimeError) as error:  # no such file, a null byte, no such user
        message = f"the plugin file {str(file)!r} can't be opened: {error}"
        raise PluginError(Problem("GF321", message, command="genframe plugins list")) from error
    return path


def _check_file(path: Path, loaded: Iterable[Plugin]) -> None:
    """Raise PluginError unless the file can be a plugin of its stem's name."""
    taken = next((p.status for p in loaded if _plain(p.status.name) == _plain(path.stem)), None)
    if not path.is_file():
        problem = Problem("GF321", f"the plugin file {path} is no file")
    elif path.suffix != ".py":
        problem = Problem("GF322", f"a plugin file ends in .py, and {path.name} does not")
    elif not re.fullmatch(r"\w[\w-]*", path.stem, re.ASCII):
        message = f"{path.stem!r} is no name for a plugin: rename {path.name} to letters, digits, '_' and '-'"
        problem = Problem("GF323", message)
    elif taken or path.stem in (LOCAL, ALL):
        by = f"by {taken.title} from {taken.source}" if taken else "by genframe itself"
        problem = Problem("GF324", f"{path} needs another name: {path.stem!r} is taken {by}")
    else:
        return
    raise PluginError(replace(problem, command="genframe plugins list"))


def register(kind: str, name: str, target: Any, **fields: Any) -> Offer:
    """Offer a class or function of this process as the component `local/name`; for notebooks.

    `fields` are those of `Component` (summary, aliases, needs, ...). A name that is registered again means
    the new target from the next discovery on. Raises PluginError.
    """
    if kind not in KINDS:
        raise PluginError(Problem("GF300", f"there is no kind {kind!r}", nearest=nearest(kind, KINDS)))
    where = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"
    if not callable(target) or where.startswith(":") or where.endswith(":"):
        raise PluginError(Problem("GF325", f"{target!r} is no class or function, so it can't be a {kind}"))
    component = Component(name, where, **fields)
    wrong = malformed(component, check_target=False)
    if wrong:
        raise PluginError(Problem("GF325", wrong))
    offer = Offer(kind, component, LOCAL, live=target)
    _registered[kind, name] = offer
    return offer


def blocked_from(argv: Sequence[str], environ: Mapping[str, str]) -> frozenset[str]:
    """What `--no-plugins`, `--no-plugins=a,b` and GENFRAME_NO_PLUGINS block; read before any discovery.

    Without names the option means "all"; so do `1`, `true` and `all` in the environment.
    """
    setting = environ.get("GENFRAME_NO_PLUGINS", "")
    names = {ALL} if setting.lower() in ("1", "true", ALL) else set(_words(setting)) - {"0", "false"}
    for argument in argv:
        if argument == "--":
            break
        if argument == "--no-plugins":
            names.add(ALL)
        elif argument.startswith("--no-plugins="):
            names |= _words(argument.partition("=")[2])
    return frozenset(names)


def _words(names: str | Collection[str]) -> frozenset[str]:
    parts = names.split(",") if isinstance(names, str) else names
    return frozenset(part.strip() for part in parts if part.strip())


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry point with its distribution, installed in `site`; `point` is None where `fault` says why."""

    name: str
    source: str
    distribution: str
    version: str
    point: EntryPoint | None = None
    fault: str = ""
    site: str = ""

    @property
    def first_party(self) -> bool:
        return _canonical(self.distribution) == FIRST_PARTY

    @property
    def candidate(self) -> Candidate:
        """The same, to be tried."""
        assert self.point is not None
        return Candidate(self.point, self.distribution, self.version, self.site)

    @property
    def status(self) -> PluginStatus:
        return PluginStatus(
            self.name, self.source, "ok", self.distribution, self.version, first_party=self.first_party
        )


def installed() -> list[Entry]:
    """Every plugin that is installed, from metadata alone: nothing is imported. First-party ones come first."""
    return sorted(_found(), key=lambda entry: (not entry.first_party, entry.name, entry.distribution))


def disputes(found: Sequence[Entry]) -> dict[Entry, str]:
    """What is wrong with those whose name another one has too."""
    return {entry: _dispute(entry, rivals) for entry in found if (rivals := _rivals(entry, found, ()))}


def _found() -> Iterator[Entry]:
    """A distribution counts once, as on the path."""
    seen = set()
    for distribution in distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
        except (OSError, ValueError):
            continue
        if f"[{GROUP}]" not in text.replace(" ", ""):
            continue
        name, version = _identity(distribution)
        if _canonical(name) not in seen:
            seen.add(_canonical(name))
            yield from _entries(distribution, name, version)


def _entries(distribution: Distribution, name: str, version: str) -> Iterator[Entry]:
    try:
        points = list(distribution.entry_points.select(group=GROUP))
    except Exception as error:  # importlib.metadata raises several kinds for a malformed file
        fault = f"its entry_points.txt is malformed: {error}"
        yield Entry(name, "entry_points.txt", name, version, fault=fault)
        return
    for point in points:
        yield Entry(point.name, point.value, name, version, point, site=str(distribution.locate_file("")))


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version of a distribution, as far as its metadata says."""
    try:
        metadata = distribution.metadata
        return metadata["Name"] or "unknown", metadata["Version"] or ""
    except Exception:  # the metadata of a broken installation may be anything
        return "unknown", ""


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _plain(name: str) -> str:
    return name.replace("_", "-")


def _blocked(status: PluginStatus) -> PluginStatus:
    return replace(status, state="blocked", cause="by --no-plugins or GENFRAME_NO_PLUGINS")


def _is_blocked(entry: Entry, blocked: Collection[str]) -> bool:
    if ALL in blocked and not entry.first_party:
        return True
    return not {_canonical(entry.name), _canonical(entry.distribution)}.isdisjoint(map(_canonical, blocked))


def _rivals(entry: Entry, found: Sequence[Entry], blocked: Collection[str]) -> list[Entry]:
    """The other entry points of the same name. A first-party plugin keeps its name whatever is installed."""
    if entry.first_party:
        return []
    return [
        other
        for other in found
        if other is not entry and _plain(other.name) == _plain(entry.name) and not _is_blocked(other, blocked)
    ]


def _dispute(entry: Entry, rivals: Sequence[Entry]) -> str:
    claims = [f"{claim.distribution} {claim.version} ({claim.source})" for claim in (entry, *rivals)]
    return f"the name {entry.name!r} is claimed by {' and by '.join(sorted(claims))}; block or remove one"


def _load_all(found: Sequence[Entry], blocked: Collection[str]) -> list[Plugin]:
    """Every plugin that may be loaded, loaded; of the others, why not. Strangers are tried elsewhere first."""
    settled = [_refused(entry, blocked, _rivals(entry, found, blocked)) for entry in found]
    strangers = [e for e, plugin in zip(found, settled, strict=True) if not (plugin or e.first_party)]
    known = dict(zip(strangers, verdicts([e.candidate for e in strangers]), strict=True))
    return [p or _load(e, known.get(e, Verdict())) for e, p in zip(found, settled, strict=True)]


def _refused(entry: Entry, blocked: Collection[str], rivals: Sequence[Entry]) -> Plugin | None:
    """Why a plugin is not even tried; None where it is."""
    status = entry.status
    if _is_blocked(entry, blocked):
        return Plugin(_blocked(status))
    if rivals:
        return Plugin(replace(status, state="conflict", cause=_dispute(entry, rivals)))
    if entry.point is None:
        return Plugin(replace(status, state="broken", cause=entry.fault))
    if entry.name in (LOCAL, ALL) or not NAME.fullmatch(entry.name):
        cause = f"{entry.name!r} is no name for a plugin: lower-case words and digits, joined by '-'"
        return Plugin(replace(status, state="broken", cause=cause))
    return None


def _load(entry: Entry, verdict: Verdict) -> Plugin:
    if verdict.death:
        cause = f"tried in a process of its own, it did not come back: {verdict.death}"
        return Plugin(replace(entry.status, state="broken", cause=cause, place=verdict.place))
    assert entry.point is not None
    return load_entry_point(entry.point, entry.status)
