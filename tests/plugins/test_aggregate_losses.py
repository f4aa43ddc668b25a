"""Losses of all codes together: discrepancies, total correlation, covariances; against brute force and closed forms."""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import Any

import pytest
import torch
from genframe_plugins.functions.tensors import permute_dims
from genframe_plugins.nets.mlp import MLPDecoder
from genframe_plugins.vae.losses.beta_tc import BetaTCVAE, log_weights, pairwise_log_density
from genframe_plugins.vae.losses.dip import dip
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.losses.info import info
from genframe_plugins.vae.losses.log_ratio import log_ratio
from genframe_plugins.vae.losses.mmd import mmd
from genframe_plugins.vae.losses.rae import decoder_gradient, rae, weight_penalty
from genframe_plugins.vae.losses.wae import wae
from tiny import plan_of
from torch import Tensor
from torch.distributions import kl_divergence

from genframe import DiagonalGaussian, Verdict
from genframe.errors import RecipeError

KERNELS = {
    "gaussian": lambda d2, dim, s: math.exp(-d2 / (2 * s * s)),
    "imq": lambda d2, dim, s: 2 * dim * s / (2 * dim * s + d2),
    "rational-quadratic": lambda d2, dim, s: (1 + d2 / (2 * s)) ** -s,
    "energy": lambda d2, dim, s: -s * math.sqrt(d2),
}


def standard(dim: int) -> DiagonalGaussian:
    return DiagonalGaussian(torch.zeros(dim), torch.ones(dim), standard=True)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("estimate", ["unbiased", "biased", "root"])
def test_a_discrepancy_is_its_definition_pair_by_pair(kernel: str, estimate: str) -> None:
    torch.manual_seed(0)
    a, b, scales = torch.randn(5, 3).double(), 1 + torch.randn(4, 3).double(), (0.5, 2.0)

    def k(u: Tensor, v: Tensor) -> float:
        return sum(KERNELS[kernel](float((u - v).square().sum()), 3, s) for s in scales)

    def within(draws: Tensor) -> float:
        same = estimate != "unbiased"
        pairs = [(i, j) for i in range(len(draws)) for j in range(len(draws)) if same or i != j]
        return sum(k(draws[i], draws[j]) for i, j in pairs) / len(pairs)

    expected = within(a) + within(b) - 2 * sum(k(u, v) for u in a for v in b) / 20
    if estimate == "root":
        expected = math.sqrt(expected)
    came = mmd(a, b, kernel=kernel, scales=scales, estimate=estimate)  # type: ignore[arg-type]
    assert float(came) == pytest.approx(expected, rel=1e-6)


def test_the_unbiased_discrepancy_has_mean_zero_under_one_law_and_the_biased_one_has_not() -> None:
    """400 pairs of 10 draws: 5 standard errors, a false alarm in 1.7 million."""
    torch.manual_seed(0)
    pairs = torch.randn(400, 2, 10, 3)
    for kernel in KERNELS:
        plain = torch.stack([mmd(a, b, kernel=kernel) for a, b in pairs])  # type: ignore[arg-type]
        assert plain.min() < 0 < plain.max()
        assert abs(float(plain.mean())) < 5 * float(plain.std()) / 20
        biased = torch.stack([mmd(a, b, kernel=kernel, estimate="biased") for a, b in pairs])  # type: ignore[arg-type]
        assert float(biased.mean()) > 5 * float(biased.std()) / 20
        assert biased.min() >= -1e-6


def test_a_gaussian_discrepancy_of_two_gaussians_is_its_closed_form() -> None:
    """Of N(0, 1) and N(m, 1) under k of width s: 2 (c / sqrt(c^2 + 2)) (1 - exp(-m^2 / (2 (c^2 + 2)))), c = s.
    20,000 draws in 10 blocks; 6 standard errors: a false alarm in 10^8."""
    torch.manual_seed(0)
    s, m = 1.5, 0.8
    blocks = [mmd(torch.randn(2000, 1), m + torch.randn(2000, 1), scales=(s,)) for _ in range(10)]
    found = torch.stack(blocks)
    expected = 2 * s / math.sqrt(s * s + 2) * (1 - math.exp(-m * m / (2 * (s * s + 2))))
    assert abs(float(found.mean()) - expected) < 6 * float(found.std()) / math.sqrt(10)


