"""The noises against closed forms, scipy, and torch's own operations."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from genframe_plugins.dae.gaussian import GaussianNoise
from genframe_plugins.dae.noises.bit_flip import BitFlip
from genframe_plugins.dae.noises.blend import Blend
from genframe_plugins.dae.noises.block_dropout import BlockDropout
from genframe_plugins.dae.noises.blur import Blur
from genframe_plugins.dae.noises.compose import Compose
from genframe_plugins.dae.noises.cutout import Cutout
from genframe_plugins.dae.noises.downsample import Downsample
from genframe_plugins.dae.noises.flip import Flip
from genframe_plugins.dae.noises.gaussian_masking import GaussianMasking
from genframe_plugins.dae.noises.jpeg import Jpeg
from genframe_plugins.dae.noises.masking import Masking
from genframe_plugins.dae.noises.one_of import OneOf
from genframe_plugins.dae.noises.poisson import PoissonNoise
from genframe_plugins.dae.noises.rotate_crop import RotateCrop
from genframe_plugins.dae.noises.salt_and_pepper import SaltAndPepper
from genframe_plugins.dae.noises.speckle import Speckle
from genframe_plugins.dae.noises.uniform import UniformNoise
from genframe_plugins.functions.labels import smooth_labels
from PIL import Image
from scipy import ndimage
from torch import Tensor

from genframe import Noise, RecipeError
from genframe.recipe import load_recipe
from genframe.values import Levels

ROWS, SIDE = 64, 64
VALUES = ROWS * SIDE * SIDE
SIGMAS = 6
"""Standard errors that a statistic may be off: a false alarm in 5e8 comparisons."""


def grey(value: float, rows: int = ROWS) -> Tensor:
    return torch.full((rows, 1, SIDE, SIDE), value)


def pictures(*shape: int, seed: int = 0) -> Tensor:
    """Smooth pictures in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(shape[0], shape[1], 5, 5, generator=generator)
    return torch.nn.functional.interpolate(rough, shape[2:], mode="bicubic", align_corners=True).clamp(0, 1)


def at(noise: Noise, x: Tensor, level: float | Tensor | Levels, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return noise(x, level=level)[0]


def is_near(measured: Tensor | float, expected: float, std: float, count: int = VALUES) -> bool:
    """Whether a mean of `count` values of deviation `std` is the expected one."""
    return abs(float(measured) - expected) < SIGMAS * std / math.sqrt(count) + 1e-6


ADDITIVE: dict[str, tuple[Noise, float, Callable[[float, float], float]]] = {
    # name: noise, level, the variance of what comes of a grey at that level
    "speckle": (Speckle(), 0.2, lambda grey, std: (grey * std) ** 2),
    "poisson": (PoissonNoise(), 0.05, lambda grey, gain: grey * gain),
    "uniform": (UniformNoise(), 0.2, lambda grey, width: width**2 / 3),
}


@pytest.mark.parametrize("name", ADDITIVE)
@pytest.mark.parametrize("value", [0.2, 0.8])
def test_the_mean_stays_and_the_variance_is_that_of_the_law(name: str, value: float) -> None:
    noise, level, variance = ADDITIVE[name]
    change = at(noise, grey(value), level).double() - value
    expected = variance(value, level)
    assert is_near(change.mean(), 0, expected**0.5)
    fourth = change.pow(4).mean().sqrt()  # the deviation of a square is below it
    assert is_near(change.square().mean(), expected, float(fourth))


def test_uniform_noise_is_bounded_and_reaches_its_bounds() -> None:
    change = at(UniformNoise(), grey(0.5), 0.2) - 0.5
    assert 0.2 - 1e-4 < float(change.max()) <= 0.2 + 1e-6 and -0.2 - 1e-6 <= float(change.min()) < -0.2 + 1e-4


def test_poisson_noise_is_of_whole_counts_and_black_stays_black() -> None:
    noised = at(PoissonNoise(), grey(0.3), 0.1)
    torch.testing.assert_close(noised / 0.1, (noised / 0.1).round(), rtol=0, atol=1e-4)
    assert torch.equal(at(PoissonNoise(), grey(0.0), 0.1), grey(0.0))
    assert torch.equal(at(PoissonNoise(), grey(-0.5), 0.1), grey(0.0))


def test_the_gradient_of_poisson_noise_is_that_of_its_mean() -> None:
    x = torch.rand(3, 5, requires_grad=True)
    at(PoissonNoise(), x, 0.1).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.ones(3, 5))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
