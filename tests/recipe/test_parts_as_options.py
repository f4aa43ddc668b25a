"""Components that stand in an option of another: checked, resolved, locked, built and scheduled as all are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from jsonschema import Draft202012Validator

import genframe
from genframe.errors import RecipeError
from genframe.lock import used_code
from genframe.recipe import load_recipe
from genframe.recipe.load import load as load_yaml
from genframe.recipe.model import Instance, Schedule
from genframe.recipe.resolve import resolved_yaml
from genframe.recipe.schema import json_schema
from genframe.registry import Registry

RECIPE = """\
pipeline: dae
data: {use: digits, batch_size: 16}
encoder: {use: mlp, hidden: [4]}
decoder: {use: mlp, hidden: [4]}
noise: NOISE
train: {steps: 3}
"""
NESTED = """
  use: one-of
  parts:
    grain: {use: gaussian, std: {linear: {from: 0.2, to: 0.6, steps: 4}}}
    both: {use: compose, parts: [speckle, {use: block-dropout, share: [0, 0.5]}]}
  chances: {grain: 3}
"""

WRONG = """\
from typing import Annotated, Any

from genframe import Component, Of, hookimpl

GENFRAME_API = 1


def blur_it(x, *, inner: Annotated[Any, Of("noise")]):
    return inner.noised(x)


class Held:
    def __init__(self, *, inner: Annotated[Any, Of("noise")] | None = None) -> None:
        self.inner = inner

    def __call__(self, x):
        return x if self.inner is None else self.inner(x)[0]


@hookimpl
def genframe_functions():
    return [Component("blur-it", "my_parts:blur_it"), Component("held", "my_parts:Held")]
"""


def _whole(text: str) -> str:
    return text if text.startswith("genframe") else f"genframe: 1\n{text}"


def recipe(noise: str, folder: Path, registry: Registry) -> Any:
    return load_recipe(tiny.recipe_file(folder, RECIPE.replace("NOISE", noise)), registry=registry)


def test_options_hold_instances_by_their_places(tmp_path: Path, registry: Registry) -> None:
    noise = recipe(NESTED, tmp_path, registry).instances["noise"]
    grain, both = noise.options["parts"].values()
    assert isinstance(grain, Instance) and isinstance(grain.options["std"], Schedule)
    assert grain.mark.line == 9 and grain.mark.file.endswith("recipe.yaml")
    assert [part.name for part in noise.parts()] == [
        "noise.parts.grain",
        "noise.parts.both",
        "noise.parts.both.parts.speckle",
        "noise.parts.both.parts.block-dropout",
    ]
    assert both.options["parts"]["speckle"].options["std"] == 0.3


def test_they_resolve_to_text_that_loads_to_the_same(tmp_path: Path, registry: Registry) -> None:
    first = recipe(NESTED, tmp_path, registry)
    text = resolved_yaml(first)
    (tmp_path / "again.yaml").write_text(text)
    again = load_recipe(tmp_path / "again.yaml", registry=registry)
    assert resolved_yaml(again) == text
    assert "dae/block-dropout" in text and "share: [0.0, 0.5]" in text
    schema = Draft202012Validator(json_schema(registry))
    for written in (
        text,
        RECIPE.replace("NOISE", NESTED),
        RECIPE.replace("NOISE", "{use: compose, parts: [blur]}"),
    ):
        assert not list(schema.iter_errors(load_yaml(_whole(written), "recipe.yaml").plain()))
    wrong = RECIPE.replace("NOISE", "{use: compose, parts: {a: {use: blur, standard: 1}}}")
    assert list(schema.iter_errors(load_yaml(_whole(wrong), "recipe.yaml").plain()))


def test_the_lock_names_them_and_their_schedules(tmp_path: Path, registry: Registry) -> None:
    components = used_code(recipe(NESTED, tmp_path, registry))["components"]
    assert components["noise.parts.both.parts.speckle"]["name"] == "dae/speckle"
    assert components["noise.parts.grain.std"]["name"] == "optim/linear"


def test_they_are_built_and_their_schedules_move(tmp_path: Path, registry: Registry) -> None:
    plan = tiny.plan_of(recipe(NESTED, tmp_path, registry))
    grain = plan.parts["noise"].parts["grain"]
    tiny.stepper_of(plan).step(2, tiny.batch_of(plan))
    assert grain.std == pytest.approx(0.4)  # of 0.2 to 0.6 in 4 steps
    assert set(plan.parts.inner) == {part.name for part in plan.recipe.instances["noise"].parts()}


@pytest.mark.parametrize(
    ("noise", "path", "says"),
    [
        ("{use: compose, parts: {a: gausian}}", "noise.parts.a", "gausian"),
        (
            "{use: compose, parts: {a: {use: gaussian, std: -1}}}",
            "noise.parts.a.std",
            "expected a number >= 0",
        ),
        ("{use: compose, parts: {a: {use: gaussian, at: x}}}", "noise.parts.a.at", "no option 'at'"),
        ("{use: compose, parts: {}}", "noise.parts", "at least one noise"),
        ("{use: compose, parts: 3}", "noise.parts", "expected noises by different names"),
        ("{use: compose, parts: [blur, blur]}", "noise.parts", "expected noises by different names"),
        ("{use: compose, parts: {'1a': blur}}", "noise.parts.1a", "is not a name"),
        ("compose", "noise.parts", "needs the option 'parts': a mapping of names to noises"),
    ],
)
def test_what_is_wrong_in_them_has_its_place(
    noise: str, path: str, says: str, tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(noise, tmp_path, registry)
    (problem,) = caught.value.problems
    assert problem.path == path and says in problem.message
    assert problem.mark is not None and problem.mark.line == 6


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{use: blur-it, inner: {use: uniform, width: 0.5}}", 0.5),
        ("{use: held, inner: uniform}", 0.3),
        ("held", 0.0),
    ],
)
def test_one_component_may_stand_in_an_option_of_a_function_too(
    block: str, told: float, tmp_path: Path
) -> None:
    tiny.parts_file(tmp_path, WRONG)
    text = f"""\
        pipeline: vae
        plugins: [./my_parts.py]
        data: {{use: digits, batch_size: 16}}
        encoder: {{use: mlp, hidden: [4]}}
        decoder: {{use: mlp, hidden: [4]}}
        prior: {{use: gaussian, dim: 2}}
        function: {block}
        wires: {{changed: function(x)}}
        train: {{steps: 1}}
        """
    plan = tiny.plan_of(load_recipe(tiny.recipe_file(tmp_path, text)))
    change = plan.parts.handed("function")(torch.full((4, 1, 28, 28), 0.5)) - 0.5
    assert float(change.abs().max()) == pytest.approx(told, abs=0.005)


BESIDE = """\
from typing import Annotated, Any

