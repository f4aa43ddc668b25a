"""Latents that move one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import genframe
from genframe.audit import audit
from genframe.traversal import along, traverse

RECIPE = {
    "genframe": 1,
    "pipeline": "vae",
    "data": {"use": "sprites", "size": 16, "scales": 2, "angles": 6, "places": 3, "batch_size": 16},
    "encoder": {"use": "mlp", "hidden": [8]},
    "decoder": {"use": "mlp", "hidden": [8]},
    "prior": {"use": "gaussian", "dim": 4},
    "train": {"epochs": None, "steps": 2},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> genframe.Model:
    return genframe.load(genframe.train(RECIPE, run_dir=tmp_path_factory.mktemp("runs") / "vae", quiet=True))


def test_one_latent_moves_and_the_others_stay() -> None:
    z = along(torch.tensor([5.0, 6.0, 7.0]), (2, 0), torch.tensor([-1.0, 1.0]))
    assert z.tolist() == [[[5, 6, -1], [5, 6, 1]], [[-1, 6, 7], [1, 6, 7]]]


def test_a_traversal_is_what_decode_makes_of_the_moved_code(model: genframe.Model) -> None:
    found = traverse(model, (1, 3), steps=5, ends=(-2.0, 2.0), example=4)
    x = model.feeds[""].split("test").first(5)["x"]
    code = model.encode(x)[4]
    assert found.values.tolist() == [-2, -1, 0, 1, 2] and found.z.shape == (2, 5, 4)
    for row, latent in enumerate((1, 3)):
        moved = code.repeat(5, 1)
        moved[:, latent] = found.values
        assert torch.allclose(found.z[row], moved, atol=1e-6)
        assert torch.allclose(found.x[row], model.call("decode", moved), atol=1e-6)


def test_latents_that_vary_most_come_first(model: genframe.Model) -> None:
    codes = model.encode(model.feeds[""].split("test").tensors["x"])
    assert traverse(model).latents == tuple(codes.var(0).argsort(descending=True).tolist())


def test_from_the_prior_a_code_starts_at_its_mean_and_needs_no_data(model: genframe.Model) -> None:
    found = traverse(model, example=None, steps=3)
    assert found.latents == (0, 1, 2, 3) and found.z.sum().abs() < 1e-5
    assert found.z[1, 0].tolist() == [0, -3, 0, 0]


def test_what_decode_asks_for_beside_a_code_is_the_examples(tmp_path: Path) -> None:
    recipe = {**RECIPE, "outputs": {"decode(z)": None, "decode(x, z)": "concat([observe(z).mean, x])"}}
    loaded = genframe.load(genframe.train(recipe, run_dir=tmp_path / "run", quiet=True))
    found = traverse(loaded, (0,), steps=2, example=1)
    example = loaded.feeds[""].split("test").first(2)["x"][1]
    assert found.x.shape == (1, 2, 2, 16, 16) and torch.equal(found.x[0, :, 1:], example.repeat(2, 1, 1, 1))
    with pytest.raises(genframe.RecipeError, match="start from an example") as raised:
        traverse(loaded, example=None)
    assert raised.value.problems[0].code == "GF804"
    assert (
        audit(loaded, samples=50).remarks[-1]
        == "decode(x, z) takes more than a code: no samples are compared"
    )


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"latents": (2, 4)}, "GF806", "no latent 4: a code has 4, from 0 to 3"),
        ({"example": 10**6}, "GF806", "has no example 1000000"),
        ({"split": "tset"}, "GF604", "tset"),
    ],
)
def test_what_is_not_there_is_said(
    model: genframe.Model, options: dict[str, object], code: str, says: str
) -> None:
    with pytest.raises(genframe.RecipeError, match=says) as raised:
        traverse(model, **options)  # type: ignore[arg-type]
    assert raised.value.problems[0].code == code
