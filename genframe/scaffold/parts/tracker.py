"""A run's figures as a table, a line a figure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HEAD = ("step", "name", "value")


class MyTracker:
    """Writes every number of a run to a CSV file in its folder, a line a number: `50,terms.objective,187.4`.

    The file is open only while a row is written, so that it is whole whenever one looks. A run that is resumed goes
    on where it stood: lines after the step that it resumes from are dropped. Raises ValueError for a `file` that
    is no name alone.
    """

    def __init__(self, *, file: str = "figures.csv") -> None:
        if Path(file).name != file:
            raise ValueError(f"file is a name in the run's folder, not {file!r}")
        self.file = file

    def start(self, run: Path, resolved: Mapping[str, Any], resumed_step: int) -> None:
        """A run begins, or goes on from `resumed_step`."""
        self.path = run / self.file
        lines: list[list[str]] = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                lines = [line for line in csv.reader(file) if line[0].isdigit()]
        with self.path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEAD, *(line for line in lines if int(line[0]) <= resumed_step)])

    def log(self, row: Mapping[str, Any]) -> None:
        """A row of metrics.jsonl: its step, and mappings of numbers by name."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows((row["step"], name, value) for name, value in numbers(row))


def numbers(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a row but its step, with its path: `terms.objective`."""
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and key != "step":
            yield f"{prefix}{key}", value
