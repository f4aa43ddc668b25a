"""Vector quantisation: nearest codes, gradients straight through, a codebook that follows and revives."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.vae.functions.two_part import perplexity, two_part_code
from genframe_plugins.vae.losses.vq import vq
from genframe_plugins.vae.posteriors.vq import VQPosterior
from torch import nn

from genframe import Bernoulli, OneHotCategorical


def made(**options: object) -> VQPosterior:
    """Of maps (5, 2, 3) to vectors of 4 at 2 x 3 places, 7 codes."""
    torch.manual_seed(0)
    return VQPosterior((5, 2, 3), (4, 2, 3), **{"codes": 7, **options})


def features(rows: int = 6) -> torch.Tensor:
    return torch.randn(rows, 5, 2, 3, generator=torch.Generator().manual_seed(1))


def test_each_vector_becomes_the_nearest_of_the_codebook() -> None:
    posterior = made().eval()
    q_z = posterior(features())
    vectors = posterior.encoded(features()).permute(0, 2, 3, 1).reshape(-1, 4)
    nearest = torch.cdist(vectors, posterior.vectors).argmin(1)
    due = posterior.vectors[nearest].view(6, 2, 3, 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(q_z.mean, due)
    torch.testing.assert_close(q_z.sample([2])[1], due)
    codes = posterior.codes(features())
    assert codes.shape == (6, 2, 3, 7)
    torch.testing.assert_close(codes.argmax(-1).flatten(), nearest)
    torch.testing.assert_close(posterior.embed(codes), due)


def test_the_gradient_of_a_code_is_that_of_what_it_stands_for() -> None:
    posterior = made().eval()
    weight = torch.randn(6, 4, 2, 3)
    one, two = (
        torch.autograd.grad((value * weight).sum(), posterior.linear.weight)[0]
        for value in (posterior(features()).rsample(), posterior.encoded(features()))
    )
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_the_loss_commits_the_encoder_and_teaches_a_learned_codebook(codebook: str) -> None:
    posterior = made(codebook=codebook).eval()
    q_z, encoded = posterior(features()), posterior.encoded(features())
    x, p_x = torch.ones(6, 8), Bernoulli(torch.zeros(6, 8))
    terms = vq(x, q_z.mean, encoded, p_x, commitment=0.25)
    distance = (encoded - q_z.mean).square().flatten(1).sum(1)
    torch.testing.assert_close(terms.total, 8 * math.log(2) + 1.25 * distance)
    (own,) = torch.autograd.grad(terms.total.sum(), encoded, retain_graph=True)
    torch.testing.assert_close(
        own, 0.5 * (encoded - q_z.mean).detach()
    )  # 0.25 of it: the codes are held fixed
    assert isinstance(posterior.vectors, nn.Parameter) == (codebook == "loss")
    if codebook == "loss":
        (learned,) = torch.autograd.grad(terms.total.sum(), posterior.vectors)
        codes = posterior.codes(features()).flatten(0, -2)
        flat = encoded.detach().permute(0, 2, 3, 1).reshape(-1, 4)
        due = 2 * (codes.sum(0).unsqueeze(1) * posterior.vectors - codes.T @ flat)
        torch.testing.assert_close(learned, due.detach())


def test_the_codebook_follows_the_averages_of_its_vectors() -> None:
    """On vectors that stay as they are, k-means: each code ends at the mean of those it stands for."""
    posterior = made(decay=0.5, revive=0.0).train()
    x = features(20)
    for _ in range(60):
        posterior(x)
    posterior.eval()
    codes = posterior.codes(x).flatten(0, -2)
    flat = posterior.encoded(x).detach().permute(0, 2, 3, 1).reshape(-1, 4)
    used = codes.sum(0) > 0
    means = (codes.T @ flat)[used] / codes.sum(0)[used].unsqueeze(1)
    torch.testing.assert_close(posterior.vectors[used], means, atol=1e-4, rtol=1e-4)


def test_smoothed_counts_keep_a_code_finite_that_stands_for_nothing() -> None:
    posterior = made(decay=0.0, revive=0.0).train()
    for scale in (1.0, 0.0, 1.0):  # all vectors on one code: the others have counts of 0
        posterior(scale * features())
    assert posterior.vectors.isfinite().all()


def test_codes_begin_on_vectors_of_the_data_and_dead_ones_return_to_them() -> None:
    posterior = made(codes=12, revive=0.1, decay=0.9).train()
    posterior(features(20))
    x = features(20)
    with torch.no_grad():
        posterior.vectors[3:] = 1e3  # nothing is near
        posterior.sums[3:] = 1e3
    assert perplexity(posterior.codes(x)) < 3.01
    for _ in range(40):
        posterior(x)
    assert posterior.vectors.abs().max() < 10
    assert perplexity(posterior.codes(x)) > 6
    unrevived = made(codes=12, revive=0.0, decay=0.9).train()
    unrevived(x)
    with torch.no_grad():
        unrevived.sums[3:], unrevived.vectors[3:], unrevived.counts[3:] = 1e3, 1e3, 1.0
    for _ in range(40):
        unrevived(x)
    assert perplexity(unrevived.codes(x)) < 3.01


def test_nothing_moves_in_evaluation_nor_when_codes_are_asked_for() -> None:
    posterior = made()
    posterior.train()(features())
    before = {key: value.clone() for key, value in posterior.state_dict().items()}
    posterior.codes(features())
    posterior.encoded(features())
    posterior.eval()(features())
    assert all(torch.equal(value, before[key]) for key, value in posterior.state_dict().items())


def test_places_that_the_features_do_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"latent_shape is \('dim', 2, 3\), not \(4, 3, 3\)"):
        VQPosterior((5, 2, 3), (4, 3, 3))


def test_perplexity_counts_codes_in_even_use() -> None:
    assert float(perplexity(torch.eye(5)[[0, 0, 0]])) == pytest.approx(1)
    assert float(perplexity(torch.eye(5).repeat(4, 1))) == pytest.approx(5, abs=1e-4)
    half = perplexity(torch.eye(5)[[0, 0, 1, 1]].view(2, 2, 5))
    assert float(half) == pytest.approx(2, abs=1e-4)


def test_a_two_part_code_is_no_shorter_than_the_evidence() -> None:
    torch.manual_seed(0)
    p_z, logits = OneHotCategorical(torch.randn(3)), torch.randn(3, 4)
    x = torch.ones(1, 4)
    codes = torch.eye(3)
    evidence = (p_z.log_prob(codes) + Bernoulli(logits).log_prob(x)).logsumexp(0)
    for code, row in zip(codes, logits, strict=True):
        rate, distortion = two_part_code(x, code.unsqueeze(0), p_z, Bernoulli(row))
        assert -(rate + distortion) < evidence
