"""`players:`: who trains what, for which terms, by which optimizer, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from genframe.annotations import Count, Ge, Lt, Positive, Schedulable
from genframe.errors import Mark
from genframe.kinds import SLOTS
from genframe.recipe.blocks import Blocks, entries
from genframe.recipe.load import kind_of
from genframe.recipe.model import Chosen, Instance, Player, Term
from genframe.recipe.names import name_fault
from genframe.recipe.overrides import is_override
from genframe.recipe.places import PLAYER_KEYS, TERM_KEYS, written_out
from genframe.recipe.problems import Problems
from genframe.recipe.scope import Scope
from genframe.recipe.settings import block, fields, span
from genframe.recipe.tree import Node
from genframe.recipe.values import INVALID

DEFAULT_OPTIMIZER = "adam"
"""What a player moves by that names no optimizer, in a recipe that names none."""

VALUES: dict[str, Any] = {
    "clip": Positive,
    "clamp": Positive,
    "ema": Annotated[float, Ge(0), Lt(1)],
    "every": Count,
}


@dataclass(slots=True)
class Players:
    """Makes the players of a recipe, whose names are those of a scope."""

    blocks: Blocks
    problems: Problems
    scope: Scope
    optimizer: Node | None

    def all(self, node: Node) -> tuple[Player, ...]:
        if not isinstance(node.value, dict):
            message = f"expected a mapping of players, got {kind_of(node)}"
            self.problems.add("GF205", message, node.mark, "players")
            return ()
        made = [self._player(name, inside) for name, inside in entries(node).items()]
        players = [inside.value for inside in entries(node).values()]
        if self.optimizer is not None and all(isinstance(p, dict) and "optimizer" in p for p in players):
            self._nobodys_optimizer(self.optimizer, [*entries(node)])
        return tuple(player for player in made if player is not None)

    def _nobodys_optimizer(self, optimizer: Node, players: list[str]) -> None:
        """An override of an optimizer that no player uses would be lost without a word."""
        set_now = [n for n in (optimizer, *entries(optimizer).values()) if is_override(n.mark)]
        if set_now:
            message = (
                f"every player has an optimizer of its own, so nobody uses this one: {', '.join(players)}"
            )
            path = f"players.{players[0]}.optimizer"
            self.problems.add("GF212", f"{message}; set {path}", set_now[0].place, "optimizer")

    def _player(self, name: str, node: Node) -> Player | None:
        path = f"players.{name}"
        fault = name_fault(name)
        if fault:
            self.problems.add("GF210", fault, node.place, path)
        written = block(node, path, PLAYER_KEYS, self.problems)
        for key, what in (("trains", "a list of instances"), ("minimises", "a mapping of wires to weights")):
            if key not in written and isinstance(node.value, dict):
                message = f"the player {name!r} needs `{key}`: {what}"
                self.problems.add("GF203", message, node.place, f"{path}.{key}")
        trains = self._trains(written.get("trains"), f"{path}.trains")
        terms = self._terms(written.get("minimises"), name)
        optimizer = self._optimizer(written.get("optimizer"), name, node.place)
        values = fields(written, VALUES, path, self.problems) | self._times(written, path)
        if optimizer is None:
            return None
        return Player(name, trains, terms, optimizer, node.place, **values)

    def _trains(self, node: Node | None, path: str) -> tuple[Chosen, ...]:
        if node is None:
            return ()
        items = node.value if isinstance(node.value, list) else [node]
        if not items:
            self.problems.add("GF205", "expected the instances that it trains, got none", node.mark, path)
        found: dict[str, Chosen] = {}
        for item in items:
            entry = Chosen.of(item.value, item.mark) if isinstance(item.value, str) else None
            if not isinstance(item.value, str) or entry is None:
                message = f"expected the name of an instance, got {kind_of(item)}"
                self.problems.add("GF205", message, item.mark, path)
            elif entry.instance not in self.scope.instances:
                self._untrainable(item, entry.instance, path)
            elif item.value in found:
                related = ((found[item.value].mark, "the other"),)
                message = f"{item.value!r} stands here twice"
                self.problems.add("GF209", message, item.mark, path, related=related)
            else:
                found[item.value] = entry
        return tuple(found.values())

    def _untrainable(self, item: Node, name: str, path: str) -> None:
        if name in self.scope.missing:
            return  # told of where an expression asks for it
        message = f"{name[:80]!r} is no instance of the recipe, so it can't be trained"
        known = () if name in SLOTS else self.scope.instances
        command = f"genframe list {name}" if name in SLOTS else None
        self.problems.add("GF213", message, item.mark, path, name=name, known=known, command=command)

    def _terms(self, node: Node | None, player: str) -> tuple[Term, ...]:
        path = f"players.{player}.minimises"
        if node is None:
            return ()
        if not isinstance(node.value, dict) or not entries(node):
            message = f"expected a mapping of wires to weights, `{{objective: 1}}`, got {kind_of(node)}"
            self.problems.add("GF205", message, node.mark, path)
            return ()
        made = (self._term(player, wire, inside) for wire, inside in entries(node).items())
        return tuple(term for term in made if term is not None)

    def _term(self, player: str, wire: str, node: Node) -> Term | None:
        place = ("players", player, "minimises", wire)
        path = ".".join(place)
        wires = self.scope.plain_wires()
        if wire not in wires:
            message = f"{wire[:80]!r} is no wire without arguments, so it can't be minimised"
            self.problems.add("GF213", message, node.place, path, name=wire, known=wires)
        mark, written_so_far = node.place, len(self.problems)
        node = written_out(node, place)
        written = block(node, path, TERM_KEYS, self.problems)
        values = fields(written, {"every": Count}, path, self.problems) | self._times(written, path)
        if "weight" in written:
            weight = self.blocks.value(written["weight"], Schedulable, path)
            if weight is not INVALID and weight is not None:
                values["weight"] = weight
        return Term(wire, mark, **values) if len(self.problems) == written_so_far else None

    def _times(self, written: dict[str, Node], path: str) -> dict[str, Any]:
        found = {
            key: span(written[key], f"{path}.{key}", self.problems)
            for key in ("start", "until")
            if key in written
        }
        return {key: value for key, value in found.items() if value is not None}

    def _optimizer(self, own: Node | None, player: str, mark: Mark) -> Instance | None:
        name = f"{player}.optimizer"
        if own is not None:
            return self.blocks.instance(own, "optimizer", name, f"players.{name}", ("use",))
        if self.optimizer is not None:
            return self.blocks.instance(self.optimizer, "optimizer", name, "optimizer", ("use",))
        return self.blocks.instance(Node(DEFAULT_OPTIMIZER, mark), "optimizer", name, "optimizer", ("use",))
