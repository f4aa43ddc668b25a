"""What an alarm promises: it takes whatever rows there are, keeps quiet where it knows nothing, and is no dice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genframe.errors import Mark, RecipeError
from genframe.recipe.model import Instance
from genframe.testing.kit import Failure, check, told
from genframe.testing.subject import Subject
from genframe.testing.toy_run import rows
from genframe.watch import Alarm, Watch


@check("alarm")
def alarm_takes_any_row(subject: Subject) -> None:
    """Columns that come and go, nest, or hold infinities: it raises nothing, and says nothing or text."""
    alarm = _built(subject)
    for row in (*rows(), *_told_rows(40), {}):
        for measured in ({}, {"an odd name": float("inf")}):
            said = _said(alarm, row, measured)
            if said is not None and not isinstance(said, str):
                raise Failure("it says text, or None while all is well", came=f"{type(said).__name__}")


@check("alarm")
def alarm_is_quiet_where_it_knows_nothing(subject: Subject) -> None:
    """On rows without any figure it does not ring, however many there are."""
    alarm = _built(subject)
    for step in range(200):
        said = _said(alarm, {"step": 50 * (step + 1), "epoch": 1}, {})
        if said is not None:
            raise Failure("it is quiet on rows that hold no figures", came=f"{said!r} at row {step + 1}")


@check("alarm")
def alarm_says_the_same_of_the_same_rows(subject: Subject) -> None:
    """Two of one build say the same, and a row is left as it is: a resumed run shows it the old rows again."""
    one, other = _built(subject), _built(subject)
    for row in _told_rows(60):
        before = repr(row)
        first = _said(one, row, {"figure": 0.5})
        if repr(row) != before:
            raise Failure(f"it leaves a row as it is: {before}", came=repr(row))
        second = _said(other, row, {"figure": 0.5})
        if first != second:
            raise Failure(f"another alarm of this build says {first!r} of the same rows", came=repr(second))


def _told_rows(count: int) -> Sequence[dict[str, Any]]:
    """Rows as a training of two players logs them, that end in a standstill."""
    return [
        {
            "step": 50 * (number + 1),
            "epoch": 1,
            "terms": {"critic_loss": 1.0, "generator_loss": 0.5},
            "weighted": {"critic.critic_loss": 1.0, "generator.generator_loss": 0.5},
            "lr": {"critic": 2e-4, "generator": 2e-4},
            "gradient_norm": {"critic": 0.5, "generator": 0.5 if number < count // 2 else 0.0},
            "update": {"critic": 1e-3, "generator": 1e-3 if number < count // 2 else 0.0},
        }
        for number in range(count)
    ]


def _built(subject: Subject) -> Alarm:
    instance = Instance(subject.name, "alarm", subject.offer, subject.options(), Mark("<kit>", 1, 1))
    try:
        return Watch.of([instance]).alarms[0]
    except RecipeError as error:
        expected = "a class, built from its options and called with (row, measured)"
        raise Failure(expected, came=error.problems[0].message) from error


def _said(alarm: Alarm, row: Mapping[str, Any], measured: Mapping[str, float]) -> Any:
    try:
        return alarm.made(row, measured)
    except Exception as error:
        raise Failure("it raises nothing, whatever a row holds", came=told(error)) from error
