"""What `lock.json` holds: all that the numbers of a run follow from, and nothing of the environment. Torch-free."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genframe.digests import commit, file_digest, origin, plugin_digest, source_digest
from genframe.recipe.model import Instance, Recipe, Schedule
from genframe.recipe.resolve import resolved
from genframe.recipe.words import is_path

if TYPE_CHECKING:
    from genframe.data.spec import DataSpec
    from genframe.recipe.tree import Node
    from genframe.registry import Offer, PluginStatus

FORMAT = 1
"""The version of the run folder; stands in `lock.json`. Keys may be added to it, and none changes its meaning."""

_APART = ("genframe", "name", "device", "track", "watch")
"""Keys of a recipe that its digest leaves out: they change no number, or stand in the lock on their own."""


def lock_facts(
    recipe: Recipe,
    *,
    data: Mapping[str, str],
    device: str,
    threads: int,
    command: Sequence[str] = (),
    instances: Mapping[str, Instance] | None = None,
    specs: Mapping[str, DataSpec] | None = None,
    hardware: str = "",
) -> dict[str, Any]:
    """Everything that was used, by name, version and digest.

    `data` maps a dataset's name ("" for the single `data:`) to its content's digest, `specs` to what it holds.
    `command` (default `sys.argv`) has the values of settings named like secrets struck out. `instances` are
    those of the plan, functions that wires call by their bare names among them. Per component: its owned name,
    its distribution and version, its revision, and the sha256 of the source file that it stands in; per plugin
    the sha256 of all its files (`plugin_sha256`), since a component may import what stands beside it.
    """
    plugins = _plugins(recipe, dict(_used(recipe, instances)))
    return {
        "format": FORMAT,
        "created": now(),
        "command": without_secrets(command or sys.argv),
        "seed": recipe.seed,
        "device": device,
        "threads": threads,
        "platform": platform.platform(),
        "hardware": hardware or processor(),
        "versions": versions() | {s.distribution: s.version for s in plugins.values() if s.distribution},
        "commit": commit(recipe.folder),
        "recipe": recipe_facts(recipe),
        "bases": _bases(recipe),
        "data": dict(data),
        "specs": {name: spec_facts(spec) for name, spec in (specs or {}).items()},
        "files": _files(recipe),
        **used_code(recipe, instances),
        "origins": _origins(plugins),
    }


def recipe_facts(recipe: Recipe) -> dict[str, Any]:
    """The recipe's digest, and the settings that it is the digest of: those of `canonical`, as JSON has them."""
    settings = _finite(canonical(recipe))
    ordered = [list(settings["players"]), settings]  # players move in the order of the recipe
    text = json.dumps(ordered, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "settings": settings}


