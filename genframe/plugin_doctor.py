"""What is wrong with a plugin, as far as it can be told from outside: each is loaded in a process of its own.

Nothing of a plugin is imported here; what is installed is read from metadata alone. So a plugin that ends its
interpreter, or never comes back, is a finding like any other.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from genframe import discovery, isolation, places, vetting
from genframe.discovery import Entry
from genframe.errors import nearest
from genframe.loading import NAME
from genframe.registry import LookupProblem, Registry, condition

TIMEOUT = 60.0
"""Seconds that a plugin has, its components' imports (torch's among them) included."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a plugin: an `error`, a `warning` to its author or a `remark`; what to type about it."""

    severity: str
    what: str
    place: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: an entry point, or a file."""

    entry: Entry | None = None
    file: Path | None = None

    @property
    def name(self) -> str:
        return self.entry.name if self.entry else self.file.stem if self.file else ""

    @property
    def request(self) -> dict[str, str]:
        return self.entry.candidate.request() if self.entry else {"file": str(self.file)}

    @property
    def files(self) -> tuple[Path, ...]:
        """The plugin's own."""
        if self.file:
            return (self.file,)
        return places.files_of(self.entry.point.module) if self.entry and self.entry.point else ()


def subjects(
    names: Collection[str] = (), files: Collection[Path] = (), everything: bool = False
) -> list[Subject]:
    """The plugins of these names (or distributions) and files; where none is named, all but genframe's own.

    everything: all that are installed, genframe's own too. Raises LookupProblem for a name that nothing has.
    """
    found = discovery.installed()
    known = [entry.name for entry in found]
    for name in names:
        if not any(_is(entry, name) for entry in found):
            command = "genframe plugins list"
            raise LookupProblem("GF305", f"there is no plugin {name!r}", nearest(name, known), command)
    if not (names or files):
        names = [entry.name for entry in found if not entry.first_party]
    wanted = [e for e in found if everything or any(_is(e, name) for name in names)]
    return [*map(Subject, wanted), *(Subject(file=Path(file).resolve()) for file in files)]


def _is(entry: Entry, name: str) -> bool:
    return name.replace("_", "-") in (entry.name, entry.distribution.replace("_", "-"))


def examine(
    examined: Sequence[Subject], timeout: float = TIMEOUT, jobs: int | None = None
) -> Iterator[dict[str, Any]]:
    """A report a plugin, as they are done: `name`, `ok`, `state`, `findings` and what was seen.

    `ok` is False where a finding is an error. timeout: in seconds, for each.
    """
    disputes = discovery.disputes(discovery.installed())
    own = discovery.discover(blocked=discovery.ALL, local=False)
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        waiting = [pool.submit(_examined, subject, timeout, disputes, own) for subject in examined]
        for done in as_completed(waiting):
            yield done.result()


def _examined(
    subject: Subject, timeout: float, disputes: Mapping[Entry, str], own: Registry
) -> dict[str, Any]:
    """One plugin's report."""
    entry = subject.entry
    facts: dict[str, Any] = {
        "name": subject.name,
        "distribution": entry.distribution if entry else "",
        "version": entry.version if entry else "",
        "source": entry.source if entry else str(subject.file),
        "state": "broken",
    }
    findings = list(_of_metadata(entry, disputes, own)) if entry else []
    if entry is None or entry.point is not None:
        outcome = isolation.run("examine", [subject.request], timeout)
        facts |= _seen(outcome, subject)
        findings += [*_of_life(outcome, subject), *_of_declaration(outcome, own), *_of_components(outcome)]
        _note(subject, outcome)
    if entry in disputes:
        facts["state"] = "conflict"
    ok = not any(finding.severity == "error" for finding in findings)
    return {**facts, "ok": ok, "findings": [asdict(finding) for finding in findings]}


_TOLD = (
    "state",
    "api",
    "hooks",
    "cause",
    "place",
    "traceback",
    "milliseconds",
    "components",
    "recipes",
    "printed",
)


def _seen(outcome: isolation.Outcome, subject: Subject) -> dict[str, Any]:
    """What the process reported, as far as it came, and how it ended."""
    declared: dict[str, Any] = next(iter(outcome.all("declared")), {})
    own = {path.stem if path.is_file() else path.name for path in subject.files}
    return {
        **{key: declared[key] for key in _TOLD if key in declared},
        "packages": [name for name in declared.get("packages", ()) if name not in own],
        "death": outcome.death,
        "seconds": round(outcome.seconds, 3),
        "exit_code": outcome.code,
        "last_words": outcome.last_words(),
    }


def _note(subject: Subject, outcome: isolation.Outcome) -> None:
    """Let the other verbs know: what came through its declaration may be loaded in their process."""
    if subject.entry is None or subject.entry.first_party:
        return
    if outcome.all("declared"):
        vetting.note(subject.entry.candidate, vetting.Verdict())
    elif outcome.records:
        place = places.faulting(outcome.stderr, subject.files)
        vetting.note(subject.entry.candidate, vetting.Verdict(outcome.death, place))


