"""A noise's level is what it says: recovered from what it did, drawn as the options tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.noise_trial import Trial, call, half_to, measured, same
from genframe.testing.recovery import figures, largest_distance, recovered, uniform_distance
from genframe.testing.subject import Subject

RECOVERED = 0.5
"""R² from which on a level counts as recovered: a level that is ignored gives 0 or less, most noises 0.95."""

ALPHA = 1e-6
"""Chance of a false alarm of each test of uniformity."""

_VALUES = 8192  # values of x at each point of a regression


@check("noise")
def level_is_what_it_says(subject: Subject) -> None:
    """How much changes tells the level: a regression recovers it from what the noise did."""
    trial = Trial(subject)
    found: dict[str, float] = {}
    for column, name, row in _columns(trial):
        found[name] = _recovered(trial, row, column)
        if found[name] > RECOVERED:
            return
    if not found:
        raise NotApplicable("all the levels that it draws are zero")
    told = ", ".join(f"{name} {max(value, 0):.2f}" for name, value in found.items())
    raise Failure(
        f"a regression on what changed recovers a level: R² above {RECOVERED} for a column, between zero and the "
        "level that was drawn",
        came=f"R² = {told}",
        hint="apply(x, level) must use the level it is given, in each row that row's own",
    )


def _columns(trial: Trial) -> list[tuple[int, str, Tensor]]:
    """Each column with a row of levels (columns,) in which it is far from zero."""
    noise, x = trial.build(), trial.alike(32)
    levels = call(noise, x, seed=0)[1]
    rows = [levels.table[levels.table[:, column].abs().argmax()] for column in range(len(levels.names))]
    pairs = zip(levels.names, rows, strict=True)
    return [(column, name, row) for column, (name, row) in enumerate(pairs) if float(row[column]) != 0]


def _recovered(trial: Trial, row: Tensor, column: int) -> float:
    """R² for one column, the others being held; of more rows where few tell too little."""
    noise, value = trial.build(), 0.0
    rows = min(max(_VALUES // trial.alike(1).numel(), 4), 512)
    for factor in (1, 8):

        def apply(shares: Tensor, seed: int) -> Tensor:
            table = row.repeat(len(shares), 1)
            table[:, column] *= shares
            return measured(noise, trial.alike(len(shares)), table, seed)

        value = recovered(apply, rows * factor)
        if value > RECOVERED:
            break
    return value


@check("noise")
def every_column_is_used(subject: Subject) -> None:
    """Each column of the levels decides something: another value in it changes what comes of some example."""
    trial = Trial(subject)
    names = call(trial.build(), trial.alike(2), seed=0)[1].names
    for column, name in enumerate(names):
        # What happens to an example now and then needs more of them: with a chance of 0.5 % in 5,000, say.
        if not (_decides(trial, column, rows=24, seeds=2) or _decides(trial, column, rows=400, seeds=12)):
            raise Failure(
                f"the column {name!r} decides something: with other values in it, and the same seed, some of 400 "
                "examples come out otherwise",
                came="all of them are the same, under each of 12 seeds",
                hint="what apply(x, level) does must follow from the level it is given; a column that it does not "
                "read, or draws again, tells nothing",
            )


def _decides(trial: Trial, column: int, rows: int, seeds: int) -> bool:
    """Whether other values in a column (those of the next row, or half) matter; of one that is zero, True."""
    noise, x = trial.build(**trial.ranges()), trial.different(rows)
    levels = call(noise, x, seed=0)[1]
    value = levels.table[:, column]
    if not bool((value != 0).any()):
        return True
    for changed in (value.roll(1), value / 2):
        table = levels.table.clone()
        table[:, column] = changed
        for seed in range(seeds):
            before = call(noise, x, seed=seed, level=levels.table)[0]
            if not same(before, call(noise, x, seed=seed, level=table)[0]):
                return True
    return False


@check("noise")
def drawn_level_is_the_applied_one(subject: Subject) -> None:
    """The levels that noise(x) returns are those that it applied."""
    trial = Trial(subject)
    noise, x = trial.build(**trial.ranges()), trial.alike(384)
    noised, levels = call(noise, x, seed=1)
    given = measured(noise, x, levels.table, seed=2)
    drawn = figures(x, noised)
    for column, name in enumerate(levels.names):
        level = levels.table[:, column].double()
        slope = _standard(level).unsqueeze(1)
        products = ((drawn - drawn.mean(0)) * slope, (given - given.mean(0)) * slope)
        for one, two, what in ((drawn, given, "mean"), (*products, "slope in the level")):
            error = ((one.var(0) + two.var(0)) / len(x)).sqrt()
            far = (
                one.mean(0) - two.mean(0)
            ).abs() > 8 * error + 1e-6  # 8 standard errors: a chance below 1e-12
            if far.any():
                which = int(far.double().argmax())
                raise Failure(
                    f"noise(x) does what noise(x, level=levels) does, levels being what it returned (column {name!r})",
                    came=f"{_FIGURES[which]}: a {what} of {float(one.mean(0)[which]):.4g} where the levels are drawn, "
                    f"of {float(two.mean(0)[which]):.4g} where they are given",
                    hint="return the very table that was applied",
                )


_FIGURES = (
    "the root mean square of the change",
    "the mean size of the change",
    "the mean of the change",
    "the share of values that changed",
    "the largest change",
    "the roughness of the result",
)


def _standard(level: Tensor) -> Tensor:
    spread = level.std()
    return (level - level.mean()) / spread if float(spread) > 0 else torch.zeros_like(level)


@check("noise")
def range_is_drawn_for_each_example(subject: Subject) -> None:
    """A range [low, high] of a level is drawn from uniformly, for each example anew; a number gives that number."""
    trial = Trial(subject)
    if not trial.level_options:
        raise NotApplicable("no option is a Level")
    x = trial.alike(300)
    told = 0
    for key, full in trial.full.items():
        levels = call(trial.build(**{key: full}), x[:40], seed=0)[1]
        column = trial.column_of(key, levels.names)
        if column is None:
            continue
        told += 1
        fixed = levels.table[:, column]
        _is_the_number(trial, key, full, levels.names, fixed)
        if trial.named(key, levels.names) or bool((fixed == torch.tensor(full)).all()):
            drawn = call(trial.build(**{key: half_to(full)}), x, seed=0)[1].table[:, column]
            _is_uniform(key, *half_to(full), drawn[drawn != 0] if bool((fixed == 0).any()) else drawn)
    if not told:
        raise NotApplicable("no column bears the name of a Level option")


def _is_the_number(trial: Trial, key: str, full: float, names: Sequence[str], drawn: Tensor) -> None:
    at_it = drawn == torch.tensor(full)
    exact = bool(at_it.all()) or (
        len(names) > 1 and bool((at_it | (drawn == 0)).all())
    )  # zero: not this example
    constant = bool((drawn == drawn[0]).all())
    if exact or (constant and not trial.named(key, tuple(names))):
        return
    raise Failure(
        f"with {key}={full} each example has the level {full} in the column {key!r}",
        came=f"{[round(v, 6) for v in drawn[:4].tolist()]}",
        hint="draw_level(self.option, x) gives the number to every row; a column that is named as an option has "
        "its unit",
    )


def _is_uniform(key: str, low: float, high: float, drawn: Tensor) -> None:
    written = f"{key}=[{low:g}, {high:g}]"
    least, most = float(drawn.min()), float(drawn.max())
    if least < low - 1e-6 * abs(low) - 1e-9 or most > high + 1e-6 * abs(high) + 1e-9:
        raise Failure(
            f"with {written} the levels lie in that range", came=f"levels from {least:.4g} to {most:.4g}"
        )
    different = len(set(drawn.tolist()))
    if different == 1:
        raise Failure(
            f"with {written} each of {len(drawn)} examples draws a level of its own",
            came=f"{least:.4g} for all of them",
            hint="draw (batch,) levels, not one: draw_level(self.option, x)",
        )
    if different < len(drawn) / 4:
        return  # whole numbers, or steps: where they lie is the noise's own matter
    distance, allowed = uniform_distance(drawn, low, high), largest_distance(len(drawn), ALPHA)
    if distance > allowed:
        raise Failure(
            f"with {written} the levels are uniform: Kolmogorov's distance of {len(drawn)} of them is below "
            f"{allowed:.3f} but for {ALPHA:g} of all seeds",
            came=f"{distance:.3f}; their mean is {float(drawn.mean()):.4g}, from {least:.4g} to {most:.4g}",
            hint="draw_level(self.option, x) draws uniformly",
        )


@check("noise")
def scheduled_level_takes_effect(subject: Subject) -> None:
    """A schedule of a level takes effect: the engine sets the attribute of the option's name before a step."""
    trial = Trial(subject)
    if not trial.level_options:
        raise NotApplicable("no option is a Level")
    x = trial.alike(8)
    for key, option in trial.level_options.items():
        full = trial.full[key]
        noise = trial.build()
        before = call(noise, x, seed=0)[1]
        column = trial.column_of(key, before.names)
        setattr(noise, option.parameter, full / 2)
        after = call(noise, x, seed=0)[1]
        expected = call(trial.build(**{key: full / 2}), x, seed=0)[1]
        if not torch.allclose(after.table, expected.table, rtol=1e-5):
            at = 0 if column is None else column
            raise Failure(
                f"after noise.{option.parameter} = {full / 2:g} it draws as one that was built with "
                f"{key}={full / 2:g}: {float(expected.table[0, at]):.4g} in the first row",
                came=f"{float(after.table[0, at]):.4g}",
                hint=f"read self.{option.parameter} in draw(x); what __init__ worked out from it does not follow a "
                "schedule",
            )


