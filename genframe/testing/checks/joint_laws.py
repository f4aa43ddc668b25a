"""Samples and log_prob agree in several dimensions, where no quadrature reaches: by identities over the samples.

False alarms: tests speak at a p-value of 1e-9, estimates beyond 6.5 standard errors (1e-10). A component has some
hundred such numbers, so a right one fails with a probability below 1e-6; seeds are fixed: what passes once, passes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genframe.testing.checks.densities import frequencies, sums
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.quadrature import Grid, in_words
from genframe.testing.specimens import LAWS, SMALL, Specimen, ask, specimens
from genframe.testing.statistics import ERRORS, SAMPLES, mean_of
from genframe.testing.subject import Subject


@check(*LAWS)
def log_prob_of_many_dimensions(subject: Subject) -> None:
    """In more dimensions too samples and log_prob agree: in projections, under a Metropolis step, and E[r/p] = 1."""
    ask(specimens(subject, ((2,), (3,), *SMALL)), _many)


def _many(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "discrete":
        if law.size <= 3:
            raise NotApplicable(f"{law.label} is a discrete law, counted by other checks")
        frequencies(law)
        return sums(law)
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
    """E_p[r/p] = 1 for r a narrower Gaussian at the samples' mean: its weights are bounded where p is Gaussian.

    What r gives to places without density is taken off; rows where few weights carry the mean (several modes, say)
    are left out.
    """
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
    due = _share(law, mean, narrow)
    for row in range(law.rows):
        value, error, share = (float(part[row]) for part in (found.value, found.error, due))
        slack = 0.4 + ERRORS * error
        if float(effective[row]) > SAMPLES / 50 and not share - slack < value < share + slack:
            raise Failure(
                f"E[r(z) / p(z)] = {share:.3g} for a narrower Gaussian r, over samples of {law.label}",
                came=f"row {row}: {value:.4g} with a standard error of {error:.1g}",
                hint=in_words(1 / found.value, law, row),
            )


def _share(law: Law, mean: Tensor, std: Tensor) -> Tensor:
    """How much of a Gaussian, by row, lies where the law has a density; all of it where that can't be asked."""
    if not law.answers:
        return torch.ones(law.rows)
    drawn = mean + std * torch.randn(2000, *mean.shape, dtype=mean.dtype)
    return (law.log_prob(drawn).detach() > -math.inf).double().mean(0)


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
