"""Rows that are due and not written yet: they are gathered, so that the device is read and the disk written seldom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GATHER_SECONDS = 1.0
"""No row waits longer than this, but for the step that is being made."""

History = Mapping[str, Sequence[tuple[int, float]]]
"""The values of terms, each with the step that made it, counted from 0."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A row that is due after `step` steps, and what only that moment knows."""

    step: int
    time: float
    lr: Mapping[str, float]
    scheduled: Mapping[str, float]


def means(history: History, marks: Sequence[Mark]) -> list[dict[str, float]]:
    """For each row the terms' means over the steps since the row before; none of a term that those did not make."""
    rows: list[dict[str, float]] = [{} for _ in marks]
    for name, values in history.items():
        row, total, count = 0, 0.0, 0
        for step, value in values:
            while step >= marks[row].step:
                if count:
                    rows[row][name] = total / count
                row, total, count = row + 1, 0.0, 0
            total, count = total + value, count + 1
        if count:
            rows[row][name] = total / count
    return rows
