"""Rows that are gathered: each has the means of its own steps, whenever they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import rows, small, train

from genframe.engine import loop
from genframe.engine.marks import Mark, means


def marks(*steps: int) -> list[Mark]:
    return [Mark(step, 0.0, {}, {}) for step in steps]


def test_a_row_has_the_means_since_the_row_before() -> None:
    history = {
        "always": [(step, float(step)) for step in range(6)],
        "lazy": [(0, 8.0), (3, 4.0)],
        "late": [(5, 1.0)],
        "never": [],
    }
    assert means(history, marks(2, 5, 6)) == [
        {"always": 0.5, "lazy": 8.0},
        {"always": 3.0, "lazy": 4.0},
        {"always": 5.0, "late": 1.0},
    ]


def test_rows_are_the_same_however_many_are_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name, steps, seconds in (("one", 1, 1.0), ("many", 20, 1e9), ("soon", 20, 0.0)):
        monkeypatch.setattr(loop, "GLANCE_STEPS", steps)
        monkeypatch.setattr(loop, "GATHER_SECONDS", seconds)
        brief = "train={steps: 24, checkpoint: {every: 12}, samples: {n: 4, every: 5}, log: {every: 1}}"
        run = train(small("gan/digits", brief, "track=csv"), tmp_path / name)
        keys = ("step", "epoch", "terms", "weighted", "lr")
        found.append([{key: row[key] for key in keys} for row in rows(run)])
        assert [row["time"] for row in rows(run)] == sorted(row["time"] for row in rows(run))
        table = (run / "metrics.csv").read_text().splitlines()
        assert [line.partition(",")[0] for line in table[1:]] == [str(step) for step in range(1, 25)]
    assert found[0] == found[1] == found[2] and len(found[0]) == 24
