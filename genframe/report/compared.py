"""Several runs beside each other: which differ in the seed alone, in what their recipes differ, and who is ahead.

Figures stand in one table only where they were measured by one protocol; of others it is said what differs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from genframe.report.facts import Told

APART = ("genframe", "name", "seed", "device", "track", "watch", "plugins")
"""Settings by which runs may differ and be repetitions of one another."""

FREE = ("step", "seed", "versions", "provenance")
"""What of a protocol is a run's own: it may differ between figures that are comparable."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """Runs whose recipes differ in the seed alone."""

    name: str
    runs: tuple[Told, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """One figure of an entry: the mean over its seeds and half the width of its 95 % interval, NaN for one seed."""

    entry: Entry
    values: tuple[tuple[int | None, float], ...]
    mean: float
    half: float
    steps: str


@dataclass(frozen=True)
class Table:
    """Figures by one protocol: a row for each entry, a column for each figure; `unlike` names what others differ in."""

    metric: str
    figures: tuple[str, ...]
    protocol: Mapping[str, Any]
    rows: tuple[tuple[Entry, tuple[Standing | None, ...]], ...]
    unlike: tuple[str, ...]


def entries(runs: Sequence[Told]) -> list[Entry]:
    """The runs grouped, in their order; equally called entries are told apart by the settings in which they differ."""
    found: dict[str, list[Told]] = {}
    for run in runs:
        found.setdefault(_identity(run), []).append(run)
    flat = [flattened(group[0].settings) for group in found.values()]
    made = []
    for group, settings in zip(found.values(), flat, strict=True):
        names = {run.name for run in group}
        rivals = [other for other in flat if other is not settings]
        made.append(Entry(_called(names, settings, rivals, group, len(found)), tuple(group), settings))
    return made


def _called(
    names: set[str],
    settings: Mapping[str, Any],
    rivals: Sequence[Mapping[str, Any]],
    group: Sequence[Told],
    count: int,
) -> str:
    """The recipe's name, and what of its settings is its own; without settings the folder's."""
    if not settings:
        return group[0].folder.name
    keys = [
        key for key in dict.fromkeys([*settings, *(k for r in rivals for k in r)])
        if key.partition(".")[0] not in APART and any(r and r.get(key) != settings.get(key) for r in rivals)
    ]  # fmt: skip
    name = ", ".join(sorted(names))
    if not keys or count == 1:
        return name
    told = [f"{key}={_text(settings.get(key))}" for key in keys[:3]]
    return f"{name} ({', '.join(told)}{', …' if len(keys) > 3 else ''})"


def _identity(run: Told) -> str:
    """The settings but for the seed, and the data; a run without settings is like no other."""
    if not run.settings:
        return str(run.folder)
    settings = {key: value for key, value in run.settings.items() if key not in APART}
    return json.dumps([settings, run.lock.get("data")], sort_keys=True, default=str)


def flattened(settings: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Settings by their paths, `prior.dim`; lists stay whole."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= flattened(value, f"{inside}{key}.")
        else:
            found[f"{inside}{key}"] = value
    return found


def differences(made: Sequence[Entry]) -> list[tuple[str, list[str]]]:
    """Each setting in which entries differ, with its value in each; nothing where one has it not."""
    keys = dict.fromkeys(key for entry in made for key in entry.settings)
    rows = [
        (key, [_text(entry.settings[key]) if key in entry.settings else "" for entry in made])
        for key in keys
        if key.partition(".")[0] not in APART
    ]
    data = [_text(entry.runs[0].lock.get("data") or {}) for entry in made]
    rows += [("the data's content (sha256)", [text[:24] for text in data])]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def tables(made: Sequence[Entry]) -> list[Table]:
    """The leaderboards: for each metric one for each protocol by which it was measured."""
    found: dict[str, dict[str, dict[int, list[tuple[Told, Row]]]]] = {}
    for number, entry in enumerate(made):
        for run in entry.runs:
            for name, row in _newest(run):
                way = json.dumps(likeness(run, row), sort_keys=True, default=str)
                found.setdefault(name, {}).setdefault(way, {}).setdefault(number, []).append((run, row))
    return [
        _table(name, made, json.loads(way), measured, [json.loads(other) for other in ways if other != way])
        for name, ways in found.items()
        for way, measured in ways.items()
    ]


def likeness(run: Told, row: Mapping[str, Any]) -> dict[str, Any]:
    """What must be alike for figures to be comparable: the protocol, without what is a run's own, and the data.

    Of the provenance texts and whole numbers count; real numbers (a smallest eigenvalue) were measured.
    """
    protocol = row["protocol"]
    kept = {key: value for key, value in protocol.items() if key not in FREE}
    told = protocol.get("provenance")
    proven = {
        key: value for key, value in (told if isinstance(told, dict) else {}).items() if not _measured(value)
    }
    return {"component": row.get("component"), **kept, **proven, "data": run.lock.get("data")}


def _measured(value: Any) -> bool:
    if isinstance(value, float):
        return True
    try:
        return isinstance(value, str) and not value.isdigit() and math.isfinite(float(value))
    except ValueError:
        return False


def _newest(run: Told) -> Iterator[tuple[str, Row]]:
    """Of each metric and protocol the figures of the latest step, of those the last that were measured."""
    found: dict[str, Row] = {}
    for row in run.evaluations:
        key = json.dumps([row.get("metric"), likeness(run, row)], sort_keys=True, default=str)
        before = found.get(key)
        if before is None or (row["protocol"].get("step") or 0) >= (before["protocol"].get("step") or 0):
            found[key] = row
    for row in found.values():
        yield str(row.get("metric")), row


def _table(
    name: str,
    made: Sequence[Entry],
    protocol: Mapping[str, Any],
    measured: Mapping[int, Sequence[tuple[Told, Row]]],
    others: Sequence[Mapping[str, Any]],
) -> Table:
    figures = tuple(
        dict.fromkeys(key for rows in measured.values() for _, row in rows for key in row["figures"])
    )
    rows = [
        (made[number], tuple(_standing(made[number], found, figure) for figure in figures))
        for number, found in measured.items()
    ]
    rows.sort(key=lambda row: -row[1][0].mean if row[1] and row[1][0] else math.inf)
    unlike = tuple(dict.fromkeys(text for other in others for text in _unlike(protocol, other)))
    return Table(name, figures, protocol, tuple(rows), unlike)


def _standing(entry: Entry, measured: Sequence[tuple[Told, Row]], figure: str) -> Standing | None:
    """Of each seed the last run counts: a second one of the same seed is the same training again."""
    by_seed: dict[int | None, tuple[float, int]] = {}
    for run, row in measured:
        value = row["figures"].get(figure)
        if isinstance(value, (int, float)):
            by_seed[run.run.seed] = (float(value), int(row["protocol"].get("step") or 0))
    if not by_seed:
        return None
    values = [value for value, _ in by_seed.values()]
    steps = sorted({step for _, step in by_seed.values()})
    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    told = f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,}"
    return Standing(
        entry, tuple((seed, value) for seed, (value, _) in by_seed.items()), fmean(values), half, told
    )


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """`split: test here, validation there`."""
    for key in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _unlike(mine, theirs, f"{inside}{key}.")
        elif mine != theirs:
            yield f"{inside}{key}: {_text(mine)[:60]} here, {_text(theirs)[:60]} there"


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: from a table up to 9 degrees of freedom, then Cornish and Fisher's series.

    Abramowitz and Stegun 1964, 26.7.5; the error is below 1e-3 there.
    """
    table = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)
    if freedom <= len(table):
        return table[freedom - 1]
    z, n = 1.959964, float(freedom)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + g1 / n + g2 / n**2 + g3 / n**3


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
