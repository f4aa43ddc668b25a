"""What a run has written already, for trackers that begin late or again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_NAMED = re.compile(r"(.+?)(?:-(\d{8,}))?\.png")


def rows(path: Path, last: int) -> Iterator[dict[str, Any]]:
    """The rows of metrics.jsonl up to the step `last`; a torn last line is none."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for line in lines:
        row = json.loads(line)
        if row["step"] <= last:
            yield row


def pictures(folder: Path, last: int) -> list[tuple[int, str, Path]]:
    """(step, name, path) of the pictures in samples/ up to the step `last`, in the order of the steps.

    One without a step in its name, the data's, was drawn before the first.
    """
    named = ((_NAMED.fullmatch(path.name), path) for path in folder.glob("*.png"))
    found = [(int(match[2] or 0), match[1], path) for match, path in named if match]
    return sorted(entry for entry in found if entry[0] <= last)


def numbers(row: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """A row's numbers by their paths: `{"terms": {"kl": 4.5}}` -> `("terms/kl", 4.5)`; what is none is left out."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{above}{name}/")
        elif isinstance(value, (int, float)):
            yield f"{above}{name}", value
