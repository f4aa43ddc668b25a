"""How players move: one after the other or all at once, as often as they like; against steps written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from test_routing import Watched, terms_of, twin_losses
from tiny import batch_of, differing, plan_of, resume, saved, small, stepper_of, train
from torch import Tensor

from genframe.engine.step import Stepper
from genframe.errors import RecipeError
from genframe.explain import explain
from genframe.plan import Plan
from genframe.sharing import Move

AT_ONCE = "play=simultaneous"
ALWAYS = "players.critic.minimises.penalty.every=1"


class Twin:
    """Losses written by hand for a plan's own parts, and its optimizers: no player sees another move.

    at_once: all gradients are taken before anybody moves; else each player's as its turn comes.
    """

    def __init__(self, name: str, plan: Plan, *, at_once: bool = True) -> None:
        self.name, self.plan, self.at_once = name, plan, at_once
        self.stepper = stepper_of(plan)
        for module in plan.parts.modules().values():
            module.requires_grad_(True)

    def step(self, number: int, batch: Mapping[str, Tensor], moving: frozenset[str] | None = None) -> None:
        sides = [side for side in self.stepper.sides if moving is None or side.name in moving]
        for group in [sides] if self.at_once else [[side] for side in sides]:
            losses = self._losses(number, batch)
            for side in group:
                gradients = torch.autograd.grad(losses[side.name], side.tensors, retain_graph=True)
                if side.player.clip is not None:
                    length = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
                    gradients = tuple(g * min(1.0, side.player.clip / float(length)) for g in gradients)
                for parameter, gradient in zip(side.tensors, gradients, strict=True):
                    # Laid out as the parameter is: fused optimizers go by the order in memory.
                    parameter.grad = torch.empty_like(parameter).copy_(gradient)
            for side in group:
                side.optimizer.step()

    def _losses(self, number: int, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        draws = self.stepper.draws
        seed = lambda wire: draws.seed_step(draws.base(wire), number)  # noqa: E731
        return twin_losses(self.name, self.plan, seed, batch)

    def parameters(self) -> Iterator[tuple[str, Tensor]]:
        for side in self.stepper.sides:
            yield from side.parameters.items()


def assert_same(stepper: Stepper, twin: Twin) -> None:
    engine = {key: p for side in stepper.sides for key, p in side.parameters.items()}
    for key, parameter in twin.parameters():
        torch.testing.assert_close(
            engine[key], parameter, rtol=2e-4, atol=2e-6, msg=lambda m, k=key: f"{k}: {m}"
        )


def settings(name: str) -> tuple[str, ...]:
    plain = () if "restore" in name else (ALWAYS,)
    return (
        *plain,
        "optimizer=null",
        f"optimizer={{use: sgd, lr: {0.005 if name.startswith('hybrid') else 0.05}}}",
    )


NAMES = ["gan/digits", "gan/ring", "gan/restore-digits", "hybrid/vae-gan"]


@pytest.mark.parametrize("name", NAMES)
def test_players_at_once_move_as_a_step_written_by_hand(name: str) -> None:
    plan, other = (plan_of(small(name, AT_ONCE, *settings(name))) for _ in range(2))
    stepper, twin = stepper_of(plan), Twin(name, other)
    batch = batch_of(plan)
    for step in range(3):
        stepper.step(step, batch)
        twin.step(step, batch)
    assert_same(stepper, twin)


def test_players_at_once_are_not_players_in_turn() -> None:
    after = {}
    for play in ("alternating", "simultaneous"):
        plan = plan_of(small("gan/ring", f"play={play}"))
        stepper = stepper_of(plan)
        for step in range(2):
            stepper.step(step, batch_of(plan))
        after[play] = {key: p.detach() for side in stepper.sides for key, p in side.parameters.items()}
    assert differing(*after.values())


def test_one_player_moves_the_same_either_way() -> None:
    after = []
    for play in ("alternating", "simultaneous"):
        plan = plan_of(small("vae/digits", f"play={play}"))
        stepper = stepper_of(plan)
        for step in range(3):
            stepper.step(step, batch_of(plan))
        after.append({key: p.detach() for side in stepper.sides for key, p in side.parameters.items()})
    assert not differing(*after)


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_a_critic_of_several_steps_moves_alone_between_those_of_the_generator(play: str) -> None:
    more = (f"play={play}", *settings("gan/ring"), "players.generator.every=3")
    plan, other = (plan_of(small("gan/ring", *more)) for _ in range(2))
    stepper, twin = stepper_of(plan), Twin("gan/ring", other, at_once=play == "simultaneous")
    batch = batch_of(plan)
    for step in range(5):
        stepper.step(step, batch)
        twin.step(step, batch, frozenset({"critic", "generator"} if step % 3 == 0 else {"critic"}))
    assert_same(stepper, twin)


def test_each_player_has_its_own_rate_clip_and_time() -> None:
    more = (
        AT_ONCE,
        ALWAYS,
        "players.critic={clip: 0.01, optimizer: {use: sgd, lr: 0.4}, until: 3}",
        "players.generator={clip: 0.001, optimizer: {use: sgd, lr: 0.1}, start: 1}",
    )
    plan, other = (plan_of(small("gan/ring", *more)) for _ in range(2))
    stepper, twin = stepper_of(plan), Twin("gan/ring", other)
    batch = batch_of(plan)
    for step, moving in enumerate(
        ({"critic"}, {"critic", "generator"}, {"critic", "generator"}, {"generator"})
    ):
        stepper.step(step, batch)
        twin.step(step, batch, frozenset(moving))
    assert_same(stepper, twin)
    assert [side.optimizer.param_groups[0]["lr"] for side in stepper.sides] == [0.4, 0.1]


def test_a_lazy_term_at_once_is_added_on_its_steps_times_every() -> None:
    more = (AT_ONCE, "players.critic.minimises.penalty.every=2", "optimizer={use: sgd, lr: 0.05}")
    lazy = plan_of(small("gan/ring", *more))
    stepper, batch = stepper_of(lazy), batch_of(lazy)
    twins = [Twin("gan/ring", plan_of(small("gan/ring", *more)))]
    stepper.step(2, batch)  # twice the penalty of step 2
    twins[0].step(2, batch)
    assert_same(stepper, twins[0])
    before = {key: p.detach().clone() for side in stepper.sides for key, p in side.parameters.items()}
    stepper.step(3, batch)  # none
    none = small("gan/ring", AT_ONCE, "players.critic.minimises.penalty=null", more[-1])
    bare = stepper_of(plan_of(none))
    for side in bare.sides:
        for key, p in side.parameters.items():
            p.data.copy_(before[key])
    bare.step(3, batch)
    after = [{key: p.detach() for key, p in one.sides[0].parameters.items()} for one in (bare, stepper)]
    assert not differing(*after)


@pytest.mark.parametrize("site", ["weights", "gradients"])
def test_noise_on_what_a_player_moves_at_once(site: str) -> None:
    """On weights: the one forward pass sees them noised, and they are restored to the bit before anybody moves."""
    noisy = f"noise={{use: gaussian, std: 0.5, at: critic.{site}}}"
    still = "optimizer={use: sgd, lr: 1e-30}"
    plan = plan_of(small("gan/ring", AT_ONCE, noisy, still))
    calm = plan_of(small("gan/ring", AT_ONCE, still))
    seen: list[dict[str, dict[str, Tensor]]] = []
    for one in (plan, calm):
        watched = Watched(one)
        before = {
            key: p.detach().clone() for side in watched.stepper.sides for key, p in side.parameters.items()
        }
        watched.stepper.step(0, batch_of(one))
        now = {key: p.detach() for side in watched.stepper.sides for key, p in side.parameters.items()}
        assert not differing(before, now)
        seen.append(
            {n: {k: g for k, g in got.items() if g is not None} for n, got in watched.gradients.items()}
        )
    assert differing(seen[0]["critic"], seen[1]["critic"])
    told = bool(differing(seen[0]["generator"], seen[1]["generator"]))
    assert told == (site == "weights"), (
        "the generator is taught by the critic as it stood in the forward pass"
    )


def test_the_average_of_a_player_that_moves_at_once_follows_it_with_its_buffers() -> None:
    more = (AT_ONCE, "decoder.norm=batch", "players.generator.ema=0.2")
    plan = plan_of(small("gan/digits", *more))
    stepper, batch = stepper_of(plan), batch_of(plan)
    module, side = stepper.modules["decoder"], stepper.sides[1]
    expected = {key: t.detach().clone() for key, t in module.state_dict().items()}
    for step, decay in enumerate((2 / 11, 0.2)):
        stepper.step(step, batch)
        for key, value in module.state_dict().items():
            floating = value.is_floating_point()
            expected[key] = decay * expected[key] + (1 - decay) * value if floating else value.clone()
    assert any("running_mean" in key for key in expected)
    assert int(next(t for key, t in expected.items() if "num_batches" in key)) == 2, (
        "fakes were made once a step"
    )
    assert side.averages is not None
    for key, want in expected.items():
        torch.testing.assert_close(side.averages.state()["decoder"][key], want)


BRIEF = "train={steps: 4, checkpoint: {every: 2, keep: 9}, samples: {every: 6, n: 4}, log: {every: 2}}"


def test_a_run_of_players_at_once_goes_on_bit_for_bit(tmp_path: Path) -> None:
    short = train(small("gan/digits", BRIEF, AT_ONCE, "train.steps=2"), tmp_path / "short")
    resume(short, "train.steps=4")
    long = train(small("gan/digits", BRIEF, AT_ONCE), tmp_path / "long")
    assert not differing(saved(short), saved(long))


def test_players_at_once_in_bfloat16_stay_near_those_in_float32() -> None:
    terms = []
    for precision in ("fp32", "bf16"):
        plan = plan_of(small("gan/digits", AT_ONCE, f"train.precision={precision}"))
        stepper = stepper_of(plan)
        for step in range(2):
            stepper.step(step, batch_of(plan))
        terms.append({name: rows[-1][1] for name, rows in stepper.take_history().items()})
    assert terms[0] != terms[1]
    assert terms[1] == pytest.approx(terms[0], rel=0.05, abs=0.02)


# Routing.


OTHERS = ["vae/factor-digits", "vae/piwae-digits", "directed/belief-digits", "vae/two-stage-digits"]


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_at_once_a_player_is_taught_by_its_own_terms_alone(name: str) -> None:
    """Its gradients are those of its terms by themselves, nobody else moving: the table's, and the same numbers."""
    plan = plan_of(small(name, AT_ONCE))
    batch = batch_of(plan)
    turns = {player: tuple(t for p, t in terms_of(plan) if p == player) for player, _ in terms_of(plan)}
    gradients = together(plan, turns, batch)
    for player, terms in turns.items():
        taught = {key.split(".")[0] for key, g in gradients[player].items() if g is not None}
        assert taught == {c for term in terms for c in plan.routing[player][term]}
        assert taught == set(plan.trains(next(p for p in plan.recipe.players if p.name == player)))
        alone = together(plan, {player: terms}, batch)[player]
        for key, gradient in gradients[player].items():
            assert gradient is not None
            wanted = alone[key]
            assert wanted is not None
            torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-7)


