"""A JSON Schema of recipes, from what is installed: with it an editor completes and checks them.

It knows less than `genframe validate`: a recipe may stand on a base, so nothing is demanded of a block that
the base may say; names of wires and instances are free.
"""

from __future__ import annotations

from typing import Any

from genframe.annotations import Schedulable
from genframe.kinds import KINDS, SLOTS
from genframe.recipe import blocks, check, datasets, players, training
from genframe.recipe.component_schema import components, reference, schedules, value
from genframe.recipe.places import ENGINE_KEYS, FORMAT
from genframe.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def json_schema(registry: Registry) -> Schema:
    """The schema of a recipe in which every component of the registry may stand."""
    used = [kind for kind in KINDS if kind not in ("schedule", "dataset")]
    definitions = {kind: components(registry, kind, _engine_keys(kind)) for kind in used}
    definitions["dataset"] = components(registry, "dataset", _values(datasets.VALUES))
    definitions |= {
        "schedule": schedules(registry),
        "reference": reference(),
        "span": _span(),
        "term": _term(),
        "player": _player(),
        "wire": {"type": ["string", "number", "null"], "description": "an expression, or a number"},
    }
    return {
        "$schema": DIALECT,
        "title": "genframe recipe",
        "type": "object",
        "properties": _top(registry),
        "required": ["genframe"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _top(registry: Registry) -> Schema:
    slots = {
        key: _names_of(_ref(kind.name)) if several else _ref(kind.name)
        for key, (kind, several) in SLOTS.items()
    }
    values = _values(check.TOP_VALUES)
    return {
        "genframe": {"const": FORMAT, "description": "the version of the format"},
        "name": values["name"],
        "pipeline": _base(registry, pipeline=True),
        "extends": _base(registry, pipeline=False),
        "plugins": {
            "type": "array",
            "items": {"type": "string"},
            "description": "`./my_parts.py`, `vq >= 0.3`",
        },
        "seed": values["seed"],
        "device": values["device"],
        "data": _ref("dataset"),
        "datasets": _names_of(_ref("dataset")),
        **slots,
        "wires": _names_of(_ref("wire")),
        "players": _names_of(_ref("player")),
        "play": values["play"],
        "optimizer": _ref("optimizer"),
        "outputs": _names_of(_ref("wire")),
        "train": _train(),
        "evaluate": _listed("metric"),
        "samplers": _listed("sampler"),
        "track": _listed("tracker"),
        "watch": _listed("alarm"),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _names_of(inside: Schema) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": inside}


def _block(properties: Schema) -> Schema:
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _values(table: dict[str, Any]) -> Schema:
    return {key: value(annotation) for key, annotation in table.items()}


def _listed(kind: str) -> Schema:
    one = {"allOf": [_ref(kind), {"anyOf": [{"type": "string"}, {"required": ["use"]}]}]}
    return {"anyOf": [one, {"type": "array", "items": one}, _names_of(_ref(kind))]}


def _engine_keys(kind: str) -> Schema:
    """The engine's keys that a block of this kind may carry."""
    taken = (
        ENGINE_KEYS if KINDS[kind].slotted else ("given",) if kind in ("metric", "sampler", "alarm") else ()
    )
    return {key: schema for key, schema in _values(blocks.SETTINGS).items() if key in taken}


def _base(registry: Registry, pipeline: bool) -> Schema:
    names = sorted(file.written for file in registry.recipes() if file.pipeline == pipeline)
    word = "a pipeline" if pipeline else "a recipe, or a file beside this one,"
    return {"type": ["string", "null"], "examples": names, "description": f"{word} onto which this is merged"}


def _span() -> Schema:
    count = {"type": "integer", "minimum": 0}
    lengths = {"steps": count, "epochs": {"type": "number", "minimum": 0}}
    return {"anyOf": [count, {"type": "null"}, _block(lengths)], "description": "steps, or `{epochs: n}`"}


def _term() -> Schema:
    times = {"every": value(players.VALUES["every"]), "start": _ref("span"), "until": _ref("span")}
    weight = value(Schedulable)
    return {"anyOf": [weight, {"type": "null"}, _block({"weight": weight, **times})]}


def _player() -> Schema:
    names = {"type": "array", "items": {"type": "string"}}
    return _block(
        {
            "trains": {
                "anyOf": [names, {"type": "string"}],
                "description": "what it trains: `encoder`, a part, `encoder.net.0`, or `not encoder.last`",
            },
            "minimises": {**_names_of(_ref("term")), "description": "wires and their weights"},
            "optimizer": _ref("optimizer"),
            **_values(players.VALUES),
            "start": _ref("span"),
            "until": _ref("span"),
        }
    )


def _train() -> Schema:
    return _block(
        {
            **_values(training.LENGTHS),
            **_values(training.VALUES),
            "checkpoint": _block({"every": _ref("span"), "keep": {"type": "integer", "minimum": 1}}),
            "samples": _block({"every": _ref("span"), "n": {"type": "integer", "minimum": 1}}),
            "log": _block(_values(training.LOG)),
        }
    )
