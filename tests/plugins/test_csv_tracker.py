"""The CSV tracker: whatever columns rows have, the table is whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from genframe_plugins.tracking.table import CsvTracker, flat


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_column_that_appears_later_is_added_on_the_right(tmp_path: Path) -> None:
    tracker = CsvTracker()
    tracker.start(tmp_path, {}, 0)
    tracker.log({"step": 1, "terms": {"kl": 4.5}})
    tracker.log({"step": 2, "validation": {"total": 3.0, "worst": [1, "ö"]}, "terms": {}})
    tracker.log({"step": 3, "terms": {"kl": float("inf")}})
    assert (tmp_path / "metrics.csv").read_text(encoding="utf-8").splitlines()[0] == (
        "step,terms.kl,validation.total,validation.worst"
    )
    first, second, third = table(tmp_path / "metrics.csv")
    assert first == {"step": "1", "terms.kl": "4.5", "validation.total": "", "validation.worst": ""}
    assert second == {"step": "2", "terms.kl": "", "validation.total": "3.0", "validation.worst": '[1, "ö"]'}
    assert third["terms.kl"] == "inf"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.csv"]


def test_numbers_are_written_so_that_they_are_read_the_same(tmp_path: Path) -> None:
    tracker = CsvTracker(file="a.csv")
    tracker.start(tmp_path, {}, 0)
    tracker.log({"step": 1, "terms": {"a": 0.1 + 0.2, "b": 1e-300}})
    (row,) = table(tmp_path / "a.csv")
    assert float(row["terms.a"]) == 0.1 + 0.2 and float(row["terms.b"]) == 1e-300


def test_after_a_resume_the_table_holds_what_the_run_holds(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "step\n1\n2\n5\n"
    )  # of the rows after the checkpoint, and too few before
    logged = [{"step": 1, "terms": {"kl": 1.0}}, {"step": 2, "lr": {"m": 0.5}}, {"step": 3, "terms": {}}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in logged) + '{"step": 4')
    tracker = CsvTracker()
    tracker.start(tmp_path, {}, 2)
    tracker.log({"step": 3, "terms": {"kl": 2.0}})
    assert [row["step"] for row in table(tmp_path / "metrics.csv")] == ["1", "2", "3"]
    assert [row["terms.kl"] for row in table(tmp_path / "metrics.csv")] == ["1.0", "", "2.0"]


@pytest.mark.parametrize("text", ["größe", 'a,"b"\nc', "\ud800", "日本"])
def test_any_name_and_text_can_be_written(text: str, tmp_path: Path) -> None:
    tracker = CsvTracker()
    tracker.start(tmp_path, {}, 0)
    tracker.log({"step": 1, text: {text: text}})
    tracker.log({"step": 2, "later": 1, text: {text: "x"}})
    first, second = table(tmp_path / "metrics.csv")
    (column,) = flat({text: {text: "x"}})
    assert (first[column], second[column]) == (flat({"a": text})["a"], "x")


@pytest.mark.parametrize("file", ["../a.csv", "/tmp/a.csv", "metrics.jsonl", "a/b.csv", "a\\b.csv", ""])
def test_the_table_stays_in_the_run_and_touches_none_of_its_files(file: str) -> None:
    with pytest.raises(ValueError, match=r"ends in \.csv"):
        CsvTracker(file=file)