def test_the_root_of_a_discrepancy_keeps_a_gradient_where_the_laws_are_one() -> None:
    a = torch.randn(6, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(mmd(a, a.detach().clone(), estimate="root"), a)
    assert gradient.isfinite().all()
    (gradient,) = torch.autograd.grad(mmd(a, a.detach().clone(), kernel="energy"), a)
    assert gradient.isfinite().all()


def test_what_can_not_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="two draws of each"):
        mmd(torch.randn(1, 3), torch.randn(5, 3))
    with pytest.raises(ValueError, match="one dimension"):
        mmd(torch.randn(4, 3), torch.randn(5, 2))


def test_a_wasserstein_autoencoder_sums_squares_and_weighs_the_discrepancy() -> None:
    torch.manual_seed(0)
    x, mean, z = torch.rand(6, 2, 3), torch.rand(6, 2, 3), torch.randn(6, 4)
    p_x = DiagonalGaussian(mean, torch.ones(()), event_ndim=2)
    terms = wae(x, z, standard(4), p_x, weight=10.0)
    torch.testing.assert_close(terms.logged["squared_error"], (x - mean).square().sum((1, 2)))
    torch.testing.assert_close(terms.total, terms.logged["squared_error"] + 10 * terms.logged["mmd"])
    torch.manual_seed(1)
    far = torch.stack([wae(x, 3 + z, standard(4), p_x).logged["mmd"] for _ in range(20)])
    near = torch.stack([wae(x, torch.randn(6, 4), standard(4), p_x).logged["mmd"] for _ in range(20)])
    assert far.mean() > near.mean() + 1
    assert near.min() < 0, "the unbiased estimate may be negative"


def test_the_infovae_is_the_elbo_at_its_neutral_weights_and_drops_the_rate_at_alpha_one() -> None:
    torch.manual_seed(0)
    q_z, x = DiagonalGaussian(torch.randn(5, 3), torch.full((5, 3), 0.4)), torch.rand(5, 4)
    z, p_x = q_z.rsample(), DiagonalGaussian(torch.rand(5, 4), torch.ones(()))
    bound = elbo(x, q_z, z, standard(3), p_x)
    torch.testing.assert_close(info(x, q_z, z, standard(3), p_x, alpha=0.0, strength=1.0).total, bound.total)
    terms = info(x, q_z, z, standard(3), p_x, alpha=1.0, strength=7.0)
    torch.testing.assert_close(terms.total, bound.logged["distortion"] + 7 * terms.logged["mmd"])


def posteriors(count: int = 5, dim: int = 2) -> DiagonalGaussian:
    """q(z|x) of a whole tiny dataset, which overlap."""
    torch.manual_seed(0)
    return DiagonalGaussian(torch.randn(count, dim).double(), (0.5 + torch.rand(count, dim)).double())


