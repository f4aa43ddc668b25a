"""The figures of a run: a list in `evaluations.json`, each with the protocol it was measured by."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from genframe.engine.metrics_log import standard
from genframe.errors import Problem, RunError
from genframe.run import Run

FILE = "evaluations.json"


def read(run: Run) -> list[dict[str, Any]]:
    """Every evaluation of the run, oldest first. Raises RunError for a file that is no such list."""
    path = run.path(FILE)
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(Problem("GF805", f"{path} can't be read: {error}")) from error
    if not isinstance(found, list):
        raise RunError(Problem("GF805", f"{path} holds no list of evaluations; move it away"))
    return found


def add(run: Run, measured: Sequence[Mapping[str, Any]]) -> None:
    """Append evaluations, with the time; the file is replaced whole. The run must be open for writing."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    rows = [standard({"time": now, **row}) for row in measured]
    run.write_json(FILE, [*read(run), *rows])
