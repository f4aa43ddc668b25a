"""What a noise promises of each call: its form, its seeds, its rows, and the gradient through it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.noise_trial import Trial, batch, call, same
from genframe.testing.recovery import figures
from genframe.testing.subject import Subject
from genframe.values import Levels


@check("noise")
def identity_at_level_zero(subject: Subject) -> None:
    """At level zero, all columns zero, a noise changes nothing."""
    for case in subject.cases:
        x, noise = batch(subject, case), subject.build(case)
        names = call(noise, x, seed=0)[1].names
        zeros = torch.zeros(len(x), len(names))
        for written, level in (("0", 0.0), ("Levels(zeros)", Levels(zeros, names))):
            noised, _ = call(noise, x, seed=3, level=level)
            if not same(noised, x):
                came = _difference(noised, x)
                raise Failure(
                    f"noise(x, level={written}) is x, bit for bit, for {case}",
                    came=came,
                    hint="apply(x, level) must scale what it adds by the level; a row of zeros means no noise. Where x "
                    "is made anew (resampled, decoded): torch.where(per_example(level[:, 0], x) != 0, noised, x)",
                )


def _difference(noised: Tensor, x: Tensor) -> str:
    if noised.shape != x.shape:
        return f"the shape {tuple(noised.shape)} in place of {tuple(x.shape)}"
    if not noised.isfinite().all():
        return "NaN or infinity"
    return f"a difference of up to {float((noised.double() - x.double()).abs().max()):.3g}"


@check("noise")
def noised_has_the_form_of_x(subject: Subject) -> None:
    """The noised value has the shape and the dtype of x; the levels a row an example and a name a column."""
    for case in subject.cases:
        for rows in (1, 5):
            x, noise = batch(subject, case, rows), subject.build(case)
            noised, levels = call(noise, x, seed=0)
            if noised.shape != x.shape or noised.dtype != x.dtype:
                raise Failure(
                    f"a {x.dtype} of the shape {tuple(x.shape)}, as x is, for {case}",
                    came=f"a {noised.dtype} of the shape {tuple(noised.shape)}",
                    hint="apply(x, level) keeps the form of x: per_example(level[:, 0], x) is (batch, 1, ..., 1)",
                )
            if levels.table.shape != (rows, len(levels.names)) or not levels.table.is_floating_point():
                raise Failure(
                    f"levels.table is a float tensor (batch, columns) = ({rows}, {len(levels.names)}), "
                    f"a column for each of {levels.names}",
                    came=f"a {levels.table.dtype} of the shape {tuple(levels.table.shape)}",
                    hint="draw(x) gives (batch,) or (batch, columns); `columns` names them",
                )
    _names_fit(noise, levels.names)
    _noised_alone(noise, x)


def _noised_alone(noise: Any, x: Tensor) -> None:
    """Outputs can't unpack: `corrupted(x): noise.noised(x)`."""
    if hasattr(noise, "noised"):
        expected, _ = call(noise, x, seed=6)
        torch.manual_seed(6)
        alone = noise.noised(x)
        if not isinstance(alone, Tensor) or not same(alone, expected):
            raise Failure(
                "noise.noised(x) is the first of what noise(x) gives",
                came=_difference(alone, expected)
                if isinstance(alone, Tensor)
                else f"a {type(alone).__name__}",
            )


def _names_fit(noise: Any, names: tuple[str, ...]) -> None:
    wrong = [name for name in names if not name.isidentifier() or name in ("table", "names")]
    if wrong or len(set(names)) < len(names) or not names:
        raise Failure(
            "the columns have different names that can be attributes: levels.angle",
            came=f"the names {names}",
        )
    declared = getattr(noise, "columns", names)
    if isinstance(declared, tuple) and declared != names:
        raise Failure(f"levels.names is the noise's `columns`, {declared}", came=f"{names}")


@check("noise")
def level_is_taken_in_every_form(subject: Subject) -> None:
    """A level is given as a number, (batch,), (batch, columns) or as Levels, and comes back as it was given."""
    trial = Trial(subject)
    noise, x = trial.build(), trial.alike(6)
    drawn = call(noise, x, seed=0)[1]
    forms: dict[str, Any] = {"a tensor (batch, columns)": drawn.table.clone(), "the Levels it drew": drawn}
    if len(drawn.names) == 1:
        forms["a tensor (batch,)"] = drawn.table[:, 0].clone()
        if bool((drawn.table == drawn.table[0, 0]).all()):
            forms["a number"] = float(drawn.table[0, 0])
    results = {form: call(noise, x, seed=4, level=level) for form, level in forms.items()}
    expected = results["the Levels it drew"][0]
    for form, (noised, levels) in results.items():
        if not torch.allclose(levels.table, drawn.table, rtol=1e-6, atol=0):
            raise Failure(
                f"noise(x, level={form}) gives back the levels it was given, {_row(drawn.table)} in the first row",
                came=_row(levels.table),
                hint="a level that is given is not drawn again: only noise(x) draws",
            )
        if not torch.allclose(noised, expected, rtol=1e-5, atol=1e-6):
            raise Failure(
                f"under the same seed noise(x, level={form}) is noise(x, level=the Levels it drew)",
                came=_difference(noised, expected),
            )


