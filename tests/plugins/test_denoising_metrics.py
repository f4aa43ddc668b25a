"""Metrics of denoisers against closed forms, other people's code, and brute force."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from genframe_plugins.metrics.classical import CLASSICAL, median, neighbours
from genframe_plugins.metrics.denoising import denoising
from genframe_plugins.metrics.fidelity import psnr, psnr_of, ssim_of
from genframe_plugins.metrics.score import score_error
from genframe_plugins.metrics.trick import trick_probe
from torch import Tensor

from genframe import Levels, RecipeError


class Data:
    """What a metric is handed as data."""

    def __init__(self, x: Tensor, y: Tensor | None = None) -> None:
        self.rows = {"x": x} if y is None else {"x": x, "y": y}

    def first(self, n: int) -> dict[str, Tensor]:
        return {name: rows[:n] for name, rows in self.rows.items()}

    def batches(self, size: int) -> list[dict[str, Tensor]]:
        parts = {name: rows.split(size) for name, rows in self.rows.items()}
        return [dict(zip(parts, values, strict=True)) for values in zip(*parts.values(), strict=True)]


def noised(x: Tensor, level: Tensor) -> Tensor:
    return x + level[:, None, None, None] * torch.randn_like(x)


def test_psnr_is_the_mean_of_decibels_and_not_of_errors() -> None:
    x = torch.full((2, 1, 4, 4), 0.5)
    error = torch.tensor([0.1, 0.01]).reshape(2, 1, 1, 1)
    figures = psnr(lambda x: x + error, Data(x))
    assert figures["psnr"] == pytest.approx(30.0, abs=1e-4)  # of 20 and 40 dB; the mean of errors gives 23
    assert figures["psnr_standard_error"] == pytest.approx(10.0, abs=1e-4)


def test_psnr_clips_what_is_restored_and_knows_its_peak() -> None:
    x = torch.ones(1, 1, 2, 2)
    assert float(psnr_of(x + 5, x)) == pytest.approx(100)
    assert float(psnr_of(200 * x, 250 * x, peak=250.0)) == pytest.approx(20 * math.log10(5), abs=1e-4)


def test_ssim_is_that_of_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    torch.manual_seed(0)
    x = torch.rand(3, 3, 24, 31)
    y = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)
    for i in range(3):
        due = metrics.structural_similarity(
            y[i].numpy(), x[i].numpy(), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=1.0, channel_axis=0,
        )  # fmt: skip
        assert float(ssim_of(y, x)[i]) == pytest.approx(float(due), abs=1e-3)
    assert ssim_of(x, x).tolist() == pytest.approx([1, 1, 1])
    with pytest.raises(ValueError, match="11x11"):
        ssim_of(x[:, :, :8], x[:, :, :8])


def test_the_median_filter_is_scipys() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    torch.manual_seed(0)
    x = torch.rand(2, 3, 9, 14)
    for side, found in zip((3, 5, 7), median(x, 0.1), strict=True):
        for i in range(2):
            for channel in range(3):
                due = ndimage.median_filter(x[i, channel].numpy(), size=side, mode="mirror")
                assert torch.equal(found[i, channel], torch.from_numpy(due))


@pytest.mark.parametrize("block", [1, 3, 100])
def test_the_mean_of_neighbours_is_that_of_a_search_by_hand(block: int) -> None:
    torch.manual_seed(0)
    noisy, clean = torch.rand(4, 1, 3, 5), torch.rand(17, 1, 3, 5)
    for k in (1, 5, 17):
        found = neighbours(noisy, clean, k, block)
        for one, due in zip(noisy, found, strict=True):
            order = sorted(range(17), key=lambda i: float((clean[i] - one).square().sum()))
            torch.testing.assert_close(clean[order[:k]].mean(0), due)


def test_a_denoiser_that_does_nothing_is_as_good_as_leaving_it_noisy() -> None:
    torch.manual_seed(0)
    x = torch.rand(40, 1, 16, 16)
    figures = denoising(lambda p: p, noised, Data(x), Data(x), levels=(0.2,), batch_size=7, baselines=())
    assert figures["psnr_0.2"] == figures["psnr_clipped_0.2"] > figures["psnr_noisy_0.2"]
    # -20 log10(0.2) = 13.98 of the mean error; 40 pictures of 256 values: a standard error of 0.06 dB
    assert figures["psnr_noisy_0.2"] == pytest.approx(13.98, abs=0.2)
    assert "gain_0.2" not in figures


def test_a_denoiser_that_knows_the_picture_beats_every_filter() -> None:
    pytest.importorskip("skimage")
    torch.manual_seed(0)
    x = torch.full((6, 1, 16, 16), 0.25)
    x[:, :, ::2] = 0.75

    def told(picture: Tensor, level: Tensor) -> Tensor:
        assert level.tolist() == pytest.approx([0.3] * len(picture))
        return x[: len(picture)]

    names = (*CLASSICAL, "neighbours")
    figures = denoising(told, noised, Data(x), Data(x), levels=(0.3,), baselines=names)
    assert figures["psnr_0.3"] == 100
    assert figures["psnr_neighbours_0.3"] == 100  # every training picture is the same
    best = max(figures[f"psnr_{name}_0.3"] for name in CLASSICAL)
    assert figures["gain_0.3"] == pytest.approx(100 - best)
    assert figures["psnr_clipped_0.3"] < best < 40


def test_filters_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    x = torch.rand(2, 1, 16, 16)
    with pytest.raises(RecipeError, match="pip install scikit-image") as caught:
        denoising(lambda p: p, noised, Data(x), Data(x), baselines=("wavelet",))
    assert caught.value.problems[0].code == "GF537"


def test_the_score_of_the_posterior_mean_is_right_and_that_of_the_identity_is_nothing() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[2.0, 0.0], [-1.0, 1.5], [0.0, -2.0]])
    y = torch.randint(3, (30_000,))
    x = centres[y] + 0.2 * torch.randn(30_000, 2)
    sigma = 0.5
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(3)),
        torch.distributions.Independent(torch.distributions.Normal(centres, math.sqrt(0.2**2 + sigma**2)), 1),
    )

    def posterior_mean(noisy: Tensor) -> Tensor:
        """y + sigma^2 grad log p_sigma(y), by autograd."""
        noisy = noisy.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(mixture.log_prob(noisy).sum(), noisy)
        return noisy.detach() + sigma**2 * gradient

    best = score_error(posterior_mean, Data(x, y), levels=(sigma,))
    assert best["score_unexplained_0.5"] < 1e-3  # means of 10,000 points: 0.002 off
    nothing = score_error(lambda noisy: noisy, Data(x, y), levels=(sigma,))
    assert nothing["score_unexplained_0.5"] == pytest.approx(1)
    # E sigma^2 |score|^2 of well-parted modes: 2 sigma^2 / (sigma^2 + 0.04); they overlap a little
    assert nothing["score_error_0.5"] == pytest.approx(2 * 0.25 / 0.29, rel=0.05)


def _levels(x: Tensor) -> Tensor:
    return 0.5 * torch.rand(len(x), 1)


def test_the_level_of_additive_noise_is_told_by_differences_and_that_of_moved_pixels_by_nothing() -> None:
    torch.manual_seed(0)
    x = torch.rand(1000, 1, 12, 12).round()

    def additive(x: Tensor) -> tuple[Tensor, Levels]:
        level = _levels(x)
        return noised(x, level[:, 0]), Levels(level, ("std",))

    def mirrored(x: Tensor) -> tuple[Tensor, Levels]:
        """Half of the pictures are upside down: every statistic stays."""
        level = _levels(x)
        turned = torch.where(level[:, :, None, None] > 0.25, x.flip(2), x)
        return turned, Levels(level, ("turn",))

    easy, hard = trick_probe(additive, Data(x)), trick_probe(mirrored, Data(x))
    assert easy["trick_std"] > 0.9 and easy["trick_std_variance"] > 0.8 and easy["trick_std_mean"] < 0.3
    assert hard["trick_turn"] < 0.1


def test_a_level_that_does_not_vary_can_not_be_predicted() -> None:
    x = torch.rand(50, 4)
    figures = trick_probe(lambda x: (x, Levels(torch.full((len(x), 1), 0.3), ("std",))), Data(x))
    assert set(figures.values()) == {0.0}
