"""The checks of schedules: right ones of several sorts pass, and each sort of mistake is told."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import pytest

from genframe import Count, Positive

from .live import failures, results

WAY = {"from": 1.0, "to": 0.1, "epochs": 3}


def _share(step: int, steps_per_epoch: int, steps: int | None, epochs: float | None) -> float:
    length = steps if steps is not None else (epochs or 0) * steps_per_epoch
    return min(step / length, 1.0)


def sigmoid(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float,
    to: float,
    steps: int | None = None,
    epochs: float | None = None,
) -> float:
    """Comes near its ends, and holds."""
    share = _share(step, steps_per_epoch, steps, epochs)
    return from_ + (to - from_) / (1 + math.exp(-8 * (share - 0.5))) if share < 1 else to


def cycles(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float,
    to: float,
    period: Count = 4,
    steps: int | None = None,
    epochs: float | None = None,
) -> float:
    """Rises again and again."""
    return from_ + (to - from_) * (step % period) / period


def inverse_root(step: int, steps_per_epoch: int, *, scale: Positive = 1.0) -> float:
    return scale / math.sqrt(step + 1)


def constant(step: int, steps_per_epoch: int, *, value: float) -> float:
    return value


def defaults(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float = 0.0,
    to: float = 1.0,
    epochs: float = 2.0,
    steps: int | None = None,
) -> float:
    return from_ + (to - from_) * _share(step, steps_per_epoch, steps, epochs)


@pytest.mark.parametrize(
    "schedule, example",
    [
        (sigmoid, WAY),
        (sigmoid, {"from": 0.0, "to": 1.0, "steps": 40}),
        (cycles, WAY),
        (inverse_root, None),
        (constant, None),
        (defaults, None),
    ],
)
def test_right_schedules_pass(schedule: Any, example: dict[str, Any] | None) -> None:
    assert failures("schedule", schedule, example=example) == {}


def test_what_does_not_apply_says_why() -> None:
    made = results("schedule", cycles, example=WAY)
    assert made["goes_from_its_start_to_its_end"].message == "with period it may well rise and fall"
    assert made["start_shifts_it"].message == "it has no option start"


_calls = count()


def overshoots(step: int, steps_per_epoch: int, *, from_: float, to: float, epochs: float) -> float:
    return from_ + (to - from_) * step / (epochs * steps_per_epoch)


def bounces(step: int, steps_per_epoch: int, *, from_: float, to: float, epochs: float) -> float:
    share = min(step / (epochs * steps_per_epoch), 1.0)
    return from_ + (to - from_) * (share + 0.3 * math.sin(2 * math.pi * share))


def remembers(step: int, steps_per_epoch: int) -> float:
    return float(next(_calls))


def dies(step: int, steps_per_epoch: int, *, rate: Positive = 1.5) -> float:
    return math.inf if step > 1e4 else rate


def words(step: int, steps_per_epoch: int) -> Any:
    return str(step)


def other_epochs(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float,
    to: float,
    steps: int | None = None,
    epochs: float | None = None,
) -> float:
    return from_ + (to - from_) * _share(step, 100, steps, epochs)


def late(step: int, steps_per_epoch: int, *, from_: float, to: float, epochs: float, start: int = 0) -> float:
    share = max(step - 2 * start, 0) / (epochs * steps_per_epoch)
    return from_ + (to - from_) * min(share, 1.0)


def half(step: int, steps_per_epoch: int, *, from_: float, to: float, epochs: float) -> float:
    return from_ + (to - from_) * min(step / (2 * epochs * steps_per_epoch), 1.0)


WRONG: dict[Any, tuple[str, str]] = {
    overshoots: ("goes_from_its_start_to_its_end", "holds its last value"),
    bounces: ("goes_from_its_start_to_its_end", "never goes back"),
    half: ("goes_from_its_start_to_its_end", "1.5 at step 3"),
    remembers: ("is_a_function_of_the_step", "keep nothing between calls"),
    dies: ("has_a_number_for_every_step", "inf"),
    words: ("has_a_number_for_every_step", "a str"),
    other_epochs: ("epochs_are_steps", "steps_per_epoch steps"),
    late: ("start_shifts_it", "start=13"),
}


@pytest.mark.parametrize("schedule", WRONG, ids=lambda schedule: schedule.__name__)
def test_each_mistake_is_told(schedule: Any) -> None:
    check, said = WRONG[schedule]
    asks = "from_" in schedule.__annotations__
    assert said in failures("schedule", schedule, example=WAY if asks else None)[check]
