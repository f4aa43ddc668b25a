"""The values of a request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from genframe.explorer.asked import Asked, Unfit


def test_values_are_read_or_have_their_default() -> None:
    asked = Asked(
        {"a": 2, "b": [1, 2.5], "c": "x", "d": True, "e": base64.b64encode(b"abc").decode(), "o": {"p": 1}}
    )
    assert asked.number("a", 0, 3) == 2.0 and asked.count("a", 0, 3) == 2 and asked.count("z", 0, 3, 1) == 1
    assert asked.numbers("b", 2) == [1.0, 2.5] and asked.choice("c", ("x", "y")) == "x" and asked.flag("d")
    assert asked.data("e", 3) == b"abc" and asked.object("o").count("p", 0, 1) == 1 and not asked.flag("z")
    assert (
        asked.choice("z", ("x", "y"), "y") == "y" and asked.seed() == 0 and "a" in asked and "z" not in asked
    )


@pytest.mark.parametrize(
    ("value", "read", "told"),
    [
        ("3", lambda a: a.number("v", 0, 1), "v is a number from 0 to 1, not '3'"),
        (float("nan"), lambda a: a.number("v", 0, 1), "v is a number from 0 to 1, not nan"),
        (True, lambda a: a.number("v", 0, 1), "not True"),
        (7, lambda a: a.number("v", 0, 1), "v is a number from 0 to 1, not 7"),
        (1.5, lambda a: a.count("v", 0, 3), "v is a whole number from 0 to 3, not 1.5"),
        (-1, lambda a: a.count("v", 0, 3), "not -1"),
        ("q", lambda a: a.choice("v", ("x", "y")), "v is one of x, y, not 'q'"),
        (["x"], lambda a: a.choice("v", ("x", "y")), "not a list"),
        (1, lambda a: a.flag("v"), "v is true or false, not 1"),
        (1, lambda a: a.object("v"), "an object of values, not 1"),
        ([1, "a"], lambda a: a.numbers("v"), "v is a list of numbers, not a list"),
        ([1e9], lambda a: a.numbers("v"), "a list of numbers"),
        ([1], lambda a: a.numbers("v", 2), "v has 2 numbers, not 1"),
        ("AAAA", lambda a: a.data("v", 2), "v is 2 bytes in base64, not 3"),
        ("é*", lambda a: a.data("v", 2), "v is 2 bytes in base64, not something else"),
        ("x" * 100, lambda a: a.number("v", 0, 1), "xxx..."),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(value: Any, read: Callable[[Asked], Any], told: str) -> None:
    with pytest.raises(Unfit) as raised:
        read(Asked({"v": value}))
    assert told in str(raised.value)
