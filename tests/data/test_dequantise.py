"""Noise within a grey level: what a density may be asked of."""

from __future__ import annotations

import pytest
import torch
from feeding import Made, block, pictures
from scipy import stats
from tiny import recipe_file

from genframe.data.binarise import Pictures, dequantised
from genframe.data.feed import Feed
from genframe.data.spec import Field
from genframe.errors import RecipeError
from genframe.recipe import load_recipe


def test_each_level_fills_its_cell_of_a_256th() -> None:
    """(255 x + u)/256 of x = k/255 lies in [k, k+1]/256, evenly: Kolmogorov-Smirnov at 1e-4."""
    torch.manual_seed(0)
    levels = torch.arange(256).repeat_interleave(100)
    spread = dequantised(levels.to(torch.uint8).div(255), torch.rand(25_600)) * 256
    within = spread - levels
    assert float(within.min()) > -1e-4 and float(within.max()) <= 1 + 1e-4
    assert stats.kstest(within.clamp(0, 1).numpy(), "uniform").pvalue > 1e-4


def test_noise_changes_with_the_step_and_comes_again_for_evaluation_whatever_the_batches() -> None:
    feed = Feed(block(dequantise=True), pictures(), seed=3)
    first, again, second = feed.batch(0)["x"], feed.batch(0)["x"], feed.batch(1)["x"]
    assert torch.equal(first, again) and not torch.equal(first, second)
    plain = Feed(block(), pictures(), seed=3)
    difference = first * 256 - plain.batch(0)["x"] * 255
    assert float(difference.min()) > -1e-4 and float(difference.max()) <= 1 + 1e-4
    test = feed.split("test")
    assert test.way == "dequantise" and plain.split("test").way == "none"
    assert torch.equal(torch.cat([rows["x"] for rows in test.batches(5)]), test.tensors["x"])
    assert not torch.equal(
        test.tensors["x"], Feed(block(dequantise=True), pictures(), seed=4).split("test").tensors["x"]
    )


def test_the_labels_and_the_digest_are_those_of_the_stored_pictures() -> None:
    spread, plain = (Feed(block(dequantise=way), pictures(), seed=3) for way in (True, False))
    assert torch.equal(spread.batch(2)["y"], plain.batch(2)["y"])
    assert spread.digest() == plain.digest()


def test_bits_of_spread_levels_are_refused_with_the_place(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = recipe_file(
        tmp_path,
        """
        pipeline: vae
        data: {use: digits, binarise: dynamic, dequantise: true}
        encoder: mlp
        decoder: mlp
        prior: {use: gaussian, dim: 2}
        train: {steps: 1}
        """,
    )
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    (problem,) = raised.value.problems
    assert problem.code == "GF212" and "one of them" in problem.message and problem.mark is not None


def test_points_of_the_plane_have_no_grey_levels() -> None:
    from genframe_plugins.data.synthetic import Ring

    with pytest.raises(RecipeError, match="`dequantise: true` needs pictures"):
        Feed(block(dequantise=True), Ring(n=20), seed=0)


def test_noise_is_drawn_from_a_generator_of_its_own() -> None:
    stored = torch.full((2, 1, 3, 3), 7, dtype=torch.uint8)
    way = Pictures("dequantise", 0, "", torch.device("cpu"))
    before = torch.random.get_rng_state()
    way.at_step("x", stored, torch.arange(2), 4)
    way.repeatable("x", stored, torch.arange(2), "test")
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("way", ["threshold", "static", "dynamic"])
def test_bits_of_coloured_pictures_are_refused_with_what_to_take(way: str) -> None:
    x = torch.zeros(12, 3, 4, 4, dtype=torch.uint8)
    made = Made({"train": {"x": x}}, {"x": Field((3, 4, 4), image=True)})
    with pytest.raises(RecipeError, match=r"GF608.*eight colours.*discretised-logistic"):
        Feed(block(binarise=way), made, seed=0)
    assert Feed(block(dequantise=True), made, seed=0).batch(0)["x"].shape == (10, 3, 4, 4)
