"""The report of one run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genframe.report.curves import NUMBERS, curves
from genframe.report.facts import Told
from genframe.report.frames import BYTES, Strip, strips
from genframe.report.graph import drawing
from genframe.report.page import figure, moment, page, protocol, text, yaml
from genframe.verdict import MEANINGS

WORDS = {
    "holds": "The prior holds.",
    "nearly": "The prior nearly holds.",
    "fails": "The prior does not hold.",
    "collapsed": "The posterior has collapsed.",
}
"""The verdict of an audit, as a sentence."""

_PROTOCOL_APART = ("step", "versions", "provenance")


def html(told: Told, share: float = 1.0) -> str:
    """The page; `share` of the room for pictures and curves is used."""
    planned = _planned(told)
    shown = strips(told.folder / "samples", int(BYTES * share), told.plan)
    for strip in shown:
        told.missing += [line for line in strip.broken if line not in told.missing]
    found = curves(told.columns, int(NUMBERS * share))
    charts = list(_charts(found["groups"]))
    visible = [strip for strip in shown if strip.frames]
    frames = {
        f"frames-{number}": [
            {"step": f.step, "address": f.address if f is not strip.frames[-1] else ""} for f in strip.frames
        ]
        for number, strip in enumerate(visible)
        if len(strip.frames) > 1
    }
    audit = _audit(told.audit)
    lock = list(_lock(told))
    sections = [("pictures", "Pictures")]
    sections += [("curves", "Curves")] if charts else []
    sections += [("plan", "Plan")] if told.plan.get("players") else []
    sections += [("metrics", "Metrics")]
    sections += [("audit", "Audit")] if audit else []
    sections += [("recipe", "Recipe")] if told.written or told.resolved else []
    sections += [("facts", "Made with")] if lock else []
    place = shlex.quote(str(_near(told.folder)))
    return page(
        "run.html",
        title=told.name,
        sections=[*sections, ("next", "Commands")],
        data=({"data-curves": found} if charts else {}) | frames,
        told=told,
        facts=list(_facts(told)),
        alarms=told.alarms,
        log=[] if told.run.state == "finished" else told.log,
        strips=visible,
        charts=charts,
        rows=found["rows"],
        points=found["points"],
        **planned,
        metrics=list(_metrics(told.evaluations)),
        audit=audit,
        audit_strips=_audit_pictures(told, share) if audit else [],
        written=yaml(told.written) if told.written else "",
        resolved=yaml(told.resolved) if told.resolved else "",
        lock=lock,
        sources=list(_sources(told.lock)),
        resumes=[
            (
                row.get("time", ""),
                f"{row.get('step', 0)}",
                ", ".join(map(str, row.get("overrides", ()))) or "none",
                "; ".join(map(str, row.get("differences", ()))),
            )
            for row in told.resumes
        ],
        commands=list(_commands(told, place)),
        place=place,
    )


def took(seconds: float | None) -> str:
    """`1 h 4 min`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def speed(told: Told) -> str:
    """The median of the logged examples per second."""
    logged = sorted(
        row["images_per_second"]
        for row in told.rows
        if isinstance(row.get("images_per_second"), (int, float))
    )
    return f"{logged[len(logged) // 2]:,.0f}" if logged else ""


def _facts(told: Told) -> Iterator[tuple[str, str]]:
    run = told.run
    total = f" of {run.total:,}" if run.total and run.total != run.step else ""
    facts = {
        "steps": f"{run.step:,}{total}",
        "epochs": f"{run.row['epoch']:,}" if isinstance(run.row.get("epoch"), int) else "",
        "logged over": took(told.seconds),
        "examples per second": speed(told),
        "parameters": f"{told.plan['parameters']['total']:,}" if told.plan.get("parameters") else "",
        "seed": str(told.lock.get("seed", "")),
        "device": str(told.lock.get("device", "")),
    }
    yield from ((name, value) for name, value in facts.items() if value)
    newest = max((row["protocol"].get("step") or 0 for row in told.evaluations), default=0)
    shown = [row for row in told.evaluations if (row["protocol"].get("step") or 0) == newest]
    for row in shown[:3]:
        name, value = next(iter(row["figures"].items()), ("", None))
        if name:
            yield (name if name == row.get("metric") else f"{row.get('metric')} · {name}"), f"{value:.5g}"


