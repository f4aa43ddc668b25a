"""Arms that take turns: the same work by several loops, so that their ratios hold on a machine that others use too.

Each arm is a process of its own, with its own allocator, threads and memory. In a round each gets one turn, and
the order rotates; the first rounds are a warm-up and are dropped. Speeds of one round are compared with each other
only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ARM = Path(__file__).with_name("arm.py")


@dataclass(frozen=True)
class Arm:
    """What is run, and by which interpreter: `arm.py MODEL LOOP`, or a command that is timed whole."""

    model: str
    loop: str
    python: str = sys.executable
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ratio:
    """How many times as fast `loop` is as `to`; `wanted` at least."""

    loop: str
    to: str
    wanted: float | None = None


@dataclass
class Measured:
    """An arm's turns, the warm-up left out: speeds in pictures a second, losses, the peak of its memory in MB."""

    loop: str
    parameters: int
    speeds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def speed(self) -> float:
        return median(self.speeds)


@dataclass
class Contest:
    """The outcome; `gemm` is the machine's own speed in each round, in GFLOP/s."""

    arms: dict[str, Measured]
    gemm: list[float]

    def ratios(self, ratio: Ratio) -> list[float]:
        """Round by round, in rising order."""
        pairs = zip(self.arms[ratio.loop].speeds, self.arms[ratio.to].speeds, strict=True)
        return sorted(ours / theirs for ours, theirs in pairs)


def hold(arms: Sequence[Arm], size: int, rounds: int, warm_up: int) -> Contest:
    """Let the arms take turns of `size`. Raises RuntimeError with an arm's last words where one fails."""
    turns = rounds + warm_up
    runners = [_Runner(arm, turns, size) for arm in (*arms, Arm("gemm", "gemm"))]
    try:
        for runner in runners:
            runner.start()  # one by one: nobody loads its libraries during another's turn
        for number in range(turns):
            first = number % len(runners)
            for runner in (*runners[first:], *runners[:first]):
                runner.turn(kept=number >= warm_up)
    finally:
        for runner in runners:
            runner.stop()
    *measured, gemm = [runner.measured for runner in runners]
    return Contest({arm.loop: arm for arm in measured}, gemm.speeds)


class _Runner:
    """An arm's process."""

    def __init__(self, arm: Arm, turns: int, size: int) -> None:
        self.command = [arm.python, str(ARM), arm.model, arm.loop, "--turns", str(turns), "--size", str(size)]
        self.command += arm.options
        self.measured = Measured(arm.loop, 0)
        self._words = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=self._words, text=True)
        self.measured.parameters = int(self._answer()["parameters"])

    def turn(self, *, kept: bool) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.measured.peak_mb = answer["peak_mb"]
        if kept:
            self.measured.speeds.append(answer["speed"])
            self.measured.losses.append(answer["loss"])

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate()
        self._words.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._words.seek(0)
            raise RuntimeError(f"{' '.join(self.command)}\n{self._words.read()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer
