"""What the page can do with a model follows from its outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genframe
from genframe.explorer import abilities
from genframe.explorer.explored import Explored

from .conftest import Open

ALL = {"latents", "map", "draw", "noise", "between", "samples"}


@pytest.mark.parametrize(
    ("word", "lacking"),
    [
        ("vae", set()),
        ("classes", set()),
        ("chain", {"latents", "map", "between"}),
        ("points", {"draw", "noise"}),
        ("five", set()),
    ],
)
def test_a_panel_is_there_where_the_outputs_are(explored: Open, word: str, lacking: set[str]) -> None:
    can, absent = abilities.found(explored(word))
    assert set(can) == ALL - lacking and set(absent) == lacking
    assert all(text.startswith("needs ") for text in absent.values())


def test_what_the_page_is_told_is_json_and_names_the_sliders(explored: Open) -> None:
    facts = json.loads(json.dumps(abilities.facts(explored("vae")), allow_nan=False))
    latents = facts["can"]["latents"]
    assert [axis["name"] for axis in latents["axes"]] == ["axis 1", "axis 2", "axis 3"]
    assert latents["of"] == "q(z)" and latents["encodes"] and facts["weights"] == "as trained"
    shares = [axis["share"] for axis in latents["axes"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-3)
    assert all(one["low"] < one["high"] for one in latents["coded"])
    assert facts["can"]["noise"]["others"]["dae/flip"] == "it takes labels"
    assert facts["paper"] == 0 and facts["conditions"] == [] and facts["look"] == "pictures"


def test_classes_points_and_averages_are_told(explored: Open) -> None:
    (condition,) = abilities.facts(explored("classes"))["conditions"]
    assert condition["name"] == "y" and condition["classes"] == 10
    points = abilities.facts(explored("points"))
    assert points["look"] == "points" and len(points["reference"][0]) == 2 and points["low"] < points["high"]
    assert points["weights"] == "averaged" and points["can"]["latents"]["of"] == "p(z)"


def test_what_fails_when_it_is_tried_is_left_out_with_the_reason(
    explored: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not fit\nmore")

    monkeypatch.setitem(abilities.actions.ACTIONS, "between", broken)
    can, absent = abilities.found(explored("vae"))
    assert "between" not in can and absent["between"] == "shapes do not fit"


def test_averaged_weights_are_in_place_while_a_model_is_explored(runs: Callable[[str], Path]) -> None:
    def weights(model: genframe.Model) -> list[float]:
        return model.outputs.plan.parts.modules()["decoder"].state_dict().popitem()[1].flatten().tolist()

    model = genframe.load(runs("points"))
    before = weights(model)
    one = Explored(model, "points")
    (average,) = [a for a in model.outputs.averages if a.averaged("decoder")]
    assert weights(model) != before and average.in_place
    one.close()
    assert weights(model) == before


def test_a_model_whose_data_are_gone_does_what_needs_none(
    runs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise genframe.RecipeError(genframe.Problem("GF601", "there is no file digits.npz"))

    for place in ("genframe.latents.examples", "genframe.axes.examples"):
        monkeypatch.setattr(place, gone)
    one = Explored(genframe.load(runs("vae")), "vae")
    facts = abilities.facts(one)
    assert set(facts["can"]) == {"draw", "noise", "between", "samples"} and facts["examples"] == 1
    assert facts["missing"] == facts["lacking"]["latents"] == "there is no file digits.npz"
    one.close()


def test_data_without_x_are_refused(runs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr("genframe.latents.examples", lambda *_: {"y": torch.zeros(2)})
    with pytest.raises(genframe.RecipeError) as raised:
        Explored(genframe.load(runs("vae")), "vae")
    assert raised.value.problems[0].code == "GF842"
