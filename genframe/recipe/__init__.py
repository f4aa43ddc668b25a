"""Recipes: from YAML to a merged, checked, typed object. Torch-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genframe.errors import GenframeError, Mark
from genframe.recipe.bases import Chain
from genframe.recipe.check import Check
from genframe.recipe.merge import Merge
from genframe.recipe.model import Recipe
from genframe.recipe.overrides import file_of, override
from genframe.recipe.plugins import Plugins
from genframe.recipe.problems import Problems
from genframe.recipe.sources import INLINE, Source, open_source
from genframe.recipe.tree import Node
from genframe.registry import Registry

__all__ = ["Recipe", "load_recipe"]


def load_recipe(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    blocked: str | Collection[str] | None = None,
) -> Recipe:
    """A recipe, merged onto its bases and under its overrides, and checked.

    source: a file, the name of a recipe that a plugin ships, YAML text, or a mapping.
    overrides: settings `key.path=value`, the last merge.
    registry: the plugins there are; None discovers them, without those that are `blocked`.

    Raises RecipeError with every problem of the recipe, PluginError where only plugins are at fault.
    """
    if registry is None:
        from genframe.discovery import discover

        registry = discover(blocked=blocked)
    texts = {file_of(number): text for number, text in enumerate(overrides, 1)}
    try:
        opened = open_source(source, registry)
        if opened.file == INLINE:
            texts[INLINE] = opened.text
        return _checked(opened, overrides, registry)
    except GenframeError as error:
        error.texts = texts
        raise


def _checked(source: Source, overrides: Sequence[str], registry: Registry) -> Recipe:
    problems = Problems()
    plugins = Plugins(registry, problems)
    tree = Chain(plugins, problems).merged(source)
    tree = _overridden(tree, overrides, plugins, problems)
    return Check(_with_plugins(tree, plugins), source, plugins, problems).recipe()


def _overridden(tree: Node, overrides: Sequence[str], plugins: Plugins, problems: Problems) -> Node:
    merge = Merge({offer.component.name for offer in plugins.registry.offers("schedule")}, problems)
    for number, text in enumerate(overrides, 1):
        over = override(text, number, tree, problems)
        if over is not None:
            assert isinstance(over.value, dict)
            plugins.add(over.value.get("plugins"), Path.cwd())
            tree = merge(tree, over)
    return tree


def _with_plugins(tree: Node, plugins: Plugins) -> Node:
    """The tree with all the plugins that it and its bases list."""
    assert isinstance(tree.value, dict)
    if not plugins.entries:
        return tree
    mark = tree.value["plugins"].mark if "plugins" in tree.value else Mark(tree.mark.file, 1, 1)
    listed = Node([Node(entry, mark) for entry in plugins.entries], mark)
    return replace(tree, value={**tree.value, "plugins": listed})
