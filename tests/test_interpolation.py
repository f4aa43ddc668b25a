"""Ways between codes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tiny import SMALL
from torch.distributions import Independent, Laplace, Normal, Uniform

import genframe
from genframe.interpolation import interpolate, linear, method_for, spherical
from genframe.latents import Latents, turns_alike


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> genframe.Model:
    small = [*SMALL["vae/conditional-digits"], "train={epochs: null, steps: 2}", "device=cpu"]
    folder: Path = tmp_path_factory.mktemp("runs") / "conditional"
    return genframe.load(genframe.train("vae/conditional-digits", small, run_dir=folder, quiet=True))


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> genframe.Model:
    small = [*SMALL["gan/ring"], "train={epochs: null, steps: 2}", "device=cpu"]
    folder: Path = tmp_path_factory.mktemp("runs") / "ring"
    return genframe.load(genframe.train("gan/ring", small, run_dir=folder, quiet=True))


def test_a_quarter_of_a_circle_is_gone_in_equal_angles() -> None:
    arc = spherical(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.linspace(0, 1, 4))
    angles = torch.linspace(0, math.pi / 2, 4)
    assert torch.allclose(arc, 2 * torch.stack([angles.cos(), angles.sin()], 1), atol=1e-6)


def test_an_arc_keeps_the_length_that_a_line_loses() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(2, 1000)
    middle = torch.tensor([0.5])
    assert abs(float(spherical(one, other, middle).norm()) / math.sqrt(1000) - 1) < 0.1
    assert abs(float(linear(one, other, middle).norm()) / math.sqrt(500) - 1) < 0.1


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_codes_of_one_line_have_no_arc_and_are_joined_by_it(factor: float) -> None:
    one = torch.tensor([[1.0, 2.0]])
    made = spherical(one, factor * one, torch.linspace(0, 1, 3))
    assert made.isfinite().all() and torch.allclose(made[1], (1 + factor) / 2 * one)


def test_an_arc_is_for_laws_that_turn() -> None:
    gaussian = Independent(Normal(torch.zeros(8), 2 * torch.ones(8)), 1)
    assert turns_alike(gaussian)
    one = torch.ones(8)
    for law in (
        Laplace(0 * one, one),
        Normal(one, one),
        Normal(0 * one, torch.arange(1.0, 9)),
        Uniform(-one, one),
    ):
        assert not turns_alike(Independent(law, 1))


def test_the_ends_are_the_examples_codes_and_the_rest_is_decoded(model: genframe.Model) -> None:
    found = interpolate(model, (2, 5, 3), steps=4, given={"y": 7})
    batch = model.feeds[""].split("test").first(6)
    codes = model.call("encode", batch)  # each under its own class, to become a seven
    assert found.z.shape == (2, 4, 3) and found.method == "spherical"
    assert torch.allclose(found.z[0, 0], codes[2], atol=1e-6)
    assert torch.allclose(found.z[:, -1], codes[[5, 3]], atol=1e-5)
    sevens = {"y": torch.full((4,), 7)}
    assert torch.allclose(found.x[1], model.call("decode", sevens, found.z[1]), atol=1e-6)
    assert found.ends is not None and torch.equal(found.ends, batch["x"][[2, 5, 3]])
    assert found.told == ("y = 7",) and found.names == ("example 2", "example 5", "example 3")


def test_without_a_condition_that_of_the_first_example_holds(model: genframe.Model) -> None:
    batch = model.feeds[""].split("test").first(2)
    one, other = batch["y"].tolist()
    assert one != other
    found = interpolate(model, (0, 1), steps=3)
    held = {"y": torch.full((3,), one)}
    assert torch.allclose(found.x[0], model.call("decode", held, found.z[0]), atol=1e-6)
    assert found.told == (f"y = {one} all along, as of example 0",)
    assert torch.allclose(found.z[0, -1], model.call("encode", batch)[1], atol=1e-5)


def test_between_draws_of_the_prior(points: genframe.Model) -> None:
    found = interpolate(points, steps=3)
    assert found.names == ("seed 0", "seed 1") and found.ends is None
    assert torch.equal(found.z[0, 0], points.call("draw_z", 1, seed=0)[0])
    assert method_for(Latents(points)) == "spherical"
    assert torch.allclose(
        interpolate(points, steps=3, method="linear").z[0, 1], found.z[0, [0, 2]].mean(0), atol=1e-6
    )


def test_what_can_not_be_joined_is_said(model: genframe.Model, points: genframe.Model) -> None:
    for loaded, options, code, says in (
        (points, {"places": (0, 1)}, "GF804", "encodes no examples"),
        (model, {"places": (3,)}, "GF806", "two or more"),
        (model, {"places": (0, 10**6)}, "GF806", "has no example"),
        (model, {"method": "spherial"}, "GF806", "spherial"),
        (model, {"seeds": (0, 1)}, "GF807", "a class from 0 to 9"),
    ):
        with pytest.raises(genframe.RecipeError, match=says) as raised:
            interpolate(loaded, **options)  # type: ignore[arg-type]
        assert raised.value.problems[0].code == code


def test_samples_under_a_condition_are_draws_decoded_under_it(model: genframe.Model) -> None:
    made = model.sample(4, seed=3, given={"y": [7, 8]})
    z = model.call("draw_z", 4, seed=3)
    assert torch.allclose(made, model.call("decode", {"y": torch.tensor([7, 8, 7, 8])}, z), atol=1e-6)
    assert not torch.allclose(made, model.sample(4, seed=3, given={"y": 7}))
    x = model.feeds[""].split("test").first(2)["x"]
    assert torch.allclose(
        model.reconstruct(x, {"y": 3}), model.call("reconstruct", {"y": torch.tensor([3, 3])}, x), atol=1e-6
    )


def test_a_model_without_conditions_takes_none(points: genframe.Model) -> None:
    with pytest.raises(genframe.RecipeError, match="takes no condition") as raised:
        points.sample(2, given={"y": 7})
    assert raised.value.problems[0].code == "GF807"
