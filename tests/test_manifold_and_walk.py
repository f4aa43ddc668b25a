"""Planes of codes, and chains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL
from torch import Tensor

import genframe
from genframe import abilities, exports
from genframe.axes import principal_axes
from genframe.latents import Latents, examples
from genframe.manifold import manifold
from genframe.walk import STRIDE, _renewed, _turned, chains, walk

Loaded = Callable[[str], genframe.Model]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A shipped recipe, tiny, after two steps; each is trained once."""
    made: dict[str, genframe.Model] = {}

    def load(name: str) -> genframe.Model:
        if name not in made:
            small = [*SMALL[name], "train={epochs: null, steps: 2}", "device=cpu"]
            folder = tmp_path_factory.mktemp("runs") / "run"
            made[name] = genframe.load(genframe.train(name, small, run_dir=folder, quiet=True))
        return made[name]

    return load


def test_two_latents_are_laid_out_by_the_priors_quantiles(loaded: Loaded) -> None:
    found = manifold(loaded("gan/ring"), side=3, margin=0.1)
    edge = 1.2815515  # the 0.9 quantile of a standard normal
    expected = torch.tensor([-edge, 0, edge])
    assert torch.allclose(found.across, expected, atol=1e-5)
    assert torch.allclose(found.z[0, 2], torch.tensor([edge, edge]), atol=1e-5)  # upwards is up
    assert torch.allclose(found.z[2, 0], torch.tensor([-edge, -edge]), atol=1e-5)
    assert torch.allclose(found.x[1, 1], loaded("gan/ring").call("decode", torch.zeros(1, 2))[0], atol=1e-6)


def test_more_latents_are_cut_by_the_widest_axes_of_the_codes(loaded: Loaded) -> None:
    model = loaded("vae/digits")
    axes = principal_axes(model)
    codes = model.encode(examples(model, 5000)["x"]).double()
    values = torch.linalg.eigvalsh(codes.T.cov()).flip(0)
    assert torch.allclose(axes.spread.double().square(), values, rtol=1e-3)
    assert torch.allclose(axes.directions @ axes.directions.T, torch.eye(3), atol=1e-5)
    assert torch.allclose(axes.codes(axes.coordinates(codes[:5].float())), codes[:5].float(), atol=1e-5)
    found = manifold(model, side=3)
    assert torch.allclose(found.z[1, 1], axes.mean, atol=1e-5) and found.plane.of.endswith("q(z)")
    assert torch.allclose(
        found.z[1, 2] - found.z[1, 1], 2.0537 * axes.spread[0] * axes.directions[0], atol=1e-3
    )


def test_without_codes_of_data_the_axes_are_those_that_change_samples(loaded: Loaded) -> None:
    axes = principal_axes(loaded("gan/digits"), 2)
    assert axes.of == "p(z)" and axes.directions.shape == (2, 3)
    again = principal_axes(loaded("gan/digits"), 2)
    assert torch.equal(axes.directions, again.directions)  # and no generator is disturbed
    assert torch.allclose(axes.directions @ axes.directions.T, torch.eye(2), atol=1e-4)


def test_a_chain_goes_by_the_recipes_own_transition(loaded: Loaded) -> None:
    model = loaded("dae/walkback-digits")
    found = walk(model, steps=6, every=3, count=2, example=4)
    assert found.by == "transition" and found.steps == (0, 3, 6) and found.start == "examples 4 to 5"
    x = examples(model, [4, 5])["x"]
    assert torch.equal(found.x[0], x)
    with model.outputs.evaluating("walk", "seeded", 0):
        for _ in range(3):
            law = model.outputs["transition"](x)
            x = law.sample()
    assert torch.allclose(found.x[1], law.mean, atol=1e-6)
    again = walk(model, steps=6, every=3, count=2, example=4)
    assert torch.equal(found.x, again.x) and not torch.equal(
        found.x, walk(model, steps=6, every=3, count=2).x
    )


def test_a_network_keeps_its_hidden_layers_from_step_to_step(loaded: Loaded) -> None:
    found = walk(loaded("dae/gsn-digits"), steps=3, count=2, draws=True)
    assert found.x.shape == (4, 2, 1, 28, 28) and set(found.x[1:].unique().tolist()) <= {0.0, 1.0}
    assert bool((found.x[0] >= 0).all()) and found.x[0].unique().numel() > 1000  # noise


def test_what_reconstructs_walks_by_its_outputs(loaded: Loaded) -> None:
    model = loaded("vae/digits")
    assert chains(model) == ("gibbs", "coding", "reconstruct", "latent")
    x = examples(model, [0])["x"]
    found = walk(model, steps=2, count=1, example=0, by="reconstruct")
    assert torch.allclose(found.x[2], model.reconstruct(model.reconstruct(x)), atol=1e-6)