def _row(table: Tensor) -> str:
    return str([round(value, 6) for value in table[0].tolist()])


@check("noise")
def drawn_level_can_be_given_back(subject: Subject) -> None:
    """noise(x, level=levels) does what the draw did that gave these levels: nothing is kept between calls."""
    trial = Trial(subject)
    noise, x = trial.build(**trial.ranges()), trial.different(12)
    noised, levels = call(noise, x, seed=1)
    again, _ = call(noise, x, seed=2, level=levels)
    try:
        anew, _ = call(trial.build(**trial.ranges()), x, seed=2, level=levels)
    except AttributeError as error:
        raise Failure("noise(x, level) needs no noise(x) before it", came=str(error), hint=_LEFT) from error
    call(noise, x[:3], seed=5)
    later, _ = call(noise, x, seed=2, level=levels)
    if not same(again, anew) or not same(again, later):
        raise Failure(
            "noise(x, level=levels) is a function of x, the levels and the seed alone",
            came=f"{_difference(again, anew if not same(again, anew) else later)} after another call of the same noise",
            hint=_LEFT,
        )
    if not _draws(noise, x, levels) and not same(again, noised):
        raise Failure(
            "noise(x, level=levels) is what noise(x) gave, as applying the levels draws nothing",
            came=_difference(again, noised),
            hint="noise(x) must return the levels that it applied",
        )


_LEFT = "apply(x, level) must not read what draw(x) left on self"


def _draws(noise: Any, x: Tensor, levels: Levels) -> bool:
    """Whether applying given levels draws anything."""
    first = call(noise, x, seed=1, level=levels)[0]
    return any(not same(first, call(noise, x, seed=seed, level=levels)[0]) for seed in (2, 3, 4))


@check("noise")
def seed_decides_the_draw(subject: Subject) -> None:
    """The same seed repeats the draw, another seed changes it."""
    trial = Trial(subject)
    noise, x = trial.build(**trial.ranges()), trial.alike(8)
    (first, levels), (again, same_levels) = call(noise, x, seed=1), call(noise, x, seed=1)
    if not same(first, again) or not same(levels.table, same_levels.table):
        raise Failure(
            "noise(x) under the same seed is the same, bit for bit",
            came=_difference(again, first),
            hint="draw with torch's functions from its default generator, and keep no state between calls",
        )
    alike = Levels(levels.table[:1].repeat(8, 1), levels.names)
    drawn = [call(noise, x, seed=seed)[1].table for seed in range(5)]
    applied = [call(noise, x, seed=seed, level=alike)[0] for seed in range(5)]
    for what, made in (("levels of noise(x)", drawn), ("noise at a given level", applied)):
        if all(same(one, made[0]) for one in made) and not all(same(row, made[0][0]) for row in made[0]):
            raise Failure(
                f"other seeds give others: the {what}",
                came="the same under five seeds, though rows that are alike get different ones",
                hint="they come from a generator of its own; draw from torch's default one and never seed it",
            )
    if all(same(one, made[0]) for made in (drawn, applied) for one in made):
        raise NotApplicable("it draws nothing: neither a level nor in apply")


@check("noise")
def examples_have_their_own_draw(subject: Subject) -> None:
    """Examples of a batch that are alike, at the same level, get different noise."""
    trial = Trial(subject)
    noise, x = trial.build(), trial.alike(8)
    levels = call(noise, x, seed=0)[1]
    level = Levels(levels.table[:1].repeat(8, 1), levels.names)
    made = [call(noise, x, seed=seed, level=level)[0] for seed in range(6)]
    if all(same(noised, made[0]) for noised in made) and all(same(row, made[0][0]) for row in made[0]):
        raise NotApplicable("applying a level draws nothing")
    shared = [noised for noised in made if all(same(row, noised[0]) for row in noised)]
    changed = [noised for noised in shared if not same(noised, x)]
    if changed and len(shared) == len(made):
        raise Failure(
            "8 examples that are alike, at the same level, get different noise",
            came="the same noise in all 8 rows of the batch, under each of 6 seeds",
            hint="draw noise of the shape of x (torch.randn_like(x)), not of one example",
        )