def test_masking_takes_its_share_and_leaves_the_rest_to_the_bit(share: float) -> None:
    x = 0.1 + 0.8 * torch.rand(ROWS, 1, SIDE, SIDE)
    noised = at(Masking(), x, share)
    gone = noised == 0
    assert is_near(gone.double().mean(), share, math.sqrt(share * (1 - share)))
    assert torch.equal(noised[~gone], x[~gone])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
def test_salt_and_pepper_replaces_its_share_half_by_0_and_half_by_1(share: float) -> None:
    x = 0.1 + 0.8 * torch.rand(ROWS, 1, SIDE, SIDE)
    noised = at(SaltAndPepper(), x, share)
    for value in (0.0, 1.0):
        assert is_near((noised == value).double().mean(), share / 2, math.sqrt(share / 2 * (1 - share / 2)))
    kept = (noised != 0) & (noised != 1)
    assert torch.equal(noised[kept], x[kept])


def test_chos_combination_masks_after_the_gaussian_noise() -> None:
    noised = at(GaussianMasking(), grey(0.5), torch.tensor([[0.2, 0.3]]).expand(ROWS, 2))
    gone = noised == 0
    assert is_near(gone.double().mean(), 0.3, math.sqrt(0.3 * 0.7))
    kept = noised[~gone].double() - 0.5
    assert is_near(kept.mean(), 0, 0.2, len(kept))
    assert is_near(kept.square().mean(), 0.04, 0.04 * math.sqrt(2), len(kept))


def test_each_column_of_chos_combination_acts_on_its_own() -> None:
    x = grey(0.5)
    both = torch.tensor([[0.0, 0.3]]).expand(ROWS, 2), torch.tensor([[0.2, 0.0]]).expand(ROWS, 2)
    masked, noised = (at(GaussianMasking(), x, level) for level in both)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    assert not (noised == 0).any()


def test_a_blend_goes_from_the_picture_to_pure_noise() -> None:
    x = grey(0.9)
    assert torch.equal(at(Blend(), x, 1.0), at(Blend(), 0 * x, 1.0))
    half = at(Blend(), x, 0.5).double()
    assert is_near(half.mean(), 0.7, 0.5 / math.sqrt(12))
    assert is_near(half.var(), 0.25 / 12, 0.25 / 12)
    assert float(half.min()) >= 0.45 and float(half.max()) <= 0.95 + 1e-6
    gaussian = at(Blend(towards="gaussian"), x, 0.5).double()
    assert is_near(gaussian.mean(), 0.45, 0.5) and is_near(gaussian.var(), 0.25, 0.25 * math.sqrt(2))


def test_a_blend_may_keep_the_variance() -> None:
    torch.manual_seed(3)
    x = torch.randn(ROWS, 1, SIDE, SIDE)
    noised = at(Blend(towards="gaussian", keep="variance"), x, 0.6, seed=4).double()
    assert is_near(noised.var(), 1, math.sqrt(2))
    assert is_near((noised * x).mean(), 0.8, 2)  # sqrt(1 - 0.6^2)


