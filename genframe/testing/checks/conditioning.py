"""What depends on what in a posterior or a likelihood: rows on their own features, and numbers that stay finite."""

from __future__ import annotations

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.specimens import ROWS, SMALL, Specimen, ask, specimens
from genframe.testing.subject import Subject

CONDITIONED = ("posterior", "likelihood")


@check(*CONDITIONED)
def rows_have_laws_of_their_own(subject: Subject) -> None:
    """A row's law depends on its features and on no other row's: permuted rows give permuted laws (in eval mode)."""
    ask(specimens(subject, ((2,), *SMALL)), _own)


def _own(specimen: Specimen) -> None:
    law, features = specimen.law, specimen.features
    if len(specimen.arguments) > 1:
        raise NotApplicable(f"{law.label} takes more than features")
    order = torch.arange(ROWS - 1, -1, -1)
    if law.sort == "constant" or not law.answers:
        drawn, permuted = (
            Law(specimen.distribution(f), law.label).draw(1)[0] for f in (features, features[order])
        )
        _equal(law, "a sample", drawn[order], permuted) if law.sort == "constant" else None
        return
    x = law.distribution.sample()
    alone = law.distribution.log_prob(x)
    _equal(law, "log_prob", alone[order], specimen.distribution(features[order]).log_prob(x[order]))
    changed = features.clone()
    changed[1:] = 3 * changed[1:] + 1
    moved = Law(specimen.distribution(changed), law.label)
    x = torch.cat([x[:1], moved.distribution.sample()[1:]])
    if moved.holds(x):
        _equal(law, "log_prob of row 0", alone[:1], moved.distribution.log_prob(x)[:1])
    single = specimen.distribution(features[:1]).log_prob(x[:1])
    _equal(law, "log_prob of row 0 alone", alone[:1], single)


def _equal(law: Law, what: str, due: Tensor, came: Tensor) -> None:
    if not torch.allclose(due, came, rtol=1e-3, atol=1e-3, equal_nan=True):
        raise Failure(
            f"{what} of {law.label} depends on the features of its own row alone",
            came=f"{came.flatten()[:3].tolist()} where the other rows are others, for {due.flatten()[:3].tolist()}",
            hint="a mean, a maximum or a normalisation over dimension 0 mixes the rows of a batch",
        )


@check(*CONDITIONED)
def extreme_features_have_finite_gradients(subject: Subject) -> None:
    """With features of +-20, log_prob of values of the support and its gradient are finite; of +-100 too on all of R.

    A law that tells a support with bounds saturates there at some size of the features, as floats do.
    """
    ask(specimens(subject, ((2,), SMALL[0])), _extremes)


def _extremes(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant" or not law.answers:
        raise NotApplicable(f"log_prob of {law.label} answers for its own samples alone")
    x = law.distribution.sample()
    for size in (20.0, 100.0) if law.is_unbounded else (20.0,):
        features = (size * specimen.features.sign()).requires_grad_()
        distribution = specimen.distribution(features)
        if Law(distribution, law.label).holds(x):
            _finite(law, size, "log_prob of a sample at usual features", distribution.log_prob(x), features)
        own = distribution.sample()
        _finite(law, size, "a sample", own, None)
        if specimen.subject.kind == "posterior" and Law(distribution, law.label).holds(own):
            _finite(law, size, "log_prob of its own sample", distribution.log_prob(own), features)
        # Of laws on all of R alone: the moments of a log-normal one leave the range of floats much sooner, and must.
        for name in ("mean", "stddev", "variance") if size == 20 and law.is_unbounded else ():
            _moment(specimen, size, name, law)


def _moment(specimen: Specimen, size: float, name: str, law: Law) -> None:
    """Finite at extreme features where it is finite at usual ones: a heavy tail may have no mean."""
    try:
        usual = getattr(law.distribution, name)
        found = getattr(specimen.distribution(size * specimen.features.sign()), name)
    except (NotImplementedError, AttributeError):
        return
    if bool(torch.isfinite(usual).all()):
        _finite(law, size, name, found, None)


def _finite(law: Law, size: float, what: str, found: Tensor, features: Tensor | None) -> None:
    if not bool(torch.isfinite(found).all()):
        odd = found.detach()[~torch.isfinite(found)].flatten()[0]
        raise Failure(
            f"{what} of {law.label} is finite for features of +-{size:g}",
            came=f"{float(odd)}",
            hint="bound a log-scale before exp; use log-sigmoid and logsumexp; add no log of what may be 0",
        )
    if features is None or not found.requires_grad:
        return
    gradient = torch.autograd.grad(found.sum(), features, retain_graph=True, allow_unused=True)[0]
    if gradient is not None and not bool(torch.isfinite(gradient).all()):
        raise Failure(
            f"the gradient of {what} of {law.label} is finite for features of +-{size:g}",
            came=f"{int((~torch.isfinite(gradient)).sum())} numbers that are not",
            hint="torch.where hides an infinite value, not its gradient: make the argument harmless first",
        )
