"""An arm's side of a contest: it waits for its turn, works, and says what it did. One JSON object a line."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


class Turns:
    """Answers on the standard output, which is then closed to everything else that the process may print."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._began = 0.0
        # Processor time is what a turn costs where other work takes the processors away; with one thread it is also
        # how long the turn would take alone.
        self._clock = (
            time.process_time if os.environ.get("BENCHMARK_CLOCK") == "process" else time.perf_counter
        )

    def ready(self, parameters: int) -> None:
        """Everything is built; the first turn may come."""
        self._answer(parameters=parameters)

    def wait(self) -> None:
        """Until it is this arm's turn. Leaves the process where the contest is over."""
        if not sys.stdin.readline():
            sys.exit("the contest was broken off")
        self._began = self._clock()

    def done(self, work: int, loss: float) -> None:
        """The turn is over: `work` in pictures (or in GFLOP), and the mean loss of it."""
        seconds = self._clock() - self._began
        self._answer(speed=work / seconds, loss=loss, peak_mb=peak_mb())

    def _answer(self, **answer: Any) -> None:
        print(json.dumps(answer), file=self._answers)


def peak_mb() -> float:
    """The most memory that this process has had so far, in MB (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM: the benchmarks need Linux")
