"""One recipe merged onto another: maps deep, lists whole, `null` removes, a changed `use` starts afresh."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from genframe.recipe.places import (
    Path,
    component_at,
    inside_settings,
    names_at,
    term_at,
    terms_at,
    written_out,
)
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node

_RIVALS = {"epochs": "steps", "steps": "epochs"}
"""Two ways to say one length: who writes one takes back the other."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Merges recipes. `schedules` are the names of schedules; what fell away is remarked in `problems`.

    A `null` stays in the tree, where it hides what the base says; whoever reads the tree passes it over.
    """

    schedules: Collection[str]
    problems: Problems

    def __call__(self, base: Node, over: Node, path: Path = ()) -> Node:
        """What `over` makes of `base`; each leaf keeps the place where it was written."""
        if isinstance(base.value, dict) or isinstance(over.value, dict):
            base, over = written_out(base, path), written_out(over, path)
        elif component_at(path):
            return over
        if not isinstance(base.value, dict) or not isinstance(over.value, dict):
            return over
        if self._starts_afresh(base.value, over.value, path):
            self._remark(base, over, path)
            return over
        result = {key: node for key, node in base.value.items() if not _taken_back(key, over.value, path)}
        for key, node in over.value.items():
            if node.value is None and key not in base.value and (names_at(path) or terms_at(path)):
                self._nothing_there(key, node, base.value, path)
            result[key] = self(result[key], node, (*path, key)) if key in result else node
        return replace(over, value=result)

    def _nothing_there(self, key: str, node: Node, base: dict[str, Node], path: Path) -> None:
        message = f"there is no {key!r} in {'.'.join(path)} that null could take away"
        there = [name for name, entry in base.items() if entry.value is not None]
        where = ".".join((*path, key))
        self.problems.add("GF222", message, node.place, where, name=key, known=there, severity="remark")

    def _starts_afresh(self, base: dict[str, Node], over: dict[str, Node], path: Path) -> bool:
        """Whether the block names another component, or another schedule, than its base."""
        if component_at(path):
            return "use" in over and not _same(base.get("use"), over["use"])
        if len(base) == len(over) == 1 and (term_at(path[:-1]) or inside_settings(path)):
            return base.keys() != over.keys() and all(key in self.schedules for key in (*base, *over))
        return False

    def _remark(self, base: Node, over: Node, path: Path) -> None:
        assert isinstance(base.value, dict) and isinstance(over.value, dict)
        lost = [key for key in base.value if key != "use" and key not in over.value]
        if not component_at(path) or not lost:
            return
        was, now = (
            entries["use"].value if "use" in entries else None for entries in (base.value, over.value)
        )
        message = f"{now} takes the place of {was}, whose settings fall away: {', '.join(lost)}"
        related = ((base.place, "the base"),)
        self.problems.add("GF216", message, over.place, ".".join(path), related=related, severity="remark")


def _taken_back(key: str, over: dict[str, Node], path: Path) -> bool:
    rival = over.get(_RIVALS.get(key, ""))
    written = rival is not None and rival.value is not None
    return written and key not in over and inside_settings(path)


def _same(base: Node | None, over: Node) -> bool:
    """Whether two names mean one component: `conv` and `nets/conv` do, `nets/conv` and `mine/conv` do not."""
    if base is None or over.value is None:
        return True
    one, other = (str(node.value).replace("_", "-").split("/") for node in (base, over))
    return one[-1] == other[-1] and (len(one) != len(other) or one == other)
