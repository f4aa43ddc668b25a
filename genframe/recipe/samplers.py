"""The sampler that a user names for a run that is trained: one of its recipe's, or any that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from genframe.errors import GenframeError, Problem, RecipeError
from genframe.recipe.blocks import Blocks, entries
from genframe.recipe.dump import UnwritableError, dump
from genframe.recipe.load import kind_of, parse
from genframe.recipe.model import Instance, Recipe
from genframe.recipe.problems import Problems, nearest
from genframe.recipe.scope import check_given

PLACE = "<sampler>"
"""What marks call a sampler that stands in no recipe."""


def sampler_of(recipe: Recipe, sampler: str | Mapping[str, Any]) -> Instance:
    """The sampler of this name: the recipe's, else a component's, with its default options.

    A block says its options: `{use: mixture, components: 20}`, as a mapping or as YAML. Raises RecipeError, or
    PluginError where a plugin is at fault.
    """
    known = {instance.name: instance for instance in recipe.samplers}
    if isinstance(sampler, str) and sampler in known:
        return known[sampler]
    problems = Problems()
    instance = _written(recipe, sampler, problems)
    problems[:] = [_nearer(problem, sampler, known) for problem in problems]
    try:
        problems.raise_errors()
    except GenframeError as error:
        error.texts = {PLACE: _text(sampler)}
        raise
    assert instance is not None
    return instance


def _written(recipe: Recipe, sampler: str | Mapping[str, Any], problems: Problems) -> Instance | None:
    node = parse(_text(sampler), PLACE, problems)
    if node is None or problems:
        return None
    use = node if isinstance(node.value, str) else entries(node).get("use")
    if not isinstance(node.value, (str, dict)):
        message = f"expected the name of a sampler, or {{use: NAME, ...}}, got {kind_of(node)}"
        problems.add("GF205", message, node.mark, command="genframe list sampler")
        return None
    name = use.value.rpartition("/")[2] if use is not None and isinstance(use.value, str) else "sampler"
    path = f"samplers.{name}"
    blocks = Blocks(recipe.registry, recipe.plugins, problems)
    instance = blocks.instance(node, "sampler", name, path, ("use", "given"))
    if instance is not None:
        check_given([instance], [output.names[0] for output in recipe.outputs], problems, "samplers.")
    return instance


def _text(sampler: str | Mapping[str, Any]) -> str:
    """A sampler as YAML. Raises RecipeError for a mapping that holds what YAML can't say."""
    try:
        return sampler if isinstance(sampler, str) else dump(sampler)
    except UnwritableError as error:
        raise RecipeError(Problem("GF119", str(error), path=error.path)) from None


def _nearer(problem: Problem, sampler: str | Mapping[str, Any], known: Mapping[str, Instance]) -> Problem:
    """An unknown component may be a misspelt name of the recipe's."""
    near = nearest(sampler, known) if isinstance(sampler, str) and problem.code == "GF301" else None
    return replace(problem, nearest=near) if near else problem