def test_stratified_weights_give_q_of_z_itself_in_the_mean_over_all_batches() -> None:
    """Of 5 examples every batch of 3 that holds example i, and the mean of its estimates of q(z_i) and q(z_ij)."""
    q_z = posteriors()
    z = q_z.sample()
    dense = pairwise_log_density(z, q_z).exp()  # (i, j, d)
    weights = log_weights(3, 5).exp().double()
    torch.testing.assert_close(weights.sum(1), torch.ones(3).double())
    torch.testing.assert_close(weights.diagonal(), torch.full((3,), 0.2).double())
    for i in range(5):
        batches = [[i, *others] for others in combinations([j for j in range(5) if j != i], 2)]
        joint = torch.stack([weights[0] @ dense[i, batch].prod(1) for batch in batches]).mean()
        marginal = torch.stack([weights[0] @ dense[i, batch] for batch in batches]).mean(0)
        torch.testing.assert_close(joint, dense[i].prod(1).mean())
        torch.testing.assert_close(marginal, dense[i].mean(0))
    # The published matrix, B = M + 1: `W.view(-1)[::M+1] = 1/N` fills a column. Its last row, i standing last:
    copied = torch.full((3, 3), 1 / 2).double()
    copied.view(-1)[::3], copied.view(-1)[1::3], copied[1, 0] = 1 / 5, 3 / 10, 3 / 10
    batches = [[*others, 0] for others in permutations(range(1, 5), 2)]
    wrong = torch.stack([copied[2] @ dense[0, batch].prod(1) for batch in batches]).mean()
    assert float(wrong) > 1.05 * float(dense[0].prod(1).mean())


def test_with_the_whole_dataset_as_batch_the_parts_are_exact_and_sum_to_the_rate() -> None:
    q_z, x = posteriors(), torch.rand(5, 3).double()
    z = q_z.sample()
    p_z = DiagonalGaussian(torch.zeros(2).double(), torch.ones(2).double(), standard=True)
    p_x = DiagonalGaussian(torch.rand(5, 3).double(), torch.ones(()).double())
    terms = BetaTCVAE(5, beta=6.0)(x, q_z, z, p_z, p_x)
    parts = terms.logged
    every = torch.distributions.Normal(q_z.mean, q_z.stddev).log_prob(z.unsqueeze(1)).exp()  # (i, j, d)
    correlation = (every.prod(2).mean(1) / every.mean(1).prod(1)).log()
    torch.testing.assert_close(parts["total_correlation"], correlation)
    rate = parts["mutual_information"] + parts["total_correlation"] + parts["marginal_kl"]
    torch.testing.assert_close(rate, q_z.log_prob(z) - p_z.log_prob(z))
    torch.testing.assert_close(terms.total, -p_x.log_prob(x) + rate + 5 * correlation)
    whole = BetaTCVAE(5, estimate="weighted")(x, q_z, z, p_z, p_x)
    torch.testing.assert_close(whole.total, terms.total), "of the whole set both estimates are one"


def test_the_papers_minibatch_weights_print_a_correlation_that_is_high_by_a_constant() -> None:
    """Codes that all have one law have none; with 1/(N B) in place of 1/B it reads (d - 1) log N."""
    n, d = 1000, 4
    q_z = DiagonalGaussian(torch.zeros(50, d), torch.ones(50, d))
    z = q_z.sample()
    p_x = DiagonalGaussian(torch.zeros(50, 2), torch.ones(()))
    parts = BetaTCVAE(n, estimate="weighted")(torch.zeros(50, 2), q_z, z, standard(d), p_x).logged
    assert "total_correlation" not in parts
    torch.testing.assert_close(parts["batch_correlation"], torch.zeros(50), atol=1e-5, rtol=0)
    pairs = pairwise_log_density(z, q_z)
    joint = pairs.sum(2).logsumexp(1) - math.log(n * 50)
    marginals = (pairs.logsumexp(1) - math.log(n * 50)).sum(1)
    torch.testing.assert_close(joint - marginals, torch.full((50,), (d - 1) * math.log(n)), atol=1e-3, rtol=0)


def test_the_correlation_of_known_codes_is_found() -> None:
    """Of N = B = 2,000 sharp codes drawn from a correlated Gaussian: -1/2 log(1 - r^2) = 0.83 nats."""
    torch.manual_seed(0)
    r, noise = 0.9, 0.15
    base = torch.randn(2000, 2)
    mean = torch.stack([base[:, 0], r * base[:, 0] + math.sqrt(1 - r * r) * base[:, 1]], 1)
    q_z = DiagonalGaussian(mean, torch.full((2000, 2), noise))
    p_x = DiagonalGaussian(torch.zeros(2000, 1), torch.ones(()))
    parts = BetaTCVAE(2000)(torch.zeros(2000, 1), q_z, q_z.sample(), standard(2), p_x).logged
    blurred = r / (1 + noise**2)
    assert float(parts["total_correlation"].mean()) == pytest.approx(-0.5 * math.log(1 - blurred**2), abs=0.1)


