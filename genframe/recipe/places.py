"""Which places of a recipe hold what: the shape that merging, overrides, checks and the schema share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from genframe.kinds import SLOTS
from genframe.recipe.tree import Node

FORMAT = 1
"""The recipe format that this genframe reads: `genframe: 1`."""

KEYS: tuple[str, ...] = (
    *("genframe", "name", "pipeline", "extends", "plugins", "seed", "device", "data", "datasets"),
    *SLOTS,
    *("wires", "players", "play", "optimizer", "outputs", "train", "evaluate", "samplers", "track", "watch"),
)
"""The keys of a recipe, in the order in which one writes them."""

ENGINE_KEYS = ("use", "at", "init", "frozen", "given")
"""Keys of the engine that any instance may carry."""

DATA_KEYS = ("batch_size", "binarise", "dequantise", "validation", "limit", "workers", "in_memory")
"""Keys of the engine in a block of data; they win over a dataset's options."""

PLAYER_KEYS = ("trains", "minimises", "optimizer", "clip", "clamp", "ema", "every", "start", "until")
TERM_KEYS = ("weight", "every", "start", "until")
TRAIN_KEYS = ("epochs", "steps", "precision", "compile", "checkpoint", "samples", "log")

NAMED_LISTS = ("evaluate", "samplers", "track", "watch")
"""Keys that take components as a mapping of names, or as a list in which each is named by its component."""

Path = tuple[str, ...]

_SINGLE = {"data", "optimizer", *(key for key, (_, several) in SLOTS.items() if not several)}
_SEVERAL = {"datasets", *NAMED_LISTS, *(key for key, (_, several) in SLOTS.items() if several)}


def component_at(path: Path) -> bool:
    """Whether a component stands at a place: `conv`, short for `{use: conv}`, or the block itself."""
    match path:
        case (key,):
            return key in _SINGLE
        case (key, _):
            return key in _SEVERAL
        case ("players", _, "optimizer"):
            return True
    return False


def names_at(path: Path) -> bool:
    """Whether the keys at a place are names that the recipe gives, rather than keys of the format."""
    return len(path) == 1 and path[0] in (*_SEVERAL, "wires", "players", "outputs")


def terms_at(path: Path) -> bool:
    """Whether the terms of a player stand at a place, by their names."""
    return len(path) == 3 and path[0] == "players" and path[2] == "minimises"


def term_at(path: Path) -> bool:
    """Whether a term of a player stands at a place: a weight, a schedule or a mapping of `TERM_KEYS`."""
    return len(path) == 4 and path[0] == "players" and path[2] == "minimises"


def inside_settings(path: Path) -> bool:
    """Whether the keys at a place are settings: options of a component, or keys of `train` and `players`."""
    if path[:1] in (("train",), ("players",)):
        return True
    return any(component_at(path[:length]) for length in range(1, len(path) + 1))


def written_out(node: Node, path: Path) -> Node:
    """The long form of what stands at a place, or the node itself."""
    if component_at(path) and isinstance(node.value, str):
        return replace(node, value={"use": Node(node.value, node.mark)})
    if term_at(path) and node.value is not None and not _is_term(node.value):
        return replace(node, value={"weight": Node(node.value, node.mark)})
    if len(path) == 1 and path[0] in NAMED_LISTS:
        return named(node)
    return node


def named(node: Node) -> Node:
    """`evaluate` and its like as a mapping: `[elbo, {use: likelihood, k: 50}]` names each by its component.

    What has no name that is new stays a list.
    """
    items = node.value if isinstance(node.value, list) else [node]
    if isinstance(node.value, dict) and "use" not in node.value:
        return node
    entries: dict[str, Node] = {}
    for item in items:
        use = item.value.get("use") if isinstance(item.value, dict) else item
        name = use.value.rpartition("/")[2] if use is not None and isinstance(use.value, str) else ""
        if not name or name in entries:
            return node
        entries[name] = replace(item, key=item.mark)
    return replace(node, value=entries)


def _is_term(value: object) -> bool:
    return isinstance(value, Mapping) and any(key in TERM_KEYS for key in value)
