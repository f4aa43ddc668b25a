"""A checked recipe as one YAML text: merged, by full names, every default in; it loads to the same recipe."""

from __future__ import annotations

from typing import Any

from genframe.kinds import SLOTS
from genframe.recipe.dump import dump
from genframe.recipe.environment import refers
from genframe.recipe.expression import Constant
from genframe.recipe.model import Data, Instance, Logging, Player, Recipe, Schedule, Span, Term, Train, Wire
from genframe.recipe.places import FORMAT, Path, written_out
from genframe.recipe.tree import Node


def resolved_yaml(recipe: Recipe) -> str:
    """The recipe's text: a deterministic order, secrets as `${env:NAME}`."""
    return dump(resolved(recipe))


def resolved(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data, in the order in which one writes a recipe."""
    tree = recipe.tree.value
    assert isinstance(tree, dict)
    data = {
        "genframe": FORMAT,
        "name": recipe.name,
        "plugins": tree["plugins"].plain() if "plugins" in tree else None,
        "seed": recipe.seed,
        "device": recipe.device,
        "data": _dataset(recipe.datasets[""]) if "" in recipe.datasets else None,
        "datasets": {name: _dataset(dataset) for name, dataset in recipe.datasets.items() if name},
        **_slots(recipe, tree),
        "wires": {_key(wire): _expression(wire) for wire in recipe.wires},
        "players": {player.name: _player(player) for player in recipe.players},
        "play": recipe.play if len(recipe.players) > 1 else None,
        "outputs": {_key(wire, brackets=True): _expression(wire) for wire in recipe.outputs},
        "train": _train(recipe.train),
        "evaluate": {metric.name: _instance(metric) for metric in recipe.evaluate},
        "samplers": {sampler.name: _instance(sampler) for sampler in recipe.samplers},
        "track": {tracker.name: _instance(tracker) for tracker in recipe.track},
        "watch": {alarm.name: _instance(alarm) for alarm in recipe.watch},
    }
    written = _written({key: value for key, value in data.items() if value != {}})
    shown: dict[str, Any] = _with_references(written, recipe.tree)
    _share_optimizer(shown, tree)
    return shown


def _share_optimizer(shown: dict[str, Any], tree: dict[str, Node]) -> None:
    """One block for the players that name none of their own, so that `optimizer.lr=1e-4` still sets them all."""
    players = shown["players"]
    blocks = [
        players[name].pop("optimizer") for name in players if not _has(tree, ("players", name, "optimizer"))
    ]
    if blocks:
        written = tree.get("optimizer")
        shown["optimizer"] = _with_references(blocks[0], written, ("optimizer",)) if written else blocks[0]


def _written(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without those that are none, as plain data."""
    return {key: plain(value) for key, value in settings.items() if value is not None}


def plain(value: Any) -> Any:
    """An option's value as a recipe writes it: schedules and components by their full names."""
    match value:
        case Schedule():
            return {value.offer.name: {key: plain(inside) for key, inside in value.options.items()}}
        case Instance():
            return _instance(value)
        case Span(steps=None):
            return {"epochs": _number(value.epochs)}
        case Span():
            return value.steps
        case list() | tuple():
            return [plain(inside) for inside in value]
        case dict():
            return {key: plain(inside) for key, inside in value.items()}
    return value


def _number(value: float | None) -> float | None:
    """20 for 20.0: how one writes a number of epochs."""
    return int(value) if value is not None and value == int(value) else value


def _slots(recipe: Recipe, tree: dict[str, Node]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (_, several) in SLOTS.items():
        block = tree[key].value if key in tree else None
        if several and isinstance(block, dict):
            names = [name for name in block if block[name].value is not None]
            found[key] = {name: _instance(recipe.instances[name]) for name in names}
        elif block is not None:
            found[key] = _instance(recipe.instances[key])
    return found


def _instance(instance: Instance) -> dict[str, Any]:
    settings = {
        "at": instance.at,
        "init": instance.init,
        "frozen": instance.frozen or None,
        "given": dict(instance.given) or None,
    }
    options = {key: plain(value) for key, value in instance.options.items()}  # none is a value of an option
    return {"use": instance.offer.name, **options, **_written(settings)}


def _dataset(data: Data) -> dict[str, Any]:
    settings = {
        "batch_size": data.batch_size,
        "binarise": data.binarise,
        "dequantise": data.dequantise or None,
        "validation": data.validation,
        "limit": data.limit,
        "workers": data.workers,
        "in_memory": data.in_memory,
    }
    return _instance(data.instance) | _written(settings)


def _key(wire: Wire, brackets: bool = False) -> str:
    names = ", ".join(wire.names)
    return f"{names}({', '.join(wire.params)})" if wire.params or brackets else names


def _expression(wire: Wire) -> Any:
    return wire.expression.value if isinstance(wire.expression, Constant) and _is_number(wire) else wire.text


def _is_number(wire: Wire) -> bool:
    value = getattr(wire.expression, "value", None)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _player(player: Player) -> dict[str, Any]:
    return _written(
        {
            "trains": [str(entry) for entry in player.trains],
            "minimises": {term.wire: _term(term) for term in player.minimises},
            "optimizer": _instance(player.optimizer),
            "clip": player.clip,
            "clamp": player.clamp,
            "ema": player.ema,
            "every": player.every,
            "start": player.start,
            "until": player.until,
        }
    )


def _term(term: Term) -> dict[str, Any]:
    return _written({"weight": term.weight, "every": term.every, "start": term.start, "until": term.until})


def _logging(log: Logging) -> dict[str, Any]:
    asked = {"gradients": log.gradients, "latents": log.latents}
    return {"every": log.every, **{key: True for key, value in asked.items() if value}}


def _train(train: Train) -> dict[str, Any]:
    return _written(
        {
            "steps": train.length.steps,
            "epochs": _number(train.length.epochs),
            "precision": train.precision,
            "compile": train.compile,
            "checkpoint": _written({"every": train.checkpoint.every, "keep": train.checkpoint.keep}),
            "samples": _written({"every": train.samples.every, "n": train.samples.n}),
            "log": _logging(train.log),
        }
    )


def _with_references(value: Any, node: Node, path: Path = ()) -> Any:
    """The value, with `${env:NAME}` wherever the source refers to the environment."""
    node = written_out(node, path)
    if isinstance(value, dict) and isinstance(node.value, dict):
        sources = {_bare(key): source for key, source in node.value.items()}
        shown = dict(value)
        for key in value:
            if _bare(key) in sources:
                shown[key] = _with_references(value[key], sources[_bare(key)], (*path, key))
        return shown
    plain = node.plain()
    return plain if refers(plain) else value


def _bare(key: str) -> str:
    """A schedule's name without its owner; other keys have none."""
    return key.rpartition("/")[2]


def _has(tree: dict[str, Node], path: Path) -> bool:
    node = Node(tree, next(iter(tree.values())).mark)
    for key in path:
        if not isinstance(node.value, dict) or key not in node.value:
            return False
        node = node.value[key]
    return node.value is not None
