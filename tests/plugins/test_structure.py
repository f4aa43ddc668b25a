"""Hierarchies, conditions and unknown labels: what recipes build structures from, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.functions.calls import partial
from genframe_plugins.functions.classes import one_hot
from genframe_plugins.functions.parts import take
from genframe_plugins.functions.quadrants import Quadrants
from genframe_plugins.vae.functions.ancestral import bottom_up, top_down
from genframe_plugins.vae.functions.bounds import negative_elbo
from genframe_plugins.vae.functions.precision import precision_weighted
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.losses.marginalised import marginalised
from tiny import SMALL, batch_of, plan_of, stepper_of
from torch import Tensor
from torch.distributions import Categorical, Distribution, MultivariateNormal

from genframe import DiagonalGaussian, Terms

A = torch.tensor([[0.5, -1.0], [2.0, 0.3], [0.1, 0.7]], dtype=torch.float64)  # from two numbers to three
S = 0.6


def _first(*batch: int) -> DiagonalGaussian:
    return DiagonalGaussian(torch.zeros(*batch, 2).double(), torch.ones(*batch, 2).double())


def _second(v: Tensor, shift: float = 0.0) -> DiagonalGaussian:
    return DiagonalGaussian(v @ A.T + shift, torch.tensor(S).double())


def _joint() -> MultivariateNormal:
    """The law of [a, b] with a ~ N(0, I) and b ~ N(A a, S^2 I)."""
    covariance = torch.eye(5).double()
    covariance[2:, :2], covariance[:2, 2:] = A, A.T
    covariance[2:, 2:] = A @ A.T + S**2 * torch.eye(3)
    return MultivariateNormal(torch.zeros(5).double(), covariance)


def test_a_chain_of_two_layers_has_the_density_of_their_joint_law() -> None:
    value = torch.randn(7, 4, 5).double()
    assert torch.allclose(bottom_up(_first(4), _second).log_prob(value), _joint().log_prob(value))
    turned = torch.cat([value[..., 2:], value[..., :2]], -1)  # what was drawn last stands first
    assert torch.allclose(top_down(_first(4), _second).log_prob(turned), _joint().log_prob(value))


@pytest.mark.parametrize("way", [bottom_up, top_down])
def test_a_chain_of_three_layers_is_the_product_of_its_conditionals(way: object) -> None:
    def third(v: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(v[..., :1].sin(), v[..., 1:2].exp())

    law = way(_first(4), [_second, third])  # type: ignore[operator]
    value = law.rsample([3])
    assert value.shape == (3, 4, 6) and law.event_shape == (6,)
    a, b, c = value.split((2, 3, 1) if way is bottom_up else (1, 3, 2), -1)
    a, c = (a, c) if way is bottom_up else (c, a)
    expected = _first(4).log_prob(a) + _second(a).log_prob(b) + third(b).log_prob(c)
    assert torch.allclose(law.log_prob(value), expected)


def test_the_density_of_a_chains_own_draw_is_that_of_any_equal_value() -> None:
    law = top_down(_first(4), _second)
    value = law.rsample([3])
    assert torch.equal(law.log_prob(value), law.log_prob(value.clone()))


def test_draws_of_a_chain_have_its_moments() -> None:
    """40,000 draws; five standard deviations of 20 numbers: a false alarm in 90,000."""
    drawn = bottom_up(_first(), _second).sample([40_000])
    covariance = _joint().covariance_matrix
    scale = ((covariance.square() + covariance.diagonal().outer(covariance.diagonal())) / 40_000).sqrt()
    assert ((drawn.T.cov() - covariance).abs() < 5 * scale).all()
    assert (drawn.mean(0).abs() < 5 * (covariance.diagonal() / 40_000).sqrt()).all()


def test_conditions_reach_every_layer_and_gradients_every_draw() -> None:
    shift = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    law = bottom_up(_first(4), _second, [shift])
    value = law.rsample([2])
    assert torch.allclose(torch.autograd.grad(value.sum(), shift)[0], torch.full((4, 1), 6.0).double())
    assert torch.autograd.grad(law.log_prob(value.detach()).sum(), shift)[0].abs().sum() > 0


def test_a_value_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="6 numbers does not hold the 2 layers"):
        bottom_up(_first(4), _second).log_prob(torch.zeros(4, 6).double())


def test_precision_weighting_multiplies_densities() -> None:
    q = DiagonalGaussian(torch.randn(4, 3), torch.rand(4, 3) + 0.2)
    p = DiagonalGaussian(
        torch.randn(2, 4, 3), torch.rand(2, 4, 3) + 0.2
    )  # samples of the layer above in front
    both = precision_weighted(q, p)
    points = torch.randn(50, 2, 4, 3)
    differences = (q.log_prob(points) + p.log_prob(points) - both.log_prob(points)).double()
    assert differences.shape == (50, 2, 4)
    assert differences.std(0).max() < 2e-5


def test_precision_weighting_refuses_what_is_no_gaussian() -> None:
    with pytest.raises(TypeError, match="not a Categorical"):
        precision_weighted(Categorical(torch.ones(2, 3)), _first(2))  # type: ignore[arg-type]


def test_the_bound_of_each_sample_averages_to_the_elbo() -> None:
    x, mean = torch.rand(4, 3), torch.randn(4, 2)
    q_z, p_z = (
        DiagonalGaussian(mean, torch.full_like(mean, 0.3)),
        DiagonalGaussian(torch.zeros(2), torch.ones(2)),
    )
    z = q_z.rsample([5])
    p_x = DiagonalGaussian(z @ torch.randn(2, 3), torch.ones(()))
    bounds = negative_elbo(x, q_z, z, p_z, p_x)
    assert bounds.shape == (5, 4)
    assert torch.allclose(bounds.mean(0), elbo(x, q_z, z, p_z, p_x).total, rtol=1e-5)


@pytest.mark.parametrize("best", [True, False])
def test_the_bound_without_a_label_is_tight_for_the_posterior_of_labels_alone(best: bool) -> None:
    """min over q of sum_y q (L_y + log q) + log C is -log 1/C sum_y exp(-L_y)."""
    table = torch.randn(4, 3).double() * 2  # L(x, y), a row an x

    def bound(x: Tensor, labels: Tensor) -> Tensor:
        return (table[x[..., 0].long()] * labels).sum(-1)

    x = torch.arange(4.0)[:, None]
    q = Categorical(logits=-table if best else torch.randn(4, 3).double())
    told = marginalised(x, q, bound)
    exact = -(torch.logsumexp(-table, 1) - math.log(3))
    assert isinstance(told, Terms)
    assert torch.allclose(told.total, exact) if best else (told.total > exact + 1e-3).all()
    assert torch.allclose(told.logged["label_entropy"], q.entropy())


@pytest.mark.parametrize(
    ("name", "term", "of"),
    [
        ("vae/semi-supervised-digits", "bound_of(x, c, q)", "bound_at(x, c, q, q.mean)"),
        ("vae/stacked-semi-supervised-digits", "bound_of(v, c, q)", "bound_at(v, c, q, q.mean)"),
    ],
)
def test_unknown_labels_are_taken_one_by_one(name: str, term: str, of: str) -> None:
    """The wires of M2 against a loop over the labels, and an encoder that is called for each; styles at their means."""
    wires = {term: of}
    stacked = name.startswith("vae/stacked")
    if stacked:
        wires |= {"codes": "q_z.mean", "known_codes": "infer(known.x).mean"}
    parts = ("style_encoder", "style", "code_decoder", "code") if stacked else ()
    encoder, posterior, decoder, likelihood = parts or ("encoder", "posterior", "decoder", "likelihood")
    start = ["players={stage_one: {start: 5, until: 6}, stage_two: {start: 0}}"] if stacked else []
    plan = plan_of(
        name, *SMALL[name], *start, *(f"wires={{'{key}': '{value}'}}" for key, value in wires.items())
    )
    stepper, batch = stepper_of(plan), batch_of(plan)
    net = plan.parts.modules()

    def codes(x: Tensor) -> Tensor:
        found: Tensor = net["posterior"](net["encoder"](x)).mean if stacked else x
        return found

    def bound(v: Tensor, label: Tensor) -> Tensor:
        c = torch.nn.functional.one_hot(label, 10).float()
        q = net[posterior](net[encoder](v, c))
        log_p: Tensor = net[likelihood](net[decoder](q.mean, c)).log_prob(v)
        rate = 0.5 * (q.mean.square() + q.stddev.square() - 1 - 2 * q.stddev.log()).sum(-1)
        return rate - log_p

    with torch.no_grad():
        v, told = codes(batch["unknown.x"]), codes(batch["known.x"])
        p = net["label_decoder"](net["label_encoder"](v)).softmax(-1)
        each = [bound(v, torch.full((len(v),), y)) + p[:, y].log() + math.log(10) for y in range(10)]
        expected = {
            "unlabelled": sum(p[:, y] * each[y] for y in range(10)),
            "labelled": bound(told, batch["known.y"]),
        }
    stepper.step(0, batch)
    found = {name: rows[0][1] for name, rows in stepper.take_history().items()}
    for wire, value in expected.items():
        assert found[wire] == pytest.approx(float(torch.as_tensor(value).mean()), rel=1e-4)


def test_labels_become_vectors() -> None:
    assert one_hot(torch.tensor([2, 0]), classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="classes is 3"):
        one_hot(torch.tensor([3]), classes=3)
    with pytest.raises(TypeError, match=r"takes labels, int64 \(batch,\), not torch.float32"):
        one_hot(torch.rand(3), classes=3)


@pytest.mark.parametrize("shown", [(2,), (1, 0), (0, 1, 3)])
def test_quarters_make_the_whole_again(shown: tuple[int, ...]) -> None:
    x = torch.rand(2, 3, 6, 4)
    quarters = Quadrants(shown=shown)
    seen, hidden = quarters(x), quarters.hidden(x)
    assert seen.shape == (2, 3 * len(shown), 3, 2) and hidden.shape[1] == 12 - seen.shape[1]
    assert torch.equal(quarters.whole(seen, hidden), x)


def test_the_quarters_are_counted_by_rows() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert Quadrants(shown=(2,))(x).flatten().tolist() == [8, 9, 12, 13]
    assert Quadrants(shown=(1,))(x).flatten().tolist() == [2, 3, 6, 7]


def test_pictures_without_quarters_are_refused() -> None:
    with pytest.raises(ValueError, match="even height and width"):
        Quadrants()(torch.rand(1, 1, 5, 4))
    with pytest.raises(ValueError, match="shown: each quarter once"):
        Quadrants(shown=(1, 1))


def test_a_wire_of_two_arguments_becomes_one_of_one() -> None:
    def observe(z: Tensor, c: Tensor) -> Distribution:
        return DiagonalGaussian(z + c, torch.ones(()))

    assert partial(observe, torch.tensor([5.0]))(torch.tensor([1.0])).mean.tolist() == [6.0]


def test_too_short_vectors_are_refused() -> None:
    assert take(torch.arange(5.0), size=2, start=3).tolist() == [3, 4]
    with pytest.raises(ValueError, match="start 4 and size 2 need vectors of at least 6 numbers, not 5"):
        take(torch.arange(5.0), size=2, start=4)
