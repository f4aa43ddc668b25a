"""The pace of a training and the time that remains, what lies between the steps included."""

from __future__ import annotations

import pytest

from genframe.live.pace import Pace, duration


def test_nothing_is_known_before_a_step_is_made() -> None:
    assert Pace(1000, 0, 0.0).remaining(0) is None


def test_the_time_that_remains_follows_the_pace_of_the_last_half_minute() -> None:
    now = 0.0
    pace = Pace(1000, 0, now)
    for step in range(1, 11):  # slow: ten seconds a step
        now += 10.0
        pace.tick(step, now)
    for step in range(11, 511):  # fast: ten steps a second
        now += 0.1
        pace.tick(step, now)
    assert pace.remaining(510) == pytest.approx(49.0, rel=0.01)


def test_a_resumed_run_does_not_count_the_steps_behind_it() -> None:
    pace = Pace(1000, 900, 0.0)
    pace.tick(910, 10.0)
    assert pace.remaining(910) == pytest.approx(90.0)
    assert pace.remaining(950) == pytest.approx(50.0)


@pytest.mark.parametrize("saving", [5.0, 200.0])
def test_saving_and_validating_are_counted_once_they_were_seen(saving: float) -> None:
    """100 steps of 0.1 s and then a checkpoint: wherever one looks within a cycle, the same is expected of the rest."""
    now, pace = 0.0, Pace(10_000, 0, 0.0, cycle=100)
    expected = 0.1 + saving / 100
    for step in range(1, 1001):
        now += 0.1 + (saving if step % 100 == 1 and step > 1 else 0.0)
        pace.tick(step, now)
        if step > 200:
            assert pace.seconds_a_step() == pytest.approx(expected, rel=0.01), step


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-:--"), (0.2, "0:00"), (65.0, "1:05"), (3599.6, "1:00:00"), (90_061.0, "25:01:01")],
)
def test_durations_read_as_on_a_clock(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
