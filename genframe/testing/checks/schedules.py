"""What a schedule promises: a number for each step, the same whenever it is asked, on the way that its options say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.subject import Subject

EPOCHS = (1, 7, 100)
"""Steps in an epoch that are tried."""

FAR = 10**6
"""A step beyond every toy schedule's end."""

Value = Callable[[int], float]


def schedule(subject: Subject, steps_per_epoch: int, **changed: Any) -> Value:
    """step -> number, as the engine calls it; an option that is changed to None is left out."""
    declared = subject.signature.options
    options = {**subject.options(), **changed}
    keywords = {declared[key].parameter: value for key, value in options.items() if value is not None}
    target = subject.target
    return lambda step: target(step, steps_per_epoch, **keywords)


def _steps(steps_per_epoch: int) -> list[int]:
    near = range(0, 12 * steps_per_epoch, max(steps_per_epoch // 20, 1))
    return [*near, 50 * steps_per_epoch, 10**4, 10**5, FAR, 10**9]


@check("schedule")
def has_a_number_for_every_step(subject: Subject) -> None:
    """It gives a finite number for each step, from 0 to far beyond its end."""
    for epoch in EPOCHS:
        value = schedule(subject, epoch)
        for step in _steps(epoch):
            found = value(step)
            if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
                raise Failure(
                    f"a finite number at step {step}, an epoch having {epoch} steps",
                    came=f"{found!r}, a {type(found).__name__}",
                    hint="it is asked for a value as long as a training runs, and beyond its own end",
                )


@check("schedule")
def is_a_function_of_the_step(subject: Subject) -> None:
    """The same step gives the same number, in whatever order steps are asked for: a resumed run starts anywhere."""
    value = schedule(subject, 7)
    steps = _steps(7)[::3]
    upwards = [value(step) for step in steps]
    downwards = [value(step) for step in reversed(steps)][::-1]
    anew = schedule(subject, 7)
    middle = [anew(step) for step in steps[len(steps) // 2 :]]
    for again in (downwards, upwards[: len(steps) // 2] + middle):
        for step, one, other in zip(steps, upwards, again, strict=True):
            if one != other:
                raise Failure(
                    f"the value at step {step} is {one:g} whenever it is asked for",
                    came=f"{other:g} when steps are asked for in another order",
                    hint="keep nothing between calls: compute the value from step and steps_per_epoch",
                )


@check("schedule")
def epochs_are_steps(subject: Subject) -> None:
    """A length of n epochs is one of n * steps_per_epoch steps."""
    if not {"steps", "epochs"} <= set(subject.signature.options):
        raise NotApplicable("it has not both options, steps and epochs")
    length = _length(subject)
    for epoch in EPOCHS:
        in_steps = [count * epoch for count in length] if isinstance(length, list) else length * epoch
        by_epochs = schedule(subject, epoch, epochs=length, steps=None)
        by_steps = schedule(subject, epoch, epochs=None, steps=in_steps)
        for step in _steps(epoch):
            one, other = by_epochs(step), by_steps(step)
            if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12):
                raise Failure(
                    f"epochs={length} is steps={in_steps} where an epoch has {epoch} steps: {other:g} at step {step}",
                    came=f"{one:g}",
                    hint="an epoch has steps_per_epoch steps",
                )


def _length(subject: Subject) -> Any:
    """A length, or a list of them, that does for steps and epochs: the given one."""
    key = _unit(subject)
    found = subject.options().get(key, subject.signature.options[key].default) if key else None
    if not isinstance(found, (int, float, Sequence)):
        raise NotApplicable(
            "its length can't be guessed: give the kit one by Component(..., example={'epochs': 3})"
        )
    return list(found) if isinstance(found, Sequence) else found


def _unit(subject: Subject) -> str:
    """The option that says how long it is: the given one, else the one that has a default; "" where neither."""
    declared = subject.signature.options
    given = [key for key in ("epochs", "steps") if subject.options().get(key) is not None]
    usual = [key for key in ("epochs", "steps") if key in declared and declared[key].default is not None]
    return next(iter([*given, *usual]), "")


@check("schedule")
def goes_from_its_start_to_its_end(subject: Subject) -> None:
    """It goes from `from` to `to` within its length, never back or beyond, and then holds."""
    low, high = _ends(subject)
    for first, last in ((low, high), (high, low)):
        for epoch in EPOCHS:
            _goes(subject, first, last, epoch)


def _goes(subject: Subject, first: float, last: float, epoch: int) -> None:
    length = _length(subject)
    end = math.ceil(length * epoch) if _unit(subject) == "epochs" else length
    value = schedule(subject, epoch, **{"from": first, "to": last})
    way = abs(last - first)
    told = f"from={first:g}, to={last:g}, {end} steps long"
    for step, due in ((0, first), (end, last), (2 * end, last), (FAR, last)):
        if (
            abs(value(step) - due) > (0.05 if step <= end else 1e-6) * way
        ):  # a sigmoid comes only near its ends
            raise Failure(
                f"{told}: {due:g} at step {step}", came=f"{value(step):g}", hint=_HOLD if step > end else ""
            )
    seen = [value(step) for step in range(0, 2 * end + 3, max(end // 200, 1))]
    sign = 1 if last > first else -1
    back = [step for step in range(1, len(seen)) if sign * (seen[step] - seen[step - 1]) < -1e-9 * way]
    if back:
        raise Failure(
            f"{told}: it never goes back",
            came=f"{seen[back[0] - 1]:g} and then {seen[back[0]]:g}",
            hint=_HOLD,
        )


_HOLD = "beyond its length a schedule holds its last value: clamp the share of the way to [0, 1]"


def _ends(subject: Subject) -> tuple[float, float]:
    """Two ends to go between. Raises NotApplicable for a schedule that may well rise and fall."""
    options = subject.signature.options
    if not {"from", "to"} <= set(options) or not {"steps", "epochs"} & set(options):
        raise NotApplicable("it has not the options from, to and a length")
    more = set(options) - {"from", "to", "steps", "epochs", "start"}
    if more:
        raise NotApplicable(f"with {', '.join(sorted(more))} it may well rise and fall")
    if isinstance(_length(subject), list):
        raise NotApplicable("it has several lengths")
    return 0.25, 1.5


@check("schedule")
def start_shifts_it(subject: Subject) -> None:
    """With `start` it is the same, so many steps later; before, it has its first value."""
    if "start" not in subject.signature.options:
        raise NotApplicable("it has no option start")
    shift = 13
    for epoch in EPOCHS:
        plain, later = schedule(subject, epoch, start=0), schedule(subject, epoch, start=shift)
        for step in _steps(epoch):
            due = plain(max(step - shift, 0))
            if not math.isclose(later(step), due, rel_tol=1e-9, abs_tol=1e-12):
                without = max(step - shift, 0)
                raise Failure(
                    f"with start={shift} the value at step {step} is that at step {without} without: {due:g}",
                    came=f"{later(step):g}",
                    hint="count steps from start, and not below zero",
                )