def _charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Terms large, raw or weighted; every other group small."""
    keys = [group["key"] for group in groups]
    first = [key for key in ("terms", "weighted") if key in keys]
    if first:
        radios = ("raw", "weighted") if len(first) == 2 else ()
        yield {"id": "chart-terms", "title": "Terms", "groups": first, "radios": radios, "wide": True}
    for number, group in enumerate(groups):
        if group["key"] not in first:
            yield {"id": f"chart-{number}", "title": group["title"], "groups": [group["key"]], "wide": False}


def _planned(told: Told) -> dict[str, Any]:
    """What is shown of the plan; of one that is not as it should be, nothing."""
    with told.guarded("the plan"):
        return {
            "drawing": drawing(told.plan),
            "routing": list(_routing(told.plan)),
            "components": list(_components(told.plan)),
            "wires": list(_wires(told.plan)),
        }
    told.plan = {}
    return {"drawing": None, "routing": [], "components": [], "wires": []}


def _routing(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    numbers = {player["name"]: number for number, player in enumerate(plan.get("players", ()))}
    weights = {
        (player["name"], term["wire"]): figure(term["weight"])
        for player in plan.get("players", ())
        for term in player["terms"]
    }
    for row in plan.get("routing", {}).get("rows", ()):
        weight = weights.get((row["player"], row["term"]), "")
        yield {**row, "number": numbers.get(row["player"], 0), "weight": weight}


def _components(plan: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for component in plan.get("components", ()):
        trained = "frozen" if component.get("frozen") is True else ", ".join(component["trained_by"])
        parameters = f"{component['parameters']:,}" if component["parameters"] else ""
        yield component["name"], component["component"], text(component["options"]), parameters, trained


def _wires(plan: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for wire in plan.get("wires", ()):
        yield wire["name"], wire["expression"], ", ".join(wire.get("shapes", {}).values())
    for kind, what in (("templates", "a wire with arguments"), ("outputs", "an output")):
        for wire in plan.get(kind, ()):
            yield wire["name"], wire["expression"], what


def _metrics(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each metric by each protocol: a row for a figure, a column for a step, the newest first."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in evaluations:
        kept = {key: value for key, value in row["protocol"].items() if key not in _PROTOCOL_APART}
        found.setdefault((str(row.get("metric")), protocol(kept)), []).append(row)
    for (name, told), rows in found.items():
        by_step = {row["protocol"].get("step"): row for row in rows}
        newest, *before = sorted(by_step, key=lambda step: -(step or 0))
        latest = by_step[newest]
        figures = dict.fromkeys(key for row in by_step.values() for key in row["figures"])
        versions = protocol(latest["protocol"].get("versions") or {})
        provenance = latest["protocol"].get("provenance") or {}
        yield {
            "name": name,
            "component": latest.get("component", ""),
            "steps": [f"at step {step:,}" for step in before],
            "rows": [
                (key, *(figure(by_step[step]["figures"].get(key, "")) for step in (newest, *before)))
                for key in figures
            ],
            "numbers": list(range(1, len(by_step) + 1)),
            "protocol": f"step {newest} · {told} · {versions}"
            + (f" · {moment(latest['time'])}" if "time" in latest else ""),
            "provenance": [(key, figure(value)) for key, value in provenance.items()],
        }


def _audit(found: Mapping[str, Any]) -> dict[str, Any] | None:
    figures = found.get("figures")
    if not isinstance(figures, dict):
        return None
    errors = found.get("standard_errors") or {}
    rows = [
        (name, figure(value) + _error(errors.get(name)), MEANINGS.get(name, ""))
        for name, value in figures.items()
    ]
    known = [row for row in rows if row[2]] + [row for row in rows if "[" in row[0]]
    holds = str(found.get("holds", ""))
    return {
        "holds": WORDS.get(holds, holds),
        "verdict": found.get("verdict") or [],
        "rows": known,
        "protocol": protocol(found.get("protocol") or {}),
    }


def _error(value: Any) -> str:
    return f" ± {value:.2g}" if isinstance(value, float) else ""


def _audit_pictures(told: Told, share: float) -> list[Strip]:
    found = strips(told.folder / "audit", int(BYTES * share / 4))
    for strip in found:
        told.missing += strip.broken
        strip.caption = _AUDITED.get(strip.name, "draws, decoded")
    return found


_AUDITED = {
    "codes": "codes of the data in blue over draws of the prior in grey",
    "dimensions": "the rate of each number of a code",
}


def _lock(told: Told) -> Iterator[tuple[str, str]]:
    lock = told.lock
    if not lock:
        return
    recipe = lock.get("recipe")
    facts: dict[str, Any] = {
        "begun": moment(lock.get("created")),
        "command": shlex.join(map(str, lock.get("command", ()))),
        "seed": lock.get("seed"),
        "device": lock.get("device"),
        "hardware": lock.get("hardware"),
        "platform": lock.get("platform"),
        "threads": lock.get("threads"),
        "commit": lock.get("commit"),
        "recipe (sha256)": recipe.get("sha256") if isinstance(recipe, dict) else None,
    }
    facts |= {
        f"data{f' {name}' if name else ''} (sha256)": digest
        for name, digest in (lock.get("data") or {}).items()
    }
    facts |= {f"version of {name}": version for name, version in (lock.get("versions") or {}).items()}
    yield from ((name, text(value)) for name, value in facts.items() if value not in (None, "", {}))


def _sources(lock: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    components = lock.get("components")
    for name, found in (components if isinstance(components, dict) else {}).items():
        package = f"{found.get('distribution') or 'a local file'} {found.get('version') or ''}".strip()
        digest = str(found.get("source_sha256") or found.get("sha256") or "")
        yield str(name), str(found.get("name") or ""), package, str(found.get("revision", "")), digest[:24]


def _commands(told: Told, place: str) -> Iterator[tuple[str, str]]:
    outputs = {str(output["name"]).partition("(")[0] for output in told.plan.get("outputs", ())}
    if told.run.state in ("killed", "stopped", "failed", "empty"):
        yield f"genframe resume {place}", "Go on from its newest whole checkpoint"
    else:
        yield f"genframe resume {place} train.epochs=N", "Train it for longer"
    yield f"genframe evaluate {place}", "Measure it by the metrics of its recipe"
    if "sample" in outputs:
        yield f"genframe sample {place} -n 64 -o samples.png", "Draw from it"
    if {"encode", "decode"} <= outputs:
        yield f"genframe audit {place}", "Ask whether its prior holds"
    yield f"genframe report {place}", "Write this page anew"
    if (told.folder / "lock.json").exists():
        yield (
            f"genframe train {place}/resolved.yaml --locked {place}/lock.json",
            "Repeat it, or be told what differs",
        )


def _near(folder: Path) -> Path:
    """As it is called from here where it lies below, else in full."""
    full = folder.resolve()
    here = Path.cwd()
    return full.relative_to(here) if full.is_relative_to(here) and full != here else full
