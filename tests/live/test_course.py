"""Courses hold the whole training in few points; sparklines show them."""

from __future__ import annotations

import math

import pytest

from genframe.live.course import BARS, MOST, Course, sparkline


def course(values: list[float]) -> Course:
    made = Course()
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize("count", [1, 7, MOST, MOST + 1, 1000, 12_345])
def test_however_long_a_training_is_its_course_is_short_and_ordered(count: int) -> None:
    points = course([float(i) for i in range(count)]).points(40)
    assert len(points) <= 40 and points == sorted(points)
    assert points[0] <= count / 40 + 1
    assert points[-1] >= count - 1 - max(count / 20, 1)


def test_a_short_course_is_its_values() -> None:
    assert course([3.0, 1.0, 2.0]).points(40) == [3.0, 1.0, 2.0]


def test_what_is_not_finite_is_left_out() -> None:
    assert course([1.0, math.nan, math.inf, 2.0]).points(4) == [1.0, 2.0]


def test_a_sparkline_rises_and_falls_with_its_points() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BARS
    assert sparkline([5.0, 5.0]) == "▄▄"
    assert sparkline([]) == ""


def test_the_first_steps_do_not_flatten_the_rest() -> None:
    bars = sparkline([1e6, 1e5, *range(40, 10, -1)])
    assert bars[:2] == "██" and len(set(bars)) == len(BARS)
