"""One training step: the moves of a plan, run on a batch."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from genframe.compute import Compiler, Env, Evaluate
from genframe.engine.draws import Draws
from genframe.engine.shares import GradientShares
from genframe.engine.side import Side
from genframe.plan import Plan
from genframe.recipe.model import Schedule
from genframe.scheduled import scheduler
from genframe.selection import asleep
from genframe.sharing import Computation, Move
from genframe.trial import reduced
from genframe.values import Terms, detached
from genframe.watch import Glances


@dataclass(frozen=True, slots=True)
class _Instruction:
    unpacked: tuple[str, ...]
    evaluate: Evaluate
    with_gradient: bool
    detached: tuple[str, ...]
    base: int
    live: tuple[tuple[str, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class _Program:
    move: Move
    side: Side
    instructions: tuple[_Instruction, ...]
    live: tuple[tuple[str, frozenset[str]], ...]


class Stepper:
    """Runs the plan's steps. `history` holds each term's values since it was last taken, on the device."""

    def __init__(self, plan: Plan, device: torch.device, steps_per_epoch: int) -> None:
        recipe = plan.recipe
        self.plan, self.device, self.steps_per_epoch = plan, device, steps_per_epoch
        self.draws = Draws(recipe.seed, device)
        self.modules = plan.parts.modules()
        plan.parts.device = device
        for module in self.modules.values():
            module.to(device)
            _lay_out(module)
        for _, part in plan.parts.inner.values():
            if isinstance(part, nn.Module):
                part.to(device)
        self.sides = [Side(plan, player, steps_per_epoch, self.draws) for player in recipe.players]
        measured = recipe.train.log.gradients
        self.shares = {side.name: GradientShares(side.parameters) for side in self.sides if measured}
        if recipe.train.compile and (plan.at_once or self.shares):
            _keep_what_is_saved()
        self.compiler = Compiler(
            plan.parts, bf16=recipe.train.precision == "bf16", compiled=recipe.train.compile
        )
        self.history: defaultdict[str, list[tuple[int, Tensor]]] = defaultdict(list)
        self.glances = Glances(plan.watch)
        self._kept: frozenset[str] = frozenset()
        self._programs: dict[tuple[tuple[str, ...], ...], tuple[_Program, ...]] = {}
        trainers: defaultdict[int, set[str]] = defaultdict(set)
        for side in self.sides:
            for parameter in side.tensors:
                trainers[id(parameter)].add(side.name)
        self._own = {
            name: [(p, frozenset(trainers[id(p)])) for p in plan.parts.own_parameters(name).values()]
            for name in self.modules
        }
        self._live: dict[str, frozenset[str] | None] = dict.fromkeys(self.modules)
        self._set_modes()
        self._built, self._settings = False, list(_scheduled_options(plan))
        self.scheduled: dict[str, float] = {}
        first = next(iter(recipe.datasets.values()))
        self._numbers = {"batch_size": first.batch_size, "n": first.batch_size}

    def _set_modes(self) -> None:
        """What some player trains is in train mode, everything else in eval mode.

        But for what nobody could train, since it holds no parameters: the running averages of a loss move too.
        """
        trained = {name for side in self.sides for name in side.trains}
        for name, module in self.modules.items():
            free = not any(True for _ in module.parameters()) and not self.plan.wiring.instances[name].frozen
            module.train(name in trained or free)
            for part in asleep(module, self.plan.parts.frozen_parameters(name)):
                part.eval()

    def step(self, step: int, batch: Env) -> None:
        """One step: every player's move, one after the other in the order of the recipe, or all at once."""
        self.schedule(step)
        env: Env = {**batch, **self._numbers, "step": step}
        key = tuple(side.terms(step) for side in self.sides)
        programs = self._programs.get(key)
        if programs is None:
            programs = self._programs[key] = self._program(key)
        self._kept = self.glances.wanted
        if self.plan.at_once:
            self._move_at_once(programs, env, step)
        else:
            for program in programs:
                self._move(program, env, step)
        if self._kept:
            self.glances.look(env)

    def evaluate_terms(self, step: int, batch: Env, base: str) -> dict[str, Tensor]:
        """Every term on a batch, nothing trained: for validation. Draws are a function of (seed, wire, base, step)."""
        env: Env = {**batch, **self._numbers, "step": step}
        terms = tuple(term.wire for side in self.sides for term in side.player.minimises)
        wiring = self.plan.wiring
        with torch.no_grad():
            for name in wiring.ancestors(frozenset(terms)):
                if name not in env:
                    self.draws.seed_step(self.draws.base(name, base), step)
                    bound = wiring.plain[name]
                    _store(env, bound.wire.names, self.compiler.compile(bound.bound)(env, {}))
            return {term: reduced(env[term], term) for term in terms}

    def take_history(self, until: int | None = None) -> dict[str, list[tuple[int, float]]]:
        """The terms that were not taken yet, of steps below `until`, read from the device at once; then forgotten."""
        taken = {}
        left: defaultdict[str, list[tuple[int, Tensor]]] = defaultdict(list)
        for name, history in self.history.items():
            count = len(history) if until is None else bisect_left(history, until, key=itemgetter(0))
            if count:
                values = torch.stack([value.mean() for _, value in history[:count]]).tolist()
                taken[name] = [(step, value) for (step, _), value in zip(history, values, strict=False)]
            if count < len(history):
                left[name] = history[count:]
        self.history = left
        return taken

    def take_glances(self, *, again: bool = True) -> dict[str, dict[str, Any]]:
        """What the first move of each player, and the alarms, have shown since the last call; then forgotten.

        `gradient_norm` and `update` by player, `measured` by alarm, `gradient_share` by player, component and term:
        columns of a row. The next moves are looked at only `again`.
        """
        seen: dict[str, dict[str, Any]] = {
            "gradient_norm": {},
            "update": {},
            "measured": self.glances.take(again),
        }
        for side in self.sides:
            for key, value in (side.glance or {}).items():
                seen[key][side.name] = float(value)
            side.forget(again)
        shares = {name: taken for name, measured in self.shares.items() if (taken := measured.take())}
        return {key: values for key, values in {**seen, "gradient_share": shares}.items() if values}

    def build_optimizers(self) -> None:
        """Now rather than at the first step, for what may be wrong with them; what they hold may be scheduled too."""
        for side in self.sides:
            assert side.optimizer is not None
        self._built, self._settings = True, list(_scheduled_options(self.plan))

    def schedules(self, step: int) -> dict[str, float]:
        """What the recipe schedules, by its place: options as they were last set, and weights at a step."""
        weights = {
            f"players.{side.name}.minimises.{term.wire}": side.weights[term.wire](step, self.steps_per_epoch)
            for side in self.sides
            for term in side.player.minimises
            if isinstance(term.weight, Schedule)
        }
        return {**self.scheduled, **weights}

    def learning_rates(self) -> dict[str, float]:
        return {side.name: float(side.optimizer.param_groups[0]["lr"]) for side in self.sides}

    def schedule(self, step: int, *, rates: bool = True) -> None:
        """Give every scheduled option the value that it has at a step; learning rates too, unless nothing will move."""
        if rates and not self._built:
            self.build_optimizers()
        self.plan.parts.clock = (step, self.steps_per_epoch)
        for place, write, value in self._settings:
            self.scheduled[place] = now = value(step, self.steps_per_epoch)
            write(now)
        for side in self.sides:
            if rates and side.rate is not None:
                for group in side.optimizer.param_groups:
                    group["lr"] = side.rate(step, self.steps_per_epoch)

    def _move(self, program: _Program, env: Env, step: int) -> None:
        with program.side.noisy_weights(step):
            self._differentiate(program, env, step)
        program.side.move(step)
        self._release(program, env)

    def _move_at_once(self, programs: Sequence[_Program], env: Env, step: int) -> None:
        """All players from one forward pass: nobody moves before each has the gradient of its own terms."""
        with ExitStack() as noised:
            for program in programs:
                noised.enter_context(program.side.noisy_weights(step))
            for program in programs:
                self._differentiate(program, env, step)
                self._release(program, env)  # with what hangs on them, before the next player's wires
        for program in programs:
            program.side.move(step)

    def _release(self, program: _Program, env: Env) -> None:
        """Forget what nobody reads any more; what an alarm is to see as a value alone."""
        for name in program.move.release:
            value = env.pop(name, None)
            if name in self._kept:
                env[name] = detached(value)

    def _differentiate(self, program: _Program, env: Env, step: int) -> None:
        """Compute what the move computes, and the gradient of its terms in what the player trains."""
        side = program.side
        for instruction in program.instructions:
            self._compute(instruction, env, step)
        total: Tensor | None = None
        apart: dict[str, Tensor] = {}
        for term, carries in program.move.terms:
            value = self._record(term, env[term], step)
            weight = side.weight(term, step, self.steps_per_epoch)
            value = value if carries else value.detach()
            weighted = value if weight == 1.0 else value * weight
            total = weighted if total is None else total + weighted
            apart[term] = weighted
        for name, live in program.live:
            self._set_live(name, live)
        assert total is not None
        if not total.requires_grad:  # every term of this step is only looked at
            return
        if side.looking and side.name in self.shares:
            self.shares[side.name].measure(apart, self._parts(program, env, step))
        if self.plan.at_once:  # the graph leads to what others train too
            torch.autograd.backward(total, inputs=side.tensors, retain_graph=program.move.retains)
        else:
            total.backward()  # type: ignore[no-untyped-call]

    def _parts(self, program: _Program, env: Env, step: int) -> dict[str, Tensor]:
        """What the terms of a move log of themselves, if it has a gradient, times their weights."""
        return {
            f"{term}/{part}": logged.mean() * program.side.weight(term, step, self.steps_per_epoch)
            for term, carries in program.move.terms
            if carries and isinstance(value := env[term], Terms)
            for part, logged in value.logged.items()
            if logged.requires_grad
        }

    def _compute(self, instruction: _Instruction, env: Env, step: int) -> None:
        self.draws.seed_step(instruction.base, step)
        view = env
        if instruction.detached:
            view = env | {name: detached(env[name]) for name in instruction.detached}
        if instruction.with_gradient:
            for name, live in instruction.live:
                self._set_live(name, live)
            value = instruction.evaluate(view, {})
        else:
            with torch.no_grad():
                value = instruction.evaluate(view, {})
        if len(instruction.unpacked) == 1:
            env[instruction.unpacked[0]] = value
        else:
            _store(env, instruction.unpacked, value)

    def _record(self, term: str, value: Any, step: int) -> Tensor:
        """A term as a number; it and its parts join the history."""
        number = reduced(value, term)
        self.history[term].append((step, number.detach()))
        if isinstance(value, Terms):
            for part, logged in value.logged.items():
                self.history[f"{term}/{part}"].append((step, logged.detach()))
        return number

    def _set_live(self, name: str, players: frozenset[str]) -> None:
        """Which players' parameters of a component ask for gradient; changed only when it differs."""
        if self._live[name] != players:
            for parameter, trainers in self._own[name]:
                parameter.requires_grad_(not players.isdisjoint(trainers))
            self._live[name] = players

    def _program(self, key: tuple[tuple[str, ...], ...]) -> tuple[_Program, ...]:
        turns = tuple((side.player, terms) for side, terms in zip(self.sides, key, strict=True) if terms)
        moving = frozenset(player.name for player, _ in turns)
        return tuple(self._programmed(move, moving) for move in self.plan.moves(turns))

    def _programmed(self, move: Move, moving: frozenset[str]) -> _Program:
        side = next(side for side in self.sides if side.name == move.player)
        owners = moving if self.plan.at_once else frozenset({side.name})
        instructions = tuple(map(self._instruction, move.computations))
        return _Program(move, side, instructions, self._live_for(side.trains, owners))

    def _instruction(self, computation: Computation) -> _Instruction:
        wiring = self.plan.wiring
        bound = wiring.plain[computation.names[0]]
        touched = sorted(name for name in wiring.touches(bound.bound) if self.plan.parts.own_parameters(name))
        return _Instruction(
            unpacked=bound.wire.names,
            evaluate=self.compiler.compile(bound.bound),
            with_gradient=bool(computation.owners),
            detached=computation.detached,
            base=self.draws.base(computation.names[0]),
            live=self._live_for(touched, frozenset(computation.owners)),
        )

    def _live_for(
        self, names: Sequence[str], players: frozenset[str]
    ) -> tuple[tuple[str, frozenset[str]], ...]:
        """Of each component, those of the players who train some of it. With one player nothing is ever set aside."""
        if len(self.sides) == 1:
            return ()
        trainers = {name: frozenset().union(*(by for _, by in self._own[name])) for name in names}
        return tuple((name, players & trainers[name]) for name in names)