@check("noise")
def rows_are_independent(subject: Subject) -> None:
    """What a row becomes does not depend on the other rows of its batch."""
    trial = Trial(subject)
    noise, x = trial.build(), trial.different(8)
    levels = call(noise, x, seed=0)[1]
    other = torch.cat([x[:1], _unlike(x[1:])])
    pairs = [
        (call(noise, x, seed=seed, level=levels)[0][:1], call(noise, other, seed=seed, level=levels)[0][:1])
        for seed in range(48)
    ]
    if all(same(one, two) for one, two in pairs):
        return
    # Draws that depend on the data may differ in each seed: then the figures must agree on the average.
    one, two = (torch.cat([figures(x[:1], pair[i]) for pair in pairs]) for i in (0, 1))
    error = ((one.var(0) + two.var(0)) / len(pairs)).sqrt()
    far = (one.mean(0) - two.mean(0)).abs() > 8 * error + 1e-6 + 1e-3 * one.mean(0).abs()
    if far.any():
        raise Failure(
            "the first row becomes the same, whatever the other rows of its batch hold",
            came=f"a mean change of {one.mean(0)[1]:.3g} beside some rows, of {two.mean(0)[1]:.3g} beside others",
            hint="a mean, maximum or standard deviation over the batch mixes examples: reduce over dimensions from 1",
        )


def _unlike(rows: Tensor) -> Tensor:
    """Other rows of quite another scale."""
    return torch.zeros_like(rows) if not rows.is_floating_point() else 10 + 20 * rows.flip(0)


@check("noise")
def leaves_x_as_it_was(subject: Subject) -> None:
    """Neither noise(x) nor noise(x, level) changes x itself, nor the levels it is given."""
    for case in subject.cases:
        x, noise = batch(subject, case), subject.build(case)
        kept = x.clone()
        _, levels = call(noise, x, seed=0)
        table = levels.table.clone()
        call(noise, x, seed=1, level=levels)
        if not same(x, kept):
            raise Failure(
                f"x is as it was after noise(x), for {case}",
                came=_difference(x, kept),
                hint="an operation in place (x.add_, x[...] = ...) changes the caller's tensor: work on x.clone()",
            )
        if not same(levels.table, table):
            raise Failure(
                "the levels are as they were after noise(x, level=levels)",
                came=f"{_row(levels.table)} in place of {_row(table)}",
            )


@check("noise")
def gradient_flows_through(subject: Subject) -> None:
    """Where the noised value follows x smoothly, its gradient reaches x."""
    trial = Trial(subject)
    noise, x = trial.build(), trial.different(4)
    if not x.is_floating_point():
        raise NotApplicable("its input are labels, which have no gradient")
    if "bits" in subject.needs:
        raise NotApplicable("its input are bits, which nothing moves a little")
    levels = call(noise, x, seed=0)[1]
    levels = Levels(levels.table / 2, levels.names)
    slope, far = (_slope(noise, x, levels, step) for step in (2e-3, 4e-3))
    smooth = ((slope - far).abs() < 0.05 * slope.abs()) & (slope.abs() > 0.05)
    if float(smooth.float().mean()) < 0.05:
        raise NotApplicable("the noised value does not follow x smoothly, so that its derivative is zero")
    leaf = x.clone().requires_grad_()
    noised, _ = call(noise, leaf, seed=1, level=levels)
    gradient = None
    if noised.requires_grad:
        (gradient,) = torch.autograd.grad((noised * smooth * slope.sign()).sum(), leaf, allow_unused=True)
    if gradient is None or not bool((gradient != 0).any()):
        raise Failure(
            "the gradient reaches x through the noise, so that what made x can be trained",
            came=f"{'no gradient' if gradient is None else 'a gradient of zero'}, though the noised value moves by "
            f"{float(slope[smooth].abs().mean()):.2g} for each unit of x",
            hint="a .detach(), torch.no_grad() or .numpy() in apply cuts the graph",
        )


def _slope(noise: Any, x: Tensor, levels: Levels, step: float) -> Tensor:
    """How each value moves, for each unit that all of x moves by, under the same seed."""
    with torch.no_grad():
        low, high = (call(noise, x + sign * step / 2, seed=1, level=levels)[0] for sign in (-1, 1))
    return (high - low) / step
