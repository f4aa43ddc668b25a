"""The sharing rule: the bits of computing everything anew, no stale value, no gradient lost or leaked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import batch_of, differing, parts_file, plan_of, recipe_file, small, stepper_of
from torch import Tensor

from genframe.bound import BoundWire, FromWire, Items, Part
from genframe.engine.step import Stepper
from genframe.errors import Mark
from genframe.plan import Plan
from genframe.recipe.expression import Constant
from genframe.recipe.model import Wire
from genframe.sharing import Move, Turn, share
from genframe.wiring import Wiring

MARK = Mark("recipe.yaml", 1, 1)


class Graph(Wiring):
    """Wires told as `{"fake": "G", "verdict": "D fake"}`: capitals are components, the rest are wires."""

    def __init__(self, wires: Mapping[str, str]) -> None:
        super().__init__(None, {})  # type: ignore[arg-type]
        for key, text in wires.items():
            names = tuple(key.replace(" ", "").split(","))
            reads = tuple(Part(word) if word.isupper() else FromWire(word) for word in text.split())
            bound = BoundWire(Wire(names, (), Constant(None), MARK, text), Items(reads))
            self.plain.update((name, bound) for name in names if name != "_")

    def held_by(self, name: str) -> frozenset[str]:
        return frozenset({name})


def told(move: Move) -> dict[str, str]:
    """What a move computes: wire -> the player it carries gradient for, and what it reads detached."""
    return {
        ",".join(c.names): " ".join([",".join(c.owners) or "-", *(f"!{name}" for name in c.detached)])
        for c in move.computations
    }


GAN = {"fake": "G", "real": "D", "verdict": "D fake", "tell": "real verdict", "look": "verdict"}
CRITIC = Turn("critic", frozenset("D"), ("tell",))
GENERATOR = Turn("generator", frozenset("G"), ("look",))


def test_a_fake_made_once_serves_both_and_its_verdict_is_computed_again() -> None:
    critic, generator = share(Graph(GAN), [CRITIC, GENERATOR])
    assert told(critic) == {
        "fake": "generator",
        "real": "critic",
        "verdict": "critic !fake",
        "tell": "critic",
    }
    assert told(generator) == {"verdict": "generator", "look": "generator"}
    assert generator.reused == ("fake",)
    assert "fake" not in critic.release
    assert "fake" in generator.release


def test_a_generator_that_moves_first_leaves_nothing_fresh() -> None:
    generator, critic = share(Graph(GAN), [GENERATOR, CRITIC])
    assert told(generator) == {"fake": "generator", "verdict": "generator", "look": "generator"}
    assert told(critic) == {"fake": "-", "real": "critic", "verdict": "critic", "tell": "critic"}
    assert critic.reused == ()


def test_a_critic_alone_makes_its_fake_without_gradient() -> None:
    (critic,) = share(Graph(GAN), [CRITIC])
    assert told(critic)["fake"] == "-"


def test_what_cannot_be_copied_without_gradient_is_computed_again() -> None:
    critic, generator = share(Graph(GAN), [CRITIC, GENERATOR], lambda wire: wire != "fake")
    assert told(critic)["fake"] == "-"
    assert told(generator) == {"fake": "generator", "verdict": "generator", "look": "generator"}


def test_three_players_share_what_none_of_them_has_moved() -> None:
    wires = {"code": "E", "fake": "G code", "va": "A fake", "vb": "B fake", "look": "va vb"}
    turns = [
        Turn("a", frozenset("A"), ("va",)),
        Turn("b", frozenset("B"), ("vb",)),
        Turn("maker", frozenset("EG"), ("look",)),
    ]
    a, b, maker = share(Graph(wires), turns)
    assert told(a) == {"code": "maker", "fake": "maker", "va": "a !fake"}
    assert told(b) == {"vb": "b !fake"}
    assert told(maker) == {"va": "maker", "vb": "maker", "look": "maker"}
    assert maker.reused == ("code", "fake")


def test_of_two_trainers_the_first_that_needs_a_wire_owns_it_and_the_second_makes_its_own() -> None:
    wires = {"code": "E", "one": "code", "two": "code"}
    turns = [Turn("first", frozenset("E"), ("one",)), Turn("second", frozenset("E"), ("two",))]
    first, second = share(Graph(wires), turns)
    assert told(first) == {"code": "first", "one": "first"}
    assert told(second) == {"code": "second", "two": "second"}


def test_a_wire_that_a_later_mover_does_not_need_is_made_without_gradient() -> None:
    wires = {"code": "E", "judged": "D code", "other": "E"}
    turns = [Turn("judge", frozenset("D"), ("judged",)), Turn("coder", frozenset("E"), ("other",))]
    judge, _ = share(Graph(wires), turns)
    assert told(judge) == {"code": "-", "judged": "judge"}


def test_a_wire_that_unpacks_is_made_once_for_all_its_names() -> None:
    wires = {
        "noised, level": "N",
        "kept, _": "N",
        "guess": "E noised",
        "error": "guess level",
        "also": "kept",
    }
    (move,) = share(Graph(wires), [Turn("model", frozenset("E"), ("error", "also"))])
    assert told(move) == {
        "noised,level": "-",
        "guess": "model",
        "error": "model",
        "kept": "-",
        "also": "-",
    }
    assert move.terms == (("error", True), ("also", False))


# The rule against its meaning, on random graphs.

COMPONENTS, PLAYERS = "ABC", "pqr"


@st.composite
def situations(draw: st.DrawFn) -> tuple[Graph, list[Turn], frozenset[str]]:
    count = draw(st.integers(2, 7))
    wires: dict[str, str] = {}
    for number in range(count):
        parts = draw(st.sets(st.sampled_from(COMPONENTS), max_size=2))
        reads = draw(st.sets(st.sampled_from(sorted(wires)), max_size=2)) if wires else set()
        wires[f"w{number}"] = " ".join([*sorted(parts), *sorted(reads)])
    turns = [
        Turn(
            name,
            frozenset(draw(st.sets(st.sampled_from(COMPONENTS), min_size=1, max_size=2))),
            tuple(sorted(draw(st.sets(st.sampled_from(sorted(wires)), min_size=1, max_size=2)))),
        )
        for name in PLAYERS[: draw(st.integers(1, 3))]
    ]
    stuck = draw(st.sets(st.sampled_from(sorted(wires)), max_size=1))
    return Graph(wires), turns, frozenset(stuck)


@settings(max_examples=400, deadline=None)
@given(situations())
def test_every_value_is_fresh_and_every_gradient_runs_to_its_player_alone(
    situation: tuple[Graph, list[Turn], frozenset[str]],
) -> None:
    """A value is, in symbols, the versions of the components that it was made from."""
    graph, turns, stuck = situation
    moves = share(graph, turns, lambda wire: wire not in stuck)
    moved = dict.fromkeys(COMPONENTS, 0)
    made: dict[str, tuple[dict[str, int], str | None]] = {}  # wire -> versions of what it reaches, its player
    for turn, move in zip(turns, moves, strict=True):
        for computation in move.computations:
            for name in computation.names:
                bound = graph.plain[name].bound
                for read in graph.needs(bound):
                    versions, owner = made[read]
                    assert all(moved[c] == v for c, v in versions.items()), f"{name} reads a stale {read}"
                    mine = next(iter(computation.owners), None)
                    if owner not in (None, mine):
                        assert read in computation.detached, (
                            f"{name} would leak {owner}'s gradient from {read}"
                        )
                        assert read not in stuck
                    else:
                        assert read not in computation.detached, f"{name} loses a gradient through {read}"
                        if mine is not None and owner is None:
                            trains = next(t.trains for t in turns if t.player == mine)
                            assert not graph.reach[read] & trains, f"{name} loses a gradient through {read}"
                owner = next(iter(computation.owners), None)
                made[name] = ({c: moved[c] for c in graph.reach[name]}, owner)
        for name in move.reused:
            assert all(moved[c] == v for c, v in made[name][0].items()), f"{name} is reused stale"
        for term, carries in move.terms:
            versions, owner = made[term]
            assert all(moved[c] == v for c, v in versions.items())
            assert carries == (owner == turn.player)
            assert carries or not graph.reach[term] & turn.trains, "a term's gradient is lost"
        for component in turn.trains:
            moved[component] += 1
        for name in move.release:
            made.pop(name, None)


@settings(max_examples=400, deadline=None)
@given(situations())
def test_what_is_fresh_and_needs_no_gradient_is_never_computed_again(
    situation: tuple[Graph, list[Turn], frozenset[str]],
) -> None:
    graph, turns, _ = situation
    fresh: set[str] = set()
    for turn, move in zip(turns, share(graph, turns), strict=True):
        for computation in move.computations:
            for name in computation.names:
                assert name not in fresh or graph.reach[name] & turn.trains, f"{name} was there"
                fresh.add(name)
        fresh -= {name for name in fresh if graph.reach[name] & turn.trains}


# The bits of computing everything anew.


def unshared(plan: Plan) -> Plan:
    """The plan with a `moves` that shares nothing: every player computes all that it needs, with its own gradient."""

    def moves(turns: Sequence[tuple[Any, tuple[str, ...]]]) -> list[Move]:
        return [
            share(plan.wiring, [Turn(player.name, frozenset(plan.trains(player)), terms)])[0]
            for player, terms in turns
        ]

    plan.moves = moves  # type: ignore[method-assign, assignment]
    return plan


class Anew(Stepper):
    """A stepper in which no player finds what another has made."""

    def _move(self, program: Any, env: dict[str, Any], step: int) -> None:
        super()._move(program, dict(env), step)


def parameters(plan: Plan) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": p.detach().clone()
        for name, module in plan.parts.modules().items()
        for key, p in module.named_parameters()
    }


def trained(plan: Plan, stepper: Stepper, steps: int = 6) -> dict[str, Tensor]:
    before = parameters(plan)
    batch = batch_of(plan)
    for step in range(steps):
        stepper.step(step, batch)
    after = parameters(plan)
    assert len(differing(before, after)) > len(after) / 2, "most parameters have moved"
    return after


@pytest.mark.parametrize("name", ["gan/digits", "gan/ring", "gan/restore-digits", "hybrid/vae-gan"])
def test_sharing_gives_the_bits_of_computing_everything_anew(name: str) -> None:
    shared_plan, anew_plan = plan_of(small(name)), unshared(plan_of(small(name)))
    shared = trained(shared_plan, stepper_of(shared_plan))
    anew = trained(anew_plan, Anew(anew_plan, torch.device("cpu"), 10))
    assert not differing(shared, anew)


@pytest.mark.parametrize("name", ["gan/digits", "gan/restore-digits", "hybrid/vae-gan"])
def test_players_in_another_order_share_as_rightly(name: str) -> None:
    recipe = small(name)
    swapped = replace(recipe, players=tuple(reversed(recipe.players)))
    shared_plan, anew_plan = plan_of(swapped), unshared(plan_of(swapped))
    shared = trained(shared_plan, stepper_of(shared_plan))
    assert not differing(shared, trained(anew_plan, Anew(anew_plan, torch.device("cpu"), 10)))
    straight = plan_of(recipe)
    assert differing(shared, trained(straight, stepper_of(straight))), "the order of moves matters"


ODD_PARTS = """
    from genframe import Component, hookimpl
    import torch

    class Box:
        '''A value that the engine can't copy.'''
        def __init__(self, tensor):
            self.tensor = tensor

    def boxed(x): return Box(x)
    def opened(box): return box.tensor
    def halves(x): return x[:, :1], x[:, 1:]
    def joined(a, b): return torch.cat([a, b], 1)

    @hookimpl
    def genframe_functions():
        return [Component(n, f"my_parts:{n}") for n in ("boxed", "opened", "halves", "joined")]
