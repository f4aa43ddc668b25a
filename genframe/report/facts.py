"""What a run's folder tells a report, whatever of it is there: what can't be read is said, and stops nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from genframe import packed
from genframe.errors import GenframeError, Problem, RunError
from genframe.report.curves import Columns
from genframe.run import FACTS, PLAN, RECIPE, RESOLVED, Run
from genframe.runs import RunFacts, facts_of

LOG_LINES = 12
"""Lines from the log's end that a report of a run which did not finish shows."""

Value = TypeVar("Value")
Json = dict[str, Any]


@dataclass
class Told:
    """One run as a report has it. `missing` says what is not there, and why.

    `columns` are the numbers of metrics.jsonl; `rows` keep of it what is no mapping of numbers, and the alarms.
    """

    folder: Path
    run: RunFacts
    lock: Json = field(default_factory=dict)
    plan: Json = field(default_factory=dict)
    written: str = ""
    resolved: str = ""
    settings: Json = field(default_factory=dict)
    rows: list[Json] = field(default_factory=list)
    columns: Columns = field(default_factory=Columns)
    evaluations: list[Json] = field(default_factory=list)
    audit: Json = field(default_factory=dict)
    resumes: list[Json] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The recipe's name, else the folder's."""
        return self.run.recipe or self.folder.name

    @property
    def seconds(self) -> float | None:
        """From the lock's writing to the last row, or what the rows span; None where that is not known."""
        times = [row["time"] for row in self.rows if isinstance(row.get("time"), (int, float))]
        return float(times[-1] - times[0]) if len(times) > 1 else None

    @property
    def alarms(self) -> list[tuple[str, str, int, int, bool]]:
        """Each stretch in which an alarm rang: name, last word, first and last step, whether it rang to the end."""
        return list(_alarms(self.rows))

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """What goes wrong within is noted as missing."""
        try:
            yield
        except GenframeError as error:
            self.missing.append(f"{what}: {'; '.join(problem.message for problem in error.problems)}")
        except Exception as error:
            self.missing.append(f"{what}: {type(error).__name__}: {error}")


def read(folder: Path, ours: bool = False) -> Told:
    """All that a run's folder holds; ours: as of `facts_of`.

    Raises RunError for a folder that is no run: GF713, of a packed file GF745.
    """
    if packed.is_packed(folder):
        message = f"{folder} is a packed file, which holds no rows and no pictures over time: a report is of a folder"
        raise RunError(Problem("GF745", message, command="genframe report RUN"))
    if not any(
        (folder / name).exists() for name in (RECIPE, RESOLVED, FACTS, "metrics.jsonl", "checkpoints")
    ):
        Run.open(folder)  # says what it is instead
    told = Told(folder, facts_of(folder, ours))
    if told.run.fault:
        told.missing.append(told.run.fault)
    for name, attribute in ((RECIPE, "written"), (RESOLVED, "resolved")):
        if (folder / name).is_file():
            setattr(told, attribute, (folder / name).read_text(encoding="utf-8", errors="replace"))
    told.lock = _read(told, FACTS, dict, _nothing)
    told.plan = _read(told, PLAN, dict, _nothing)
    evaluations: list[Any] = _read(told, "evaluations.json", list, _nothing)
    told.evaluations = [row for row in evaluations if _is_evaluation(row)]
    told.audit = _read(told, "audit/audit.json", dict, _nothing)
    told.resumes = list(_lines(told, "resumes.jsonl"))
    for row in _lines(told, "metrics.jsonl"):
        if isinstance(row.get("step"), int):
            told.columns.add(row)
            told.rows.append({k: v for k, v in row.items() if k == "alarms" or not isinstance(v, dict)})
    if not told.rows:
        told.missing.append("curves: no row was logged")
    with told.guarded("the settings"):
        told.settings = _plain(told.resolved)
    log = folder / "log.txt"
    if log.is_file():
        told.log = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    return told


def _nothing(error: Exception) -> str:
    return f"it can't be read: {error}"


def _read(told: Told, name: str, kind: Callable[[], Value], said: Callable[[Exception], str]) -> Value:
    """A JSON file of the folder; an empty one of its kind where there is none, or none that can be read."""
    path = told.folder / name
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else kind()
    except (OSError, ValueError) as error:
        told.missing.append(f"{name}: {said(error)}")
        return kind()
    if not isinstance(found, type(kind())):
        told.missing.append(f"{name}: it holds no {type(kind()).__name__}")
        return kind()
    return found


def _is_evaluation(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(key), dict) for key in ("figures", "protocol"))


def _lines(told: Told, name: str) -> Iterator[Json]:
    """The objects of a file of lines; a torn last line is nothing to speak of, others that are broken are counted."""
    path, count, broken, torn = told.folder / name, 0, 0, False
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            torn = not line.endswith(b"\n")
            if torn:
                break
            count += 1
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield row
            else:
                broken += 1
    if broken:
        told.missing.append(f"{name}: {broken} of {count} lines can't be read")
    if torn:
        told.missing.append(f"{name}: the last line is torn, as after a kill, and left out")


def _plain(resolved: str) -> Json:
    from genframe.recipe.load import load

    return dict(load(resolved, RESOLVED).plain()) if resolved else {}


def _alarms(rows: list[Json]) -> Iterator[tuple[str, str, int, int, bool]]:
    ringing: dict[str, tuple[str, int, int]] = {}
    for row in rows:
        said = row.get("alarms") or {}
        now: Mapping[str, Any] = said if isinstance(said, dict) else {}
        for name in [name for name in ringing if name not in now]:
            yield (name, *ringing.pop(name), False)
        for name, text in now.items():
            first = ringing[name][1] if name in ringing else row["step"]
            ringing[name] = (str(text), first, row["step"])
    for name, stretch in ringing.items():
        yield (name, *stretch, True)
