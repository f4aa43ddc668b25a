"""How fast steps are made, and how long the rest of them takes."""

from __future__ import annotations

from collections import deque

RECENT = 30.0
"""Seconds over which the pace is taken: long enough to be calm, short enough to follow a machine that others use."""


class Pace:
    """The pace of a training over the last `RECENT` seconds or, from the first on, over whole cycles of `cycle` steps.

    A cycle is what lies between two checkpoints: the steps, and what is done besides (validation, pictures, the
    checkpoint), so that the time that remains has these too.
    """

    def __init__(self, total: int, step: int, now: float, cycle: int = 0) -> None:
        self.total, self.cycle = total, cycle
        self._ticks = deque([(now, step)], maxlen=2048)

    def tick(self, step: int, now: float) -> None:
        """Step `step` is done at the time `now`, in seconds of any clock."""
        self._ticks.append((now, step))

    def seconds_a_step(self) -> float | None:
        """None before a step is made."""
        (now, last) = self._ticks[-1]
        whole = [(t, s) for t, s in self._ticks if self.cycle and s < last and (last - s) % self.cycle == 0]
        recent = [(t, s) for t, s in self._ticks if now - t <= RECENT and s < last]
        long = [tick for tick in whole if now - tick[0] >= RECENT]
        began, first = (long[-1:] or whole[:1] or recent[:1] or list(self._ticks)[-2:-1] or [(now, last)])[0]
        return (now - began) / (last - first) if last > first else None

    def remaining(self, step: int) -> float | None:
        """Seconds from step `step` to the last; None before a step is made."""
        each = self.seconds_a_step()
        return None if each is None else each * max(self.total - step, 0)


def duration(seconds: float | None) -> str:
    """`4:05`, `1:02:03`, or `-:--` when it is not known."""
    if seconds is None:
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
