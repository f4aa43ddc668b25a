"""The folder of a small run, as trackers find it, and the rows that it logs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genframe.engine.metrics_log import cut_back, standard


def resolved() -> dict[str, Any]:
    """A resolved recipe, in plain data."""
    return {
        "genframe": 1,
        "name": "toy",
        "seed": 0,
        "encoder": {"use": "nets/mlp", "hidden": [32]},
        "track": {"it": {"use": "it", "key": "${env:IT_KEY}"}},
        "train": {"steps": 4},
    }


def _row(step: int, **more: Any) -> dict[str, Any]:
    """A row whose objective no other text of the run holds."""
    objective = 1000 * step + 417.03125
    row = {"step": step, "epoch": 1, "time": 1_792_600_000.25 + step, "terms": {"objective": objective}}
    return {**row, "lr": {"model": 1e-3}, "images_per_second": 41_200.5, **more}


def rows() -> list[dict[str, Any]]:
    """Rows as metrics.jsonl has them: columns come and go, and nest; numbers may be infinite, names of any letters."""
    odd = {
        "a note": 'with "quotes", commas\nand lines',
        "levels": [0.1, [1, None]],
        "none": None,
        "flag": True,
    }
    parts = {"größe/日本": float("inf"), "": -0.0}
    return [
        _row(1, weighted={"model.objective": 187.4}),
        _row(2, validation={"total": float("nan"), "parts": parts}, **odd),
        _row(3, lr={}, weighted={"model.objective": 180.0, "critic.späte term": 1e-300}),
        {"step": 4, "epoch": 2, "terms": {}},
    ]


_FILES: Mapping[str, str] = {
    "recipe.yaml": "genframe: 1\npipeline: vae\n",
    "resolved.yaml": "genframe: 1\nname: toy\n",
    "lock.json": '{"format": 1}\n',
    "log.txt": "2026-01-01 training from step 0\n",
    "metrics.jsonl": "",
    "checkpoints/00000002/manifest.json": "{}\n",
    "checkpoints/00000002/encoder.safetensors": "weights",
}

_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63600000000200014899b4c10000000049454e44ae426082"
)
"""One grey pixel."""


@dataclass
class ToyRun:
    """A run's folder with all that the engine writes; `require_whole` tells whether somebody else wrote there."""

    folder: Path
    own: dict[str, str] = field(default_factory=dict)  # the digests of the engine's files
    _logged: bytes = b""  # metrics.jsonl, as the engine wrote it

    @classmethod
    def made(cls, folder: Path) -> ToyRun:
        run = cls(folder)
        for name, text in _FILES.items():
            run._put(name, text.encode())
        (folder / "samples").mkdir()
        return run

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row to metrics.jsonl, as the engine does before it hands the row on."""
        line = (json.dumps(standard(row), ensure_ascii=False) + "\n").encode()
        self._logged += line
        with (self.folder / "metrics.jsonl").open("ab") as file:
            file.write(line)
        self.own["metrics.jsonl"] = _digest(self._logged)

    def cut_back(self, step: int) -> None:
        """Take back the rows after a step, as a resume does."""
        path = self._put("metrics.jsonl", self._logged)
        cut_back(path, step)
        self._logged = path.read_bytes()
        self._put("metrics.jsonl", self._logged)

    def picture(self, name: str) -> Path:
        """Write a picture below `samples/`; its path."""
        return self._put(f"samples/{name}", _PICTURE)

    def texts(self) -> dict[str, str]:
        """Files that are not the engine's, as text by their names."""
        paths = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*")}
        return {
            name: path.read_text(encoding="utf-8", errors="replace")
            for name, path in paths.items()
            if name not in self.own and path.is_file()
        }

    def require_whole(self) -> None:
        """Raise Failure where a file of the engine's is not as the engine left it."""
        from genframe.testing.kit import Failure

        for name, digest in self.own.items():
            path = self.folder / name
            if not path.is_file() or _digest(path.read_bytes()) != digest:
                what = "another content" if path.is_file() else "it is gone"
                raise Failure(f"the run's {name} stays as the engine wrote it", came=what)

    def _put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.own[name] = _digest(content)
        return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