def test_a_walk_of_codes_keeps_a_gaussian_and_a_uniform_law() -> None:
    torch.manual_seed(0)
    z, fresh = torch.randn(2, 20_000, 2)
    moved = _turned(z, fresh)
    assert (
        abs(float(moved.var()) - 1) < 0.03
        and abs(float((moved * z).mean()) - float(torch.cos(torch.tensor(STRIDE)))) < 0.03
    )
    sphere = torch.nn.functional.normalize(torch.randn(2, 50, 3), dim=2)
    assert torch.allclose(_turned(*sphere).norm(dim=1), torch.ones(50), atol=1e-5)
    generator = torch.Generator().manual_seed(0)
    renewed = _renewed(torch.zeros(10_000, 1), torch.ones(10_000, 1), generator)
    assert abs(float(renewed.mean()) - STRIDE) < 0.02


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        ("vae/digits", {"sample", "reconstruct", "traverse", "interpolate", "manifold", "walk"}),
        ("gan/ring", {"sample", "traverse", "interpolate", "manifold", "walk"}),
        ("dae/walkback-digits", {"reconstruct", "walk", "denoise"}),
        ("dae/gsn-digits", {"walk"}),
        (
            "vae/semi-supervised-digits",
            {"sample", "reconstruct", "traverse", "interpolate", "manifold", "walk"},
        ),
    ],
)
def test_what_serves_a_model_follows_from_its_outputs(loaded: Loaded, name: str, verbs: set[str]) -> None:
    assert set(abilities.verbs(loaded(name))) == verbs


@pytest.mark.parametrize(
    ("name", "call", "code", "says"),
    [
        ("dae/walkback-digits", lambda m: manifold(m), "GF804", "What serves it: reconstruct, walk, denoise"),
        ("gan/ring", lambda m: walk(m, by="transition"), "GF806", "it has latent"),
        ("gan/ring", lambda m: walk(m, example=1), "GF806", "not from an example"),
        ("vae/digits", lambda m: walk(m, example=10**6), "GF806", "has no example"),
        ("vae/digits", lambda m: manifold(m, given={"y": 1}), "GF807", "takes no condition"),
    ],
)
def test_what_is_not_there_is_said(
    loaded: Loaded, name: str, call: Callable[[genframe.Model], Any], code: str, says: str
) -> None:
    with pytest.raises(genframe.RecipeError, match=says) as raised:
        call(loaded(name))
    assert raised.value.problems[0].code == code


def test_codes_of_any_shape_have_axes(loaded: Loaded) -> None:
    z = torch.randn(30, 2, 2, 2)
    from genframe.axes import _axes

    axes = _axes(z.flatten(1).double(), (2, 2, 2), "q(z)", 3)
    made: Tensor = axes.codes(torch.zeros(4, 3))
    assert made.shape == (4, 2, 2, 2)


def test_a_prior_of_other_things_than_codes_is_not_drawn_from(loaded: Loaded) -> None:
    """The prior of a model of codes by number draws these numbers, and `decode` takes vectors."""
    model = loaded("vae/vq-digits")
    assert not abilities.has(model, abilities.PRIOR) and "latent" not in chains(model)
    with pytest.raises(genframe.RecipeError, match="that are codes"):
        Latents(model).draw(1)
    assert manifold(model, side=2).plane.of.endswith("q(z)")


def test_data_of_several_datasets_are_found_by_their_fields(loaded: Loaded, tmp_path: Path) -> None:
    model = loaded("vae/semi-supervised-digits")
    exports.reconstructions(model, tmp_path / "a.npz", 3, None, given={"y": 7})
    batch = model.feeds["unknown"].split("test").first(3)
    with np.load(tmp_path / "a.npz") as found:
        expected = model.call("reconstruct", {"y": torch.full((3,), 7)}, batch["x"], seed=0)
        assert np.allclose(found["reconstruction"], expected, atol=1e-6)
    assert model.sample(2, given={"y": 7}).shape == (2, 1, 28, 28)


def test_the_first_direction_is_the_one_that_moves_what_is_decoded(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x = 3 z[2] a + z[0] b, of two patterns a and b: z[2] comes first, then z[0], and z[1] not at all."""
    from genframe.axes import _of_draws

    held = Latents(loaded("gan/digits"))
    patterns = torch.nn.functional.normalize(torch.randn(2, 50), dim=1)
    monkeypatch.setattr(held, "decode", lambda z: 3 * z[:, 2:] @ patterns[:1] + z[:, :1] @ patterns[1:])
    axes = _of_draws(held, 2)
    assert torch.allclose(axes.directions.abs(), torch.tensor([[0.0, 0, 1], [1, 0, 0]]), atol=0.1)
    assert float(axes.share[0]) > 0.8 and float(axes.share.sum()) == pytest.approx(1, abs=1e-4)
