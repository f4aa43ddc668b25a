"""Sprites and the clamp: known factors, batches that vary one of them, and what a latent then learns."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.factors.clamped import Clamped
from genframe_plugins.factors.sprites import FACTORS, Sprites
from torch import Tensor

from genframe import DiagonalGaussian
from genframe.testing.toy_data import feed

SMALL = {"size": 32, "scales": 2, "angles": 8, "places": 3}


def _mass_centre(x: Tensor) -> Tensor:
    """Across and up, from -1 to 1: (n, 2)."""
    weights = x[:, 0].double()
    line = (torch.arange(x.shape[-1]) + 0.5) * 2 / x.shape[-1] - 1
    total = weights.sum((1, 2))
    return torch.stack(
        [(weights.sum(1) @ line.double()) / total, -(weights.sum(2) @ line.double()) / total], 1
    )


def test_every_combination_is_there_once_and_the_splits_share_none() -> None:
    sprites = Sprites(**SMALL)
    parts = [sprites.load(split) for split in ("train", "test")]
    assert [len(part["x"]) for part in parts] == list(sprites.spec().lengths.values())
    factors = torch.cat([part["factors"] for part in parts])
    assert len(factors.unique(dim=0)) == len(factors) == 3 * 2 * 8 * 3 * 3
    assert torch.equal(parts[0]["y"], parts[0]["factors"][:, 0].long())


def test_a_sprite_stands_where_its_factors_say() -> None:
    """Of discs the middle of the mass would be the place; of these shapes it is near it."""
    rows = Sprites(**{**SMALL, "size": 64}).load("train")
    centre = _mass_centre(rows["x"])
    place = 0.5 * rows["factors"][:, 3:].double() * torch.tensor([1.0, -1.0])  # factors count downwards
    assert (centre - place).abs().max() < 0.2


def test_a_turned_sprite_is_the_picture_turned() -> None:
    """A quarter turn of the picture is a quarter turn of the sprite in its middle, to a grey level."""
    sprites = Sprites(size=64, scales=1, angles=4, places=1)
    rows = [sprites.load(split) for split in ("train", "test")]
    x, factors = (torch.cat([part[name] for part in rows]) for name in ("x", "factors"))
    for shape in range(3):
        of_shape = factors[:, 0] == shape
        by_angle = x[of_shape][factors[of_shape, 2].argsort()]
        for turn in range(1, 4):
            difference = torch.rot90(by_angle[0], turn, (1, 2)).int() - by_angle[turn].int()
            assert difference.abs().max() <= 2, (shape, turn)


def test_no_shape_turns_into_itself() -> None:
    sprites = Sprites(size=32, scales=1, angles=24, places=1)
    rows = [sprites.load(split) for split in ("train", "test")]
    x = torch.cat([part["x"] for part in rows]).float().flatten(1)
    apart = torch.cdist(x, x) + 1e9 * torch.eye(len(x))
    assert apart.min() > 255  # more than one pixel, entirely


def test_the_area_is_that_of_the_shape() -> None:
    """Soft edges cover what the exact shape covers: a triangle of area 0.55 * 1.8, in units of its radius."""
    rows = Sprites(size=128, shapes=("triangle",), scales=1, angles=10, places=1).load("train")
    covered = rows["x"].double().sum((1, 2, 3)) / 255 * (2 / 128) ** 2
    assert torch.allclose(covered, torch.tensor(0.55 * 1.8 * 0.4**2).double(), rtol=0.02)


@pytest.mark.parametrize("count", [5, 20])
def test_a_batch_varies_one_factor(count: int) -> None:
    sprites = Sprites(**SMALL, vary={"angle": 1.0, "x": 1.0, "rest": 2.0})
    fed = feed(sprites, batch_size=count)
    seen = []
    for step in range(40):
        factors = fed.batch(step)["factors"]
        assert len(factors) == count
        columns = zip(FACTORS, factors.T, strict=True)
        varied = tuple(name for name, column in columns if len(column.unique()) > 1)
        seen.append(varied)
        assert len(varied) <= 1 or set(varied) <= {"shape", "scale", "y"}
    assert {("angle",), ("x",)} < set(seen)
    again = feed(Sprites(**SMALL, vary=sprites.vary), batch_size=count)
    assert torch.equal(again.batch(7)["index"], fed.batch(7)["index"])


def test_the_shares_of_what_varies_are_kept() -> None:
    """400 batches of shares 1 to 3: a share of 0.25 within five standard deviations, 0.11."""
    fed = feed(Sprites(**SMALL, vary={"angle": 1.0, "x": 3.0}), batch_size=8)
    varied = [fed.batch(step)["factors"][:, 2].unique().numel() > 1 for step in range(400)]
    assert sum(varied) / 400 == pytest.approx(0.25, abs=0.11)


def test_bad_options_of_sprites_are_told() -> None:
    with pytest.raises(ValueError, match="the factors are shape, scale, angle, x, y and rest, not 'hue'"):
        Sprites(vary={"hue": 1.0})
    with pytest.raises(ValueError, match="shapes: each once"):
        Sprites(shapes=("heart", "heart"))


def _q(batch: int = 6, d: int = 4) -> DiagonalGaussian:
    mean = torch.randn(batch, d, requires_grad=True)
    return DiagonalGaussian(mean, (0.3 * torch.randn(batch, d)).exp())


def _factors(*varied: int) -> Tensor:
    factors = torch.ones(6, 5)
    for column in varied:
        factors[:, column] = torch.arange(6.0)
    return factors


@pytest.mark.parametrize(
    ("varied", "free"),
    [
        ((2,), [1, 0, 0, 0]),
        ((1,), [0, 1, 0, 0]),
        ((0,), [0, 0, 1, 1]),
        ((0, 3), [0, 0, 1, 1]),
        ((1, 2, 4), [1, 1, 1, 1]),
    ],
)
def test_the_latents_of_what_varies_are_free(varied: tuple[int, ...], free: list[int]) -> None:
    clamped = Clamped(factors=(2, 1), latents=1)
    assert clamped.free(_factors(*varied), 4).tolist() == [bool(one) for one in free]
    q = _q()
    mean = clamped(q, _factors(*varied)).mean
    for latent, one in enumerate(free):
        expected = q.mean[:, latent] if one else q.mean[:, latent].mean().expand(6)
        assert torch.allclose(mean[:, latent], expected)


def test_means_and_deviations_are_clamped_alike() -> None:
    q = _q()
    both = Clamped(factors=(2,))(q, _factors(2))
    assert torch.allclose(both.stddev[:, 1:], q.stddev[:, 1:].mean(0).expand(6, 3))


def test_clamped_latents_are_drawn_together_whatever_the_loss_says() -> None:
    q = _q()
    mean = Clamped(factors=(2,), invariance=0.01)(q, _factors(2)).mean
    weights = torch.randn(6, 4)
    gradient = torch.autograd.grad((mean * weights).sum(), q.mean)[0]
    assert torch.allclose(gradient[:, :1], weights[:, :1])
    assert torch.allclose(gradient[:, 1:], 0.01 * (q.mean - q.mean.mean(0))[:, 1:])


def test_a_clamp_on_more_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 4 latents and 5 factors"):
        Clamped(factors=(2, 1), latents=3)(_q(), _factors(2))
    with pytest.raises(ValueError, match="there are 4 latents and 5 factors"):
        Clamped(factors=(5,))(_q(), _factors(2))


def test_angles_of_less_than_a_full_turn_are_around_zero() -> None:
    angles = Sprites(**{**SMALL, "turn": 120.0, "angles": 5}).load("train")["factors"][:, 2].unique()
    assert torch.allclose(angles, torch.linspace(-math.pi / 3, math.pi / 3, 5), atol=1e-6)
