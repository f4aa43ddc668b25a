"""Whole processes: how long they take, and the most memory that they have."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence


def seconds(commands: Mapping[str, Sequence[str]], rounds: int, warm_up: int) -> dict[str, list[float]]:
    """The wall time of each command in each round, taken in turn; the first rounds are dropped."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(warm_up + rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number >= warm_up:
                taken[name].append(time.perf_counter() - began)
    return taken


def peak_mb(command: Sequence[str]) -> float:
    """The most memory that a command's process has, in MB, as the kernel counts it. Raises RuntimeError."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_maxrss / 1024