def _of_life(outcome: isolation.Outcome, subject: Subject) -> Iterator[Finding]:
    """How the process ended, where that was not its end."""
    if outcome.ended:
        return
    stage = next(
        (r["stage"] for r in reversed(outcome.records) if r["record"] == "begin"), "the process starts"
    )
    place = places.faulting(outcome.stderr, subject.files)
    yield Finding(
        "error", f"{outcome.death}, while {stage}", place, f"genframe --no-plugins={subject.name} list"
    )


def _of_declaration(outcome: isolation.Outcome, own: Registry) -> Iterator[Finding]:
    """What declaring it said, brought in, left behind and changed."""
    for declared in outcome.all("declared"):
        if declared["state"] != "ok":
            yield Finding(
                "error", f"it is {condition(declared['state'])}: {declared['cause']}", declared["place"]
            )
        for package in declared["imported"]:
            what = f"declaring it imports {package}: import it where a component is defined, not beside the hooks"
            yield Finding("error", what, command=f"python -X importtime -c 'import {_module(declared)}'")
        for warning in declared["warnings"]:
            place, _, what = warning.partition(": ")
            yield Finding("warning", what, place)
        if declared["printed"] or outcome.stdout:
            first = (declared["printed"] or outcome.stdout).strip().partition("\n")[0]
            yield Finding("warning", f"it prints when it is imported: {first!r}")
        yield from _of_traces(declared, "declaring it")
        yield from _of_names(declared, own)


def _module(declared: Mapping[str, Any]) -> str:
    return str(declared["source"]).partition(":")[0]


def _of_traces(left: Mapping[str, Any], doing: str) -> Iterator[Finding]:
    for change in left["changes"]:
        yield Finding(change["severity"], f"{doing} changes {change['what']}")
    for thread in left["threads"]:
        yield Finding("warning", f"{doing} leaves a thread running: {thread}")
    for child in left["children"]:
        yield Finding("error", f"{doing} leaves a process running: {child}")


def _of_names(declared: Mapping[str, Any], own: Registry) -> Iterator[Finding]:
    """Names that genframe's own components have too: legal, and to be written with their owner."""
    taken = {(offer.kind, name) for offer in own.offers() for name in offer.names}
    for row in declared["components"]:
        bare = row["name"].rpartition("/")[2]
        if (row["kind"], bare) in taken and not declared["first_party"]:
            what = f"genframe's own {row['kind']} {bare!r} has that name too: recipes write {row['name']}"
            yield Finding("remark", what)


def _of_components(outcome: isolation.Outcome) -> Iterator[Finding]:
    """Signatures that can't be read, targets that can't be imported."""
    for row in outcome.all("signature"):
        if row["fault"]:
            what = f"the options of {row['kind']} {row['name']} can't be read: {row['fault']}"
            yield Finding("error", what, row["place"])
    for row in outcome.all("imported"):
        if row["fault"]:
            what = f"{row['kind']} {row['name']} can't be imported: {row['fault']}"
            yield Finding("error", what, row["place"])
    for row in outcome.all("left"):
        yield from _of_traces(row, "importing its components")


def _of_metadata(entry: Entry, disputes: Mapping[Entry, str], own: Registry) -> Iterator[Finding]:
    """What pip's metadata say: the entry point, its name, and what the distribution requires."""
    if entry.fault:
        yield Finding("error", entry.fault)
        return
    if entry in disputes:
        yield Finding("error", disputes[entry], command=f"pip uninstall {entry.distribution}")
    if not NAME.fullmatch(entry.name):
        what = f"{entry.name!r} is no name for a plugin: lower-case words and digits, joined by '-'"
        yield Finding("error", what)
    if entry.first_party:
        return
    near = nearest(entry.name, [status.name for status in own.plugins if status.first_party])
    if near and near != entry.name:
        yield Finding("remark", f"its name is near that of genframe's own plugin {near!r}")
    if entry.distribution.replace("_", "-").lower() != f"genframe-{entry.name}":
        what = f"its distribution is called {entry.distribution}; recipes that lack it advise genframe-{entry.name}"
        yield Finding("remark", what)
    yield from _of_requirements(entry)


def _of_requirements(entry: Entry) -> Iterator[Finding]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    named = set()
    try:
        written = requires(entry.distribution) or []
    except PackageNotFoundError:
        written = []
    for text in written:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            yield Finding("error", f"its metadata hold no requirement: {text!r} ({error})")
            continue
        named.add(canonicalize_name(requirement.name))
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _of_requirement(requirement.name, str(requirement.specifier), requirement)
    if discovery.FIRST_PARTY not in named:
        yield Finding(
            "warning", "its distribution does not require genframe, so pip can't tell which one it needs"
        )


def _of_requirement(name: str, bounds: str, requirement: Any) -> Iterator[Finding]:
    command = f"pip install '{name}{bounds}'"
    try:
        have = version(name)
    except PackageNotFoundError:
        yield Finding("error", f"it requires {name}{bounds}, which is not installed", command=command)
        return
    if not requirement.specifier.contains(have, prereleases=True):
        yield Finding("error", f"it requires {name}{bounds}, and {have} is installed", command=command)
