"""What is wrong with the players of a plan: parts that nobody trains or two do, trained parts that nothing teaches."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from genframe.errors import Problem
from genframe.plan import Plan
from genframe.recipe.model import Player, Span
from genframe.selection import fault, under


def player_problems(plan: Plan) -> Iterator[Problem]:
    """Errors, and remarks, about who trains what; once the routing is measured."""
    for player in plan.recipe.players:
        yield from _problems(plan, player)
        yield from _never(player)
    yield from _untrained(plan)
    yield from _trained_twice(plan)


def _problems(plan: Plan, player: Player) -> Iterator[Problem]:
    path = f"players.{player.name}"
    trains, routing, entries = plan.trains(player), plan.routing[player.name], plan.entries(player)
    lost = [
        e
        for e in player.trains
        if fault(plan.parts.built.get(e.instance), plan.parts.own_parameters(e.instance), e.path)
    ]
    if not trains and not lost:
        yield Problem(
            "GF511", f"the player {player.name!r} trains nothing that has parameters", player.mark, path
        )
    taught = {name for names in routing.values() for name in names}
    for entry in player.trains:
        name, mark, instance = entry.instance, entry.mark, plan.wiring.instances[entry.instance]
        own, frozen = plan.parts.own_parameters(name), plan.parts.frozen_parameters(name)
        wrong = fault(plan.parts.built.get(name), own, entry.path)
        if wrong:
            message = f"{name!r} ({instance.offer.name}): {wrong[0]}"
            near = f"{name}.{wrong[1]}" if wrong[1] else None
            yield Problem("GF528", message, mark, f"{path}.trains", near)
        elif instance.frozen is True or (
            entry.path and not entry.left_out and all(k in frozen for k in own if under(k, entry.path))
        ):
            message = f"{entry.name!r} is frozen, and {player.name!r} is to train it"
            yield Problem("GF515", message, mark, f"{path}.trains")
        elif entry.name in entries and entry.name not in taught:
            message = (
                f"no term of {player.name!r} teaches {entry.name!r}: no gradient of {', '.join(routing)} "
            )
            message += "reaches it"
            yield Problem(
                "GF512",
                message,
                mark,
                f"{path}.trains",
                command=f"genframe explain {plan.recipe.name}",
                related=((instance.mark, f"{name!r} is chosen here"),),
            )
        others = [p for p in plan.recipe.players if p is not player]
        if others and plan.wiring.instances[name].kind == "discriminator":
            reached = {n for p in others for term in p.minimises for n in plan.wiring.reach[term.wire]}
            if name not in reached:
                message = f"the critic {name!r} teaches nobody: no term of another player reaches it"
                yield Problem("GF513", message, mark, f"{path}.trains")


def _untrained(plan: Plan) -> Iterator[Problem]:
    """Components, or parts of them, that no player trains and that are not frozen."""
    trained = {id(p) for player in plan.recipe.players for p in plan.trained_parameters(player).values()}
    for name, instance in plan.recipe.instances.items():
        own, frozen = plan.parts.own_parameters(name), plan.parts.frozen_parameters(name)
        idle = [key for key, p in own.items() if id(p) not in trained and key not in frozen]
        if idle and len(idle) == len(own):
            message = f"nobody trains {name!r} ({instance.offer.name}), which has parameters"
            message += ": add it to a player's trains, or set frozen: true"
            yield Problem("GF510", message, instance.mark, name)
        elif idle:
            parts = list(dict.fromkeys(key.rpartition(".")[0] or key for key in idle))
            shown = ", ".join(parts[:5]) + (f" and {len(parts) - 5} more" if len(parts) > 5 else "")
            message = f"nobody trains some of {name!r} ({instance.offer.name}): {shown}; add {name}.{parts[0]} to a "
            message += f"player's trains, or freeze it: frozen: [{shown}]"
            yield Problem("GF510", message, instance.mark, name)


def _trained_twice(plan: Plan) -> Iterator[Problem]:
    """Parameters that two players train: each moves them by an optimizer of its own."""
    seen: dict[int, tuple[str, Player]] = {}
    told: set[tuple[str, str]] = set()
    for player in plan.recipe.players:
        for key, parameter in plan.trained_parameters(player).items():
            first, other = seen.setdefault(id(parameter), (key, player))
            if other is player or (other.name, player.name) in told:
                continue
            told.add((other.name, player.name))
            if _one_after_the_other(other, player):
                continue
            both = f"{other.name!r} and {player.name!r} both train {first!r}"
            if other.ema is not None and player.ema is not None:
                message = f"{both}, and both keep an average of it: take the ema from one of them"
                yield Problem("GF546", message, player.mark, f"players.{player.name}.ema")
                continue
            message = f"{both}: each moves it by an optimizer of its own; to share a component out, name its parts, "
            message += f"trains: [{first}]"
            yield Problem("GF529", message, player.mark, f"players.{player.name}.trains", severity="remark")


def _never(player: Player) -> Iterator[Problem]:
    """Players, and their terms, whose steps never come, as far as spans can be compared. `until: 0` is meant so."""
    path = f"players.{player.name}"
    if player.until is not None and not player.until.in_steps(1_000):
        return
    if player.until is not None and not _before(player.start, player.until):
        message = f"{player.name!r} never moves: it begins at {player.start} and ends at {player.until}"
        yield Problem("GF548", message, player.mark, f"{path}.until")
        return
    for term in player.minimises:
        ends = [until for until in (player.until, term.until) if until is not None]
        begins = (player.start, term.start)
        apart = gcd(player.every, term.every)
        if not all(_before(start, end) for start in begins for end in ends):
            cause = f"it begins at {term.start}, and has ended by then"
        elif player.start.steps is None or term.start.steps is None:
            continue
        elif (player.start.steps - term.start.steps) % apart:
            cause = (
                f"the player moves every {player.every} steps from {player.start} on, the term is due every "
            )
            cause += (
                f"{term.every} from {term.start} on, and these never meet: start: {player.start.steps}, say"
            )
        else:
            continue
        message = f"{player.name!r} never adds up {term.wire!r}: {cause}"
        yield Problem("GF548", message, term.mark, f"{path}.minimises.{term.wire}")


def _before(start: Span, end: Span) -> bool:
    """Whether one lies before the other; taken to be so of steps and epochs, which can't be compared here."""
    return (start.steps is None) != (end.steps is None) or start.in_steps(1_000) < end.in_steps(1_000)


def _one_after_the_other(a: Player, b: Player) -> bool:
    """Whether one of two players has stopped when the other begins, as far as their spans can be compared."""
    return any(
        first.until is not None
        and (first.until.steps is None) == (second.start.steps is None)
        and first.until.in_steps(1_000) <= second.start.in_steps(1_000)
        for first, second in ((a, b), (b, a))
    )
