"""A law's samples are those of its log_prob, and exp(log_prob) is a density: in one and in two dimensions.

False alarms: tests speak at a p-value of 1e-9, estimates beyond 6.5 standard errors (1e-10). A component has some
hundred such numbers, so a right one fails with a probability below 1e-6; seeds are fixed: what passes once, passes.
"""

from __future__ import annotations

import math

import torch

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.quadrature import Grid, Line, discrete_events, in_words
from genframe.testing.specimens import LAWS, TINY, Specimen, ask, specimens
from genframe.testing.statistics import ALARM, SAMPLES, chi_square_p, kolmogorov_p, ks_one_sample
from genframe.testing.subject import Subject


@check(*LAWS)
def samples_follow_log_prob(subject: Subject) -> None:
    """Samples have the law that log_prob says: Kolmogorov-Smirnov in one dimension; of discrete laws frequencies."""
    ask(specimens(subject, TINY), _follows)


def _follows(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "discrete":
        return frequencies(law)
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


def frequencies(law: Law) -> None:
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
        return sums(law)
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
                hint=in_words(found.total, law, row),
            )
    return None


def sums(law: Law) -> None:
    table = discrete_events(law, SAMPLES)
    for row, total in enumerate(table.probabilities.sum(0).tolist()):
        missing = float(table.missing[row])
        if not -missing - 1e-3 <= total - 1 <= 1e-3:
            raise Failure(
                f"exp(log_prob) of {law.label} sums to 1 over its {len(table.events)} values",
                came=f"row {row}: {total:.4g}",
                hint=in_words(table.probabilities.sum(0), law, row),
            )
