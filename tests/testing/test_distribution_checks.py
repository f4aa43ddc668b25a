"""The checks of laws: right ones of many sorts pass, and each of some ninety wrong ones fails the check that is meant.

Seeds are fixed by the kit, which states its false-alarm rate: below one in a million for a component.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
import torch

from genframe.hooks import Component
from genframe.registry import Offer, Registry
from genframe.testing.checks import (
    conditioning,
    densities,
    distributions,
    joint_laws,
    likelihoods,
    moments,
    reparametrisation,
)
from genframe.testing.kit import NotApplicable, Result, Trial, checks
from genframe.testing.laws import Circle, Law, Simplex, Sphere
from genframe.testing.quadrature import Grid, Line, discrete_events
from genframe.testing.specimens import specimens, variants
from genframe.testing.subject import Subject

from . import zoo
from .sabotage import BUGS, Bug, DiagonalGaussian, gaussian, gaussian_prior

MODULES = (conditioning, densities, distributions, joint_laws, likelihoods, moments, reparametrisation)
CHECKS = {
    check.name: check for check in checks() if check.function.__module__ in [m.__name__ for m in MODULES]
}
RIGHT = [
    *(("posterior", name, zoo.posterior(make)) for name, make in zoo.POSTERIORS.items()),
    *(("prior", name, target) for name, target in zoo.PRIORS.items()),
    *(("likelihood", name, target) for name, target in zoo.LIKELIHOODS.items()),
]


def subject(kind: str, target: Any) -> Subject:
    return Subject(Offer(kind, Component("made", "tests:Made"), "tests", live=target), Registry())


def result(kind: str, target: Any, check: str) -> Result:
    return Trial(CHECKS[check], subject(kind, target)).result(None)


@cache
def results(number: int) -> dict[str, Result]:
    kind, _, target = RIGHT[number]
    made = [name for name, check in CHECKS.items() if kind in check.kinds]
    return {name: result(kind, target, name) for name in made}


@pytest.mark.parametrize("number", range(len(RIGHT)), ids=[f"{kind}-{name}" for kind, name, _ in RIGHT])
def test_a_right_law_passes_every_check(number: int) -> None:
    failed = {name: r.message for name, r in results(number).items() if not r.good}
    assert not failed


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_wrong_law_fails_the_check_that_is_meant(bug: Bug) -> None:
    found = result(bug.kind, bug.target, bug.check)
    assert found.outcome == "failed", f"{found.outcome} {found.message}"
    assert bug.says in found.message, found.message


@pytest.mark.parametrize(
    ("constant", "says"),
    [
        (math.log(2), "too large in every row, a constant: 0.693 is log 2"),
        (-math.log(2), "too small in every row, a constant: 0.693 is log 2"),
        (math.log(math.pi), "1.145 is log pi"),
    ],
)
@pytest.mark.parametrize("kind", ["posterior", "prior"])
def test_a_constant_is_told_as_one_before_a_jacobian(kind: str, constant: float, says: str) -> None:
    class Wrong(DiagonalGaussian):
        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return super().log_prob(value) + constant

    target = gaussian(Wrong) if kind == "posterior" else gaussian_prior(Wrong)
    hint = result(kind, target, "log_prob_is_normalised").message.partition("hint: ")[2]
    assert says in hint and (kind == "prior" or "std" not in hint), hint


# What is really asked of which law: a check that skipped everything would pass everything too.
ASKED = {
    "posterior-laplace": ("samples_follow_log_prob", "log_prob_is_normalised", "kl_agrees_with_monte_carlo"),
    "posterior-student": (
        "samples_follow_log_prob",
        "log_prob_is_normalised",
        "rsample_carries_the_gradient",
    ),
    "posterior-uniform": ("samples_follow_log_prob", "log_prob_is_normalised", "log_prob_of_many_dimensions"),
    "posterior-von-mises": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "posterior-circle": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "posterior-sphere": ("log_prob_is_normalised", "log_prob_of_many_dimensions"),
    "posterior-relaxed-bernoulli": ("samples_follow_log_prob", "rsample_carries_the_gradient"),
    "posterior-relaxed-categorical": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "posterior-one-hot": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "posterior-straight-through": ("samples_follow_log_prob", "rsample_has_the_law_of_sample"),
    "posterior-autoregressive-flow": ("log_prob_of_many_dimensions", "rsample_has_the_law_of_sample"),
    "prior-mixture": ("samples_follow_log_prob", "log_prob_is_normalised", "moments_are_those_of_samples"),
    "prior-vamp": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "prior-flow": ("log_prob_is_normalised", "log_prob_of_many_dimensions"),
    "likelihood-poisson": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "likelihood-categorical-256": ("samples_follow_log_prob", "log_prob_is_normalised"),
    "likelihood-discretised-logistic": ("log_prob_is_normalised", "mean_is_in_the_range_of_the_data"),
    "likelihood-lean-continuous-bernoulli": ("log_prob_is_normalised", "samples_follow_log_prob"),
    "likelihood-ancestral": ("samples_follow_log_prob", "log_prob_of_many_dimensions"),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_checks_that_fit_a_law_are_made_on_it(name: str) -> None:
    number = [f"{kind}-{law}" for kind, law, _ in RIGHT].index(name)
    assert {check: results(number)[check].outcome for check in ASKED[name]} == dict.fromkeys(
        ASKED[name], "passed"
    )


def test_a_point_mass_is_asked_for_no_density() -> None:
    number = [name for _, name, _ in RIGHT].index("delta")
    found = results(number)
    for name in ("samples_follow_log_prob", "log_prob_is_normalised", "log_prob_of_many_dimensions"):
        assert found[name].outcome == "skipped"
        assert "constant" in found[name].message
    assert found["law_shapes"].outcome == "passed"


def test_gradients_through_discrete_samples_are_an_estimate_by_choice() -> None:
    number = [name for _, name, _ in RIGHT].index("straight-through")
    assert results(number)["rsample_carries_the_gradient"].outcome == "skipped"


def law(kind: str, target: Any, shape: tuple[int, ...]) -> Law:
    return next(iter(specimens(subject(kind, target), [shape], plain=True))).law


@pytest.mark.parametrize(
    ("name", "shape", "chart"),
    [("circle", (2,), Circle), ("sphere", (3,), Sphere), ("relaxed-categorical", (3,), Simplex)],
)
def test_a_manifold_is_told_by_its_samples(name: str, shape: tuple[int, ...], chart: type) -> None:
    found = law("posterior", zoo.posterior(zoo.POSTERIORS[name]), shape).chart
    assert type(found) is chart


def test_a_chart_brings_points_back() -> None:
    for name, size in (("circle", 2), ("sphere", 3), ("relaxed-categorical", 3)):
        made = law("posterior", zoo.posterior(zoo.POSTERIORS[name]), (size,))
        points = made.draw(50).detach()
        back, inside = made.chart.points(made.chart.coordinates(points))
        assert torch.allclose(back, points, atol=1e-5)
        assert inside.all()


def test_the_sort_of_a_law_is_told_by_its_samples() -> None:
    sorts = {"laplace": "continuous", "one-hot": "discrete", "delta": "constant"}
    found = {name: law("posterior", zoo.posterior(zoo.POSTERIORS[name]), (2,)).sort for name in sorts}
    assert found == sorts
    assert law("likelihood", zoo.Categorical256, (1,)).sort == "discrete"


def test_atoms_beside_a_density_are_mixed() -> None:
    def rectified(first: torch.Tensor, second: torch.Tensor, ndim: int) -> Any:
        class Rectified(zoo.Delta):
            def rsample(self, sample_shape=()):
                return (self.value + torch.randn(*sample_shape, *self.value.shape)).clamp(min=0)

        return Rectified(first, ndim)

    torch.manual_seed(0)
    made = law("posterior", zoo.posterior(rectified), (1,))
    assert made.sort == "mixed"
    with pytest.raises(NotApplicable, match="mixed"):
        _ = made.chart


@pytest.mark.parametrize("name", ["laplace", "student", "uniform", "beta", "log-normal", "von-mises"])
def test_a_right_density_integrates_to_one_within_half_a_percent(name: str) -> None:
    torch.manual_seed(0)
    target = zoo.posterior(zoo.POSTERIORS[name])
    for dimension, quadrature in ((1, Line), (2, Grid)):
        found = quadrature.of(law("posterior", target, (dimension,)))
        # The box of 16,384 samples leaves out 4 in 16,384 of the mass of a law in the plane.
        assert torch.allclose(found.total, torch.ones(3, dtype=torch.float64), atol=0.005 * dimension)
        assert float(found.error.max()) < 0.01


def test_levels_of_a_picture_are_summed_in_full() -> None:
    table = discrete_events(law("likelihood", zoo.Categorical256, (1,)), 2000)
    assert len(table.events) == 256
    assert torch.allclose(table.probabilities.sum(0), torch.ones(3, dtype=torch.float64), atol=1e-4)
    assert not table.missing.any()


def test_an_open_support_leaves_room_for_what_was_not_seen() -> None:
    poisson = zoo.LIKELIHOODS["poisson"]
    table = discrete_events(law("likelihood", poisson, (1,)), 2000)
    assert (table.missing > 0).all()
    assert (1 - table.probabilities.sum(0) <= table.missing).all()


def test_options_are_tried_away_from_their_defaults() -> None:
    from genframe_plugins.vae.likelihoods.gaussian import GaussianLikelihood

    made = list(variants(subject("likelihood", GaussianLikelihood)))
    smaller = {"sigma": pytest.approx(0.6), "floor": pytest.approx(0.6 * 0.004)}
    assert made == [{}, {"learned": True}, {"shared": False}, smaller]


class ColoursAlone(zoo.Categorical256):
    """Takes three channels."""

    def __init__(self, data_shape):
        channels, _, _ = data_shape
        if channels != 3:
            raise ValueError("three channels")
        super().__init__(data_shape)


class WidePicturesAlone(zoo.Categorical256):
    """Takes no picture narrower than ten."""

    def __init__(self, data_shape):
        if data_shape[-1] < 10:
            raise ValueError("too narrow")
        super().__init__(data_shape)


@pytest.mark.parametrize("target", [ColoursAlone, WidePicturesAlone])
def test_a_likelihood_that_takes_no_small_event_does_not_fail(target: type) -> None:
    made = {name: result("likelihood", target, name) for name in CHECKS if "likelihood" in CHECKS[name].kinds}
    if target is WidePicturesAlone:  # a vector of 6, as a case of the kit, is too narrow as well
        assert made["samples_follow_log_prob"].outcome == "skipped"
        assert "too narrow" in made["samples_follow_log_prob"].message
    assert made["law_shapes"].outcome == "passed"
    assert not {name: r.message for name, r in made.items() if not r.good}


def test_parameters_are_moved_but_not_through_zero() -> None:
    from genframe.testing.specimens import move

    part = torch.nn.Module()
    part.scale = torch.nn.Parameter(torch.full((200,), 0.01))
    part.shift = torch.nn.Parameter(torch.zeros(200))
    move(part)
    assert (part.scale > 0).all() and (part.scale != 0.01).all()
    assert (part.shift.abs() >= 0.3).all()
