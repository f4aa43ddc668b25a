"""A recipe with all that it stands on: `pipeline:` and `extends:`, one mechanism, up to the last base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from genframe.errors import Mark, Problem, RecipeError
from genframe.recipe.load import load
from genframe.recipe.merge import Merge
from genframe.recipe.places import FORMAT
from genframe.recipe.plugins import Plugins
from genframe.recipe.problems import Problems
from genframe.recipe.sources import SUFFIXES, Source, read_source
from genframe.recipe.tree import Node
from genframe.recipe.words import shown
from genframe.registry import LookupProblem

MAX_BASES = 20
"""How many recipes one may stand on."""

_BASES = ("pipeline", "extends")
_OWN = (*_BASES, "genframe", "name", "plugins")
"""Keys that a recipe does not hand down."""


@dataclass(slots=True)
class Chain:
    """Follows a recipe to its bases and merges it onto them."""

    plugins: Plugins
    problems: Problems
    files: list[str] = field(default_factory=list)

    def merged(self, source: Source) -> Node:
        """The merged tree. Raises RecipeError where a base is missing, a circle, or no YAML."""
        trees = list(self._trees(source))
        own = trees[0]
        assert isinstance(own.value, dict)
        tree = _without(trees[-1], _OWN if len(trees) > 1 else _BASES)
        schedules = {offer.component.name for offer in self.plugins.registry.offers("schedule")}
        merge = Merge(schedules, self.problems)
        for over in reversed(trees[:-1]):
            tree = merge(tree, _without(over, _BASES if over is own else _OWN))
        return tree

    def _trees(self, source: Source) -> Iterator[Node]:
        """The recipe, its base, the base's base ..."""
        following: Source | None = source
        while following is not None:
            tree = load(following.text, following.file)
            self.files.append(following.file)
            assert isinstance(tree.value, dict)
            if following is not source:
                check_format(tree.value.get("genframe"), Mark(following.file, 1, 1), self.problems)
            self.plugins.add(tree.value.get("plugins"), following.folder)
            yield tree
            following = self._base(tree.value, following.folder)

    def _base(self, entries: dict[str, Node], folder: Path) -> Source | None:
        written = [entries[key] for key in _BASES if key in entries and entries[key].value is not None]
        if not written:
            return None
        node = written[0]
        key = next(key for key in _BASES if entries.get(key) is node)
        if len(written) > 1:
            message = "a recipe has one base: `pipeline` or `extends`, not both"
            self._fail("GF212", message, written[1].place, "extends", ((node.place, "the other"),))
        if not isinstance(node.value, str):
            self._fail("GF205", f"expected the name of a recipe, got {shown(node.plain())}", node.mark, key)
        source = self._named(key, node, folder)
        if _resolved(source.file) in map(_resolved, self.files):
            self._fail("GF116", f"{node.value!r} stands on itself: {' -> '.join(self.files)}", node.mark, key)
        if len(self.files) > MAX_BASES:
            self._fail("GF116", f"a recipe stands on at most {MAX_BASES} others", node.mark, key)
        return source

    def _named(self, key: str, node: Node, folder: Path) -> Source:
        name = str(node.value)
        if key == "extends" and name.endswith(SUFFIXES):
            return read_source(folder / name, node.mark, key)
        try:
            found = self.plugins.registry.find_recipe(
                name, pipeline=key == "pipeline", listed=self.plugins.listed
            )
        except LookupProblem as problem:
            raise RecipeError(*self.problems, replace(problem.at(node.mark, key), code="GF115")) from None
        return read_source(found.path, node.mark, key)

    def _fail(
        self, code: str, message: str, mark: Mark, path: str, related: tuple[tuple[Mark, str], ...] = ()
    ) -> NoReturn:
        raise RecipeError(*self.problems, Problem(code, message, mark, path, related=related))


def check_format(version: Node | None, start: Mark, problems: Problems) -> None:
    """Note a format that this genframe does not read; each recipe says its own, and `start` is where."""
    if version is None or version.value is None:
        message = f"a recipe starts with the version of its format, `genframe: {FORMAT}`"
        problems.add("GF208", message, start, "genframe")
    elif version.value is True or version.value != FORMAT:
        message = f"this genframe reads recipes of format {FORMAT}, not {shown(version.plain())}"
        problems.add("GF208", message, version.mark, "genframe")


def _without(tree: Node, keys: tuple[str, ...]) -> Node:
    assert isinstance(tree.value, dict)
    return replace(tree, value={key: node for key, node in tree.value.items() if key not in keys})


def _resolved(file: str) -> str:
    try:
        return str(Path(file).resolve())
    except (OSError, ValueError):
        return file