import torch

from genframe import Component, Of, Schedulable, hookimpl

GENFRAME_API = 1


def noisy(sample, data, *, by: Annotated[Any, Of("noise")], scale: Schedulable = 1.0):
    x = torch.full((2000, 2), 0.5)
    return {"deviation": float((by.noised(x) - x).std()), "scale": scale}


def noised(sample, n, *, by: dict[str, Annotated[Any, Of("noise")]]):
    x = torch.zeros(n, 2)
    for one in by.values():
        x = one.noised(x)
    return x


class Langevin(torch.optim.SGD):
    def __init__(self, params, *, lr: Schedulable = 0.1, by: Annotated[Any, Of("noise")] | None = None):
        super().__init__(params, lr)
        self.by, self.seen = by, []

    @torch.no_grad()
    def step(self, closure=None):
        super().step()
        self.seen.append(self.by.std)


class Inside:
    def __init__(self, *, by: Annotated[Any, Of("noise")] | None = None) -> None:
        self.by = by
    def log(self, row): pass
    def spec(self): pass


def wraps(params, *, base: Annotated[Any, Of("optimizer")] | None = None):
    return torch.optim.SGD(params, 0.1)


@hookimpl
def genframe_metrics(): return [Component("noisy", "my_parts:noisy")]
@hookimpl
def genframe_samplers(): return [Component("noised", "my_parts:noised")]
@hookimpl
def genframe_optimizers():
    return [Component("langevin", "my_parts:Langevin"), Component("wraps", "my_parts:wraps")]
@hookimpl
def genframe_trackers(): return [Component("inside", "my_parts:Inside")]
@hookimpl
def genframe_datasets(): return [Component("within", "my_parts:Inside")]
"""

AROUND = """\
plugins: [./my_parts.py]
data: {use: ring, n: 64, batch_size: 16}
encoder: {use: mlp, hidden: [4]}
decoder: {use: mlp, hidden: [4], given: {out_shape: [2]}}
wires: {restored: decoder(encoder(x)), error: "mse(x, restored)"}
players:
  one: {trains: [encoder], minimises: {error: 1}}
  other: {trains: [decoder], minimises: {error: 1}}
optimizer: {use: langevin, by: {use: gaussian, std: {linear: {from: 0, to: 4, steps: 4}}}}
outputs: {sample(x): decoder(encoder(x))}
evaluate:
  noisy: {use: noisy, by: {use: gaussian, std: 0.25}, scale: {linear: {from: 0, to: 8, steps: 4}}}
samplers:
  noised: {use: noised, by: {a: {use: gaussian, std: 3}, b: {use: gaussian, std: 4}}}
train: {steps: 2}
device: cpu
"""


@pytest.fixture
def around(tmp_path: Path) -> Any:
    tiny.parts_file(tmp_path, BESIDE)

    def make(*overrides: str) -> Any:
        return load_recipe(tiny.recipe_file(tmp_path, AROUND), overrides)

    return make


def test_components_in_options_of_metrics_and_samplers_come_built(around: Any, tmp_path: Path) -> None:
    """2,000 x 2 draws: their deviation is within 5 % of 0.25, and of 5 for the two in turn, but for 1 in 10^5."""
    model = genframe.load(tiny.train(around(), tmp_path / "run"))
    (row,) = model.evaluate()
    assert row["figures"]["deviation"] == pytest.approx(0.25, rel=0.05)
    assert row["figures"]["scale"] == 4.0, "a schedule is a number, that of step 2"
    told = row["protocol"]["options"]["by"]
    assert (told["use"], told["std"]) == ("dae/gaussian", 0.25)
    assert float(model.draw("noised", 2000).std()) == pytest.approx(5, rel=0.05)


def test_players_that_share_an_optimizers_block_have_a_component_each_and_its_schedule_moves(
    around: Any,
) -> None:
    plan = tiny.plan_of(around())
    stepper = tiny.stepper_of(plan)
    for step in range(3):
        stepper.step(step, tiny.batch_of(plan))
    one, other = (side.optimizer for side in stepper.sides)
    assert one.by is not other.by
    assert one.seen == other.seen == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("track={inside: {use: inside, by: gaussian}}", "track.inside.by"),
        ("data={use: within, by: gaussian}", "data.by"),
        ("optimizer={use: wraps, base: adam}", "optimizer.base"),
    ],
)
def test_a_component_where_none_can_be_built_is_told(around: Any, override: str, path: str) -> None:
    with pytest.raises(RecipeError) as caught:
        around(override)
    problem = caught.value.problems[0]
    assert (problem.code, problem.path) == ("GF221", path)
    assert around("track={inside: {use: inside, by: null}}").track
