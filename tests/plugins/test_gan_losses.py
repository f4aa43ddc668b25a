"""Losses of both sides of the game against the papers' formulas, written with loops over examples and in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from genframe_plugins.gan.losses.d2gan import D2GAN
from genframe_plugins.gan.losses.feature_matching import feature_matching
from genframe_plugins.gan.losses.hinge import Hinge
from genframe_plugins.gan.losses.least_squares import LeastSquares
from genframe_plugins.gan.losses.minimax import Minimax
from genframe_plugins.gan.losses.mmd_gan import MMDGAN
from genframe_plugins.gan.losses.nonsaturating import Nonsaturating
from genframe_plugins.gan.losses.relativistic import Relativistic, RelativisticAverage
from genframe_plugins.gan.losses.wasserstein import Wasserstein
from genframe_plugins.vae.losses.mmd import mmd
from torch import Tensor

from genframe import Terms, Verdict

REAL = [0.7, -1.3, 2.1, 0.2]
FAKE = [-0.4, 1.1, -2.2, 0.9]


def verdicts() -> tuple[Verdict, Verdict]:
    """Scores of four examples each, float64, with gradient."""
    return tuple(Verdict(torch.tensor(s, dtype=torch.float64, requires_grad=True)) for s in (REAL, FAKE))  # type: ignore[return-value]


def number(loss: Tensor | Terms) -> float:
    return float((loss.total if isinstance(loss, Terms) else loss).detach())


def log_sigmoid(score: float) -> float:
    return -math.log1p(math.exp(-score))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_minimax_is_a_game_of_one_sum() -> None:
    """V = E log D(x) + E log(1 - D(G)): the critic minimises -V, the generator the part of V that it has a hand in."""
    real, fake = verdicts()
    on_fake = mean([log_sigmoid(-s) for s in FAKE])
    assert number(Minimax().critic(real, fake)) == pytest.approx(
        -mean([log_sigmoid(s) for s in REAL]) - on_fake
    )
    assert number(Minimax().generator(fake)) == pytest.approx(on_fake)


def test_minimax_fades_where_the_critic_is_sure_and_nonsaturating_does_not() -> None:
    score = torch.tensor([-30.0], requires_grad=True)
    slopes = [
        float(torch.autograd.grad(loss.generator(Verdict(score)), score)[0])
        for loss in (Minimax(), Nonsaturating())
    ]
    assert abs(slopes[0]) < 1e-12
    assert slopes[1] == pytest.approx(-1)


def test_a_sigmoid_and_a_small_number_would_saturate_where_softplus_does_not() -> None:
    """The public mistake -log(sigmoid(s) + 1e-8): no gradient left at a score of -25."""
    score = torch.tensor([-25.0], requires_grad=True)
    (wrong,) = torch.autograd.grad(-(score.sigmoid() + 1e-8).log().mean(), score)
    (right,) = torch.autograd.grad(Nonsaturating().generator(Verdict(score)), score)
    assert abs(float(wrong)) < 0.01
    assert float(right) == pytest.approx(-1)


@pytest.mark.parametrize(("real", "fake", "target"), [(1.0, 0.0, 1.0), (1.0, -1.0, 0.0)])
def test_least_squares_is_equations_8_and_9(real: float, fake: float, target: float) -> None:
    on_real, on_fake = verdicts()
    loss = LeastSquares(real=real, fake=fake, target=target)
    expected = 0.5 * mean([(s - real) ** 2 for s in REAL]) + 0.5 * mean([(s - fake) ** 2 for s in FAKE])
    assert number(loss.critic(on_real, on_fake)) == pytest.approx(expected)
    assert number(loss.generator(on_fake)) == pytest.approx(0.5 * mean([(s - target) ** 2 for s in FAKE]))


def test_wasserstein_is_the_difference_of_means() -> None:
    real, fake = verdicts()
    assert number(Wasserstein().critic(real, fake)) == pytest.approx(mean(FAKE) - mean(REAL))
    assert number(Wasserstein().generator(fake)) == pytest.approx(-mean(FAKE))


def test_relativistic_compares_pairs() -> None:
    real, fake = verdicts()
    pairs = list(zip(REAL, FAKE, strict=True))
    assert number(Relativistic().critic(real, fake)) == pytest.approx(
        -mean([log_sigmoid(r - f) for r, f in pairs])
    )
    assert number(Relativistic().generator(real, fake)) == pytest.approx(
        -mean([log_sigmoid(f - r) for r, f in pairs])
    )


def test_relativistic_refuses_batches_of_two_sizes() -> None:
    loss = Relativistic()
    for call in (loss.critic, loss.generator):
        with pytest.raises(ValueError, match=r"one real example|paired with one fake.*\(4,\) and \(3,\)"):
            call(Verdict(torch.zeros(4)), Verdict(torch.zeros(3)))


def test_relativistic_average_compares_with_the_mean_of_the_others() -> None:
    real, fake = verdicts()
    u = [s - mean(FAKE) for s in REAL]
    v = [s - mean(REAL) for s in FAKE]
    critic = -mean([log_sigmoid(s) for s in u]) - mean([log_sigmoid(-s) for s in v])
    generator = -mean([log_sigmoid(-s) for s in u]) - mean([log_sigmoid(s) for s in v])
    assert number(RelativisticAverage().critic(real, fake)) == pytest.approx(critic)
    assert number(RelativisticAverage().generator(real, fake)) == pytest.approx(generator)


def test_scores_moved_alike_change_no_relativistic_loss() -> None:
    real, fake = verdicts()
    moved = Verdict(real.score + 50), Verdict(fake.score + 50)
    for loss in (Relativistic(), RelativisticAverage()):
        assert number(loss.critic(*moved)) == pytest.approx(number(loss.critic(real, fake)))
        assert number(loss.generator(*moved)) == pytest.approx(number(loss.generator(real, fake)))


SIDES: dict[str, Callable[[Verdict, Verdict], Tensor | Terms]] = {
    "minimax critic": Minimax().critic,
    "minimax generator": lambda real, fake: Minimax().generator(fake),
    "nonsaturating critic": Nonsaturating().critic,
    "least-squares critic": LeastSquares().critic,
    "wasserstein critic": Wasserstein().critic,
    "hinge critic": Hinge().critic,
    "relativistic critic": Relativistic().critic,
    "relativistic generator": Relativistic().generator,
    "relativistic-average critic": RelativisticAverage().critic,
    "relativistic-average generator": RelativisticAverage().generator,
    "d2gan critic": D2GAN(alpha=0.3, beta=0.7).critic,
    "d2gan reverse": D2GAN(alpha=0.3, beta=0.7).reverse,
    "d2gan generator": D2GAN(alpha=0.3, beta=0.7).generator,
}


@pytest.mark.parametrize("name", SIDES)
def test_gradients_are_those_of_the_values(name: str) -> None:
    """To both scores, the means of the relativistic average included, which a public mistake holds fixed."""
    real, fake = (v.score for v in verdicts())

    def value(one: Tensor, other: Tensor) -> Tensor:
        found = SIDES[name](Verdict(one), Verdict(other))
        return found.total if isinstance(found, Terms) else found

    assert torch.autograd.gradcheck(value, (real, fake))


@pytest.mark.parametrize("name", [name for name in SIDES if "d2gan generator" not in name])
def test_maps_are_averaged_with_the_batch(name: str) -> None:
    """A map whose pixels all say the same is one score; the relativistic average compares each pixel with its own."""
    real, fake = verdicts()
    maps = [Verdict(v.score[:, None, None].expand(4, 3, 2)) for v in (real, fake)]
    assert number(SIDES[name](*maps)) == pytest.approx(number(SIDES[name](real, fake)))


@pytest.mark.parametrize("size", [200.0, -200.0])
@pytest.mark.parametrize("name", SIDES)
def test_scores_of_any_size_give_finite_values_and_gradients(name: str, size: float) -> None:
    real, fake = torch.tensor([size], requires_grad=True), torch.tensor([-size], requires_grad=True)
    found = SIDES[name](Verdict(real), Verdict(fake))
    total = found.total if isinstance(found, Terms) else found
    gradients = torch.autograd.grad(total, (real, fake), allow_unused=True)
    assert bool(total.isfinite()) and all(bool(g.isfinite().all()) for g in gradients if g is not None)


class TestTwoCritics:
    def test_the_terms_are_equation_1(self) -> None:
        real, fake = verdicts()
        loss = D2GAN(alpha=0.3, beta=0.7)
        d = lambda s: math.log1p(math.exp(s))  # noqa: E731
        first = 0.3 * mean([math.log(d(s)) for s in REAL]) - mean([d(s) for s in FAKE])
        second = -mean([d(s) for s in REAL]) + 0.7 * mean([math.log(d(s)) for s in FAKE])
        assert number(loss.critic(real, fake)) == pytest.approx(-first)
        assert number(loss.reverse(real, fake)) == pytest.approx(-second)
        assert number(loss.generator(fake, fake)) == pytest.approx(
            -mean([d(s) for s in FAKE]) + 0.7 * mean([math.log(d(s)) for s in FAKE])
        )

    def test_critics_at_their_best_are_density_ratios(self) -> None:
        """Proposition 1: D1 = alpha p / p_G and D2 = beta p_G / p, for a law of three values: stationary there."""
        p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
        q = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
        counts = [(10 * law).round().long() for law in (p, q)]
        loss = D2GAN(alpha=0.4, beta=0.6)
        for term, best in ((loss.critic, 0.4 * p / q), (loss.reverse, 0.6 * q / p)):
            score = best.expm1().log().requires_grad_()  # softplus of it is `best`

            def value(score: Tensor, term: Callable[[Verdict, Verdict], Terms] = term) -> Tensor:
                return term(*[Verdict(score.repeat_interleave(n)) for n in counts]).total

            (gradient,) = torch.autograd.grad(value(score), score)
            torch.testing.assert_close(gradient, torch.zeros(3).double(), atol=1e-12, rtol=0)
            for _ in range(20):
                assert number(value(score + torch.randn(3))) > number(value(score))

    def test_far_below_zero_the_logarithm_is_the_score(self) -> None:
        score = torch.tensor([-15.001, -14.999, -1e4], dtype=torch.float64, requires_grad=True)
        value = D2GAN().reverse(Verdict(torch.full((3,), -1e4).double()), Verdict(score)).total
        assert float(value.detach()) == pytest.approx(-float(score.detach().mean()), rel=1e-6)
        (gradient,) = torch.autograd.grad(value, score)
        torch.testing.assert_close(gradient, torch.full_like(gradient, -1 / 3), rtol=1e-6, atol=0)


class TestFeatures:
    def test_feature_matching_is_the_distance_of_means(self) -> None:
        a, b = torch.randn(5, 3).double(), torch.randn(7, 3).double()
        found = feature_matching(Verdict(torch.zeros(5), a), Verdict(torch.zeros(7), b))
        expected = sum((mean(a[:, d].tolist()) - mean(b[:, d].tolist())) ** 2 for d in range(3))
        assert float(found) == pytest.approx(expected)

    def test_it_is_the_biased_discrepancy_of_the_dot_kernel(self) -> None:
        a, b = torch.randn(5, 3).double(), torch.randn(7, 3).double()
        found = feature_matching(Verdict(torch.zeros(5), a), Verdict(torch.zeros(7), b))
        torch.testing.assert_close(found, mmd(a, b, kernel="dot", estimate="biased"))

    def test_a_critic_without_features_is_told_so(self) -> None:
        bare = Verdict(torch.zeros(4))
        for call in (feature_matching, MMDGAN(discrepancy=mmd).generator, MMDGAN(discrepancy=mmd).critic):
            with pytest.raises(ValueError, match="without features"):
                call(bare, bare)

    @pytest.mark.parametrize("kernel", ["gaussian", "rational-quadratic", "energy", "dot"])
    def test_mmd_gan_is_a_game_over_the_unbiased_discrepancy(self, kernel: str) -> None:
        a, b = torch.randn(5, 3).double(), torch.randn(6, 3).double() + 0.5
        k = KERNELS[kernel]
        within = [
            mean([float(k(s[i], s[j])) for i in range(len(s)) for j in range(len(s)) if i != j])
            for s in (a, b)
        ]
        expected = sum(within) - 2 * mean([float(k(x, y)) for x in a for y in b])
        loss = MMDGAN(discrepancy=lambda one, other: mmd(one, other, kernel=kernel))  # type: ignore[arg-type]
        real, fake = Verdict(torch.zeros(5), a), Verdict(torch.zeros(6), b)
        assert float(loss.generator(real, fake)) == pytest.approx(expected, rel=1e-6)
        assert float(loss.critic(real, fake).total) == pytest.approx(-expected, rel=1e-6)

    @pytest.mark.parametrize("kernel", ["gaussian", "rational-quadratic", "energy", "dot"])
    def test_the_witness_has_the_slope_of_its_definition_at_each_point(self, kernel: str) -> None:
        """w(t) = mean k(t, x) - mean k(t, G), written in loops; its gradient at each of several points."""
        a, b = torch.randn(5, 3).double(), torch.randn(6, 3).double()
        points = torch.randn(4, 3).double().requires_grad_()
        k = KERNELS[kernel]
        loss = MMDGAN(discrepancy=lambda one, other: mmd(one, other, kernel=kernel))  # type: ignore[arg-type]
        witness = loss.witness(
            Verdict(torch.zeros(4), points), Verdict(torch.zeros(5), a), Verdict(torch.zeros(6), b)
        )
        (found,) = torch.autograd.grad(witness.score.sum(), points)
        for i in range(4):
            t = points[i].detach().requires_grad_()
            w = sum(k(t, x) for x in a) / 5 - sum(k(t, y) for y in b) / 6
            torch.testing.assert_close(found[i], torch.autograd.grad(w, t)[0], rtol=1e-5, atol=1e-8)


KERNELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gaussian": lambda a, b: sum(
        torch.exp(-(a - b).square().sum() / (2 * s**2)) for s in (2, 5, 10, 20, 40, 80)
    ),  # type: ignore[dict-item,return-value]
    "rational-quadratic": lambda a, b: sum(
        (1 + (a - b).square().sum() / (2 * s)) ** -s for s in (0.2, 0.5, 1, 2, 5)
    ),  # type: ignore[dict-item,return-value]
    "energy": lambda a, b: -(a - b).square().sum().sqrt(),
    "dot": lambda a, b: (a * b).sum(),
}
