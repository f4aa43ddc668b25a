"""What was measured, as Markdown tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from contest import Contest, Ratio


@dataclass(frozen=True)
class Goal:
    """A figure of each round, and the bound that its median should keep; no bound where it is only told."""

    what: str
    values: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        figure = median(self.values)
        return (self.at_least is None or figure >= self.at_least) and (
            self.at_most is None or figure <= self.at_most
        )

    def row(self) -> list[str]:
        bounds = [f"at least {self.at_least:.2f}"] if self.at_least is not None else []
        bounds += [f"at most {self.at_most:.2f}"] if self.at_most is not None else []
        verdict = ("met" if self.met else "missed") if bounds else ""
        return [self.what, spread(self.values, ".2f"), " ".join(bounds), verdict]


@dataclass(frozen=True)
class Section:
    """One case: what it is, its figures, its goals."""

    name: str
    about: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    goals: Sequence[Goal]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"### {self.name}: {self.about}", "", *table(self.header, self.rows), ""]
        if self.goals:
            lines += [
                *table(["", "median (least..most)", "wanted", ""], [goal.row() for goal in self.goals]),
                "",
            ]
        return "\n".join([*lines, *[f"{note}\n" for note in self.notes]])

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "goals": [{**asdict(goal), "met": goal.met} for goal in self.goals]}


def of_contest(name: str, about: str, held: Contest, ratios: Sequence[Ratio], loss: str) -> Section:
    """The section of a contest; the final losses stand side by side to show that the arms did the same work."""
    header = ["", "pictures/s", f"final {loss}", "peak MB", "parameters"]
    rows = [
        [
            arm.loop,
            spread(arm.speeds, ",.0f"),
            f"{arm.losses[-1]:.2f}",
            f"{arm.peak_mb:.0f}",
            f"{arm.parameters:,}",
        ]
        for arm in held.arms.values()
    ]
    goals = [Goal(f"{r.loop} / {r.to}", held.ratios(r), at_least=r.wanted) for r in ratios]
    note = f"Products of matrices between the turns: {spread(held.gemm, ',.0f')} GFLOP/s."
    return Section(name, about, header, rows, goals, [note])


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table: the first column to the left, numbers to the right."""
    columns = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, columns, strict=True)
        return (
            "| "
            + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])
            + " |"
        )

    rule = ["-" * columns[0], *("-" * (width - 1) + ":" for width in columns[1:])]
    return [line(header), line(rule), *map(line, rows)]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the least and the most in brackets where there are several."""
    middle = format(median(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}}..{max(values):{form}})"
