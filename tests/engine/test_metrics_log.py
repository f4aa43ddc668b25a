"""metrics.jsonl: standard JSON, a row a step, whole after a kill, cut back on resume."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from genframe.engine.metrics_log import MetricsLog, cut_back, rows
from genframe.errors import RunError


def write(path: Path, *steps: int, **more: Any) -> None:
    with MetricsLog(path) as log:
        for step in steps:
            terms, rates = {"objective": 100.0 / (step + 1)}, {"model": 1e-3}
            row = {
                "step": step,
                "epoch": 1,
                "time": 1.5,
                "terms": terms,
                "weighted": {"model.objective": 1.0},
            }
            log.write([{**row, "lr": rates, "images_per_second": 2e4, **more}])


def test_a_row_holds_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 3, validation={"total": 7.5})
    (row,) = rows(path)
    assert row == {
        "step": 3,
        "epoch": 1,
        "time": 1.5,
        "terms": {"objective": 25.0},
        "weighted": {"model.objective": 1.0},
        "lr": {"model": 1e-3},
        "images_per_second": 2e4,
        "validation": {"total": 7.5},
    }


def test_a_row_is_in_the_file_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write([{"step": 1, "terms": {}}])
        log.sync()
        assert [row["step"] for row in rows(path)] == [1]


def test_a_second_writer_appends(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, 2)
    write(path, 3)
    assert [row["step"] for row in rows(path)] == [1, 2, 3]


def test_nan_and_infinities_are_standard_json_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, odd={"nan": math.nan, "both": [math.inf, -math.inf]})

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not standard JSON")

    assert json.loads(path.read_text(), parse_constant=refuse)["odd"] == {
        "nan": "nan",
        "both": ["inf", "-inf"],
    }
    (row,) = rows(path)
    assert math.isnan(row["odd"]["nan"])
    assert row["odd"]["both"] == [math.inf, -math.inf]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, 2, 3)
    whole = path.read_bytes()
    first_two = whole.index(b'{"step": 3')
    for end in range(first_two, len(whole)):
        path.write_bytes(whole[:end])
        assert [row["step"] for row in rows(path)] == [1, 2]


def test_a_broken_line_before_the_last_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, 2, 3)
    path.write_bytes(path.read_bytes().replace(b'{"step": 2', b'{"step: 2'))
    with pytest.raises(RunError, match=r"GF719: line 2 of .*metrics\.jsonl"):
        list(rows(path))


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert list(rows(tmp_path / "metrics.jsonl")) == []
    cut_back(tmp_path / "metrics.jsonl", 5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("step", "left"), [(0, []), (2, [1, 2]), (3, [1, 2]), (9, [1, 2, 4])])
def test_rows_beyond_the_checkpoint_and_a_torn_one_are_cut_off(
    step: int, left: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, 2, 4)
    with path.open("ab") as file:
        file.write(b'{"step": 5, "epo')
    cut_back(path, step)
    write(path, 70)
    assert [row["step"] for row in rows(path)] == [*left, 70]


def test_rows_that_stay_keep_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 1, 2, odd=math.nan)
    before = path.read_bytes()
    write(path, 3)
    cut_back(path, 2)
    assert path.read_bytes() == before
