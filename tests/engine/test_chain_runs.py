"""Runs that draw by a chain: metrics that are given a sampler, animations, draws within a metric."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import small, train

from genframe import Model, exports
from genframe.engine.averages import Averages
from genframe.errors import RecipeError

BRIEF = "train={steps: 3, checkpoint: {every: 3}, samples: {n: 4}, log: {every: 1}}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = small("dae/gsn-digits", BRIEF, "players.model.ema=0.9", "evaluate.parzen.samples=30")
    return train(recipe, tmp_path_factory.mktemp("gsn") / "run")


def test_a_metric_is_given_a_sampler_and_uses_the_averaged_weights(run: Path) -> None:
    model = Model(run)
    (row,) = model.evaluate("parzen")
    again = Model(run).evaluate("parzen")[0]
    assert row["figures"] == again["figures"] and row["protocol"]["weights"] == "averaged"
    assert Model(run, raw=True).evaluate("parzen")[0]["figures"] != row["figures"]


def test_averages_that_are_in_place_stay_within() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(net.weight, 1.0)
    averages = Averages(0.5, {"net": net})
    torch.nn.init.constant_(net.weight, 3.0)
    with averages.in_place():
        with averages.in_place():
            assert net.weight.item() == 1.0
        assert net.weight.item() == 1.0
    assert net.weight.item() == 3.0


def test_a_chain_is_written_as_an_animation_in_its_order(run: Path, tmp_path: Path) -> None:
    sampler = "{use: chain, chains: 1, burn_in: 0, draw: mean}"
    target = tmp_path / "chain.gif"
    exports.check_target(target, moving=True)
    exports.samples(Model(run), target, 5, 0, sampler=sampler, titles=False)
    expected = Model(run).draw(sampler, 5, seed=0)
    with Image.open(target) as image:
        assert image.n_frames == 5 and image.size == (196, 196)
        for place in range(5):
            image.seek(place)
            shown = torch.tensor(list(image.convert("L").getdata())).view(28, 7, 28, 7)[:, 0, :, 0] / 255
            assert float((shown - expected[place, 0]).abs().max()) < 0.03


def test_the_left_half_of_an_inpainted_digit_is_observed(run: Path) -> None:
    model = Model(run)
    drawn = model.draw("{use: chain, observed: left, burn_in: 2}", 6, seed=0)
    data = model.feeds[""].split("train").tensors["x"][..., :14].flatten(1)
    assert float(torch.cdist(drawn[..., :14].flatten(1), data).min(1).values.max()) < 1e-3


def test_points_make_no_animation(tmp_path: Path) -> None:
    run = train(small("dae/chain-moons", BRIEF), tmp_path / "run")
    with pytest.raises(RecipeError, match=r"of which a \.gif"):
        exports.samples(Model(run), tmp_path / "a.gif", 4, 0, sampler="{use: chain, burn_in: 1}")


def test_reconstructions_make_no_animation() -> None:
    with pytest.raises(RecipeError, match="must end in"):
        exports.check_target(Path("a.gif"))
