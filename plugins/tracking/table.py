"""The rows of a run as a CSV file, for spreadsheets and plotting."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .rows import rows


class CsvTracker:
    """Writes each row of metrics.jsonl as a line of one table, `metrics.csv`, beside it.

    A column is a path in the row: `step`, `terms.objective`, `lr.model`. A column that appears later (the first
    validation, say) is added on the right; where a row has no value, the cell is empty. After a resume the table
    is made anew from metrics.jsonl, so that no step stands in it twice or is missing.
    """

    def __init__(self, *, file: str = "metrics.csv") -> None:
        """file: a name in the run's folder that ends in `.csv`. Raises ValueError for any other."""
        if Path(file).name != file or Path(file).suffix != ".csv" or "\\" in file:
            raise ValueError(f"file is a name in the run's folder that ends in .csv, not {file!r}")
        self.file = file
        self._path = Path(file)
        self._columns: list[str] = []

    def start(self, run: Path, resolved: Mapping[str, Any], resumed_step: int) -> None:
        self._path, self._columns = run / self.file, []
        earlier = [flat(row) for row in rows(run / "metrics.jsonl", resumed_step)]
        self._columns = list(dict.fromkeys(column for row in earlier for column in row))
        self._write_anew(earlier)

    def log(self, row: Mapping[str, Any]) -> None:
        cells = flat(row)
        new = [column for column in cells if column not in self._columns]
        if new:
            earlier = self._read()
            self._columns += new
            self._write_anew([*earlier, cells])
            return
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(cells)

    def _read(self) -> list[dict[str, str]]:
        with self._path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def _write_anew(self, rows: list[dict[str, str]]) -> None:
        """The whole table, aside and renamed: a reader sees the old one or the new one."""
        aside = self._path.with_name(f".tmp-{self._path.name}")
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if self._columns:
                writer.writeheader()
            writer.writerows(rows)
        aside.replace(self._path)


def flat(row: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """A row's values as text by their paths: `{"terms": {"kl": 4.5}}` -> `{"terms.kl": "4.5"}`; a list is JSON."""
    cells: dict[str, str] = {}
    for name, value in row.items():
        column = _writable(f"{above}{name}")
        if isinstance(value, Mapping):
            cells |= flat(value, f"{column}.")
        elif isinstance(value, (list, tuple)):
            cells[column] = _writable(json.dumps(value, ensure_ascii=False))
        else:
            cells[column] = "" if value is None else _writable(str(value))
    return cells


def _writable(text: str) -> str:
    """Text that UTF-8 can say: half a surrogate pair is written out."""
    return text.encode("utf-8", "backslashreplace").decode()
