"""What an output is called with."""

from __future__ import annotations

import pytest

from genframe.arguments import named

BATCH = {"x": 1, "y": 2, "index": 3}


def test_arguments_are_named_in_their_order() -> None:
    assert named(("x", "k"), (1, 5)) == {"x": 1, "k": 5}


def test_a_batch_gives_the_fields_that_are_asked_for() -> None:
    assert named(("x",), (BATCH,)) == {"x": 1}
    assert named(("x", "y", "k"), (BATCH, 5)) == {"x": 1, "y": 2, "k": 5}
    assert named(("k", "x"), (BATCH, 5)) == {"k": 5, "x": 1}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((1,), "takes x, k, and was called with 1 argument\\(s\\)$"),
        ((BATCH,), "takes x, k, and was called with 0 argument\\(s\\) beside a batch of x, y, index"),
        ((BATCH, 1, 2), "called with 2 argument"),
    ],
)
def test_missing_and_surplus_arguments_are_told(args: tuple[object, ...], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        named(("x", "k"), args)
