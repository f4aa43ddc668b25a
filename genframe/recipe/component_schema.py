"""The JSON Schema of components: for each its options, their types and bounds, and what they are for."""

from __future__ import annotations

from typing import Any

from genframe.annotations import Ranged, Scheduled
from genframe.recipe.environment import REFERENCE
from genframe.recipe.words import described, marked, number_of, part_of, range_of
from genframe.registry import Offer, Registry
from genframe.signature import REQUIRED, Option, SignatureError

Schema = dict[str, Any]


def components(registry: Registry, kind: str, engine_keys: Schema) -> Schema:
    """What may stand where a component does: its name, its block, or a block that a base completes."""
    offers = registry.offers(kind)
    settings = {key for offer in offers for key in _options(offer)} | engine_keys.keys()
    partial = {
        "type": "object",
        "description": "settings for the base's component",
        "propertyNames": {"enum": sorted(settings)},
    }
    return {
        "anyOf": [
            {"enum": sorted({name for offer in offers for name in _names(offer)}), "type": "string"},
            *(_block(offer, engine_keys) for offer in offers),
            partial,
            {"type": "null"},
        ]
    }


def schedules(registry: Registry) -> Schema:
    """`{linear: {from: 0, to: 1, epochs: 100}}`: one name, with the schedule's options."""
    blocks = {
        name: _object(_options(offer), offer)
        for offer in registry.offers("schedule")
        for name in _names(offer)
    }
    return {
        "type": "object",
        "properties": blocks,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def reference() -> Schema:
    return {"type": "string", "pattern": REFERENCE.pattern, "description": "from the environment"}


def value(annotation: Any) -> Schema:
    """What an option of an annotation takes: values, schedules, references to the environment."""
    part = part_of(annotation)
    if part is not None:
        one = {
            "allOf": [
                {"$ref": f"#/$defs/{part.kind}"},
                {"anyOf": [{"type": "string"}, {"required": ["use"]}]},
            ]
        }
        several = [{"type": "array", "items": one}, {"type": "object", "additionalProperties": one}]
        return {"anyOf": several if part.several else [one], "description": described(annotation)}
    if marked(annotation, Ranged):
        shapes = [_plain(number_of(annotation)), _plain(range_of(annotation))]
    else:
        shapes = [_plain(annotation)]
    if shapes == [{}]:
        return {}
    if marked(annotation, Scheduled):
        shapes.append({"$ref": "#/$defs/schedule"})
    return {"anyOf": [*shapes, {"$ref": "#/$defs/reference"}], "description": described(annotation)}


def _plain(annotation: Any) -> Schema:
    from pydantic import TypeAdapter

    return TypeAdapter(annotation).json_schema()


def _names(offer: Offer) -> list[str]:
    """How a recipe may write a component: bare, owned, by a former name."""
    return [*offer.names, offer.name]


def _block(offer: Offer, engine_keys: Schema) -> Schema:
    use = {"enum": _names(offer), "description": offer.summary()}
    return {**_object({"use": use, **_options(offer), **engine_keys}, offer), "required": ["use"]}


def _object(properties: Schema, offer: Offer) -> Schema:
    return {
        "type": "object",
        "title": offer.name,
        "description": offer.summary(),
        "properties": properties,
        "additionalProperties": False,
    }


def _options(offer: Offer) -> Schema:
    try:
        return {key: _option(option) for key, option in offer.signature().options.items()}
    except SignatureError:
        return {}


def _option(option: Option) -> Schema:
    schema = value(option.annotation)
    if option.default is REQUIRED:
        return schema
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    if default is None:  # written or not, it is the same
        return {"anyOf": [schema, {"type": "null"}], "description": schema.get("description", "")}
    return {**schema, "default": default}
