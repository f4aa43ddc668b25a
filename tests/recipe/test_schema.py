"""The JSON Schema: what ships validates, what is wrong does not, and every component is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from plain_recipe import PARTS, PLAIN

from genframe.recipe import load_recipe
from genframe.recipe.load import load as load_yaml
from genframe.recipe.places import KEYS
from genframe.recipe.resolve import resolved
from genframe.recipe.schema import json_schema
from genframe.registry import Registry

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
PIPELINES = sorted((ROOT / "plugins").rglob("pipelines/*.yaml"))


@pytest.fixture(scope="module")
def schema(registry: Registry) -> dict[str, Any]:
    return json_schema(registry.with_files([PARTS]))


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _complaints(validator: Draft202012Validator, data: Any) -> list[str]:
    return [error.message for error in validator.iter_errors(data)]


@pytest.mark.parametrize("file", [*RECIPES, *PIPELINES], ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_ships_validates(file: Path, validator: Draft202012Validator) -> None:
    data = load_yaml(file.read_text(encoding="utf-8"), str(file)).plain()
    assert not _complaints(validator, data)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_resolved_recipes_validate(file: Path, validator: Draft202012Validator, registry: Registry) -> None:
    assert not _complaints(validator, resolved(load_recipe(file, registry=registry)))


@pytest.mark.parametrize(
    "more",
    [
        "encoder: {hidden: [3]}",
        "encoder: {use: every, level: [0, 1], scheduled: {cosine: {from: 0, to: 1, steps: 3}}, number: '${env:X}'}",
        "encoder: null",
        "track: paper",
        "samplers: mixture",
        "samplers: {a: {use: mixture, components: 3, given: {encode: x}}}",
        "evaluate: {mine: {use: elbo, given: {x: y}}}",
        "players: {model: {minimises: {objective: {weight: {linear: {from: 0, to: 1, epochs: 2}}, start: 3}}}}",
    ],
)
def test_what_loads_validates(more: str, validator: Draft202012Validator) -> None:
    data = load_yaml(more, "more").plain()
    assert not _complaints(validator, {**load_yaml(PLAIN, "plain").plain(), **data})


@pytest.mark.parametrize(
    "more",
    [
        "encodr: mlp",
        "genframe: 2",
        "encoder: mpl",
        "encoder: {use: mlp, hiden: [3]}",
        "encoder: {hiden: [3]}",
        "encoder: {use: mlp, hidden: 3}",
        "encoder: {use: mlp, hidden: [x]}",
        "encoder: {use: every, choice: rleu}",
        "encoder: {use: every, positive: 0}",
        "encoder: {use: every, scheduled: {linera: {from: 0, to: 1}}}",
        "encoder: {use: every, scheduled: {linear: {form: 0, to: 1}}}",
        "encoder: {use: every, number: {linear: {from: 0, to: 1}}}",
        "encoders: mlp",
        "data: {use: digits, batchsize: 3}",
        "data: {use: digits, batch_size: 0}",
        "players: {model: {trans: [encoder]}}",
        "players: {model: {minimises: {objective: heavy}}}",
        "train: {epohcs: 3}",
        "train: {precision: fp16}",
        "evaluate: [elob]",
        "evaluate: {mine: 3}",
        "samplers: [elbo]",
        "samplers: {a: {use: mixture, component: 3}}",
        "wires: {a: [1]}",
    ],
)
def test_mistakes_do_not_validate(more: str, validator: Draft202012Validator) -> None:
    data = load_yaml(more, "more").plain()
    assert _complaints(validator, {**load_yaml(PLAIN, "plain").plain(), **data})


def test_every_key_and_component_is_in_it(schema: dict[str, Any], registry: Registry) -> None:
    assert set(schema["properties"]) == set(KEYS)
    text = repr(schema)
    for offer in registry.offers():
        assert f"'{offer.name}'" in text, offer.name


def test_an_option_says_what_it_takes(schema: dict[str, Any]) -> None:
    blocks = {block.get("title"): block for block in schema["$defs"]["encoder"]["anyOf"]}
    share = blocks["odd_parts/every"]["properties"]["share"]
    assert share["default"] == 0.1
    assert share["description"] == "a number >= 0 and <= 1, a range [low, high] or a schedule"
