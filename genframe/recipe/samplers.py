"""The sampler or noise that a user names for a run that is trained: one of its recipe's, or any that is installed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from genframe.annotations import Ranged
from genframe.errors import GenframeError, Problem, RecipeError, nearest
from genframe.recipe.blocks import Blocks, entries
from genframe.recipe.dump import UnwritableError, dump
from genframe.recipe.load import kind_of, parse
from genframe.recipe.model import Instance, Recipe
from genframe.recipe.problems import Problems
from genframe.recipe.scope import check_given
from genframe.recipe.words import marked
from genframe.registry import LookupProblem

PLACES = {"sampler": "<sampler>", "noise": "<noise>", "metric": "<metric>"}
"""What marks call one that stands in no recipe."""


def sampler_of(
    recipe: Recipe,
    sampler: str | Mapping[str, Any],
    kept: Mapping[str, Mapping[str, Any]] | None = None,
    name: str | None = None,
) -> Instance:
    """The sampler of this name: the recipe's, one that was `kept` beside the run, else a component's by default.

    A block says its options: `{use: mixture, components: 20}`, as a mapping or as YAML. kept: blocks by name. name:
    what a new sampler is to be called; without one, as its component. Raises RecipeError, or PluginError where a
    plugin is at fault.
    """
    known = {instance.name: instance for instance in recipe.samplers}
    kept = kept or {}
    if isinstance(sampler, str) and name is None:
        if sampler in known:
            return known[sampler]
        if sampler in kept:
            return sampler_of(recipe, kept[sampler], name=sampler)
    problems = Problems()
    instance = _written(recipe, sampler, "sampler", problems, name)
    problems[:] = [_nearer(problem, sampler, [*known, *kept]) for problem in problems]
    try:
        problems.raise_errors()
    except GenframeError as error:
        error.texts = {PLACES["sampler"]: _text(sampler)}
        raise
    assert instance is not None
    return instance


def noise_of(recipe: Recipe, noise: str) -> Instance:
    """An installed noise by its name, `gaussian`; by name and level, `gaussian:0.3`; or as a block in YAML.

    The level is that of the noise's first option that is one, bounds and all; where it has several, `NAME:0.1,0.3` are
    the first two. Raises RecipeError, or PluginError where a plugin is at fault.
    """
    problems = Problems()
    name, colon, levels = noise.partition(":")
    text = noise
    if colon and not noise.lstrip().startswith("{"):
        given = levels.split(",")
        names = _levels(recipe, name)[: len(given)]
        if not all(level.strip() for level in given):
            message = (
                f"{noise!r} says no level behind the colon: expected {name or 'NAME'}:0.3, or the name alone"
            )
            raise RecipeError(Problem("GF824", message, command=f"genframe show noise {name or 'gaussian'}"))
        if len(names) < len(given):
            takes = (
                f"it takes {', '.join(names)}" if names else f"{name} has none; say its options as a block, "
            )
            block = "" if names else f"--noise '{{use: {name}, ...}}'"
            count = f"{len(given)} levels" if len(given) > 1 else "a level"
            command = f"genframe show noise {name}"
            raise RecipeError(Problem("GF824", f"{noise!r} gives {count}: {takes}{block}", command=command))
        options = "".join(f", {key}: {level}" for key, level in zip(names, given, strict=True))
        text = f"{{use: {name}{options}}}"
    instance = _written(recipe, text, "noise", problems)
    try:
        problems.raise_errors()
    except GenframeError as error:
        error.texts = {PLACES["noise"]: text}
        raise
    assert instance is not None
    return instance


def metric_of(recipe: Recipe, metric: str | Mapping[str, Any]) -> Instance:
    """An installed metric by its name, or as a block with options. Raises RecipeError or PluginError."""
    problems = Problems()
    instance = _written(recipe, metric, "metric", problems)
    try:
        problems.raise_errors()
    except GenframeError as error:
        error.texts = {PLACES["metric"]: _text(metric)}
        raise
    assert instance is not None
    return instance


def _levels(recipe: Recipe, name: str) -> list[str]:
    """The options of a noise that are levels; any number for an unknown one, which is told of later."""
    try:
        offer = recipe.registry.find("noise", name, recipe.plugins)
    except LookupProblem:
        return ["level"]
    return [option.name for option in offer.signature().options.values() if marked(option.annotation, Ranged)]


def _written(
    recipe: Recipe,
    sampler: str | Mapping[str, Any],
    kind: str,
    problems: Problems,
    name: str | None = None,
) -> Instance | None:
    node = parse(_text(sampler), PLACES[kind], problems)
    if node is None or problems:
        return None
    use = node if isinstance(node.value, str) else entries(node).get("use")
    if not isinstance(node.value, (str, dict)):
        message = f"expected the name of a {kind}, or {{use: NAME, ...}}, got {kind_of(node)}"
        problems.add("GF205", message, node.mark, command=f"genframe list {kind}")
        return None
    used = use.value.rpartition("/")[2] if use is not None and isinstance(use.value, str) else kind
    name = name or used
    path = f"{kind}s.{name}"
    blocks = Blocks(recipe.registry, recipe.plugins, problems)
    instance = blocks.instance(node, kind, name, path, ("use", "given"))
    if instance is not None:
        check_given([instance], [output.names[0] for output in recipe.outputs], problems, f"{kind}s.")
    return instance


def _text(sampler: str | Mapping[str, Any]) -> str:
    """A sampler as YAML. Raises RecipeError for a mapping that holds what YAML can't say."""
    try:
        return sampler if isinstance(sampler, str) else dump(sampler)
    except UnwritableError as error:
        raise RecipeError(Problem("GF119", str(error), path=error.path)) from None


def _nearer(problem: Problem, sampler: str | Mapping[str, Any], known: Collection[str]) -> Problem:
    """An unknown component may be a misspelt name of the recipe's, or of one that is kept."""
    near = nearest(sampler, known) if isinstance(sampler, str) and problem.code == "GF301" else None
    return replace(problem, nearest=near) if near else problem
