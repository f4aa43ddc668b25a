"""What a loss promises: a number or one a row, with its own gradient, in which each example counts once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from genframe.annotations import Scheduled
from genframe.recipe.words import marked
from genframe.testing.examples import others
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.runs import refused, runs
from genframe.testing.sides import scores_of, wants_real_above_fake
from genframe.testing.subject import Subject
from genframe.testing.terms import SEEDS, Slopes, Term, is_term, leaves, slopes, terms, total
from genframe.testing.toys import Toys
from genframe.values import Terms

ORDER = (2, 0, 1, 3)
"""A batch of four in another order, which keeps no pairing by position: neighbours, halves, first with last."""

SUMMED = (
    "average over the batch, or return one value a row: the engine averages it, so that weights and learning rates "
    "mean the same at every batch size"
)


@check("loss")
def is_a_loss(subject: Subject) -> None:
    """A loss gives one floating-point number, or one a row; so do the parts that it logs, each one number or a row."""
    found = False
    for run in runs(subject):
        if run.entry.name and not is_term(run.value):
            continue
        found = True
        if not is_term(run.value):
            raise Failure(f"{run} gives a tensor or Terms", came=f"a {type(run.value).__name__}")
        _require_number(str(run), total(run.value))
        if isinstance(run.value, Terms):
            for name, part in run.value.logged.items():
                _require_number(f"logged[{name!r}] of {run}", part)
    if not found:
        raise NotApplicable("none of its methods returns a tensor or Terms")


@check("loss")
def is_differentiable(subject: Subject) -> None:
    """A loss has a finite gradient, which is that of its value.

    Compared with finite differences along random directions, in float64. A side may be held fixed as a whole, or
    weigh less in the gradient than in the value; a loss that differs in other ways returns Terms(surrogate=True).
    One that keeps running statistics is only asked for a gradient.
    A kink within 1e-6 of a toy value would be a false alarm: once in some 5,000 losses.
    """
    asked = [_require_gradient(term) for term in terms(subject)]
    if not any(asked):
        raise NotApplicable("nothing that toys could be trained by changes its value")


@check("loss")
def value_needs_no_gradient(subject: Subject) -> None:
    """Under torch.no_grad(), where validation computes it, a loss has the same value."""
    for term in terms(subject):
        expected = term.mean(term.toys())
        try:
            with torch.no_grad():
                came = term.mean(term.toys())
        except (RuntimeError, ValueError) as error:
            raise Failure(
                f"{term} can be computed under torch.no_grad(), as validation does",
                came=f"{type(error).__name__}: {str(error).splitlines()[0]}",
                hint="a penalty on a gradient opens `with torch.enable_grad():` itself",
            ) from error
        if abs(came - expected) > 1e-5 * (1 + abs(expected)):
            raise Failure(
                f"{term} has the same value under torch.no_grad(), as in validation",
                came=f"{came:.6g}, and {expected:.6g} with gradient",
            )


@check("loss")
def invariant_to_batch_order(subject: Subject) -> None:
    """The order of the examples changes nothing but the order of the rows.

    All inputs are permuted alike. Of a loss that draws, means of 32 seeds are compared by a t-test at 8 standard
    errors: a false alarm in 10^8.
    """
    for term in terms(subject):
        plain, permuted = term.toys(), term.toys(rows=ORDER)
        if term.draws():
            _require_same_mean(term, plain, permuted)
        else:
            _require_permuted(term, term.total(plain).detach(), term.total(permuted).detach())


@check("loss")
def each_example_counts_once(subject: Subject) -> None:
    """A batch in which each example stands twice, or three times, has the same loss: a mean, not a sum.

    What rests on statistics of the batch may change, but not just by a factor of two with two copies and of three
    with three.
    """
    for term in terms(subject):
        count = SEEDS if term.draws() else 1
        once, twice, thrice = (
            float(term.means(term.toys(rows=tuple(range(4)) * copies), count).mean()) for copies in (1, 2, 3)
        )
        if abs(once) < 1e-6:
            continue
        tolerance = 0.1 if count > 1 else 1e-3
        for power, what in ((1, "is summed over the batch"), (2, "is summed over pairs"), (-1, _DIVIDED)):
            grown = (twice / once / 2**power - 1, thrice / once / 3**power - 1)
            if max(map(abs, grown)) < tolerance:
                raise Failure(
                    f"{term} is the same for a batch in which each example stands twice or three times",
                    came=f"{once:.6g} once, {twice:.6g} twice, {thrice:.6g} three times: it {what}",
                    hint=SUMMED,
                )


_DIVIDED = "is divided by the batch size once too often"


@check("loss")
def reduces_over_samples(subject: Subject) -> None:
    """With z (samples, batch, ...) a loss still gives one number or one a row: it reduces over the samples itself.

    Where each example counts for itself, two and three copies of the same sample give the same value.
    """
    asked = False
    for term in terms(subject):
        if {"z", "p_x"} & set(term.entry.parameters):
            asked |= _require_reduced(term)
    if not asked:
        raise NotApplicable("it takes neither z nor p_x, or refuses sample dimensions")


@check("loss")
def schedulable_options_change_it(subject: Subject) -> None:
    """An option of a loss that can be scheduled changes its value: a weight or a strength."""
    options = subject.signature.options.values()
    scheduled = [
        o for o in options if marked(o.annotation, Scheduled) and isinstance(o.default, (int, float))
    ]
    if not scheduled:
        raise NotApplicable("none of its options is Schedulable, with a number as its default")
    found = terms(subject)
    for option in scheduled:
        values = (option.default, *others(option.annotation, option.default))
        changes = any(len({term.mean(term.toys(), **{option.name: v}) for v in values}) > 1 for term in found)
        if not changes:
            raise Failure(
                f"the option {option.name!r} changes the loss",
                came=f"the same value for {option.name} = {', '.join(f'{value:g}' for value in values)}",
                hint=f"is {option.name} used at every place where it should be?",
            )


@check("loss")
def keeps_no_graph(subject: Subject) -> None:
    """What a loss computed is released when its result is: it keeps no tensor with a graph."""
    for term in terms(subject):
        part = subject.build(term.case)
        held = _called_and_dropped(term, part)
        if any(leaf() is not None for leaf in held):
            gc.collect()
        if any(leaf() is not None for leaf in held):
            raise Failure(
                f"after {term} and when its result is gone, nothing holds its graph",
                came="the model's tensors are still alive: each step would add to the memory in use",
                hint="store x.detach() or a number, never a tensor with its graph",
            )


def _require_number(name: str, value: Any) -> None:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.ndim > 1:
        kind = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise Failure(
            f"{name} is one floating-point number, or one a row: shape () or (batch,)",
            came=kind,
            hint="sum over an example's values, average over samples",
        )
    if not bool(value.isfinite().all()):
        raise Failure(f"{name} is finite for a model that is half trained", came=str(value.detach()))


def _require_gradient(term: Term) -> bool:
    """Whether anything could be asked."""
    toys = term.toys()
    value = term.total(toys).mean()
    used = list(chain.from_iterable(leaves(toys).values()))
    if value.requires_grad and used:
        found = torch.autograd.grad(value, used, allow_unused=True)
        bad = [g for g in found if g is not None and not bool(g.isfinite().all())]
        if bad:
            raise Failure(f"{term} has a finite gradient", came="NaN or infinity in it", hint=_INFINITE)
    if term.surrogate() or term.remembers():
        _require_reached(term, value, toys)
        return True
    measured = slopes(term)
    _require_some(term, measured, value)
    for slope in measured:
        _require_agreement(term, slope)
    _require_both_verdicts(term, {slope.name for slope in measured if slope.stopped})
    return bool(measured)


_INFINITE = "the derivative of a root or a norm at 0? add a small number under the root"


def _require_reached(term: Term, value: Tensor, toys: Toys) -> None:
    if not value.requires_grad:
        raise Failure(
            f"the gradient of {term} reaches one of {_listed(leaves(toys))}", came="no gradient at all"
        )


def _require_some(term: Term, measured: list[Slopes], value: Tensor) -> None:
    if measured and all(slope.stopped for slope in measured) and not _own_gradient(term):
        names = _listed(slope.name for slope in measured)
        raise Failure(
            f"the gradient of {term} reaches what its value depends on: {names}",
            came="no gradient" if not value.requires_grad else "a gradient of zero",
            hint="a .detach(), .item() or torch.no_grad() in the computation, or a gradient without create_graph=True?",
        )


def _own_gradient(term: Term) -> bool:
    """Whether the loss has parameters of its own that it could be trained by."""
    return any(p.requires_grad for p in _parameters(term.subject.build(term.case)))


def _parameters(part: Any) -> Iterator[nn.Parameter]:
    if isinstance(part, nn.Module):
        yield from part.parameters()


def _require_agreement(term: Term, slope: Slopes) -> None:
    if slope.stopped or slope.agree:
        return
    if slope.scale <= 0:
        raise Failure(
            f"going against the gradient with respect to {slope.name} lowers {term}",
            came=f"it raises it: the slope is {slope.scale:.3g} times what the gradient says",
            hint="a wrong sign, or a reversed gradient: if it is meant, return Terms(..., surrogate=True)",
        )
    pairs = ", ".join(
        f"{one:.4g} ({two:.4g})" for one, two in zip(slope.measured, slope.foretold, strict=True)
    )
    raise Failure(
        f"the gradient of {term} with respect to {slope.name} is that of its value",
        came=f"slopes along random directions (and what the gradient says): {pairs}",
        hint="is a part detached (.detach(), .data, .item(), no_grad) that should not be? If value and gradient "
        "differ on purpose (score function, DReG), return Terms(..., surrogate=True)",
    )


def _require_both_verdicts(term: Term, stopped: set[str]) -> None:
    scores = scores_of(term.entry)
    if wants_real_above_fake(term) and stopped & set(scores.values()):
        raise Failure(
            f"a critic learns from both verdicts: the gradient of {term} reaches the scores of real and fake",
            came=f"none reaches {_listed(stopped & set(scores.values()))}, on which its value depends",
            hint="remove the .detach(): the engine itself keeps a critic's loss from teaching the generator",
        )


def _require_permuted(term: Term, plain: Tensor, permuted: Tensor) -> None:
    tolerance = 1e-4 * (1 + float(plain.abs().max()))
    change = abs(float(plain.mean() - permuted.mean()))
    if change > tolerance:
        raise Failure(
            f"the mean of {term} is the same when all its inputs are permuted alike",
            came=f"a change of {change:.4g}, from {float(plain.mean()):.6g}",
            hint="is a row singled out, or one input paired with another row of the other?",
        )
    if plain.ndim and float((plain[list(ORDER)] - permuted).abs().max()) > tolerance:
        raise Failure(
            f"the rows of {term} are permuted as its inputs are",
            came=f"{_rounded(permuted)} for the rows {ORDER} of {_rounded(plain)}",
        )


def _require_same_mean(term: Term, plain: Toys, permuted: Toys) -> None:
    change = term.means(plain, SEEDS) - term.means(permuted, SEEDS)
    error = float(change.std()) / SEEDS**0.5
    if abs(float(change.mean())) > 8 * error + 1e-4 * (1 + abs(term.mean(plain))):
        raise Failure(
            f"the mean of {term} over {SEEDS} seeds is the same when all its inputs are permuted alike",
            came=f"a change of {float(change.mean()):.4g} with a standard error of {error:.2g}",
        )


def _require_reduced(term: Term) -> bool:
    """Whether anything could be asked: a loss may refuse sample dimensions."""
    try:
        two, three = (term.total(term.toys(samples=count)).detach() for count in (2, 3))
    except Exception as error:
        if refused(error) or "p_x" not in term.entry.parameters:
            return False
        raise Failure(
            f"{term} takes z of shape (samples, batch, ...), and p_x of such z",
            came=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            hint="reduce over the dimensions in front of the batch, or raise ValueError if it can't take them",
        ) from error
    if three.ndim > 1 or (three.ndim == 1 and three.shape != (4,)):
        raise Failure(
            f"{term} with z of shape (3, 4, ...) gives () or (4,): it reduces over the samples",
            came=f"{tuple(three.shape)}",
            hint="value.flatten(0, -2).mean(0) averages over all but the last dimension, the batch",
        )
    one, doubled = term.mean(term.toys()), term.mean(term.toys(rows=tuple(range(4)) * 2))
    apart = abs(one - doubled) <= 1e-4 * (1 + abs(one)) and not term.surrogate() and not term.draws()
    if apart and abs(float(two.mean() - three.mean())) > 1e-4 * (1 + abs(float(two.mean()))):
        raise Failure(
            f"{term} is the same for two and for three copies of one sample",
            came=f"{float(two.mean()):.6g} and {float(three.mean()):.6g}",
            hint="average over the samples, or subtract log(samples) from a logsumexp; do not sum",
        )
    return True


def _called_and_dropped(term: Term, part: Any) -> list[weakref.ref[nn.Parameter]]:
    """Weak references to the leaves of a call whose result and inputs are gone."""
    toys = term.toys()
    arguments = term.subject.arguments(term.case, term.entry, toys=toys)
    term.subject.call(part, arguments, entry=term.entry.name)
    return [weakref.ref(leaf) for leaf in replace(toys).leaves.values()]


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