@pytest.mark.parametrize("z", [torch.zeros(1, 2), torch.zeros(3, 4, 2)])
def test_a_total_correlation_wants_a_batch_and_one_sample_each(z: Tensor) -> None:
    q_z = DiagonalGaussian(torch.zeros(z.shape[-2:]), torch.ones(z.shape[-2:]))
    with pytest.raises(ValueError, match="a batch of two or more, one sample"):
        BetaTCVAE(10)(torch.zeros(4, 2), q_z, z, standard(2), q_z)


VAE: dict[str, Any] = {
    "genframe": 1,
    "pipeline": "vae",
    "data": {"use": "digits", "batch_size": 16, "binarise": "dynamic", "validation": 500},
    "encoder": {"use": "mlp", "hidden": [8]},
    "decoder": {"use": "mlp", "hidden": [8]},
    "prior": {"use": "gaussian", "dim": 3},
    "loss": "beta-tc",
    "train": {"steps": 4},
}


def test_the_size_of_the_training_split_is_given_without_what_is_held_out() -> None:
    assert plan_of(VAE).parts["loss"].size == 4500
    assert plan_of({**VAE, "data": {**VAE["data"], "validation": 0.2}}).parts["loss"].size == 4000
    assert plan_of({**VAE, "data": {**VAE["data"], "limit": 100}}).parts["loss"].size == 100
    assert plan_of({**VAE, "loss": {"use": "beta-tc", "size": 60000}}).parts["loss"].size == 60000


def test_of_two_datasets_of_different_sizes_the_recipe_says_which() -> None:
    data = {
        "a": {"use": "digits", "batch_size": 16},
        "b": {"use": "digits", "batch_size": 16, "validation": 100},
    }
    two = {**{k: v for k, v in VAE.items() if k != "data"}, "datasets": data, "wires": {"x": "a.x"}}
    with pytest.raises(RecipeError) as caught:
        plan_of(two)
    assert "given: {train_size: NAME}" in caught.value.problems[0].message
    told = {**two, "loss": {"use": "beta-tc", "given": {"train_size": "b"}}}
    assert plan_of(told).parts["loss"].size == 4900


def test_permuted_dimensions_keep_their_marginals_and_lose_what_binds_them() -> None:
    torch.manual_seed(0)
    z = torch.randn(4000, 1).expand(4000, 3) + 0.1 * torch.randn(4000, 3)
    torch.manual_seed(1)
    shuffled = permute_dims(z)
    torch.testing.assert_close(shuffled.sort(0).values, z.sort(0).values)
    correlation = shuffled.T.corrcoef() - torch.eye(3)
    assert z.T.corrcoef().min() > 0.98
    assert correlation.abs().max() < 0.08, "5 standard errors of 1/sqrt(4000)"


def test_the_logit_of_the_best_discriminator_is_the_log_ratio() -> None:
    x = torch.linspace(-2, 2, 9)
    real, fake = torch.distributions.Normal(1.0, 1.0), torch.distributions.Normal(0.0, 1.0)
    best = real.log_prob(x).exp() / (real.log_prob(x).exp() + fake.log_prob(x).exp())
    torch.testing.assert_close(log_ratio(Verdict(best.logit())), real.log_prob(x) - fake.log_prob(x))
    assert log_ratio(Verdict(torch.randn(4, 3, 3))).shape == (4,)


