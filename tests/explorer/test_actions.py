"""What the page asks for is what the model's own outputs give."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genframe import walk
from genframe.errors import RecipeError
from genframe.explorer import actions, ways
from genframe.explorer.actions import ACTIONS, ALONG, REACH
from genframe.explorer.asked import Asked, Unfit
from genframe.explorer.explored import CANVAS, Explored

from .conftest import Open


def ask(explored: Explored, action: str, **values: Any) -> dict[str, Any]:
    with explored.computing():
        return ACTIONS[action](explored, Asked(values))


def pixels(shown: dict[str, Any]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(shown["pixels"]), np.uint8)
    return flat.reshape(shown["count"], shown["height"], shown["width"], shown["channels"])


def as_pixels(x: Tensor) -> np.ndarray:
    return (x.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def close(one: np.ndarray, other: np.ndarray) -> bool:
    """To a grey level, which is how far a rounding may fall."""
    return one.shape == other.shape and int(np.abs(one.astype(int) - other.astype(int)).max()) <= 1


def test_examples_come_with_their_classes(explored: Open) -> None:
    vae = explored("vae")
    made = ask(vae, "examples", **{"from": 3, "count": 4})
    assert close(pixels(made["shown"]), as_pixels(vae.rows["x"][3:7]))
    assert made["labels"] == vae.rows["y"][3:7].tolist()


def test_a_slider_along_an_axis_moves_the_code_along_it_alone(explored: Open) -> None:
    vae = explored("vae")
    made = ask(vae, "latents", start={"middle": True}, moves={"1": 2.0})
    code = vae.axes.codes(torch.tensor([[0.0, 2.0]]))
    assert close(pixels(made["shown"]), as_pixels(vae.model.call("decode", code)))
    assert made["values"] == pytest.approx([0.0, 2.0, 0.0], abs=1e-3)


def test_a_slider_starts_from_an_examples_code_and_leaves_the_rest_of_it(explored: Open) -> None:
    vae = explored("vae")
    code = vae.model.encode(vae.rows["x"][5:6])
    still = ask(vae, "latents", start={"example": 5}, basis="coded")
    assert close(pixels(still["shown"]), as_pixels(vae.model.call("decode", code)))
    widest = int(vae.moving[0][0])
    moved = ask(vae, "latents", start={"example": 5}, basis="coded", moves={"0": 1.5})
    code[0, widest] = 1.5
    assert (
        close(pixels(moved["shown"]), as_pixels(vae.model.call("decode", code))) and moved["values"][0] == 1.5
    )


def test_pictures_along_a_slider_go_from_one_end_to_the_other(explored: Open) -> None:
    vae = explored("vae")
    made = ask(vae, "latents", along=2)
    ends = torch.tensor([[0, 0, -REACH], [0, 0, REACH]])
    drawn = pixels(made["shown"])
    start = vae.axes.coordinates(vae.model.encode(vae.rows["x"][:1]))
    start = start.repeat(2, 1)
    start[:, 2] = ends[:, 2]
    assert len(drawn) == ALONG
    assert close(drawn[[0, -1]], as_pixels(vae.model.call("decode", vae.axes.codes(start))))


def test_a_gan_starts_from_draws_of_its_prior(explored: Open) -> None:
    gan = explored("points")
    one, again, other = (ask(gan, "latents", start={"seed": seed})["shown"]["values"] for seed in (1, 1, 2))
    assert one == again != other
    assert one[0] == pytest.approx(gan.model.call("decode", gan.latents({}).draw(1, 1))[0].tolist(), abs=1e-4)


def test_a_point_of_the_map_is_what_the_sheet_has_there(explored: Open) -> None:
    vae = explored("vae")
    sheet = ask(vae, "map", side=4)
    upper_right = ask(vae, "point", at=[3.5 / 4, 3.5 / 4])
    assert close(pixels(upper_right["shown"])[0], pixels(sheet["shown"])[3])
    assert len(sheet["dots"]["at"]) == len(sheet["dots"]["labels"]) == len(vae.rows["x"])
    assert all(0 <= share <= 1 for dot in sheet["dots"]["at"] for share in dot)


def test_large_pictures_are_made_smaller_on_the_map(explored: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = explored("vae")
    monkeypatch.setattr(actions, "TILE", 14)
    large = ask(vae, "map")
    assert (large["side"], large["shown"]["count"], large["shown"]["height"]) == (10, 100, 14)
    monkeypatch.undo()
    whole = torch.from_numpy(pixels(ask(vae, "map", side=10)["shown"]).copy()).float().permute(0, 3, 1, 2)
    halved = torch.nn.functional.avg_pool2d(whole, 2).permute(0, 2, 3, 1)
    assert np.abs(pixels(large["shown"]) - halved.numpy()).max() <= 1.1


def test_dots_of_a_plane_of_two_latents_lie_where_the_prior_has_their_share(explored: Open) -> None:
    five = explored("five")
    dots = torch.tensor(ask(five, "map", side=2)["dots"]["at"])
    codes = five.codes.flatten(1)
    assert torch.allclose(dots, torch.special.ndtr(codes), atol=0.01)


def test_a_drawing_is_made_the_pictures_size_and_restored(explored: Open) -> None:
    vae = explored("vae")
    ink = torch.zeros(CANVAS, CANVAS, dtype=torch.uint8)
    ink[40:60, 30:80] = 255
    made = ask(vae, "draw", source={"drawing": base64.b64encode(ink.numpy().tobytes()).decode()})
    x = torch.nn.functional.interpolate(
        ink.float().reshape(1, 1, CANVAS, CANVAS) / 255, (28, 28), mode="area"
    )
    assert close(pixels(made["given"]), as_pixels(x))
    assert [one["name"] for one in made["made"]] == ["reconstruct"]
    assert close(pixels(made["made"][0]["shown"]), as_pixels(vae.model.reconstruct(x)))
    assert made["code"] == pytest.approx(vae.model.encode(x)[0].tolist(), abs=1e-3) and made["numbers"] == 3


def test_a_grey_drawing_serves_pictures_of_five_channels_and_a_coloured_one_too(explored: Open) -> None:
    five = explored("five")
    for channels in (1, 3):
        raw = bytes([51]) * (CANVAS * CANVAS * channels)
        source = {"drawing": base64.b64encode(raw).decode(), "channels": channels}
        assert (pixels(ask(five, "draw", source=source)["given"]) == 51).all()


def test_noise_is_the_injectors_own_at_the_level_that_is_asked_for(explored: Open) -> None:
    chain = explored("chain")
    x = chain.rows["x"][2:3]
    made = ask(chain, "noise", source={"example": 2}, noise="dae/masking", levels={"share": 1.0})
    assert pixels(made["noised"]).max() == 0 and made["level"] == 1.0
    assert close(pixels(made["clean"]), as_pixels(x))
    assert close(pixels(made["made"]), as_pixels(chain.model.call("denoise", torch.zeros_like(x))))
    none = ask(chain, "noise", source={"example": 2}, noise="none", by="reconstruct")
    assert close(pixels(none["noised"]), as_pixels(x)) and none["level"] == 0


def test_noise_is_a_function_of_its_seed_and_leaves_nothing_behind(explored: Open) -> None:
    chain = explored("chain")
    injector = chain.noises[0]["dae/salt-and-pepper"]
    before = [getattr(slider.owner, slider.attribute) for slider in injector.sliders]
    drawn = [
        ask(chain, "noise", noise=injector.name, levels={"share": 0.7}, seed=s)["noised"] for s in (4, 4, 5)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [getattr(slider.owner, slider.attribute) for slider in injector.sliders] == before
    assert injector.own and injector.sliders[0].value == 0.4  # as the recipe has it


def test_a_noise_of_parts_has_the_sliders_of_its_parts(explored: Open) -> None:
    keys = [slider.key for slider in explored("chain").noises[0]["dae/compose"].sliders]
    assert keys == ["grain.std", "holes.share"]


def test_noises_that_do_not_suit_are_named_with_the_reason(explored: Open) -> None:
    found, others = explored("points").noises
    assert "dae/gaussian" in found and others["dae/jpeg"] == "it takes pictures"
    assert others["dae/flip"] == "it takes labels"


def test_a_walk_is_the_models_chain_from_the_noised_picture(explored: Open) -> None:
    chain = explored("chain")
    made = ask(chain, "walk", source={"example": 1}, noise="none", chain="transition", steps=4, seed=3)
    own = walk.walk(chain.model, steps=4, count=1, example=1, by="transition", seed=3)
    assert close(pixels(made["shown"]), as_pixels(own.x[:, 0]))
    drawn = ask(chain, "walk", source={"example": 1}, noise="none", chain="transition", steps=2, draws=True)
    assert set(np.unique(pixels(drawn["shown"]))) <= {0, 255}


def test_a_denoiser_step_by_step_ends_at_what_it_makes_of_the_last_step(explored: Open) -> None:
    chain = explored("chain")
    one = ask(chain, "walk", noise="dae/gaussian", chain="denoise, step by step", steps=1)
    at_once = ask(chain, "noise", noise="dae/gaussian", by="denoise")
    assert close(pixels(one["shown"])[1], pixels(at_once["made"])[0])
    several = ask(chain, "walk", noise="dae/gaussian", chain="denoise, step by step", steps=5)
    assert several["shown"]["count"] == 6 and close(pixels(several["shown"])[0], pixels(at_once["noised"])[0])


def test_the_way_between_two_pictures_begins_and_ends_at_what_their_codes_decode_to(explored: Open) -> None:
    vae = explored("vae")
    for method in ("linear", "spherical"):
        made = ask(vae, "between", one={"example": 2}, other={"example": 4}, steps=5, method=method)
        both = vae.model.call("decode", vae.model.encode(vae.rows["x"][[2, 4]]))
        assert made["method"] == method and close(pixels(made["shown"])[[0, -1]], as_pixels(both))
    assert ask(vae, "between")["method"] == "spherical"  # of a normal prior


def test_samples_are_those_of_the_seed(explored: Open) -> None:
    vae = explored("vae")
    made = ask(vae, "samples", n=5, seed=9)
    assert close(pixels(made["shown"]), as_pixels(vae.model.sample(5, seed=9)))


def test_a_class_is_chosen_for_all_that_takes_one(explored: Open) -> None:
    model = explored("classes")
    one, other = (ask(model, "latents", start={"middle": True}, conditions={"y": y})["shown"] for y in (1, 2))
    assert one != other
    by_class = ask(model, "samples", by=ways.GIVEN, n=3, seed=1, conditions={"y": 4})
    z = model.latents({}).draw(3, 1)
    own = model.model.call("decode", {"z": z, "y": torch.full((3,), 4)})
    assert close(pixels(by_class["shown"]), as_pixels(own))
    own_label = ask(model, "draw", source={"example": 6})
    batch = {name: model.rows[name][6:7] for name in ("x", "y")}
    assert close(pixels(own_label["made"][0]["shown"]), as_pixels(model.model.call("reconstruct", batch)))


def test_points_and_their_answers_are_numbers(explored: Open) -> None:
    made = ask(explored("points"), "samples", n=700, seed=1)["shown"]
    assert made["kind"] == "points" and len(made["values"]) == 700


def test_pictures_of_another_size_than_the_data_are_shown_as_they_are(
    explored: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = explored("vae")
    monkeypatch.setattr(vae.model, "call", lambda *_, seed=0: torch.ones(2, 1, 8, 9))
    made = ask(vae, "samples", n=2)["shown"]
    assert (made["height"], made["width"]) == (8, 9)
    monkeypatch.setattr(vae.model, "call", lambda *_, seed=0: torch.ones(2))
    with pytest.raises(Unfit, match="an example has the shape"):
        ask(vae, "samples", n=2)


@pytest.mark.parametrize(
    ("word", "action", "values", "told"),
    [
        ("vae", "latents", {"moves": {"3": 1.0}}, "there is no slider 3: there are 3"),
        ("vae", "latents", {"moves": {"x": 1.0}}, "by the number of a slider"),
        ("vae", "latents", {"moves": {"0": 1e9}}, "0 is a number"),
        ("vae", "latents", {"basis": "sideways"}, "basis is one of axes, coded"),
        ("vae", "point", {"at": [0.5]}, "at has 2 numbers"),
        ("vae", "draw", {"source": {"drawing": "AAAA"}}, "12544 bytes in base64"),
        ("vae", "draw", {"source": {"values": [1, 2]}}, "values has 784 numbers"),
        ("points", "draw", {"source": {"drawing": "AAAA"}}, "nothing can be drawn"),
        ("vae", "noise", {"noise": "dae/fog"}, "noise is one of none, "),
        ("vae", "noise", {"noise": "dae/masking", "levels": {"share": 2}}, "share is a number from 0 to 1"),
        ("vae", "walk", {"chain": "transition"}, "chain is one of gibbs"),
        ("vae", "walk", {"steps": 10_000}, "steps is a whole number from 1 to 100"),
        ("vae", "samples", {"n": 65}, "n is a whole number from 1 to 64"),
        ("vae", "samples", {"seed": -1}, "seed is a whole number"),
    ],
)
def test_values_that_there_are_not_are_told(
    explored: Open, word: str, action: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unfit) as raised:
        ask(explored(word), action, **values)
    assert told in str(raised.value)


@pytest.mark.parametrize("given", [{"y": 11}, {"y": "cat"}, {"z": 1}, {"y": None}])
def test_a_class_that_there_is_not_is_told(explored: Open, given: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as raised:
        ask(explored("classes"), "samples", conditions=given)
    assert raised.value.problems[0].code == "GF807"
