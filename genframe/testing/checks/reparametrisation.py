"""The reparametrisation question of the lecture, as tests: is `rsample` the same law, and its gradient that of the law?

False alarms: as in distributions.py, fewer than one in a million a component.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.specimens import LAWS, SMALL, TINY, Specimen, ask, specimens
from genframe.testing.statistics import ALARM, ERRORS, SAMPLES, ks_two_sample, mean_of, panels, spread
from genframe.testing.subject import Subject

BATCHES = 24
"""Independent estimates of a gradient, from whose scatter its standard error comes."""


@check(*LAWS)
def rsample_has_the_law_of_sample(subject: Subject) -> None:
    """`rsample` and `sample` agree in distribution: Kolmogorov and Smirnov with two samples."""
    ask(specimens(subject, (TINY[0], TINY[1], SMALL[0])), _agrees)


def _agrees(specimen: Specimen) -> None:
    law = specimen.law
    if not law.distribution.has_rsample:
        raise NotApplicable(f"{law.label} has no rsample")
    first, second = (law.draw(SAMPLES // 2, method).detach() for method in ("sample", "rsample"))
    for name, view in _VIEWS.items():
        if law.size == 1 and name != "number":
            continue
        a, b = (view(z).flatten(1) for z in (first, second))
        distances, p = ks_two_sample(a, b)
        if bool((a + b).isnan().any()) or p < ALARM:
            column = int(distances.argmax())
            row, place = divmod(column, a.shape[1] // law.rows)
            told = [
                f"{float(part[:, column].mean()):.3g} +- {float(part[:, column].std()):.3g}"
                for part in (a, b)
            ]
            raise Failure(
                f"rsample and sample of {law.label} draw from the same law",
                came=f"row {row}, {name} {place}: distribution functions {float(distances[column]):.3f} apart "
                f"(p = {p:.1g}); mean and standard deviation {told[0]} of sample, {told[1]} of rsample",
                hint="write sample as rsample under torch.no_grad(), or compare their scale and noise",
            )


_VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "number": lambda z: z,
    "the sum of neighbours": lambda z: z[..., 1:] + z[..., :-1],
}
"""What of a sample is compared; neighbours, because a law of several numbers may differ in its correlations alone."""


@check(*LAWS)
def rsample_carries_the_gradient(subject: Subject) -> None:
    """The pathwise gradient of E[f(z)] is that of the integral of f under exp(log_prob), for f = sin and cos."""
    ask(specimens(subject, TINY), _carries)


def _carries(specimen: Specimen) -> None:
    law = specimen.law
    if not law.distribution.has_rsample:
        raise NotApplicable(f"{law.label} has no rsample")
    if law.sort != "continuous":
        raise NotApplicable(
            f"{law.label} is not continuous: a gradient through its samples is an estimate by choice"
        )
    named, law = specimen.trainable()
    leaves = list(named.values())
    if not leaves:
        raise NotApplicable(f"{law.label} has nothing to train, and no features")
    if not law.draw(1, "rsample").requires_grad:
        raise Failure(
            f"rsample of {law.label} carries the gradient to features and parameters",
            came="a sample without gradient",
            hint="rsample stands under no_grad, or detaches: has_rsample = True promises the pathwise gradient",
        )
    if law.size != 1 or law.chart.dimension != 1:
        raise NotApplicable(f"{law.label} has more than one dimension")
    _pathwise(law, leaves)


def _pathwise(law: Law, leaves: list[Tensor]) -> None:
    """Compares both gradients along the quadrature's own; bounded f, so that heavy tails have a mean gradient too."""
    drawn = law.draw(SAMPLES // 2).detach()
    middle, scale = drawn.double().median(0).values, spread(drawn).clamp(min=1e-12)
    knots = drawn[..., 0].double().sort(0).values
    nodes, weights = (part.unsqueeze(-1) for part in panels(knots))
    masses = weights.squeeze(-1) * law.log_prob(nodes).exp()
    # Where the gradient of the whole mass is not zero the support itself moves, which fixed nodes do not see.
    drift = _flat(_gradient(masses.sum(), leaves))
    compared = False
    for name, wave in (("sin", torch.sin), ("cos", torch.cos)):
        integral = (masses * wave((nodes - middle) / scale).squeeze(-1)).sum()
        due = _flat(_gradient(integral, leaves)).double()
        size = float(due.norm())
        if size < 1e-3 or float(drift.norm()) > 0.02 * size:
            continue
        estimates = [_estimate(law, leaves, wave, middle, scale, due) for _ in range(BATCHES)]
        found = mean_of(torch.stack(estimates) / size**2)
        # The t law of 24 batches has heavier tails than the normal: 1.7 times its quantile at 1e-9.
        if not abs(float(found.value) - 1) < 0.05 + 1.7 * ERRORS * float(found.error):
            raise Failure(
                f"the gradient of E[{name}(z)] through rsample of {law.label} is that of its law",
                came=f"{float(found.value):.3f} of it, with a standard error of {float(found.error):.2g}",
                hint="part of the path is detached (mean or scale), or rsample is another map than log_prob says",
            )
        compared = True
    if not compared:
        raise NotApplicable(
            f"the law of {law.label} moves with nothing that is trained, or its support moves"
        )


def _estimate(
    law: Law,
    leaves: list[Tensor],
    wave: Callable[[Tensor], Tensor],
    middle: Tensor,
    scale: Tensor,
    due: Tensor,
) -> Tensor:
    """The pathwise gradient of a mean over samples, along `due`."""
    z = law.draw(SAMPLES // 16, "rsample").double()
    return _flat(_gradient(wave((z - middle) / scale).mean(0).sum(), leaves)).double() @ due


def _gradient(value: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


STEP = 1e-2
"""Half the width of a difference quotient."""


@check(*LAWS)
def log_prob_has_the_gradient_of_its_value(subject: Subject) -> None:
    """log_prob's gradient in features and parameters is its difference quotient: nothing on the way is detached."""
    ask(specimens(subject, ((2,), *SMALL)), _differentiates)


def _differentiates(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant":
        raise NotApplicable(f"{law.label} is a point mass")
    if not law.answers:
        raise NotApplicable(f"log_prob of {law.label} answers for its own samples alone")
    x = law.distribution.sample((64,))
    leaves, moved = specimen.trainable()
    if not leaves:
        raise NotApplicable(f"{law.label} has nothing to train, and no features")
    score = moved.distribution.log_prob(x).double().mean()
    for (name, leaf), gradient in zip(leaves.items(), _gradient(score, list(leaves.values())), strict=True):
        _quotients(specimen, x, leaf, gradient, leaves.get("features"), name)


def _quotients(
    specimen: Specimen, x: Tensor, leaf: Tensor, gradient: Tensor, features: Tensor | None, name: str
) -> None:
    """Central differences along the gradient and along three random directions."""
    generator = torch.Generator().manual_seed(6)
    directions = [torch.randn(leaf.shape, generator=generator) for _ in range(3)]
    if float(gradient.norm()) > 0:
        directions.append(gradient / gradient.norm() * math.sqrt(gradient.numel()))
    pairs = []
    directions = [direction / math.sqrt(direction.numel()) for direction in directions]
    for direction in directions:
        difference = [_quotient(specimen, x, leaf, direction, features, step) for step in (STEP, 2 * STEP)]
        pairs.append((float((gradient * direction).sum()), *difference))
    due = max(abs(fine) for _, fine, _ in pairs)
    if not math.isfinite(sum(fine + coarse for _, fine, coarse in pairs)):
        raise NotApplicable(f"the support of {specimen.label} moves with {name}")
    for direction, (told, fine, coarse) in zip(directions, pairs, strict=True):
        # Where two step widths disagree, the function has a kink or its rounding shows.
        bound = 0.1 * due + 3 * abs(fine - coarse) + 0.02
        if (
            abs(told - fine) > bound
            and abs(_mean_slope(specimen, x, leaf, direction, features) - fine) > bound
        ):
            raise Failure(
                f"the gradient of log_prob of {specimen.label} in {name} is its difference quotient",
                came=f"{told:.4g} by autograd, {fine:.4g} by differences, along one direction",
                hint="a detach(), a .item(), a no_grad or a custom backward stands on the way from there to log_prob",
            )


def _mean_slope(
    specimen: Specimen, x: Tensor, leaf: Tensor, direction: Tensor, features: Tensor | None
) -> float:
    """The gradient along the way that the finer quotient takes, averaged: a density with a kink has no other.

    The midpoint rule misses at most 1/32 of the jumps of the slope, which kinks in many places share.
    """
    before, slopes = leaf.detach().clone(), []
    for number in range(32):
        with torch.no_grad():
            leaf.copy_(before + ((number + 0.5) / 16 - 1) * STEP * direction)
        score = specimen.distribution(features).log_prob(x).double().mean()
        slopes.append(float((_gradient(score, [leaf])[0] * direction).sum()))
    with torch.no_grad():
        leaf.copy_(before)
    return sum(slopes) / len(slopes)


def _quotient(
    specimen: Specimen, x: Tensor, leaf: Tensor, direction: Tensor, features: Tensor | None, step: float
) -> float:
    scores = []
    with torch.no_grad():
        before = leaf.clone()
        for sign in (1, -1):
            leaf.copy_(before + sign * step * direction)
            law = Law(specimen.distribution(features), specimen.label)
            scores.append(
                law.distribution.log_prob(x).double().mean() if law.holds(x) else torch.tensor(math.nan)
            )
        leaf.copy_(before)
    return float((scores[0] - scores[1]) / (2 * step))
