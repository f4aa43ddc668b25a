"""Rows that are gathered: each has the means of its own steps, whenever they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import rows, small, train

from genframe.engine import journal
from genframe.engine.journal import Mark, means


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
        monkeypatch.setattr(journal, "GLANCE_STEPS", steps)
        monkeypatch.setattr(journal, "GATHER_SECONDS", seconds)
        brief = "train={steps: 24, checkpoint: {every: 12}, samples: {n: 4, every: 5}, log: {every: 1}}"
        run = train(small("gan/digits", brief, "track=csv"), tmp_path / name)
        keys = ("step", "epoch", "terms", "weighted", "lr")
        found.append([{key: row[key] for key in keys} for row in rows(run)])
        assert [row["time"] for row in rows(run)] == sorted(row["time"] for row in rows(run))
        table = (run / "metrics.csv").read_text().splitlines()
        assert [line.partition(",")[0] for line in table[1:]] == [str(step) for step in range(1, 25)]
    assert found[0] == found[1] == found[2] and len(found[0]) == 24


def test_rows_that_wait_are_written_before_a_picture_of_a_later_step(tmp_path: Path) -> None:
    """A picture of step 7 comes while the row of step 5 waits; what step 6 and 7 gave goes into the row of step 10."""
    brief = "train={steps: 20, checkpoint: {every: 20}, samples: {n: 4, every: 7}, log: {every: 5}}"
    run = train(small("vae/digits", brief), tmp_path / "run")
    each = train(small("vae/digits", brief, "train.log.every=1"), tmp_path / "each")
    assert [row["step"] for row in rows(run)] == [5, 10, 15, 20]
    steps = [row["terms"]["objective"] for row in rows(each)]
    for number, row in enumerate(rows(run)):
        of_its_own = steps[5 * number : 5 * number + 5]
        assert row["terms"]["objective"] == pytest.approx(sum(of_its_own) / 5, rel=1e-6)
