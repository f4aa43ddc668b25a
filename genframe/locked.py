"""A training held to a lock: what would differ from it, all at once. Torch-free.

Another recipe, component or data set is refused. Another torch, Python, processor, device or thread count is
remarked upon: the same training there may differ in the last bits of its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genframe.errors import LockError, Problem
from genframe.lock import FORMAT
from genframe.recipe.differences import ABSENT, settings_differ
from genframe.recipe.words import shown
from genframe.run import FACTS

_SURROUNDINGS = ("device", "hardware", "threads", "platform")
"""Keys of a lock whose change is remarked upon."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The facts of a `lock.json`, and what to call it in messages."""

    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the lock has in another way: its place, both values, and what it changes."""

    what: str
    locked: str
    here: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.locked} in the lock, {self.here} here"


def read_lock(path: Path) -> Lock:
    """The lock in a file, or in a run's folder. Raises LockError (GF730)."""
    file = path / FACTS if path.is_dir() else path
    try:
        return lock_from(file.read_bytes(), str(file))
    except OSError as error:
        raise _unreadable(str(file), error.strerror or str(error)) from error


def lock_from(content: bytes, name: str) -> Lock:
    """The lock that a text holds. Raises LockError (GF730)."""
    try:
        facts = json.loads(content)
    except ValueError as error:
        raise _unreadable(name, str(error)) from error
    if not isinstance(facts, dict) or not isinstance(facts.get("components"), dict):
        raise _unreadable(name, "it names no components; a lock is the lock.json of a run")
    if facts.get("format") != FORMAT:
        raise _unreadable(name, f"it has format {facts.get('format')!r}, and this genframe reads {FORMAT}")
    fault = malformed(facts)
    if fault:
        raise _unreadable(name, fault)
    return Lock(name, facts)


def malformed(facts: Mapping[str, Any]) -> str | None:
    """What is wrong with the form of a lock's sections, of those that are there; None where nothing is."""
    for section, inner in _SECTIONS.items():
        found = facts.get(section, {})
        if not isinstance(found, dict):
            return f"its {section!r} is no mapping"
        for key, row in found.items() if inner else ():
            if not isinstance(row, dict) or not inner <= row.keys():
                return f"{key!r} of its {section!r} lacks {', '.join(sorted(inner))}"
    recipe = facts.get("recipe") or {"sha256": None, "settings": {}}
    if "sha256" not in recipe or not isinstance(recipe.get("settings"), dict):
        return "its 'recipe' lacks its digest or its settings"
    return None


_COMPONENT = frozenset({"kind", "name", "distribution", "version", "revision", "sha256"})
_SECTIONS: dict[str, frozenset[str]] = {
    "components": _COMPONENT,
    "plugins": frozenset({"distribution", "version", "file", "plugin_sha256"}),
    "recipe": frozenset(),
    "versions": frozenset(),
    "data": frozenset(),
    "files": frozenset(),
    "specs": frozenset(),
    "origins": frozenset(),
}
"""The mappings of a lock, and what each of their rows holds."""


def checked(lock: Lock, facts: Mapping[str, Any]) -> list[Problem]:
    """Remarks on what may change the last bits. Raises LockError with everything that would change more."""
    refused = [*_recipe(lock.facts, facts), *code_changes(lock.facts, facts), *_content(lock.facts, facts)]
    if refused:
        raise LockError(*(Problem("GF731", str(c), path=c.path, command=None) for c in refused))
    return [Problem("GF732", str(c), severity="remark") for c in _surroundings(lock.facts, facts)]


def code_changes(locked: Mapping[str, Any], here: Mapping[str, Any]) -> list[Change]:
    """Distributions, components and plugins that are other ones here; of those that both sides use."""
    before, after = locked.get("components", {}), here["components"]
    changes = list(_versions(before, after))
    touched = set()
    for place in before.keys() & after.keys():
        if before[place]["name"] == after[place]["name"]:
            found = list(_component(place, before[place], after[place]))
            changes += found
            touched |= {_plugin(before[place]["name"])} if found else set()
    plugins, now = locked.get("plugins", {}), here.get("plugins", {})
    for name in sorted((plugins.keys() & now.keys()) - touched):
        digests = plugins[name].get("plugin_sha256"), now[name].get("plugin_sha256")
        if None not in digests:
            changes += _change(f"the files of the plugin {name!r}", *map(_short, digests))
    return sorted(changes, key=lambda change: (change.path, change.what))


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """One change a distribution, however many components are from it."""
    had = {facts["distribution"]: facts["version"] for facts in before.values() if facts["distribution"]}
    have = {facts["distribution"]: facts["version"] for facts in after.values() if facts["distribution"]}
    for name in sorted(had.keys() & have.keys()):
        yield from _change(f"the version of {name}", had[name], have[name])


def _component(place: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    who = f"{before['kind']} {before['name']}"
    yield from _change(f"the distribution of {who}", before["distribution"], after["distribution"], place)
    yield from _change(f"the revision of {who}", before["revision"], after["revision"], place)
    if None not in (before["sha256"], after["sha256"]):
        yield from _change(f"the source of {who}", _short(before["sha256"]), _short(after["sha256"]), place)


def _recipe(locked: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Change]:
    """Where the recipes differ, path by path; for a lock that knows no recipe, in the components it uses."""
    before, after = locked.get("recipe"), here["recipe"]
    if not before:
        places = locked["components"].keys() | {p for p in here["components"] if not p.startswith("wires:")}
        for place in sorted(places):
            was, now = (side["components"].get(place, {}).get("name", "nothing") for side in (locked, here))
            yield from _change("the component", was, now, place)
        yield from _change("the seed", locked.get("seed"), here["seed"], "seed")
        return
    found = settings_differ(before.get("settings", {}), json.loads(json.dumps(after["settings"])))
    for difference in found:
        values = (_text(difference.before), _text(difference.after))
        yield Change("the recipe", *values, difference.path)
    if not found:
        yield from _change("the digest of the recipe", _short(before["sha256"]), _short(after["sha256"]))
    if not any(difference.path == "seed" for difference in found):
        yield from _change("the seed", locked.get("seed"), here["seed"], "seed")


def _content(locked: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Change]:
    """Data and files, by their digests; those that only one side has are a difference of the recipes."""
    for name in sorted(locked.get("data", {}).keys() & here["data"].keys()):
        was, now = _short(locked["data"][name]), _short(here["data"][name])
        yield from _change("the data", was, now, f"datasets.{name}" if name else "data")
    files, present = locked.get("files", {}), here.get("files", {})
    for place in sorted(files.keys() & present.keys()):
        yield from _change("the file", _short(files[place]), _short(present[place]), place)


def _surroundings(locked: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Change]:
    versions = locked.get("versions", {})
    used = {facts["distribution"] for facts in here["components"].values()}
    for name, version in here["versions"].items():
        if name in versions and name not in used:
            yield from _change(name, versions[name], version)
    for key in _SURROUNDINGS:
        if locked.get(key):
            yield from _change(key, locked[key], here[key])


def _change(what: str, locked: Any, here: Any, path: str = "") -> Sequence[Change]:
    return [Change(what, str(locked), str(here), path)] if locked != here else []


def _plugin(name: str) -> str:
    return name.partition("/")[0]


def _short(digest: Any) -> str:
    """The head of a digest: enough to tell two apart."""
    return f"{str(digest)[:12]}" if digest is not None else "unknown"


def _text(value: Any) -> str:
    return "nothing" if value is ABSENT else shown(value, 100)


def _unreadable(name: str, why: str) -> LockError:
    return LockError(Problem("GF730", f"the lock {name} can't be read: {why}"))
