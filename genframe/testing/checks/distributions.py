"""What priors, posteriors and likelihoods promise of the shapes of their laws, and of the noise they draw.

False alarms: tests speak at a p-value of 1e-9, estimates beyond 6.5 standard errors (1e-10). A component has some
hundred such numbers, so a right one fails with a probability below 1e-6; seeds are fixed: what passes once, passes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.specimens import LAWS, ROWS, SMALL, TINY, Specimen, ask, specimens, whole
from genframe.testing.statistics import ERRORS, SAMPLES
from genframe.testing.subject import Subject


@check(*LAWS)
def law_shapes(subject: Subject) -> None:
    """Samples are (samples, batch, event), and log_prob sums over the event and nothing else."""
    try:
        ask(specimens(subject, (*TINY, *SMALL)), _shapes)
    except NotApplicable:  # it takes no small events
        ask(whole(subject), _shapes)


def _shapes(specimen: Specimen) -> None:
    law, case = specimen.law, specimen.case
    subject = specimen.subject
    due = {"posterior": case.latent_shape, "likelihood": subject.event(case)}.get(subject.kind)
    if due is None:
        due = getattr(specimen.part, "event_shape", None)
        if due is None:
            raise Failure(
                f"{specimen.label} offers event_shape, from which latent_shape follows", came="none"
            )
    _same(
        f"the event_shape of {law.label}", tuple(due), law.event_shape, "check event_ndim or Independent(...)"
    )
    if specimen.subject.kind != "prior":
        _same(f"the batch_shape of {law.label} for {ROWS} rows", (ROWS,), law.batch_shape)
    for front in ((), (5,), (2, 1)):
        _sampled(law, front)
    if specimen.subject.kind != "prior":
        _leading(specimen)


def _sampled(law: Law, front: tuple[int, ...]) -> None:
    """sample(front) and its log_prob; a point mass may have none."""
    batch, event, call = law.batch_shape, law.event_shape, f"sample({list(front) or ''})"
    some = law.distribution.sample(front)
    _same(f"the shape of {call} of {law.label}", (*front, *batch, *event), tuple(some.shape))
    if law.sort != "constant":
        found = tuple(law.distribution.log_prob(some).shape)
        _same(f"the shape of log_prob({call}) of {law.label}", (*front, *batch), found, _SUM)


def _leading(specimen: Specimen) -> None:
    """Features (samples, batch, ...) give a law of batch (samples, batch); its log_prob takes one x for all."""
    if len(specimen.arguments) > 1:
        return
    law, features = specimen.law, specimen.features
    x = law.distribution.sample()
    for other in (2 * features, features):  # the support may move with the features
        stacked = Law(specimen.distribution(torch.stack([features, other])), specimen.label)
        if stacked.batch_shape != (2, ROWS) or stacked.holds(x):
            break
    _same(
        f"the batch_shape of {law.label} for features (2, {ROWS}, ...)",
        (2, ROWS),
        stacked.batch_shape,
        "features may have any number of dimensions in front of the event: flatten(-event_ndim), never flatten(1)",
    )
    if law.answers and law.sort != "constant":
        found = stacked.distribution.log_prob(x)
        _same(
            f"the shape of log_prob(x) of {law.label} for features (2, {ROWS}, ...)",
            (2, ROWS),
            tuple(found.shape),
        )
        alone = law.distribution.log_prob(x)
        if not torch.allclose(found[0], alone, rtol=1e-3, atol=1e-3):
            raise Failure(
                f"log_prob(x) of {law.label} is the same for features (batch, ...) and (samples, batch, ...)",
                came=f"{found[0].tolist()} for {alone.tolist()}",
                hint="a row must not see the samples beside it",
            )


_SUM = "log_prob must sum over all dimensions of the event, and keep samples and batch apart"


def _same(what: str, due: tuple[int, ...], came: tuple[int, ...], hint: str = "") -> None:
    if due != came:
        raise Failure(f"{what} is {due}", came=f"{came}", hint=hint)


@check(*LAWS)
def draws_are_independent(subject: Subject) -> None:
    """Each sample and each row of a batch has noise of its own, and samples carry no gradient by `sample`."""
    ask(specimens(subject, ((2,), *SMALL), plain=True), _independent)


def _independent(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant":
        raise NotApplicable(f"{law.label} is a point mass")
    for method in ("sample", "rsample") if law.distribution.has_rsample else ("sample",):
        values = law.draw(SAMPLES, method).detach().double()
        if (
            law.sort == "continuous"
        ):  # ranks, because tails may be heavy; a discrete law's few values would tie
            values = values.argsort(0).argsort(0).double()
        values = (values - values.mean(0)) / values.std(0).clamp(min=1e-3)
        _uncorrelated(values[1:] * values[:-1], "one sample and the next", method, law)
        for gap in range(1, law.rows):
            _uncorrelated(values * values.roll(gap, 1), "two rows of the batch", method, law)
    if specimen.trainable()[1].distribution.sample().requires_grad:
        raise Failure(
            f"sample() of {law.label} carries no gradient",
            came="a tensor with requires_grad=True",
            hint="`with torch.no_grad()` in sample; rsample is the one with a gradient",
        )


def _uncorrelated(products: Tensor, what: str, method: str, law: Law) -> None:
    """The correlation of independent numbers is at most 6.5 / sqrt(n)."""
    correlation = float(products.mean(0).abs().max())
    if correlation > ERRORS / math.sqrt(len(products)):
        raise Failure(
            f"{what} of {law.label} are independent in {method}([{SAMPLES}])",
            came=f"a correlation of {correlation:.2f}",
            hint="draw noise of the whole shape (*sample_shape, *batch_shape, *event_shape)",
        )