@pytest.mark.parametrize("std", [0.5, 1.0, 2.3, 6.0])
@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (2, 3, 28, 20)])
def test_blur_is_scipys_gaussian_filter(std: float, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.rand(shape)
    expected = ndimage.gaussian_filter(x.double().numpy(), std, axes=(2, 3), mode="reflect", truncate=4.0)
    np.testing.assert_allclose(at(Blur(), x, std).numpy(), expected, atol=2e-6)


def test_each_picture_is_blurred_by_its_own_std_and_keeps_its_mean() -> None:
    x = torch.rand(4, 1, 28, 20)
    levels = torch.tensor([0.0, 0.7, 2.0, 500.0])
    noised = at(Blur(), x, levels)
    assert torch.equal(noised[0], x[0])
    for row in (1, 2):
        torch.testing.assert_close(noised[row : row + 1], at(Blur(), x[row : row + 1], float(levels[row])))
    torch.testing.assert_close(noised.mean((1, 2, 3)), x.mean((1, 2, 3)))
    torch.testing.assert_close(noised[3], x[3].mean().expand(1, 28, 20), atol=1e-5, rtol=0)


def test_down_sampling_by_a_whole_factor_is_pooling_and_interpolation() -> None:
    x = torch.rand(3, 2, 28, 20)
    for factor in (2, 4):
        pooled = torch.nn.functional.avg_pool2d(x, factor)
        expected = torch.nn.functional.interpolate(pooled, scale_factor=factor, mode="bilinear")
        torch.testing.assert_close(at(Downsample(), x, math.log2(factor)), expected, atol=1e-5, rtol=0)


def test_down_sampling_takes_any_factor_and_changes_the_more_the_higher_it_is() -> None:
    x = pictures(8, 1, 28, 20)
    change = [
        float((at(Downsample(), x, octaves) - x).square().mean()) for octaves in (0, 0.1, 0.5, 1, 1.7, 2.5)
    ]
    assert change == sorted(change) and change[0] == 0
    plain = torch.full((2, 1, 28, 20), 0.3)
    torch.testing.assert_close(at(Downsample(), plain, 1.3), plain)
    levels = Downsample(factor=4.0)(x)[1]
    assert torch.equal(levels.octaves, torch.full((8,), 2.0))


def test_blocks_are_dropped_whole_in_all_channels_by_their_share() -> None:
    x = torch.ones(512, 3, 28, 20)
    noised = at(BlockDropout(size=4), x, 0.3)
    assert torch.equal(noised[:, 0], noised[:, 1]) and torch.equal(noised[:, 0], noised[:, 2])
    kept = noised[:, 0].double().mean((1, 2))
    assert is_near(kept.mean(), 0.7, float(kept.std()), len(kept))
    changes = (noised[:, 0].diff(dim=1) != 0).any(2).float().mean(0)  # rows behind which some pixel changes
    assert float(changes.min()) > 0.1  # offsets differ: an edge may stand anywhere
    for picture in noised[:20, 0]:
        edges = torch.nonzero((picture.diff(dim=0) != 0).any(1)).flatten()
        assert len({int(edge) % 4 for edge in edges}) <= 1


@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_cutout_is_one_rectangle_of_its_share_inside_the_picture(aspect: float) -> None:
    x = torch.ones(200, 3, 40, 30)
    noised = at(Cutout(aspect=aspect, fill=0.5), x, 0.2)
    hole = noised[:, 0] == 0.5
    assert torch.equal(noised[:, 0], noised[:, 2]) and bool(((noised == 0.5) | (noised == 1)).all())
    tall, wide = hole.any(2).sum(1), hole.any(1).sum(1)
    assert torch.equal(tall * wide, hole.sum((1, 2)))
    # Each side is rounded to pixels: the area is off by at most half of both.
    assert float((hole.sum((1, 2)) / 1200 - 0.2).abs().max()) <= 0.5 * (40 + 30) / 1200
    ratio = (tall / 40) / (wide / 30)
    assert float(ratio.max()) < aspect * 1.2 and float(ratio.min()) > 1 / aspect / 1.2
    starts = hole.any(2).int().argmax(1)
    assert int(starts.min()) == 0 and int((starts + tall).max()) == 40
    assert bool((at(Cutout(fill=0.5), x, 1.0) == 0.5).all())


def _turned(x: Tensor, angle: float, radius: float = 1.0, across: float = 0.5, down: float = 0.5) -> Tensor:
    return at(RotateCrop(), x, torch.tensor([[angle, radius, across, down]]).expand(len(x), 4))


@pytest.mark.parametrize(("angle", "quarters"), [(90, 1), (180, 2), (-90, 3), (360, 0)])
def test_a_quarter_turn_of_the_whole_disc_is_rot90_inside_and_nothing_outside(
    angle: float, quarters: int
) -> None:
    x = torch.rand(2, 3, 28, 28)
    noised = _turned(x, angle)
    place = torch.arange(28) - 13.5
    distance = (place.unsqueeze(1).square() + place.square()).sqrt()
    inside, outside = distance <= 13, distance >= 14
    expected = torch.rot90(x, quarters, (2, 3))
    torch.testing.assert_close(noised[..., inside], expected[..., inside], atol=1e-4, rtol=0)
    assert torch.equal(noised[..., outside], x[..., outside])
    rim = ~inside & ~outside
    between = torch.minimum(x, expected) - 1e-4, torch.maximum(x, expected) + 1e-4
    assert bool(((noised >= between[0]) & (noised <= between[1]))[..., rim].all())


def test_a_quarter_turn_about_another_centre_of_an_oblong_picture() -> None:
    x = torch.rand(1, 1, 20, 28)
    noised = _turned(
        x, 90, radius=0.6, across=8 / 28, down=7 / 20
    )  # a disc of 6 pixels about the corner (7, 8)
    square = torch.rot90(x[..., 1:13, 2:14], 1, (2, 3))
    place = torch.arange(12) - 5.5
    inside = (place.unsqueeze(1).square() + place.square()).sqrt() <= 5
    torch.testing.assert_close(noised[..., 1:13, 2:14][..., inside], square[..., inside], atol=1e-4, rtol=0)


def test_a_turned_disc_lies_inside_keeps_about_its_mass_and_is_nothing_at_zero() -> None:
    torch.manual_seed(0)
    x = pictures(256, 1, 28, 20)
    noise = RotateCrop(angle=(30.0, 150.0), radius=(0.3, 1.0))
    noised, levels = noise(x)
    pixels = levels.radius * 10
    assert bool((levels.x * 20 - pixels >= -1e-4).all()) and bool((levels.x * 20 + pixels <= 20 + 1e-4).all())
    assert bool((levels.y * 28 - pixels >= -1e-4).all()) and bool((levels.y * 28 + pixels <= 28 + 1e-4).all())
    mass = (noised.sum((1, 2, 3)) / x.sum((1, 2, 3)) - 1).abs()
    assert float(mass.max()) < 0.02
    for column in (0, 1):  # no angle, or no radius
        table = levels.table.clone()
        table[:, column] = 0
        assert torch.equal(at(noise, x, table), x)
    assert torch.equal(noise(x, level=levels)[0], noised)  # nothing is drawn beside the levels


@pytest.mark.parametrize("noise", [RotateCrop(), Blur(), Downsample(), Speckle(), Blend(), GaussianMasking()])
def test_gradients_in_picture_and_levels_are_those_of_differences(noise: Noise) -> None:
    x = pictures(2, 1, 12, 9).double().requires_grad_()
    torch.manual_seed(1)
    levels = noise(x)[1].table.double()
    if not isinstance(noise, Blend):
        levels = levels * 0.9 + 0.01
    if isinstance(noise, (Downsample, Blur, GaussianMasking)):  # the level is a threshold here, or its root
        assert torch.autograd.gradcheck(lambda x: at(noise, x, levels), (x,), atol=1e-4)
    else:
        levels.requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, level: at(noise, x, Levels(level, noise.columns)), (x, levels), atol=1e-4
        )


