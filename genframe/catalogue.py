"""What is installed, as plain data: components, one component in full, plugins, recipes, datasets. Torch-free.

The rows are what `genframe list`, `show`, `plugins list`, `recipes list` and `data list` print as JSON. Recipes
are read by the functions that need it alone: a list is printed before YAML would be imported.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from genframe.kinds import KINDS, SLOTS
from genframe.registry import Offer, Plugin, PluginStatus, RecipeFile, Registry
from genframe.signature import REQUIRED, Option, Signature


def components(
    registry: Registry, kind: str | None = None, plugin: str | None = None
) -> list[dict[str, Any]]:
    """A row a component, by kind and owned name. `kind` may be plural. Raises LookupProblem for unknown names."""
    wanted = SLOTS[kind][0].name if kind in SLOTS else kind
    owner = registry.plugin(plugin).name if plugin else None
    offers = [o for o in registry.offers(wanted) if owner in (None, o.plugin)]
    places = {name: place for place, name in enumerate(KINDS)}
    return [_row(offer) for offer in sorted(offers, key=lambda o: (places[o.kind], o.name))]


def _row(offer: Offer) -> dict[str, Any]:
    return {
        "kind": offer.kind,
        "name": offer.name,
        "summary": offer.summary(),
        "aliases": list(offer.component.aliases),
        "needs": list(offer.component.needs),
        "plugin": offer.plugin,
        "distribution": offer.distribution,
        "version": offer.version,
        "revision": offer.component.revision,
        "deprecated": offer.component.deprecated,
    }


def component(offer: Offer) -> dict[str, Any]:
    """Everything there is to say of one component. Raises SignatureError where its source can't be read."""
    signature = offer.signature()
    return {
        **_row(offer),
        "doc": signature.doc,
        "options": [_option(option) for option in signature.options.values()],
        "givens": _givens(offer, signature),
        "optional_givens": list(signature.optional_givens),
        "target": offer.component.target,
        "file": signature.file,
        "line": signature.line,
        "snippet": snippet(offer, signature),
    }


def _givens(offer: Offer, signature: Signature) -> list[str]:
    """What it asks the engine or the recipe for; of a sampler's or metric's class that is what its methods ask."""
    from genframe.methods import CALLED, asked

    found = asked(offer) if offer.kind in CALLED else None
    return list(signature.givens if found is None else found)


def _option(option: Option) -> dict[str, Any]:
    from genframe.recipe.words import described

    required = option.default is REQUIRED
    return {
        "name": option.name,
        "type": described(option.annotation),
        "required": required,
        "default": None if required else option.default,
    }


# Where a recipe names a component of a kind that has no slot of its own.
_PLACES = {
    "dataset": "data",
    "optimizer": "optimizer",
    "metric": "evaluate",
    "sampler": "samplers",
    "tracker": "track",
    "alarm": "watch",
}
_NAMED = ("evaluate", "samplers", "track", "watch")


def snippet(offer: Offer, signature: Signature) -> str:
    """YAML to copy into a recipe: the component with every default; what must be written is left open."""
    name = offer.bare if offer.first_party else offer.name
    block = [f"{key}: {_written(option)}" for key, option in signature.options.items()]
    if offer.kind == "schedule":
        lines = [
            "weight:  # or any number that takes a schedule",
            f"  {name}:",
            *(f"    {line}" for line in block),
        ]
    elif (place := _PLACES.get(offer.kind, offer.kind)) in _NAMED:
        lines = [f"{place}:", f"  {offer.bare}:", f"    use: {name}", *(f"    {line}" for line in block)]
    elif block:
        lines = [f"{place}:", f"  use: {name}", *(f"  {line}" for line in block)]
    else:
        lines = [f"{place}: {name}"]
    return "\n".join(lines) + "\n"


def _written(option: Option) -> str:
    from genframe.recipe.dump import dump
    from genframe.recipe.words import described

    if option.default is REQUIRED:
        return f"  # {described(option.annotation)}"
    return dump({"x": {"y": option.default}}).partition("y:")[2].strip().removesuffix("}")


def default_text(option: dict[str, Any]) -> str:
    """The default of an option's row, as a recipe writes it."""
    from genframe.recipe.words import shown

    return "required" if option["required"] else shown(option["default"], 200)


