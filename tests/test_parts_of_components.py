"""Parts of components by path: what a player trains of one, what is frozen of it, and what is wrong with a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import (
    batch_of,
    differing,
    numbers,
    parts_file,
    plan_of,
    recipe_file,
    resume,
    saved,
    stepper_of,
    train,
)

from genframe.engine.outputs import Outputs
from genframe.engine.step import Stepper
from genframe.errors import Problem, RecipeError
from genframe.explain import explain
from genframe.plan import Plan
from genframe.recipe import load_recipe

PARTS = """
    import torch
    from torch import Tensor, nn
    from genframe import Component, Shape, hookimpl

    class Net(nn.Module):
        '''Two blocks with a norm each, and a head.'''
        def __init__(self, in_shape: Shape):
            super().__init__()
            size = in_shape[0]
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(size, size), nn.BatchNorm1d(size)) for _ in range(2))
            self.act = nn.Tanh()
            self.head = nn.Linear(size, size)
        def forward(self, x):
            for block in self.blocks:
                x = self.act(block(x))
            return self.head(x)

    def size(a: Tensor): return a.square().mean()
    def far(a: Tensor): return (a - 1).square().mean()

    @hookimpl
    def genframe_encoders():
        return [Component("net", "my_parts:Net")]

    @hookimpl
    def genframe_losses():
        return [Component("size", "my_parts:size"), Component("far", "my_parts:far")]
"""

TWO = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    encoder: net
    wires: {out: encoder(x), near: size(out), away: far(out)}
    players:
      body: {trains: [encoder.blocks], minimises: {near: 1}}
      head: {trains: [encoder.head], minimises: {away: 1}}
    outputs: {encode(x): encoder(x)}
    optimizer: {use: sgd, lr: 0.1}
    train: {steps: 4, checkpoint: {every: 2, keep: 9}}
    device: cpu
"""

ONE = TWO.replace("body: {trains: [encoder.blocks]", "body: {trains: [encoder]").replace(
    "      head: {trains: [encoder.head], minimises: {away: 1}}\n", ""
)

Make = Callable[..., Plan]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    parts_file(tmp_path, PARTS)
    return lambda text, *overrides: plan_of(str(recipe_file(tmp_path, text)), *overrides)


def moved(stepper: Stepper, steps: int = 1) -> set[str]:
    before = numbers(stepper.modules["encoder"])
    for step in range(steps):
        stepper.step(step, batch_of(stepper.plan))
    return set(differing(before, stepper.modules["encoder"].state_dict()))


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_two_players_that_share_a_net_move_as_a_step_written_by_hand(make: Make, play: str) -> None:
    plan, other = make(TWO, f"play={play}"), make(TWO)
    stepper, twin = stepper_of(plan), other.parts["encoder"].train()
    twin.requires_grad_(True)
    x = batch_of(plan)["x"]
    body, head = [*twin.blocks.parameters()], [*twin.head.parameters()]

    def gradient(of: str, parameters: list[Any]) -> tuple[torch.Tensor, ...]:
        out = twin(x)
        return torch.autograd.grad(
            out.square().mean() if of == "near" else (out - 1).square().mean(), parameters
        )

    def move(parameters: list[Any], gradients: tuple[torch.Tensor, ...]) -> None:
        with torch.no_grad():
            for parameter, g in zip(parameters, gradients, strict=True):
                parameter -= 0.1 * g

    for step in range(3):
        stepper.step(step, batch_of(plan))
        first = gradient("near", body)
        if play == "alternating":
            move(body, first)
            move(head, gradient("away", head))
        else:
            second = gradient("away", head)
            move(body, first)
            move(head, second)
    for key, parameter in twin.named_parameters():
        torch.testing.assert_close(
            dict(stepper.modules["encoder"].named_parameters())[key], parameter, msg=key
        )


def test_routing_and_explain_go_by_the_entries_of_trains(make: Make, tmp_path: Path) -> None:
    plan = make(TWO)
    assert plan.routing == {"body": {"near": ("encoder.blocks",)}, "head": {"away": ("encoder.head",)}}
    facts = explain(load_recipe(str(recipe_file(tmp_path, TWO))))
    assert facts["routing"]["components"] == ["encoder.blocks", "encoder.head"]
    assert [player["trains"] for player in facts["players"]] == [["encoder.blocks"], ["encoder.head"]]
    assert sum(player["parameters"] for player in facts["players"]) == facts["parameters"]["trained"]


@pytest.mark.parametrize(
    ("trains", "keys"),
    [
        ("[encoder, not encoder.head]", {"blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1"}),
        ("[not encoder.head, not encoder.blocks.0]", {"blocks.1.0", "blocks.1.1"}),
        ("[encoder.blocks.1, encoder.head]", {"blocks.1.0", "blocks.1.1", "head"}),
        (
            "[encoder.blocks, not encoder.blocks.0.0.weight]",
            {"blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1"},
        ),
    ],
)
def test_what_is_left_out_is_trained_by_another_or_frozen(make: Make, trains: str, keys: set[str]) -> None:
    overrides = [f"players.body.trains={trains}"]
    with pytest.raises(RecipeError) as caught:
        make(ONE, *overrides)
    (problem,) = caught.value.problems
    assert problem.code == "GF510"
    assert "nobody trains some of 'encoder'" in problem.message
    frozen = problem.message.rpartition("frozen: ")[2]
    frozen = frozen if "not encoder.blocks.0.0.weight" not in trains else "[head, blocks.0.0.weight]"
    plan = make(ONE, *overrides, f"encoder.frozen={frozen}")
    names = {key.removeprefix("encoder.") for key in plan.trained_parameters(plan.recipe.players[0])}
    assert {key.rpartition(".")[0] for key in names} == keys


