"""metrics.jsonl: what a run measured, a JSON object for each logged step.

    {"step": 50, "epoch": 1, "time": 1792600000.25, "terms": {"objective": 187.4, "objective.kl": 4.1},
     "weighted": {"model.objective": 187.4}, "lr": {"model": 0.001}, "images_per_second": 41200.0}

Beside these, where there is something to say: `gradient_norm` and `update` by player, `gradient_share` by player,
component and term, `measured` by alarm, `scheduled` by place, `memory` (peaks, in MB), `validation`, `alarms`, and
`histograms` of codes (counts between edges). `time` is in Unix seconds. Numbers that JSON has no word for are the
strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from genframe import durable
from genframe.errors import Problem, RunError

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class MetricsLog:
    """Appends rows, each in the file before `write` returns; a kill may tear the last one and no other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with durable.reported("metrics.jsonl", path.parent):
            self._file = path.open("ab", buffering=0)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, all at once: `step`, and columns of numbers, strings, lists and mappings of them.

        Raises RunError (GF716) when the disk is full.
        """
        lines = b"".join(_line(row) for row in rows)
        with durable.reported("metrics.jsonl", self._path.parent, f"genframe resume {self._path.parent}"):
            while lines:  # unbuffered writes may be partial
                lines = lines[self._file.write(lines) :]

    def sync(self) -> None:
        """Wait until all rows are on the disk: before a checkpoint, so that none outlives its rows."""
        with durable.reported("metrics.jsonl", self._path.parent):
            durable.sync(self._path)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a metrics.jsonl in order, "nan" and infinities as floats; no rows where there is no file.

    A last line that a kill has torn is left out. Raises RunError (GF719) for any other line that is no row.
    """
    for number, line in enumerate(_whole_lines(path), start=1):
        yield _row(path, number, line)


def cut_back(path: Path, step: int) -> None:
    """Remove, atomically, the rows of steps after `step` and a torn last line: they will be written again."""
    if not path.exists():
        return
    kept = [
        line
        for number, line in enumerate(_whole_lines(path), start=1)
        if _row(path, number, line)["step"] <= step
    ]
    content = b"".join(line + b"\n" for line in kept)
    if len(content) != path.stat().st_size:
        with durable.reported("metrics.jsonl", path.parent):
            durable.write_bytes(path, content)


def _whole_lines(path: Path) -> list[bytes]:
    """Lines without their ends; what stands after the last end is torn."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def row_of(line: bytes) -> dict[str, Any] | None:
    """The row in a line; None for a line that is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        return None
    return {name: _number(value) for name, value in row.items()}


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    row = row_of(line)
    if row is None:
        raise RunError(Problem("GF719", f"line {number} of {path} is no row of metrics"))
    return row


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        text = _ENCODER.encode(row)
    except ValueError:  # a number that JSON has no word for
        text = _ENCODER.encode(standard(row))
    return text.encode() + b"\n"


def standard(value: Any) -> Any:
    """`value` with the floats that JSON has no word for as strings."""
    match value:
        case float() if not math.isfinite(value):
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        case Mapping():
            return {name: standard(item) for name, item in value.items()}
        case list() | tuple():
            return [standard(item) for item in value]
    return value


def _number(value: Any) -> Any:
    """The inverse of `standard`."""
    match value:
        case str():
            return _WORDS.get(value, value)
        case dict():
            return {name: _number(item) for name, item in value.items()}
        case list():
            return [_number(item) for item in value]
    return value
