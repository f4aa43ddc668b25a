"""Which wires each player computes, which it reuses, and for whom a wire carries gradient: one rule, no tensors.

Players that alternate: a player reuses a wire if and only if no component that the wire reaches has moved since it was
made. A wire is made with gradient for the player that will need it: at most one does, because that player then moves
what the wire reaches, and the wire is stale. Everyone else reads it detached.

Players that move at once: nobody has moved before all gradients are taken, so that every wire is made once, with
gradient for all who need it, and nothing is detached: each asks for the gradient in its own parameters alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from genframe.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Turn:
    """A player that moves in this step, the components it trains, and the terms it adds up.

    noised: it computes its terms with noise on its weights, so that what they reach is of no use to another.
    """

    player: str
    trains: frozenset[str]
    terms: tuple[str, ...]
    noised: bool = False


@dataclass(frozen=True, slots=True)
class Computation:
    """One wire to compute: the `names` it binds, the players it carries gradient for, and what it reads detached.

    Of players that alternate there is at most one owner.
    """

    names: tuple[str, ...]
    owners: tuple[str, ...]
    detached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """What one player does in a step: compute, add up its terms, then forget `release`.

    `terms` are (wire, whether it carries gradient for this player); `reused` are the wires made before. `retains`:
    a later player of the step takes a gradient through what this one's runs through, so that it must be kept.
    """

    player: str
    computations: tuple[Computation, ...]
    terms: tuple[tuple[str, bool], ...]
    reused: tuple[str, ...]
    release: tuple[str, ...] = ()
    retains: bool = False


def share_at_once(wiring: Wiring, turns: Sequence[Turn]) -> list[Move]:
    """The moves of one step in which nobody moves before all have their gradients."""
    needed = [_needed(wiring, turn) for turn in turns]
    owners = {
        name: tuple(
            turn.player
            for turn, names in zip(turns, needed, strict=True)
            if name in names and wiring.reach[name] & turn.trains
        )
        for names in needed
        for name in names
    }
    made: set[str] = set()
    moves: list[Move] = []
    for index, (turn, names) in enumerate(zip(turns, needed, strict=True)):
        computations: list[Computation] = []
        before, read = frozenset(made), set(turn.terms)
        for name in names:
            if name not in made:
                read |= wiring.needs(wiring.plain[name].bound)
                together = _made_with(wiring, name)
                whom = {player for one in together for player in owners[one]}
                computations.append(Computation(together, tuple(t.player for t in turns if t.player in whom)))
                made.update(together)
        later = {t.player for t in turns[index + 1 :]}
        retains = any(turn.player in owners[name] and later.intersection(owners[name]) for name in names)
        terms = tuple((term, turn.player in owners[term]) for term in turn.terms)
        reused = tuple(name for name in names if name in before & read)
        moves.append(Move(turn.player, tuple(computations), terms, reused, retains=retains))
    return _with_releases(moves)


def share(
    wiring: Wiring, turns: Sequence[Turn], detachable: Callable[[str], bool] = lambda wire: True
) -> list[Move]:
    """The moves of one step. `detachable` says of which wires a copy without gradient can be made."""
    return _Sharing(wiring, turns, detachable).moves()


class _Sharing:
    def __init__(self, wiring: Wiring, turns: Sequence[Turn], detachable: Callable[[str], bool]) -> None:
        self.wiring, self.turns, self.detachable = wiring, turns, detachable
        self.needed = [_needed(wiring, turn) for turn in turns]

    def moves(self) -> list[Move]:
        owners: dict[
            str, str | None
        ] = {}  # the wires that are made and not stale -> whom they carry gradient for
        moves: list[Move] = []
        for index, turn in enumerate(self.turns):
            if turn.noised:
                self._forget(turn, owners)
            computations, reused = self._turn(index, turn, owners)
            terms = tuple((term, owners[term] == turn.player) for term in turn.terms)
            moves.append(Move(turn.player, tuple(computations), terms, tuple(reused)))
            self._forget(turn, owners)
        return _with_releases(moves)

    def _forget(self, turn: Turn, owners: dict[str, str | None]) -> None:
        """What reaches the weights of a player is stale when they move: with its step, or with noise before."""
        for name in [name for name in owners if self.wiring.reach[name] & turn.trains]:
            del owners[name]

    def _turn(
        self, index: int, turn: Turn, owners: dict[str, str | None]
    ) -> tuple[list[Computation], list[str]]:
        computations: list[Computation] = []
        made: set[str] = set()
        reused: list[str] = []
        for name in self.needed[index]:
            if name in made:
                continue
            if name in owners and self._usable(name, turn, owners[name]):
                reused.append(name)
                continue
            reads = [r for r in self.wiring.needs(self.wiring.plain[name].bound) if r in owners]
            owner = self._owner(index, name, {read: owners[read] for read in reads})
            detached = tuple(sorted(read for read in reads if owners[read] not in (None, owner)))
            names = _made_with(self.wiring, name)
            computations.append(Computation(names, () if owner is None else (owner,), detached))
            made.update(names)
            owners.update(dict.fromkeys(names, owner))
        return computations, reused

    def _usable(self, name: str, turn: Turn, owner: str | None) -> bool:
        """A fresh wire serves a player when it carries gradient for it, or when none is needed."""
        if self.wiring.reach[name] & turn.trains:
            return owner == turn.player
        return owner is None or self.detachable(name)

    def _owner(self, index: int, name: str, reads: Mapping[str, str | None]) -> str | None:
        """The first player, from this turn on, that needs the wire and trains what it reaches, before it is stale.

        None, and that player makes the wire anew, where a gradient could not run on: through the wire, which the
        players before must read detached, or through one that it `reads`, which was made without.
        """
        reach = self.wiring.reach
        for later, turn in enumerate(self.turns[index:], index):
            if reach[name] & turn.trains:
                if later == index:
                    return turn.player
                if turn.noised:
                    return None
                whole = all(
                    owner == turn.player for read, owner in reads.items() if reach[read] & turn.trains
                )
                return turn.player if name in self.needed[later] and whole and self.detachable(name) else None
        return None


def _needed(wiring: Wiring, turn: Turn) -> tuple[str, ...]:
    """The wires above a turn's terms, in order; a wire that unpacks counts with all its names."""
    names: dict[str, None] = {}
    for name in wiring.ancestors(frozenset(turn.terms)):
        names.update(dict.fromkeys(_made_with(wiring, name)))
    return tuple(names)


def _made_with(wiring: Wiring, name: str) -> tuple[str, ...]:
    return tuple(n for n in wiring.plain[name].wire.names if n != "_")


def _with_releases(moves: Sequence[Move]) -> list[Move]:
    return [replace(move, release=_release(index, moves)) for index, move in enumerate(moves)]


def _release(index: int, moves: Sequence[Move]) -> tuple[str, ...]:
    """What no later move reads as it stands: made here or before, and not reused after."""
    later = {name for move in moves[index + 1 :] for name in move.reused}
    made = {name for move in moves[: index + 1] for c in move.computations for name in c.names}
    return tuple(sorted(made - later))