def test_factorvae_teaches_each_side_its_own() -> None:
    plan = plan_of(
        "vae/factor-digits", "encoder.hidden=[8]", "decoder.hidden=[8]", "discriminator.hidden=[8]"
    )
    assert plan.routing == {
        "model": {"objective": ("encoder", "posterior", "decoder"), "correlation": ("encoder", "posterior")},
        "critic": {"tell": ("discriminator",)},
    }
    assert {"z", "z_second"} <= set(plan.shapes), "what is shuffled is of a batch of its own"


@pytest.mark.parametrize("kind", ["I", "II"])
def test_covariances_are_drawn_to_the_identity(kind: Any) -> None:
    torch.manual_seed(0)
    q_z, x = DiagonalGaussian(torch.randn(6, 3), 0.3 + torch.rand(6, 3)), torch.rand(6, 4)
    p_x = DiagonalGaussian(torch.rand(6, 4), torch.ones(()))
    covariance = q_z.mean.T.cov(correction=0) + (torch.diag(q_z.variance.mean(0)) if kind == "II" else 0)
    off = sum(float(covariance[i, j]) ** 2 for i in range(3) for j in range(3) if i != j)
    own = float((covariance.diagonal() - 1).square().sum())
    z = q_z.sample()
    plain = elbo(x, q_z, z, standard(3), p_x).total
    penalty = dip(x, q_z, z, standard(3), p_x, kind=kind, off_diagonal=4.0).total - plain
    torch.testing.assert_close(penalty, torch.full((6,), 4 * off + (40 if kind == "I" else 4) * own))
    chosen = dip(x, q_z, z, standard(3), p_x, kind=kind, off_diagonal=4.0, diagonal=0.5).total - plain
    torch.testing.assert_close(chosen, torch.full((6,), 4 * off + 0.5 * own))


def test_a_regularised_autoencoder_sums_squares_of_errors_and_codes() -> None:
    torch.manual_seed(0)
    x, mean, z = torch.rand(4, 2, 3), torch.rand(4, 2, 3), torch.randn(4, 5)
    total = rae(x, z, DiagonalGaussian(mean, torch.ones(()), event_ndim=2), embedding=0.2).total
    torch.testing.assert_close(total, (x - mean).square().sum((1, 2)) + 0.1 * z.square().sum(1))
    net = MLPDecoder((5,), (2, 3), hidden=(4,))
    torch.testing.assert_close(weight_penalty(net), sum((p**2).sum() for p in net.parameters()))


def test_the_decoders_gradient_is_the_norm_of_its_jacobian_in_the_mean() -> None:
    """2,000 random directions; 5 standard errors: a false alarm in 1.7 million."""
    torch.manual_seed(0)
    matrix = torch.randn(3, 6)
    z = torch.randn(4, 3, requires_grad=True)

    def observe(at: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(torch.tanh(at @ matrix), torch.ones(()))

    found = torch.stack([decoder_gradient(z, observe).detach() for _ in range(2000)])  # (directions, batch)
    slopes = 1 - torch.tanh(z @ matrix).square().detach()  # (batch, values)
    exact = (slopes.unsqueeze(1) * matrix).square().sum((1, 2))
    assert ((found.mean(0) - exact).abs() < 5 * found.std(0) / math.sqrt(2000)).all()
    decoder_gradient(z, observe).sum().backward()
    assert z.grad is not None and z.grad.abs().sum() > 0, "the encoder learns by it"


def test_a_kl_stays_what_it_is_under_every_loss_that_has_one() -> None:
    torch.manual_seed(0)
    q_z, x = DiagonalGaussian(torch.randn(5, 3), torch.full((5, 3), 0.4)), torch.rand(5, 4)
    z, p_x = q_z.rsample(), DiagonalGaussian(torch.rand(5, 4), torch.ones(()))
    for loss in (elbo, info, dip):
        logged = loss(x, q_z, z, standard(3), p_x).logged  # type: ignore[operator]
        torch.testing.assert_close(logged["rate"], kl_divergence(q_z, standard(3)))