"""

THREE = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    prior: {use: gaussian, dim: 2}
    encoder: {use: mlp, hidden: [4]}
    decoder: {use: mlp, hidden: [4], given: {out_shape: [2]}}
    discriminators: {da: {use: mlp, hidden: [4]}, db: {use: mlp, hidden: [4]}}
    losses: {game: nonsaturating}
    wires:
      p_z: prior()
      code: encoder(x)
      fake: decoder(code)
      left, right: halves(fake)
      whole: joined(right, left)
      box: boxed(whole)
      out: opened(box)
      tell_a: game.critic(da(x), da(whole))
      tell_b: game.critic(db(x), db(out))
      look_a: game.generator(da(whole))
      look_b: game.generator(db(out))
    players:
      a: {trains: [da], minimises: {tell_a: 1}}
      b: {trains: [db], minimises: {tell_b: 1}}
      maker: {trains: [encoder, decoder], minimises: {look_a: 1, look_b: 1}}
    train: {steps: 4}
"""


def test_three_players_with_unpacked_and_uncopyable_wires_share_rightly(tmp_path: Path) -> None:
    parts_file(tmp_path, ODD_PARTS)
    path = str(recipe_file(tmp_path, THREE))
    shared_plan, anew_plan = plan_of(path, "device=cpu"), unshared(plan_of(path, "device=cpu"))
    assert shared_plan.undetachable == {"box"}
    players = [(p, tuple(t.wire for t in p.minimises)) for p in shared_plan.recipe.players]
    moves = {move.player: move for move in shared_plan.moves(tuple(players))}
    assert "fake" in moves["maker"].reused
    assert "whole" in moves["b"].reused
    shared = trained(shared_plan, stepper_of(shared_plan))
    assert not differing(shared, trained(anew_plan, Anew(anew_plan, torch.device("cpu"), 10)))