def canonical(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe without what changes no number: its name, and the folders that files stand in.

    The files themselves are told apart by their digests.
    """
    named = {path: Path(path).name for path in paths(recipe)}
    settings = {key: value for key, value in resolved(recipe).items() if key not in _APART}
    return dict(renamed(settings, named))


def paths(recipe: Recipe) -> list[str]:
    """Every file and folder that the recipe names: plugin files, `init` and options that are paths; absolute."""
    found = [status.source for status in _listed(recipe) if status.source.endswith(".py")]
    for _, instance in _instances(recipe):
        found += [path for _, path in instance_paths(instance)]
    return list(dict.fromkeys(found))


def instance_paths(instance: Instance) -> Iterator[tuple[str, str]]:
    """The options of an instance that are files or folders, and its `init`."""
    declared = instance.offer.signature().options
    for key, value in instance.options.items():
        if key in declared and is_path(declared[key].annotation, value):
            yield key, value
    if instance.init:
        yield "init", instance.init


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Plain data with each text that `names` holds replaced; tuples become lists, as JSON has them."""
    match value:
        case dict():
            return {key: renamed(inside, names) for key, inside in value.items()}
        case list() | tuple():
            return [renamed(inside, names) for inside in value]
        case str():
            return names.get(value, value)
    return value


def _finite(value: Any) -> Any:
    """The same with infinities as text, for which JSON has no number."""
    match value:
        case dict():
            return {key: _finite(inside) for key, inside in value.items()}
        case list():
            return [_finite(inside) for inside in value]
        case float() if not math.isfinite(value):
            return str(value)
    return value


def spec_facts(spec: DataSpec) -> dict[str, Any]:
    """What a dataset holds, as JSON; `read_spec` reads it."""
    fields = {
        name: {"shape": list(f.shape), "dtype": f.dtype, "classes": f.classes, "image": f.image}
        for name, f in spec.fields.items()
    }
    return {"fields": fields, "lengths": dict(spec.lengths)}


def read_spec(facts: Mapping[str, Any]) -> DataSpec:
    """The spec that `spec_facts` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    from genframe.data.spec import DataSpec, Field

    fields = {
        str(name): Field(
            tuple(int(size) for size in field["shape"]),
            str(field["dtype"]),
            None if field["classes"] is None else int(field["classes"]),
            bool(field["image"]),
        )
        for name, field in facts["fields"].items()
    }
    return DataSpec(fields, {str(split): int(length) for split, length in facts["lengths"].items()})


_SECRET = re.compile(r"(?i)^(-*(?:[\w.-]*[._-])?(?:api_?key|key|token|secret|password)=).+")


def without_secrets(command: Sequence[str]) -> list[str]:
    """`command` with the value of `….api_key=…`, `….token=…` and their like replaced by `***`."""
    return [_SECRET.sub(r"\1***", word) for word in command]


def is_secret(key: str) -> bool:
    """Whether a setting's name is that of a secret: `api_key`, `token` and their like."""
    return _SECRET.match(f"{key}=x") is not None


def versions() -> dict[str, str]:
    """Of genframe, Python, torch and numpy."""
    from genframe import __version__

    found = {"genframe": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def processor() -> str:
    """What the processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def used_code(recipe: Recipe, instances: Mapping[str, Instance] | None = None) -> dict[str, Any]:
    """`components` and `plugins` of a lock, as they are installed here."""
    used = dict(_used(recipe, instances))
    plugins = _plugins(recipe, used)
    return {
        "components": {place: _component_facts(offer) for place, offer in used.items()},
        "plugins": {name: _plugin_facts(status) for name, status in plugins.items()},
    }


def _instances(recipe: Recipe) -> Iterator[tuple[str, Instance]]:
    """Every instance of the recipe under its place, and those that the options of others hold under theirs."""
    for place, instance in _whole(recipe):
        yield place, instance
        yield from ((part.name, part) for part in instance.parts())


def _whole(recipe: Recipe) -> Iterator[tuple[str, Instance]]:
    yield from recipe.instances.items()
    for name, data in recipe.datasets.items():
        yield f"datasets.{name}" if name else "data", data.instance
    for player in recipe.players:
        yield f"players.{player.name}.optimizer", player.optimizer
    for section in ("evaluate", "track", "watch", "samplers"):
        listed = getattr(recipe, section, ())
        for number, instance in enumerate(listed.values() if isinstance(listed, Mapping) else listed):
            yield f"{section}.{instance.name or number}", instance


def _used(recipe: Recipe, more: Mapping[str, Instance] | None) -> Iterator[tuple[str, Offer]]:
    """Every component that the recipe uses, under its place in the recipe."""
    for place, instance in _instances(recipe):
        yield from _offers(place, instance)
    for name, instance in (more or {}).items():
        if name not in recipe.instances:
            yield from _offers(f"wires:{name}", instance)
    for player in recipe.players:
        for term in player.minimises:
            if isinstance(term.weight, Schedule):
                yield f"players.{player.name}.minimises.{term.wire}", term.weight.offer


def _offers(place: str, instance: Instance) -> Iterator[tuple[str, Offer]]:
    """The component of an instance, and the schedules among its options."""
    yield place, instance.offer
    for option, value in instance.options.items():
        if isinstance(value, Schedule):
            yield f"{place}.{option}", value.offer


def _component_facts(offer: Offer) -> dict[str, Any]:
    return {
        "kind": offer.kind,
        "name": offer.name,
        "distribution": offer.distribution or None,
        "version": offer.version or None,
        "revision": offer.component.revision,
        "sha256": source_digest(offer),
    }


def _plugins(recipe: Recipe, used: Mapping[str, Offer]) -> dict[str, PluginStatus]:
    """The plugins that are listed or that a component is from, in the order of their names."""
    wanted = {offer.plugin for offer in used.values()} | {status.name for status in _listed(recipe)}
    return {
        s.name: s for s in sorted(recipe.registry.plugins, key=lambda s: s.name) if s.ok and s.name in wanted
    }


def _listed(recipe: Recipe) -> list[PluginStatus]:
    """The plugins that the recipe lists."""
    names = {name.replace("_", "-") for name in recipe.plugins}
    return [status for status in recipe.registry.plugins if status.name.replace("_", "-") in names]


def _plugin_facts(status: PluginStatus) -> dict[str, Any]:
    return {
        "distribution": status.distribution or None,
        "version": status.version or None,
        "file": status.source if status.source.endswith(".py") else None,
        "plugin_sha256": plugin_digest(status),
    }


def _origins(plugins: Mapping[str, PluginStatus]) -> dict[str, Any]:
    """For each distribution that is no plain release: where it came from."""
    names = dict.fromkeys(["genframe", *(s.distribution for s in plugins.values() if s.distribution)])
    found = {name: origin(name) for name in names}
    return {name: facts for name, facts in found.items() if facts is not None}


def _files(recipe: Recipe) -> dict[str, str]:
    """sha256 of each file that an option or `init` names, by its place; a dataset's content is in `data`."""
    data = {id(dataset.instance) for dataset in recipe.datasets.values()}
    found: dict[str, str] = {}
    for place, instance in _instances(recipe):
        for key, path in instance_paths(instance) if id(instance) not in data else ():
            digest = file_digest(Path(path)) if Path(path).is_file() else None
            if digest is not None:
                found[f"{place}.{key}"] = digest
    return found


def _bases(recipe: Recipe) -> list[dict[str, Any]]:
    """The recipes that this one stands on, pipelines among them: those that some setting comes from."""
    shipped = {str(file.path): f"{file.plugin}/{file.name}" for file in recipe.registry.recipes()}
    found = []
    for file in dict.fromkeys(_sources(recipe.tree)):
        path = Path(file)
        if path.is_file() and not _is_written_in(recipe, path):
            name = shipped.get(file, path.name)
            found.append({"name": name, "sha256": file_digest(path)})
    return found


def _is_written_in(recipe: Recipe, path: Path) -> bool:
    try:
        return path.read_text(encoding="utf-8-sig") == recipe.written
    except (OSError, ValueError):
        return False


def _sources(node: Node) -> Iterator[str]:
    """The files that the leaves of a merged recipe were written in."""
    if isinstance(node.value, dict):
        for inside in node.value.values():
            yield from _sources(inside)
    elif isinstance(node.value, list):
        for inside in node.value:
            yield from _sources(inside)
    else:
        yield node.mark.file
