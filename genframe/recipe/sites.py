"""`at:`, where a noise stands that no wire calls: in a component's net, on a player's gradients or weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from genframe.errors import Mark
from genframe.recipe.model import Instance, Site
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.words import shown

SIDES = ("input", "output")
"""Of a module: what it is called with, or what it gives. `encoder.net.2` is short for `encoder.net.2:output`."""

MOVED = ("gradients", "weights")
"""Of a player."""

_WRITTEN = re.compile(r"(?P<owner>[^\W\d][\w-]*)(?P<path>(\.\w+)*)(:(?P<side>.*))?", re.DOTALL)
_FORMS = "`encoder.net.2:output`, `encoder.net.2:input`, `PLAYER.gradients` or `PLAYER.weights`"


@dataclass(slots=True)
class Sites:
    """Reads the sites of a recipe with these instances and players, whole or not."""

    instances: Collection[str]
    players: Collection[str]
    problems: Problems

    def of(self, instance: Instance, node: Node, path: str) -> Iterator[Site]:
        """The sites that an instance's `at` names; what is wrong is noted."""
        if instance.kind != "noise":
            message = f"only a noise stands at a site, and {instance.name!r} is a {instance.kind}"
            self.problems.add("GF220", message, node.mark, path, command="genframe list noise")
            return
        items = node.value if isinstance(node.value, list) else [node]
        if not items:
            self.problems.add("GF219", f"expected a site or a list of them: {_FORMS}", node.mark, path)
        seen: set[tuple[str, str, str]] = set()
        for item in items:
            site = self._site(instance.name, str(item.value), item.mark, path)
            if site is None:
                continue
            where = (site.owner, site.what, site.path)
            if where in seen:
                message = f"{item.value!r} is named twice: {instance.name!r} stands at a site once"
                self.problems.add("GF219", message, item.mark, path)
            else:
                seen.add(where)
                yield site

    def _site(self, noise: str, text: str, mark: Mark, path: str) -> Site | None:
        found = _WRITTEN.fullmatch(text)
        if found is None:
            self.problems.add("GF219", f"expected a site, {_FORMS}, got {shown(text)}", mark, path)
            return None
        owner, inside, side = found["owner"], found["path"].removeprefix("."), found["side"]
        if side is None and (owner not in self.instances or (owner in self.players and inside in MOVED)):
            return self._of_player(noise, owner, inside, mark, path)
        if side is not None and side not in SIDES:
            message = f"{text!r}: a module has the sites input and output, not {side[:80]!r}"
            self.problems.add("GF219", message, mark, path, name=side, known=SIDES)
        elif owner not in self.instances:
            message = f"{text!r}: the recipe has no component {owner!r}"
            self.problems.add("GF213", message, mark, path, name=owner, known=self.instances)
        elif side is None and inside in MOVED:
            message = f"{text!r}: {inside} are a player's, and {owner!r} is a component; the players are "
            self.problems.add("GF219", message + ", ".join(self.players), mark, path)
        else:
            return Site(noise, owner, side or "output", inside, mark)
        return None

    def _of_player(self, noise: str, owner: str, what: str, mark: Mark, path: str) -> Site | None:
        text = f"{owner}.{what}" if what else owner
        if owner in self.players and what in MOVED:
            return Site(noise, owner, what, "", mark)
        if owner in self.players:
            message = f"{text!r}: a player has the sites gradients and weights: {owner}.gradients"
            self.problems.add("GF219", message, mark, path, name=what, known=MOVED)
            return None
        known = self.players if what in MOVED else (*self.instances, *self.players)
        kind = "player" if what in MOVED else "component or player"
        message = f"{text!r}: the recipe has no {kind} {owner!r}"
        self.problems.add("GF213", message, mark, path, name=owner, known=known)
        return None
