"""What a training step computes, for whom, with what gradient: a recipe compiled.

Printed by `genframe explain`, run by the engine; `genframe.compiling` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from genframe.errors import Problem
from genframe.parts import Parts
from genframe.recipe.model import Player, Recipe, Site
from genframe.scored import Scored
from genframe.selection import chosen, under
from genframe.sharing import Move, Turn, share, share_at_once
from genframe.watch import Watch
from genframe.wiring import Wiring


@dataclass
class Plan:
    """What a training step computes, for whom, with what gradient.

    `routing[player][term]` are the components that the term teaches, measured by autograd. `shapes` are the wires'
    shapes with two rows, `row_bytes` what an example takes of each in training. `remarks` are worth saying
    and stop nothing. `undetachable` are the wires whose values can't be copied without their gradient.
    """

    recipe: Recipe
    datasets: Mapping[str, Any]
    wiring: Wiring
    parts: Parts
    routing: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    remarks: list[Problem] = field(default_factory=list)
    row_bytes: dict[str, int] = field(default_factory=dict)
    scored: tuple[Scored, ...] = ()
    watch: Watch = field(default_factory=Watch)
    undetachable: set[str] = field(default_factory=set)

    def trained_parameters(self, player: Player) -> dict[str, nn.Parameter]:
        """What a player trains, by `instance.parameter`."""
        return {
            f"{name}.{key}": parameter
            for name in dict.fromkeys(entry.instance for entry in player.trains)
            for key, parameter in self._chosen(player, name).items()
        }

    def trains(self, player: Player) -> tuple[str, ...]:
        """The instances that a player trains, or some part of: of what it names, what holds parameters not frozen."""
        names = dict.fromkeys(entry.instance for entry in player.trains)
        return tuple(name for name in names if self._chosen(player, name))

    def entries(self, player: Player) -> dict[str, dict[str, nn.Parameter]]:
        """What a player trains by its entries of `trains`: `encoder`, or `encoder.net.0` where it trains that part."""
        found: dict[str, dict[str, nn.Parameter]] = {}
        for entry in player.trains:
            if not entry.left_out or all(e.left_out for e in player.trains if e.instance == entry.instance):
                path = "" if entry.left_out else entry.path
                mine = self._chosen(player, entry.instance)
                inside = {key: parameter for key, parameter in mine.items() if under(key, path)}
                found[entry.instance if entry.left_out else entry.name] = inside
        return {name: inside for name, inside in found.items() if inside}

    def _chosen(self, player: Player, name: str) -> dict[str, nn.Parameter]:
        own, frozen = self.parts.own_parameters(name), self.parts.frozen_parameters(name)
        keys = chosen(own, [entry for entry in player.trains if entry.instance == name])
        return {key: own[key] for key in keys if key not in frozen}

    def sites(self, player: Player, what: str) -> tuple[Site, ...]:
        """Where noise stands on what a player moves: on its `gradients`, or its `weights`."""
        return tuple(
            s for s in self.recipe.sites if not s.inside and (s.owner, s.what) == (player.name, what)
        )

    def fields(self, dataset: str) -> frozenset[str]:
        """The fields of a dataset that a training step reads."""
        terms = frozenset(term.wire for player in self.recipe.players for term in player.minimises)
        above = self.wiring.ancestors(terms)
        read = {name for wire in above for name in self.wiring.needs(self.wiring.plain[wire].bound)}
        read |= self.watch.reads
        prefix = f"{dataset}." if dataset else ""
        return frozenset(
            name.removeprefix(prefix) for name in read & set(self.wiring.data) if name.startswith(prefix)
        )

    def moves(self, turns: tuple[tuple[Player, tuple[str, ...]], ...]) -> list[Move]:
        """The moves of a step in which these players add up these terms."""
        taken = [
            Turn(player.name, frozenset(self.trains(player)), terms, bool(self.sites(player, "weights")))
            for player, terms in turns
        ]
        if self.at_once:
            return share_at_once(self.wiring, taken)
        return share(self.wiring, taken, lambda wire: wire not in self.undetachable)

    @property
    def at_once(self) -> bool:
        """Whether all players move from one forward pass, rather than one after the other."""
        return self.recipe.play == "simultaneous"
