"""What priors, posteriors and likelihoods promise of shapes, and that a law's samples are those of its log_prob.

Every test is made at a p-value of 1e-9 or 6.5 standard errors for each number compared; a component has fewer than
a thousand of them, so a right one fails with a probability below 1e-6. Seeds are fixed: what passes once, passes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.quadrature import Grid, Line, discrete_events, in_words
from genframe.testing.specimens import ROWS, SMALL, TINY, Specimen, ask, specimens
from genframe.testing.statistics import chi_square_p, kolmogorov_p, ks_one_sample, mean_of
from genframe.testing.subject import Subject

SAMPLES = 16384
ALARM = 1e-9
"""The p-value below which a test speaks."""
ERRORS = 6.5
"""Standard errors beyond which an estimate speaks: a normal one does in 1e-10 of all cases."""

LAWS = ("prior", "posterior", "likelihood")


@check(*LAWS)
def law_shapes(subject: Subject) -> None:
    """Samples are (samples, batch, event), and log_prob sums over the event and nothing else."""
    ask(specimens(subject, (*TINY, *SMALL)), _shapes)


def _shapes(specimen: Specimen) -> None:
    law, case = specimen.law, specimen.case
    due = {"posterior": case.latent_shape, "likelihood": case.data_shape}.get(specimen.subject.kind)
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
        _leading(specimen)
    distribution, batch, event = law.distribution, law.batch_shape, law.event_shape
    one = distribution.sample()
    _same(f"the shape of sample() of {law.label}", (*batch, *event), tuple(one.shape))
    scored = law.sort != "constant"  # a point mass may have no log_prob
    if scored:
        _same(
            f"the shape of log_prob(sample()) of {law.label}", batch, tuple(distribution.log_prob(one).shape)
        )
    for front in ((5,), (2, 1)):
        some = distribution.sample(front)
        _same(
            f"the shape of sample({list(front)}) of {law.label}", (*front, *batch, *event), tuple(some.shape)
        )
        if scored:
            found = tuple(distribution.log_prob(some).shape)
            _same(
                f"the shape of log_prob(sample({list(front)})) of {law.label}", (*front, *batch), found, _SUM
            )


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
def samples_follow_log_prob(subject: Subject) -> None:
    """Samples have the law that log_prob says: Kolmogorov-Smirnov in one dimension; of discrete laws frequencies."""
    ask(specimens(subject, TINY), _follows)


def _follows(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "discrete":
        return _frequencies(law)
    if law.chart.dimension == 1:
        return _kolmogorov(law)
    raise NotApplicable(f"{law.label} has more than one dimension")


def _kolmogorov(law: Law) -> None:
    line = Line.of(law)
    drawn = law.chart.coordinates(law.draw(SAMPLES).detach()).squeeze(-1)
    bound = math.sqrt(math.log(2 / ALARM) / (2 * SAMPLES))
    for row in range(law.rows):
        cdf = line.cdf[:, row] / line.total[row]
        distance, place = ks_one_sample(drawn[:, row], line.knots[:, row], cdf)
        slack = 0.002 + float(line.error[row])
        if math.isnan(distance) or kolmogorov_p(max(distance - slack, 0.0), SAMPLES) < ALARM:
            below = float((drawn[:, row] <= place).double().mean())
            said = float(cdf[torch.searchsorted(line.knots[:, row].contiguous(), place)])
            raise Failure(
                f"samples of {law.label} follow exp(log_prob): {SAMPLES} of them within {bound + slack:.3f} "
                f"of its distribution function",
                came=f"row {row}: {below:.1%} of the samples lie below {place:.3g}, where log_prob says {said:.1%}",
                hint="sample and log_prob disagree: std or variance, log_std or std, another location, "
                "a missing Jacobian?",
            )


def _frequencies(law: Law) -> None:
    table = discrete_events(law, SAMPLES)
    for row in range(law.rows):
        expected = SAMPLES * table.probabilities[:, row]
        p = chi_square_p(table.counts[:, row], expected)
        if math.isnan(p) or p < ALARM:
            worst = int(((table.counts[:, row] - expected).square() / (expected + 1)).argmax())
            raise Failure(
                f"{SAMPLES} samples of {law.label} have the frequencies that log_prob says",
                came=f"row {row}: {table.events[worst].tolist()} came {int(table.counts[worst, row])} times, "
                f"and was expected {float(expected[worst]):.1f} times (p = {p:.1g})",
                hint="sample and log_prob disagree: logits or probabilities, a temperature, the order of classes?",
            )


@check(*LAWS)
def log_prob_is_normalised(subject: Subject) -> None:
    """exp(log_prob) integrates to one, by quadrature in one and two dimensions; of a discrete law it sums to one."""
    ask(specimens(subject, (*TINY, (1, 1), (2, 1))), _normalised)


def _normalised(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "discrete":
        return _sums(law)
    dimension = law.chart.dimension
    if dimension > 2:
        raise NotApplicable(f"{law.label} has more than two dimensions")
    found = Line.of(law) if dimension == 1 else Grid.of(law)
    if bool((found.error > 0.05).all()):
        raise NotApplicable(
            f"the quadrature of {law.label} does not converge: a density of many sharp edges?"
        )
    for row, (total, error) in enumerate(zip(found.total.tolist(), found.error.tolist(), strict=True)):
        if math.isnan(total) or (abs(total - 1) > 0.02 + 2 * error and error <= 0.05):
            raise Failure(
                f"exp(log_prob) of {law.label} integrates to 1 over the range of its samples",
                came=f"row {row}: {total:.4g}, by quadrature with an error of {error:.1g}",
                hint=in_words(total, law, row),
            )
    return None


def _sums(law: Law) -> None:
    table = discrete_events(law, SAMPLES)
    for row, total in enumerate(table.probabilities.sum(0).tolist()):
        missing = float(table.missing[row])
        if not -missing - 1e-3 <= total - 1 <= 1e-3:
            raise Failure(
                f"exp(log_prob) of {law.label} sums to 1 over its {len(table.events)} values",
                came=f"row {row}: {total:.4g}",
                hint=in_words(total, law, row),
            )


@check(*LAWS)
def log_prob_of_many_dimensions(subject: Subject) -> None:
    """In more dimensions too samples and log_prob agree: in projections, under a Metropolis step, and E[r/p] = 1."""
    ask(specimens(subject, ((2,), (3,), *SMALL)), _many)


def _many(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "discrete":
        if law.size <= 3:
            raise NotApplicable(f"{law.label} is a discrete law, counted by other checks")
        _frequencies(law)
        return _sums(law)
    if law.sort != "continuous":
        raise NotApplicable(f"{law.label} has no density: its law is {law.sort}")
    if law.answers and law.chart.dimension == 2:
        _projections(law)
    if law.chart_or_none is None or not law.chart_or_none.flat:
        return None
    _importance(law)
    if law.answers:
        _metropolis(law)
    return None


def _projections(law: Law) -> None:
    """cos and sin of six projections: over samples as under the quadrature."""
    grid = Grid.of(law)
    if bool((grid.error > 0.05).any()):
        return
    drawn = law.chart.coordinates(law.draw(SAMPLES).detach()).double()
    for turns in ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2)):
        for wave in (torch.cos, torch.sin):
            angles = [
                grid.standardised(u) @ torch.tensor(turns, dtype=torch.float64) for u in (drawn, grid.nodes)
            ]
            found = mean_of(wave(angles[0]))
            due = (grid.masses * wave(angles[1])).sum(0) / grid.total
            if bool(found.beyond(due, ERRORS, 0.01 + 2 * grid.error).any()):
                row = int((found.value - due).abs().argmax())
                raise Failure(
                    f"the mean of {wave.__name__} of the projection {turns} of {law.label} is that under exp(log_prob)",
                    came=f"row {row}: {float(found.value[row]):.3f} of {SAMPLES} samples, "
                    f"and {float(due[row]):.3f} by quadrature",
                    hint="sample and log_prob disagree: the order of dimensions, a correlation, a scale?",
                )


def _importance(law: Law) -> None:
    """E_p[r/p] = 1 for r a narrower Gaussian at the samples' mean: its weights are bounded where p is Gaussian."""
    drawn, scores = (found.detach().double() for found in law.scored(SAMPLES))
    if not bool(torch.isfinite(scores).all()):
        raise Failure(f"log_prob of a sample of {law.label} is finite", came=f"{_odd(scores)}")
    mean, std = drawn.mean(0), drawn.std(0).clamp(min=1e-12)
    narrow = 0.6 * std
    normal = -0.5 * ((drawn - mean) / narrow).square() - narrow.log() - 0.5 * math.log(2 * math.pi)
    logs = normal.sum(-1) - scores
    weights = (logs - logs.amax(0)).exp()
    effective = weights.sum(0).square() / weights.square().sum(0)
    total = logs.exp()
    found = mean_of(total)
    for row in range(law.rows):
        value, error = float(found.value[row]), float(found.error[row])
        # Too few weights carry the mean: several modes, say. And r may leave a bounded support by a third at most.
        if float(effective[row]) > SAMPLES / 50 and not 0.6 - ERRORS * error < value < 1.4 + ERRORS * error:
            raise Failure(
                f"E[r(z) / p(z)] = 1 for a narrower Gaussian r, over samples of {law.label}",
                came=f"row {row}: {value:.4g} with a standard error of {error:.1g}",
                hint=in_words(1 / value if value else math.inf, law, row),
            )