# The guard.


def stale(plan: Plan) -> Plan:
    """The plan with a forced mistake: the generator reuses the verdict that was made before the critic moved."""
    right = plan.moves

    def moves(turns: Any) -> list[Move]:
        critic, generator = right(turns)
        (look,) = (c for c in generator.computations if c.names == ("look",))
        rest = tuple(c for c in generator.computations if c is not look)
        early = tuple(n for n in critic.release if n != "look")
        wrong = replace(critic, computations=(*critic.computations, look), release=early)
        return [wrong, replace(generator, computations=rest, reused=(*generator.reused, "look"))]

    plan.moves = moves  # type: ignore[method-assign, assignment]
    return plan


def one_wrong_step() -> Plan:
    overrides = ("wires.look=discriminator(fake)", "wires.generator_loss=loss.generator(look)")
    plan = stale(plan_of(small("gan/digits", *overrides)))
    stepper = stepper_of(plan)
    assert all(side.optimizer.defaults["fused"] for side in stepper.sides)
    stepper.step(0, batch_of(plan))
    return plan


def test_a_wrong_reuse_raises() -> None:
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        one_wrong_step()


def test_without_the_guard_a_wrong_reuse_would_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.autograd.graph, "increment_version", lambda tensors: None)
    one_wrong_step()