def together(
    plan: Plan, turns: Mapping[str, tuple[str, ...]], batch: Mapping[str, Tensor]
) -> dict[str, dict[str, Tensor | None]]:
    """Each moving player's gradients in a step at once, nothing moved; no other parameter gets any."""
    watched = Watched(plan)
    stepper = watched.stepper
    buffers = {id(b): b.clone() for m in stepper.modules.values() for b in m.buffers()}
    programs = stepper._program(tuple(turns.get(side.name, ()) for side in stepper.sides))
    env: dict[str, Any] = {**batch, "batch_size": 16, "n": 16, "step": 3}
    stepper._move_at_once(programs, env, 3)
    assert all(p.grad is None for m in stepper.modules.values() for p in m.parameters())
    with torch.no_grad():
        for module in stepper.modules.values():
            for buffer in module.buffers():
                if id(buffer) in buffers:
                    buffer.copy_(buffers[id(buffer)])
    return watched.gradients


# What is shared.


def moves_of(plan: Plan) -> dict[str, Move]:
    turns = tuple((p, tuple(t.wire for t in p.minimises)) for p in plan.recipe.players)
    return {move.player: move for move in plan.moves(turns)}


def test_at_once_a_fake_and_its_verdict_are_made_once_for_both() -> None:
    moves = moves_of(plan_of(small("gan/digits", AT_ONCE)))
    made = {name: c.owners for move in moves.values() for c in move.computations for name in c.names}
    assert made["fake"] == ("generator",)
    assert made["fake_verdict"] == ("critic", "generator")
    assert made["real_verdict"] == made["critic_loss"] == made["penalty"] == ("critic",)
    assert made["p_z"] == ()
    assert sum(len(c.names) for m in moves.values() for c in m.computations) == len(made), "each wire once"
    assert moves["critic"].retains
    assert not moves["generator"].retains
    assert {"critic_loss", "penalty", "real_verdict", "fake"} <= set(moves["critic"].release)
    assert moves["generator"].reused == ("fake_verdict",)


