"""The report of several runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from genframe.report.compared import Entry, differences, entries, tables
from genframe.report.curves import NUMBERS, TITLES, curves
from genframe.report.facts import Told
from genframe.report.frames import BYTES, Strip, strips
from genframe.report.page import page
from genframe.report.single import speed, took

MOST = 60
"""Curves of one name at most: of more runs those of the first."""


def html(runs: Sequence[Told], share: float = 1.0) -> str:
    """The page; `share` of the room for pictures and curves is used."""
    made = entries(runs)
    names = _labels(runs)
    data, charts = _curves(made, names, int(NUMBERS * share))
    pictures = list(_pictures(runs, names, int(BYTES * share)))
    found = tables(made)
    sections = [("runs", "Runs"), ("leaderboard", "Leaderboard"), ("differences", "Differences")]
    sections += [("curves", "Curves")] if charts else []
    sections += [("pictures", "Pictures")] if pictures else []
    recipes = list(dict.fromkeys(run.name for run in runs))
    title = " and ".join(recipes) if len(recipes) < 3 else f"{recipes[0]} and {len(recipes) - 1} others"
    return page(
        "compare.html",
        title=title,
        sections=sections,
        data={"data-curves": data} if charts else {},
        runs=runs,
        entries=made,
        missing=[f"{names[id(run)]}: {line}" for run in runs for line in run.missing],
        run_rows=list(_rows(made, names)),
        tables=found,
        differences=[(key, *values) for key, values in differences(made)],
        names=[entry.name for entry in made],
        charts=charts,
        pictures=pictures,
    )


def _labels(runs: Sequence[Told]) -> dict[int, str]:
    """Each run by its folder's name, or its path where names are equal."""
    names = [run.folder.resolve().name for run in runs]
    return {
        id(run): name if names.count(name) == 1 else str(run.folder)
        for run, name in zip(runs, names, strict=True)
    }


def _rows(entries: Sequence[Entry], names: dict[int, str]) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        for run in entry.runs:
            total = f" of {run.run.total:,}" if run.run.total and run.run.total != run.run.step else ""
            data = ", ".join(str(digest)[:12] for digest in (run.lock.get("data") or {}).values())
            seed = "" if run.run.seed is None else str(run.run.seed)
            step = f"{run.run.step:,}{total}"
            made = run.lock.get("commit")
            commit = str(made.get("id", ""))[:12] if isinstance(made, dict) else ""
            yield (
                names[id(run)], entry.name, run.run.state, step, seed, took(run.seconds), speed(run), data, commit,
            )  # fmt: skip


def _curves(
    made: Sequence[Entry], names: dict[int, str], numbers: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Every group of columns with a curve of each run, and a chart for each group, a name of it to choose."""
    count = sum(len(entry.runs) for entry in made)
    steps: list[list[int]] = []
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for number, entry in enumerate(made):
        for run in entry.runs:
            found = curves(run.columns, numbers // count)
            for group in found["groups"]:
                for series in group["series"]:
                    called = {"name": names[id(run)], "of": series["name"], "colour": number}
                    rows = groups.setdefault(group["key"], {}).setdefault(series["name"], [])
                    if len(rows) < MOST:
                        rows.append({**series, **called, "x": series["x"] + len(steps)})
            steps += found["x"]
    listed = sorted(groups, key=lambda key: list(TITLES).index(key) if key in TITLES else len(TITLES))
    data = [
        {
            "key": key,
            "title": TITLES.get(key, key),
            "series": [s for rows in groups[key].values() for s in rows],
        }
        for key in listed
    ]
    charts = [
        {"id": f"chart-{place}", "title": TITLES.get(key, key), "groups": [key], "choices": list(groups[key]),
         "wide": key == listed[0]}
        for place, key in enumerate(listed)
    ]  # fmt: skip
    return {"x": steps, "groups": data}, charts


def _pictures(
    runs: Sequence[Told], names: dict[int, str], budget: int
) -> Iterator[tuple[str, list[tuple[str, Strip]]]]:
    """The newest picture of each output, run beside run; what only one run has is left to its own report."""
    found: dict[str, list[tuple[str, Strip]]] = {}
    for run in runs:
        for strip in strips(run.folder / "samples", budget // len(runs), run.plan, last=True):
            run.missing += strip.broken
            if strip.frames and strip.frames[-1].step is not None:
                found.setdefault(strip.name, []).append((names[id(run)], strip))
    yield from ((name, shown) for name, shown in found.items() if len(shown) > 1)