@check("noise")
def std_is_the_standard_deviation(subject: Subject) -> None:
    """A column that is called `std` is the standard deviation of what is added to a value, or times that value."""
    trial = Trial(subject)
    noise = trial.build()
    if "labels" in subject.needs:
        raise NotApplicable("its input are labels")
    names: tuple[str, ...] = call(noise, trial.alike(2), seed=0)[1].names
    if "std" not in names:
        raise NotApplicable("no column is called std")
    grey, std = 0.4, 0.05  # so far inside of [0, 1] that clipping changes nothing
    x = torch.full((256, *trial.case.data_shape), grey)
    table = torch.zeros(len(x), len(names))
    table[:, names.index("std")] = std
    squares = _squares(noise, x, table)
    if float(squares.max()) < 1e-12:  # rounding, of what is made anew (blurred, turned)
        raise NotApplicable("`std` alone changes nothing in a plain grey picture")
    mean, error = float(squares.mean()), float(squares.std()) / len(squares) ** 0.5
    for expected in (std**2, (grey * std) ** 2):
        if abs(mean - expected) < 6 * error + 0.02 * expected:  # 6 standard errors: a chance of 2e-9
            return
    raise Failure(
        f"at std = {std} what is added to a grey of {grey} has the standard deviation {std} (or {grey * std:g}, where "
        "the noise multiplies)",
        came=f"{mean**0.5:.4g}",
        hint="a standard deviation multiplies randn_like(x) as it is, not its square or root; a column that means "
        "something else has another name",
    )


def _squares(noise: Any, x: Tensor, table: Tensor) -> Tensor:
    """The mean square of each row's change."""
    noised, _ = call(noise, x, seed=3, level=table)
    return (noised.double() - x.double()).flatten(1).square().mean(1)