def plugins(registry: Registry) -> list[dict[str, Any]]:
    """A row a plugin, the broken ones with their cause and what can be done."""
    names = [status.name.replace("_", "-") for status in registry.plugins]
    return [
        _plugin(plugin, names.count(name) > 1) for plugin, name in zip(registry.loaded, names, strict=True)
    ]


def _plugin(plugin: Plugin, rivalled: bool) -> dict[str, Any]:
    status = plugin.status
    counts = Counter(offer.kind for offer in plugin.offers)
    if plugin.recipes:
        counts["recipe"] = len(plugin.recipes)
    return {
        "name": status.name,
        "state": status.state,
        "distribution": status.distribution,
        "version": status.version,
        "first_party": status.first_party,
        "api": status.api,
        "source": status.source,
        "hooks": list(status.hooks),
        "offers": dict(counts),
        "components": [{"kind": offer.kind, "name": offer.bare} for offer in plugin.offers],
        "recipes": [recipe.written for recipe in plugin.recipes],
        "milliseconds": round(status.milliseconds, 3),
        "imported": list(status.imported),
        "warnings": list(status.warnings),
        "cause": status.cause,
        "place": status.place,
        "remedies": remedies(status, rivalled),
        "traceback": status.traceback,
    }


def remedies(status: PluginStatus, rivalled: bool) -> list[str]:
    """Commands that look into, go round or end what is wrong with a plugin.

    rivalled: whether another plugin has its name, so that its distribution's alone tells it apart.
    """
    blocked = status.distribution if rivalled and status.distribution else status.name
    removal = [f"genframe --no-plugins={blocked} ..."]
    removal += [f"pip uninstall {status.distribution}"] if status.distribution else []
    match status.state:
        case "broken":
            named = status.name if status.distribution else f"-p {status.source}"
            return [f"genframe plugins doctor {named}", *removal]
        case "incompatible":
            return [f"pip install --upgrade genframe {status.distribution}".strip(), *removal]
        case "conflict":
            return removal
    return []


def recipes(registry: Registry) -> list[dict[str, Any]]:
    """A row a recipe that a plugin ships, pipelines first."""
    found = sorted(registry.recipes(), key=lambda r: (not r.pipeline, r.plugin, r.name))
    return [_recipe(recipe) for recipe in found]


def _recipe(recipe: RecipeFile) -> dict[str, Any]:
    return {
        "name": recipe.written,
        "pipeline": recipe.pipeline,
        "plugin": recipe.plugin,
        "summary": _first_sentence(recipe),
        "path": str(recipe.path),
    }


def _first_sentence(recipe: RecipeFile) -> str:
    """What the comment on top of a recipe says first."""
    try:
        lines = recipe.path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    words: list[str] = []
    for line in lines:
        if not line.startswith("#") or not line.strip("# "):
            break
        words.append(line.strip("# "))
    return re.split(r"\.\s+(?=[A-Z])", " ".join(words))[0].removesuffix(".")


def datasets(registry: Registry) -> list[dict[str, Any]]:
    """A row a dataset: its wires and lengths as far as they can be told without options, and whether it is here."""
    return [_dataset(offer) for offer in sorted(registry.offers("dataset"), key=lambda o: o.name)]


def _dataset(offer: Offer) -> dict[str, Any]:
    """`wires`, `lengths` and `present` are None where they follow from options that have no default."""
    row: dict[str, Any] = {"name": offer.name, "summary": offer.summary(), "needs": [], "fetchable": False}
    row |= {"wires": None, "lengths": None, "present": None, "cause": ""}
    try:
        row["needs"] = [o.name for o in offer.signature().options.values() if o.default is REQUIRED]
        return row if row["needs"] else row | _promise(offer.load()())
    except Exception as error:  # whatever somebody's dataset raises costs its own row
        return row | {"present": False, "cause": f"{type(error).__name__}: {error}"}


def _promise(dataset: Any) -> dict[str, Any]:
    spec = dataset.spec()
    return {
        "wires": {name: _wire(field) for name, field in spec.fields.items()},
        "lengths": dict(spec.lengths),
        "present": bool(dataset.present()) if hasattr(dataset, "present") else True,
        "fetchable": hasattr(dataset, "sources"),
    }


def _wire(field: Any) -> dict[str, Any]:
    return {"shape": list(field.shape), "dtype": field.dtype, "classes": field.classes, "image": field.image}