def test_players_that_share_no_wire_keep_no_graph_for_each_other() -> None:
    moves = moves_of(plan_of(small("vae/two-stage-digits", AT_ONCE)))
    assert len(moves) == 2
    assert not any(move.retains for move in moves.values())


def test_explain_tells_for_whom_a_wire_carries_gradient() -> None:
    facts = explain(small("gan/ring", AT_ONCE))
    assert facts["play"] == "simultaneous"
    critic = next(p for p in facts["players"] if p["name"] == "critic")
    verdict = next(c for c in critic["computes"] if c["wires"] == ["fake_verdict"])
    assert verdict["for"] == ["critic", "generator"]


def test_explain_tells_why_a_wire_is_computed_again() -> None:
    facts = explain(small("gan/ring"))
    generator = next(p for p in facts["players"] if p["name"] == "generator")
    again = {c["wires"][0]: c["again"] for c in generator["computes"]}
    assert again["fake_verdict"] == "critic has moved discriminator since"
    assert again["generator_loss"] == ""
    assert "fake" in generator["reuses"]
    assert not any(c["again"] for p in explain(small("gan/ring", AT_ONCE))["players"] for c in p["computes"])


# Bad input.


def refused(name: str, *overrides: str) -> list[tuple[str, str]]:
    with pytest.raises(RecipeError) as caught:
        plan_of(small(name, *overrides))
    return [(problem.code, str(problem)) for problem in caught.value.problems]


def test_a_critic_that_no_player_trains_is_refused() -> None:
    ((code, text),) = refused("gan/ring", "players.critic=null")
    assert code == "GF510"
    assert "nobody trains 'discriminator'" in text


def test_unpaired_data_of_two_shapes_are_refused_with_both() -> None:
    other = "datasets.scan={use: sprites, size: 16, scales: 2, angles: 4, places: 2, batch_size: 16}"
    for code, text in refused("gan/restore-digits", "datasets.scan=null", other):
        assert code in ("GF505", "GF508", "GF502")
        assert "28" in text or "16" in text