def test_a_frozen_part_stays_with_its_statistics_while_the_rest_learns(make: Make) -> None:
    plan = make(ONE, "encoder.frozen=[blocks.0]")
    stepper = stepper_of(plan)
    changed = moved(stepper, 3)
    assert changed and not [key for key in changed if key.startswith("blocks.0")]
    assert {"blocks.1.1.running_mean", "head.weight", "blocks.1.0.weight"} <= changed
    first, second = stepper.modules["encoder"].blocks
    assert (first.training, first[1].training, second[1].training) == (False, False, True)
    with Outputs(plan).evaluating("test"):
        assert not second[1].training
    assert (first[1].training, second[1].training, stepper.modules["encoder"].training) == (False, True, True)


def test_all_but_a_part_is_frozen(make: Make) -> None:
    stepper = stepper_of(make(ONE, "encoder.frozen=[not head]"))
    assert moved(stepper) == {"head.weight", "head.bias"}


def test_a_run_that_trains_parts_goes_on_bit_for_bit_with_averages(make: Make, tmp_path: Path) -> None:
    parts_file(tmp_path, PARTS)
    averaged = ("players.body.ema=0.5", "players.head.ema=0.3")
    recipe = lambda *more: load_recipe(str(recipe_file(tmp_path, TWO)), (*averaged, *more))  # noqa: E731
    short = train(recipe("train.steps=2"), tmp_path / "short")
    resume(short, "train.steps=4")
    long = train(recipe(), tmp_path / "long")
    assert not differing(saved(short), saved(long))
    stored = saved(long)
    ema = {key for key in stored if key.startswith("encoder.ema/")}
    assert {key.replace("encoder.ema/", "encoder/") for key in ema} == {
        k for k in stored if k.startswith("encoder/")
    }
    for key in ("head.weight", "blocks.0.0.weight", "blocks.1.1.running_mean"):
        assert differing({"k": stored[f"encoder.ema/{key}"]}, {"k": stored[f"encoder/{key}"]}), key


def test_an_average_holds_what_its_player_trains_and_no_more(make: Make) -> None:
    plan = make(TWO, "players.head.ema=0.5")
    stepper = stepper_of(plan)
    before = numbers(stepper.modules["encoder"])
    stepper.step(0, batch_of(plan))
    averages, now = stepper.sides[1].averages, numbers(stepper.modules["encoder"])
    assert averages is not None
    assert averages.averaged("encoder") == {"head.weight", "head.bias"}
    decay = 2 / 11
    state = averages.state()["encoder"]
    torch.testing.assert_close(
        state["head.bias"], decay * before["head.bias"] + (1 - decay) * now["head.bias"]
    )
    assert not differing({"w": state["blocks.0.0.weight"]}, {"w": now["blocks.0.0.weight"]})


def problems(make: Make, text: str, *overrides: str) -> list[Problem]:
    with pytest.raises(RecipeError) as caught:
        make(text, *overrides)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("override", "code", "says", "near"),
    [
        ("players.head.trains=[encoder.haed]", "GF528", "it has no part 'haed'; its parts", "encoder.head"),
        ("players.head.trains=[encoder.act]", "GF528", "'act' holds no parameters", None),
        ("players.head.trains=[encodr.head]", "GF213", "'encodr' is no instance", "encoder"),
        ("players.head.trains=[not encoder.haed, encoder.head]", "GF528", "no part 'haed'", "encoder.head"),
        ("encoder.frozen=[haed]", "GF528", "it has no part 'haed'", "head"),
        ("encoder.frozen=[head]", "GF515", "'encoder.head' is frozen", None),
        ("encoder.frozen=3", "GF205", "frozen", None),
        ("players.head.trains=[encoder.head, encoder.head]", "GF209", "stands here twice", None),
    ],
)
def test_a_wrong_path_is_told_with_the_nearest(
    make: Make, override: str, code: str, says: str, near: str | None
) -> None:
    (found,) = [problem for problem in problems(make, TWO, override) if problem.code == code]
    assert says in str(found)
    assert found.nearest == near or near is None


def test_a_part_that_no_term_teaches_is_told(make: Make) -> None:
    wires = "wires={inner: size(x), other: encoder(x)}"
    found = problems(make, TWO, wires, "players.head.minimises={inner: 1, away: null}")
    assert any(p.code == "GF512" and "teaches 'encoder.head'" in p.message for p in found)


def test_two_players_of_one_parameter_are_remarked_and_with_two_averages_refused(make: Make) -> None:
    both = ("players.head.trains=[encoder.head, encoder.blocks.1]",)
    plan = make(TWO, *both)
    (remark,) = [r for r in plan.remarks if r.code == "GF529"]
    assert "'body' and 'head' both train 'encoder.blocks.1.0.weight'" in remark.message
    found = problems(make, TWO, *both, "players.head.ema=0.5", "players.body.ema=0.5")
    assert [p.code for p in found] == ["GF546"]
