"""Mean, variance, entropy, mode and closed-form KL divergences against Monte Carlo.

False alarms: an estimate speaks beyond 6.5 of its standard errors, 1e-10 for each number compared. Numbers whose
samples are so heavy-tailed that a standard error means little (a kurtosis above 30) are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from genframe.distributions import DiagonalGaussian
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.specimens import LAWS, SMALL, TINY, Specimen, ask, specimens
from genframe.testing.statistics import ERRORS, SAMPLES, Estimate, mean_of
from genframe.testing.subject import Subject

HEAVY = 30.0
"""The kurtosis from which no mean is compared: that of a Laplace law is 6, of a normal one 3."""


@check(*LAWS)
def moments_are_those_of_samples(subject: Subject) -> None:
    """Mean, variance, stddev and entropy, where offered, are those of the samples; no sample beats the mode."""
    ask(specimens(subject, (*TINY[:2], SMALL[0])), _moments)


def _moments(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant":
        return _point(law)
    drawn, scores = (found.detach().double() for found in law.scored(SAMPLES))
    flat = law.sort != "continuous" or (law.chart_or_none is not None and law.chart_or_none.flat)
    if flat and not _is_angle(law, drawn):
        _mean_and_variance(law, drawn)
    _entropy(law, scores)
    return _mode(law, scores)


def _point(law: Law) -> None:
    """Of a point mass, which may have no log_prob: mean and mode are its one sample, and it has no variance."""
    drawn = law.draw(1).detach().double()[0]
    for name, due in (
        ("mean", drawn),
        ("mode", drawn),
        ("variance", torch.zeros_like(drawn)),
        ("stddev", torch.zeros_like(drawn)),
    ):
        told = offered(law, name)
        if told is not None and not torch.allclose(told, due, atol=1e-5):
            raise Failure(
                f"{name} of {law.label}, a point mass, is {'that point' if due is drawn else '0'}",
                came=f"{told.flatten()[:3].tolist()} for {due.flatten()[:3].tolist()}",
            )


def _is_angle(law: Law, drawn: Tensor) -> bool:
    """Whether the law is one of an angle: of period 2 pi. Its mean is one of directions, which is another thing."""
    if not law.answers or law.sort != "continuous" or float(drawn.abs().max()) > math.pi + 1e-3:
        return False
    turned = law.log_prob(drawn[:50] + 2 * math.pi)
    return bool(torch.allclose(turned, law.log_prob(drawn[:50]), atol=1e-2))


def _mean_and_variance(law: Law, drawn: Tensor) -> None:
    middle, scale = drawn.mean(0), drawn.std(0).clamp(min=1e-12)
    calm = ((drawn - middle) / scale).pow(4).mean(0) < HEAVY
    mean = offered(law, "mean")
    if mean is not None:
        _near(law, "mean", mean, mean_of(drawn), calm, 1e-3 * scale)
    squares = mean_of((drawn - middle).square())
    for name in ("variance", "stddev"):
        told = offered(law, name)
        if told is not None:
            variance = told.square() if name == "stddev" else told
            _near(law, name, variance, squares, calm, 1e-3 * scale.square())


def offered(law: Law, name: str) -> Tensor | None:
    """An attribute of the distribution as (rows, size), or None where it is not implemented."""
    try:
        value = getattr(law.distribution, name)
    except (NotImplementedError, AttributeError):
        return None
    shape = (*law.batch_shape, *law.event_shape)
    if tuple(value.shape) != shape:
        raise Failure(f"{name} of {law.label} has the shape {shape}", came=f"{tuple(value.shape)}")
    found: Tensor = value.detach().double().reshape(law.rows, law.size)
    return found


def _near(law: Law, name: str, told: Tensor, found: Estimate, calm: Tensor, slack: Tensor) -> None:
    wrong = found.beyond(told, ERRORS, slack + 1e-6) & calm & torch.isfinite(told)
    if bool(wrong.any()):
        row, place = (int(index) for index in wrong.nonzero()[0])
        came, error = float(found.value[row, place]), float(found.error[row, place])
        square = " squared" if name == "stddev" else ""
        raise Failure(
            f"{name}{square} of {law.label} is that of its samples",
            came=f"row {row}, number {place} of the event: {float(told[row, place]):.4g}, "
            f"and {came:.4g} +- {error:.1g} over {SAMPLES} samples",
            hint="a scale that is a log-scale, a standard deviation that is a variance, another location?",
        )


def _entropy(law: Law, scores: Tensor) -> None:
    try:
        told = law.distribution.entropy().detach().double()
    except NotImplementedError:
        return
    if tuple(told.shape) != law.batch_shape:
        raise Failure(
            f"entropy() of {law.label} sums over the event: {law.batch_shape}", came=f"{tuple(told.shape)}"
        )
    found = mean_of(-scores)
    wrong = found.beyond(told.reshape(-1), ERRORS, 1e-3 + 1e-4 * told.abs().reshape(-1))
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise Failure(
            f"entropy() of {law.label} is minus the mean of log_prob over its samples, in nats",
            came=f"row {row}: {float(told.reshape(-1)[row]):.4f}, and {float(found.value[row]):.4f} "
            f"+- {float(found.error[row]):.1g}",
            hint="a constant for each number of the event, bits for nats, or another sign",
        )


def _mode(law: Law, scores: Tensor) -> None:
    mode = offered(law, "mode")
    if mode is None or not law.answers or not bool(torch.isfinite(mode).all()):
        return
    told = law.log_prob(mode.unsqueeze(0))[0].detach()
    best = scores.amax(0)
    wrong = ~(told >= best - 1e-3 - 1e-3 * best.abs())
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise Failure(
            f"log_prob of {law.label} is highest at its mode",
            came=f"row {row}: {float(told[row]):.4f} at the mode, {float(best[row]):.4f} at a sample",
            hint="leave mode out where it has no closed form",
        )


@check("prior", "posterior")
def kl_agrees_with_monte_carlo(subject: Subject) -> None:
    """Every closed-form KL divergence that torch finds is E[log q - log p], is not negative, and is zero to itself."""
    ask(specimens(subject, (*TINY[:2], SMALL[0])), _divergences)


def _divergences(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant" or not law.answers:
        raise NotApplicable(f"{law.label} has no density that could be compared")
    compared = [_divergence(law, name, q, p) for name, q, p in _pairs(specimen)]
    if not any(compared):
        raise NotApplicable(f"torch.distributions.kl_divergence knows none for {law.label}")


def _pairs(specimen: Specimen) -> Iterator[tuple[str, Distribution, Distribution]]:
    """With itself, with another of its class, and with a standard and another diagonal Gaussian, both ways."""
    own = specimen.law.distribution
    event = own.event_shape
    yield "KL(itself || itself)", own, own
    if specimen.subject.kind == "posterior":
        yield "KL(one posterior || another)", own, specimen.distribution(specimen.features.roll(1, 0) * 0.7)
    if specimen.law.sort != "continuous" or not getattr(specimen.law.chart_or_none, "flat", False):
        return
    ndim = len(event)
    standard = DiagonalGaussian(torch.zeros(event), torch.ones(event), event_ndim=ndim, standard=True)
    shape = (*own.batch_shape, *event)
    other = DiagonalGaussian(torch.full(shape, 0.4), torch.full(shape, 0.7), event_ndim=ndim)
    yield "KL(it || standard Gaussian)", own, standard
    yield "KL(it || another Gaussian)", own, other
    yield "KL(another Gaussian || it)", other, own
    yield "KL(standard Gaussian || it)", standard, own


def _divergence(law: Law, name: str, q: Distribution, p: Distribution) -> bool:
    """Whether there was a closed form to compare: laws that live on different sets are refused by a ValueError."""
    try:
        told = kl_divergence(q, p)
    except (NotImplementedError, ValueError):
        return False
    batch = max(q.batch_shape, p.batch_shape, key=len)  # one of them, or both, stand for every row
    if tuple(told.shape) != tuple(batch):
        raise Failure(
            f"{name} sums over the event for {law.label}: {tuple(batch)}", came=f"{tuple(told.shape)}"
        )
    told = told.detach().double().reshape(-1)
    if bool(told.isinf().any()):  # one law gives mass to what the other excludes
        return False
    z = q.sample((SAMPLES,)) if q.batch_shape == batch else q.expand(batch).sample((SAMPLES,))
    ratio = (q.log_prob(z) - p.log_prob(z)).detach().double().reshape(SAMPLES, -1)
    found = mean_of(ratio)
    calm = torch.isfinite(told) & torch.isfinite(found.value) & (_kurtosis(ratio) < HEAVY)
    wrong = (found.beyond(told, ERRORS, 1e-3 + 1e-4 * told.abs()) & calm) | (told < -1e-4) | told.isnan()
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise Failure(
            f"{name} of {law.label} in closed form is E[log q - log p], and at least 0",
            came=f"row {row}: {float(told[row]):.4f} by kl_divergence, {float(found.value[row]):.4f} "
            f"+- {float(found.error[row]):.1g} by Monte Carlo",
            hint="look at the KL registered for these classes (DiagonalGaussian: its `standard` says zeros and ones), "
            "and at log_prob",
        )
    return name != "KL(itself || itself)" or bool((told.abs() < 1e-3).all())


def _kurtosis(draws: Tensor) -> Tensor:
    centred = draws - draws.mean(0)
    return centred.pow(4).mean(0) / centred.square().mean(0).square().clamp(min=1e-24)
