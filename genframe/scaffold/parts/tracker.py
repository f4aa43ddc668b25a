"""A run's figures as a table that any spreadsheet opens."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEAD = ("step", "name", "value")


class MyTracker:
    """Writes every number of a run to a CSV file in its folder: a line a number, `step,name,value`.

    The file is open only while a row is written, so that it is whole whenever one looks. A run that is resumed goes
    on where it stood: lines after the step that it resumes from are dropped.
    """

    def __init__(self, *, file: str = "figures.csv") -> None:
        self.file = file

    def start(self, run: Path, resolved: Mapping[str, Any], resumed_step: int) -> None:
        """A run begins, or goes on from `resumed_step`."""
        self.path = Path(run) / self.file
        kept: list[list[str]] = []
        if self.path.exists():
            with self.path.open(newline="") as lines:
                kept = [
                    line for line in csv.reader(lines) if line[0].isdigit() and int(line[0]) <= resumed_step
                ]
        with self.path.open("w", newline="") as lines:
            csv.writer(lines).writerows([HEAD, *kept])

    def log(self, row: Mapping[str, Any]) -> None:
        """A row of metrics.jsonl: a step and its numbers."""
        numbers = [(row["step"], name, value) for name, value in _flat(row) if name != "step"]
        with self.path.open("a", newline="") as lines:
            csv.writer(lines).writerows(numbers)


def _flat(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """The numbers of a row by dotted names."""
    found: list[tuple[str, float]] = []
    for name, value in row.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append((f"{prefix}{name}", value))
    return found