def _metropolis(law: Law) -> None:
    """One Metropolis step leaves every law as it is: of f = u and u^2 the mean change is zero.

    Exact in any dimension and for any support; steps that leave the samples' range are refused.
    """
    drawn = law.draw(SAMPLES).detach()
    low, high = drawn.amin(0), drawn.amax(0)
    step = drawn.std(0).clamp(min=1e-12) / math.sqrt(law.size)
    moved = drawn + step * torch.randn_like(drawn)
    allowed = ((moved >= low) & (moved <= high)).all(-1)
    moved = torch.where(allowed.unsqueeze(-1), moved, drawn)
    accepted = (law.log_prob(moved) - law.log_prob(drawn)).detach().clamp(max=0).exp().unsqueeze(-1)
    middle, scale = drawn.double().median(0).values, drawn.double().std(0).clamp(min=1e-12)
    first, second = ((z.double() - middle) / scale for z in (drawn, moved))
    for name, power in (("u", 1), ("u^2", 2)):
        found = mean_of(accepted * (second.pow(power).tanh() - first.pow(power).tanh()))
        if bool((~(found.value.abs() <= ERRORS * found.error + 1e-6)).any()):
            row, place = divmod(int((found.value.abs() / (found.error + 1e-12)).argmax()), law.size)
            value, error = float(found.value[row, place]), float(found.error[row, place])
            raise Failure(
                f"a Metropolis step with log_prob leaves the samples' law of {law.label} as it is",
                came=f"row {row}, number {place} of the event: the mean of tanh({name}) drifts by {value:.3g}, "
                f"{abs(value) / (error + 1e-12):.0f} standard errors",
                hint="sample and log_prob disagree: another location or scale in one of them?",
            )


def _odd(scores: Tensor) -> str:
    odd = scores[~torch.isfinite(scores)]
    return f"{float(odd[0])} for {len(odd)} of {scores.numel()} samples"


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
    if law.distribution.sample().requires_grad:
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