def _store(env: Env, names: tuple[str, ...], value: Any) -> None:
    if len(names) == 1:
        env[names[0]] = value
    else:
        env.update((name, part) for name, part in zip(names, value, strict=True) if name != "_")


def _keep_what_is_saved() -> None:
    """Compiled nets otherwise give away, in a backward pass, what the next player's still needs."""
    from torch._functorch import config

    config.donated_buffer = False


def _lay_out(module: nn.Module) -> None:
    """Convolutions compute fastest with channels last."""
    if any(parameter.ndim == 4 for parameter in module.parameters()):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


_Setting = tuple[str, Callable[[float], None], Callable[[int, int], float]]


def _scheduled_options(plan: Plan) -> Iterator[_Setting]:
    """Each scheduled option: its place, how it is written before a step (a function's option or an attribute), and
    its value."""
    built = {name: (plan.wiring.instances[name], part) for name, part in plan.parts.built.items()}
    for name, (instance, part) in (built | plan.parts.inner).items():
        for parameter, value in instance.keywords().items():
            if isinstance(value, Schedule):
                yield f"{name}.{parameter}", _writer(plan, name, part, parameter), scheduler(value)


def _writer(plan: Plan, name: str, part: Any, parameter: str) -> Callable[[float], None]:
    if name in plan.parts.options:
        return lambda value: plan.parts.options[name].__setitem__(parameter, value)
    return lambda value: setattr(part, parameter, value)