@pytest.mark.parametrize("shape", [(4, 1, 28, 20), (4, 3, 30, 33), (2, 2, 8, 8)])
def test_jpeg_near_quality_100_is_near_the_picture_and_loses_more_below(shape: tuple[int, ...]) -> None:
    x = pictures(*shape)
    assert torch.equal(Jpeg(quality=100.0)(x)[0], x)
    assert float((Jpeg(quality=99.0)(x)[0] - x).abs().max()) < 0.03
    lost = [float((Jpeg(quality=float(q))(x)[0] - x).square().mean()) for q in (99, 90, 75, 50, 25, 10, 5)]
    assert lost == sorted(lost) and lost[-1] > 10 * lost[0]


def test_jpegs_coarseness_is_libjpegs_scale_of_the_tables() -> None:
    x = torch.rand(1, 1, 8, 8)
    for quality, scale in ((10, 5), (25, 2), (50, 1), (75, 0.5), (90, 0.2), (100, 0)):
        assert float(Jpeg(quality=float(quality))(x)[1].coarseness) == pytest.approx(scale, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows_without_subsampling(channels: int) -> None:
    x = (pictures(1, channels, 64, 48, seed=2) * 255).round() / 255
    whole = (x[0] * 255).round().byte().permute(1, 2, 0).squeeze(2).numpy()
    for quality in (5, 10, 50, 75, 90):
        stream = io.BytesIO()
        words: dict[str, Any] = {"subsampling": 0} if channels == 3 else {}
        Image.fromarray(whole).save(stream, "jpeg", quality=quality, **words)
        theirs = torch.from_numpy(np.array(Image.open(stream))).reshape(64, 48, channels).permute(2, 0, 1)
        apart = (Jpeg(quality=float(quality))(x)[0][0] * 255 - theirs).abs()
        # Theirs is in whole numbers on every stage, which for a coefficient on the edge decides its rounding.
        assert float((apart > 2).float().mean()) < (0.03 if channels == 1 else 0.15)
        assert float(apart.mean()) < (0.7 if channels == 1 else 1.2)


def test_jpeg_makes_blocks() -> None:
    x = pictures(16, 1, 64, 64)
    steps = Jpeg(quality=5.0)(x)[0].diff(dim=3).abs().mean((0, 1, 2))  # behind each column
    at_edges = torch.arange(63) % 8 == 7
    before = x.diff(dim=3).abs().mean((0, 1, 2))
    assert float(steps[at_edges].mean() / steps[~at_edges].mean()) > 1.5 * float(
        before[at_edges].mean() / before[~at_edges].mean()
    )


def test_the_gradient_passes_jpegs_rounding() -> None:
    x = 0.2 + 0.6 * pictures(2, 3, 20, 12)
    x.requires_grad_()
    noised = Jpeg(quality=50.0)(x)[0]
    direction = torch.rand_like(x)
    (gradient,) = torch.autograd.grad((noised * direction).sum(), x)
    inner = gradient[..., :16, :8]  # whole blocks: without rounding the way there and back is the identity
    torch.testing.assert_close(inner, direction[..., :16, :8], atol=1e-4, rtol=0)


def test_flipped_labels_are_other_classes_with_equal_chance() -> None:
    y = torch.full((60_000,), 2)
    flipped = at(Flip(5, chance=0.4), y, 0.4)
    assert flipped.dtype == torch.int64
    counts = torch.bincount(flipped, minlength=5) / 60_000
    for label, expected in enumerate((0.1, 0.1, 0.6, 0.1, 0.1)):
        assert is_near(counts[label], expected, math.sqrt(expected * (1 - expected)), 60_000)
    assert torch.equal(at(Flip(5), y, 0.0), y) and not (at(Flip(5), y, 1.0) == y).any()


def test_smoothed_labels_are_probabilities() -> None:
    smoothed = smooth_labels(torch.tensor([0, 2]), classes=4, share=0.2)
    torch.testing.assert_close(smoothed, torch.tensor([[0.85, 0.05, 0.05, 0.05], [0.05, 0.05, 0.85, 0.05]]))
    with pytest.raises(ValueError, match="classes is 2"):
        smooth_labels(torch.tensor([0, 2]), classes=2)
    with pytest.raises(TypeError, match="takes labels"):
        smooth_labels(torch.rand(3), classes=2)


@pytest.mark.parametrize("noise", [Masking(), SaltAndPepper(), GaussianMasking(), BlockDropout(), Cutout()])
def test_each_example_has_a_mask_and_a_level_of_its_own(noise: Noise) -> None:
    x = torch.full((3, 1, 28, 20), 0.5)
    first, second, clean = at(noise, x, torch.tensor([[0.4], [0.4], [0.0]]).expand(3, len(noise.columns)))
    assert not torch.equal(first, second) and torch.equal(clean, x[2])


@pytest.mark.parametrize("noise", [Blur(), BlockDropout(), Cutout(), Downsample(), Jpeg(), RotateCrop()])
def test_noise_of_pictures_says_that_it_takes_no_vectors(noise: Noise) -> None:
    with pytest.raises(ValueError, match=r"takes pictures .*, got the shape \(4, 6\)"):
        noise(torch.rand(4, 6), level=torch.full((4, len(noise.columns)), 0.5))


@pytest.mark.parametrize("noise", [GaussianMasking(), RotateCrop()])
def test_one_number_is_no_level_of_a_noise_that_has_several(noise: Noise) -> None:
    x = torch.rand(3, 1, 8, 8)
    with pytest.raises(ValueError, match=f"has the levels {', '.join(noise.columns)}, and one number"):
        noise(x, level=0.1)
    with pytest.raises(ValueError, match="and one number"):
        noise.noised(x, torch.full((3,), 0.1))
    assert torch.equal(noise(x, level=0.0)[0], x)


@pytest.mark.parametrize(
    "noise", [Masking(), SaltAndPepper(), Speckle(), PoissonNoise(), UniformNoise(), Blend()]
)
def test_noise_of_values_says_that_labels_have_flip(noise: Noise) -> None:
    with pytest.raises(TypeError, match=r"takes real values, got torch\.int64.*flip"):
        noise(torch.ones(4, dtype=torch.int64))


def test_flip_takes_labels_of_at_least_two_classes() -> None:
    with pytest.raises(TypeError, match="flip takes labels"):
        Flip(3)(torch.rand(4))
    with pytest.raises(ValueError, match="no other class"):
        Flip(1)


def test_flipped_bits_are_the_other_ones_by_their_chance() -> None:
    x = (torch.rand(ROWS, 1, SIDE, SIDE) < 0.2).float()
    noised = at(BitFlip(), x, 0.3)
    assert bool(((noised == 0) | (noised == 1)).all())
    assert is_near((noised != x).double().mean(), 0.3, math.sqrt(0.21))
    assert torch.equal(at(BitFlip(), x, 1.0), 1 - x)


def test_bits_are_asked_for_where_values_are_real(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bit-flip takes bits, .* got 0\.5: binarise the data"):
        BitFlip()(grey(0.5))
    recipe = """\
        pipeline: dae
        data: {use: digits, batch_size: 16}
        encoder: {use: mlp, hidden: [4]}
        decoder: {use: mlp, hidden: [4]}
        noise: bit-flip
        train: {steps: 1}
        """
    file = tiny.recipe_file(tmp_path, recipe)
    with pytest.raises(RecipeError, match="bit-flip takes bits"):
        tiny.plan_of(load_recipe(file))
    tiny.plan_of(load_recipe(file, ["data.binarise=dynamic"]))


def both(**more: Any) -> dict[str, Any]:
    return {"parts": {"grain": GaussianNoise(std=0.2), "holes": Masking(share=0.3)}, **more}


def test_composed_noises_act_in_order_and_tell_every_level() -> None:
    noised, levels = Compose(**both())(grey(0.5))
    assert levels.names == ("grain_std", "holes_share")
    assert torch.equal(levels.holes_share, torch.full((ROWS,), 0.3))
    gone = noised == 0
    assert is_near(gone.double().mean(), 0.3, math.sqrt(0.21))
    assert is_near(
        (noised[~gone].double() - 0.5).square().mean(), 0.04, 0.04 * math.sqrt(2), int((~gone).sum())
    )
    assert not bool((noised == 0.5).any())


def test_one_of_gives_each_example_one_of_its_noises_by_their_chances() -> None:
    torch.manual_seed(0)
    x = torch.full((4000, 1, 8, 8), 0.5)
    noised, levels = OneOf(**both(chances={"grain": 3, "holes": 1}))(x)
    assert levels.names == ("which", "grain_std", "holes_share")
    holes = levels.which == 1
    assert is_near(holes.double().mean(), 0.25, math.sqrt(0.25 * 0.75), 4000)
    assert bool(((noised[holes] == 0) | (noised[holes] == 0.5)).all())
    assert not bool((noised[~holes] == 0.5).any())
    assert not bool(levels.grain_std[holes].any()) and not bool(levels.holes_share[~holes].any())
    assert is_near((noised[~holes].double() - 0.5).square().mean(), 0.04, 0.06, 64 * int((~holes).sum()))


def test_one_of_refuses_chances_of_no_part() -> None:
    for chances in ({"grian": 1.0}, {"grain": 0.0}):
        with pytest.raises(ValueError, match="for the parts grain, holes"):
            OneOf(**both(chances=chances))
