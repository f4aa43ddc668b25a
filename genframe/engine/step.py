"""One training step: the moves of a plan, run on a batch. The only place where an optimizer steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genframe.compute import Compiler, Env, Evaluate
from genframe.engine import optimizer_state
from genframe.engine.averages import Averages
from genframe.engine.draws import Draws
from genframe.plan import Plan
from genframe.recipe.model import Instance, Player, Schedule, Site, Span
from genframe.scheduled import scheduler
from genframe.sharing import Computation, Move
from genframe.sites import Moved
from genframe.trial import reduced
from genframe.values import Terms, detached

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """When something happens: every so many steps, from `start` until `until` (exclusive)."""

    every: int
    start: int
    until: int

    @classmethod
    def of(cls, every: int, start: Span, until: Span | None, steps_per_epoch: int) -> Window:
        end = FOREVER if until is None else until.in_steps(steps_per_epoch)
        return cls(every, start.in_steps(steps_per_epoch), end)

    def holds(self, step: int) -> bool:
        return self.start <= step < self.until and (step - self.start) % self.every == 0


class Side:
    """A player at work: its parameters, optimizer, average, and the weights of its terms."""

    def __init__(self, plan: Plan, player: Player, steps_per_epoch: int, draws: Draws) -> None:
        self.player = player
        self.name = player.name
        self.trains = plan.trains(player)
        self.parameters: dict[str, nn.Parameter] = plan.trained_parameters(player)
        self.tensors = list(self.parameters.values())
        self.window = Window.of(player.every, player.start, player.until, steps_per_epoch)
        self.windows = {
            t.wire: Window.of(t.every, t.start, t.until, steps_per_epoch) for t in player.minimises
        }
        self.weights = {t.wire: scheduler(t.weight) for t in player.minimises}
        rate = player.optimizer.options.get("lr")
        self.rate = scheduler(rate) if isinstance(rate, Schedule) else None
        self.optimizer: torch.optim.Optimizer = _optimizer(plan, player.optimizer, self.tensors)
        self._as_built = optimizer_state.entries(self.optimizer)
        self.averages: Averages | None = None
        if player.ema is not None:
            modules = plan.parts.modules()
            self.averages = Averages(player.ema, {name: modules[name] for name in self.trains})
        self.noise: dict[str, Moved] = {
            what: Moved(plan.parts, sites, _seeding(draws))
            for what in ("gradients", "weights")
            if (sites := plan.sites(player, what))
        }

    @contextmanager
    def noisy_weights(self, step: int) -> Iterator[None]:
        """Within, the player's parameters are noised; then they are what they were, to the bit.

        Both writes raise the version counters, so that autograd refuses a wire that was made with other weights.
        """
        kept = [parameter.detach().clone() for parameter in self.tensors]
        self.noise["weights"].apply(self.tensors, step)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_([*self.tensors], kept)

    def noise_gradients(self, step: int) -> None:
        """Noise the gradients in place; a parameter without one, or with a sparse one, is left alone."""
        gradients = [p.grad for p in self.tensors if p.grad is not None and not p.grad.is_sparse]
        if gradients:
            self.noise["gradients"].apply(gradients, step)

    def terms(self, step: int) -> tuple[str, ...]:
        """The terms that this player adds up at a step; none when it rests."""
        if not self.window.holds(step):
            return ()
        return tuple(term for term, window in self.windows.items() if window.holds(step))

    def weight(self, term: str, step: int, steps_per_epoch: int) -> float:
        """The weight of a term at a step; a lazy term counts for the steps it stood out."""
        return self.weights[term](step, steps_per_epoch) * self.windows[term].every

    def state(self) -> dict[str, Any]:
        """The optimizer's state by parameter name."""
        return optimizer_state.of_parameters(self.optimizer, self.parameters)

    def counted(self) -> list[dict[str, list[Any]]]:
        """What the optimizer itself changed in its param_groups."""
        scheduled = ("lr",) if self.rate is not None else ()
        return optimizer_state.counted(self.optimizer, self._as_built, scheduled)

    def load(self, state: Mapping[str, Any], counted: Sequence[Mapping[str, Sequence[Any]]] = ()) -> None:
        """Put both back."""
        optimizer_state.restore(self.optimizer, self.parameters, state, counted)


@dataclass(frozen=True, slots=True)
class _Instruction:
    unpacked: tuple[str, ...]
    evaluate: Evaluate
    with_gradient: bool
    detached: tuple[str, ...]
    base: int
    live: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Program:
    move: Move
    side: Side
    instructions: tuple[_Instruction, ...]


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
        self.compiler = Compiler(
            plan.parts, bf16=recipe.train.precision == "bf16", compiled=recipe.train.compile
        )
        self.history: defaultdict[str, list[tuple[int, Tensor]]] = defaultdict(list)
        self._programs: dict[tuple[tuple[str, ...], ...], tuple[_Program, ...]] = {}
        self._own = {name: [*plan.parts.own_parameters(name).values()] for name in self.modules}
        self._live = {name: any(p.requires_grad for p in m.parameters()) for name, m in self.modules.items()}
        self._set_modes()
        self._settings = list(_scheduled_options(plan))
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

    def step(self, step: int, batch: Env) -> None:
        """One step: every player's move, in the order of the recipe."""
        self.schedule(step)
        env: Env = {**batch, **self._numbers, "step": step}
        key = tuple(side.terms(step) for side in self.sides)
        programs = self._programs.get(key)
        if programs is None:
            programs = self._programs[key] = self._program(key)
        for program in programs:
            self._move(program, env, step)

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

    def take_history(self) -> dict[str, list[tuple[int, float]]]:
        """The terms since the last call, read from the device at once; then forgotten."""
        taken = {}
        for name, entries in self.history.items():
            values = torch.stack([value.mean() for _, value in entries]).tolist()
            taken[name] = [(step, value) for (step, _), value in zip(entries, values, strict=True)]
        self.history = defaultdict(list)
        return taken

    def learning_rates(self) -> dict[str, float]:
        return {side.name: float(side.optimizer.param_groups[0]["lr"]) for side in self.sides}

    def schedule(self, step: int) -> None:
        """Give every scheduled option the value that it has at a step."""
        self.plan.parts.clock = (step, self.steps_per_epoch)
        for write, value in self._settings:
            write(value(step, self.steps_per_epoch))
        for side in self.sides:
            if side.rate is not None:
                for group in side.optimizer.param_groups:
                    group["lr"] = side.rate(step, self.steps_per_epoch)

    def _move(self, program: _Program, env: Env, step: int) -> None:
        side = program.side
        if "weights" in side.noise:
            with side.noisy_weights(step):
                self._differentiate(program, env, step)
        else:
            self._differentiate(program, env, step)
        if side.player.clip is not None:
            nn.utils.clip_grad_norm_(side.tensors, side.player.clip)
        if "gradients" in side.noise:
            side.noise_gradients(step)
        side.optimizer.step()
        # Fused optimizers do not raise version counters: without this, a wrong reuse of a wire would be silent.
        torch.autograd.graph.increment_version(side.tensors)
        for parameter in side.tensors:  # now, so that no gradient is held through the next forward pass
            parameter.grad = None
        if side.averages is not None:
            side.averages.update()
        for name in program.move.release:
            env.pop(name, None)

    def _differentiate(self, program: _Program, env: Env, step: int) -> None:
        """Compute what the move computes, and the gradient of its terms in what the player trains."""
        side = program.side
        for instruction in program.instructions:
            self._compute(instruction, env, step)
        total: Tensor | None = None
        for term, carries in program.move.terms:
            value = self._record(term, env[term], step)
            weight = side.weight(term, step, self.steps_per_epoch)
            value = value if carries else value.detach()
            weighted = value if weight == 1.0 else value * weight
            total = weighted if total is None else total + weighted
        for name in side.trains if len(self.sides) > 1 else ():
            self._set_live(name, True)
        assert total is not None
        if total.requires_grad:  # not where every term of this step is only looked at
            total.backward()  # type: ignore[no-untyped-call]

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

    def _set_live(self, name: str, live: bool) -> None:
        """Whether a component's parameters ask for gradient; changed only when it differs."""
        if self._live[name] != live:
            for parameter in self._own[name]:
                parameter.requires_grad_(live)
            self._live[name] = live

    def _program(self, key: tuple[tuple[str, ...], ...]) -> tuple[_Program, ...]:
        turns = tuple((side.player, terms) for side, terms in zip(self.sides, key, strict=True) if terms)
        sides = {side.name: side for side in self.sides}
        return tuple(
            _Program(move, sides[move.player], tuple(self._instruction(c) for c in move.computations))
            for move in self.plan.moves(turns)
        )

    def _instruction(self, computation: Computation) -> _Instruction:
        wiring = self.plan.wiring
        bound = wiring.plain[computation.names[0]]
        trains = {n for side in self.sides if side.name == computation.owner for n in side.trains}
        touched = sorted(name for name in wiring.touches(bound.bound) if self.plan.parts.own_parameters(name))
        return _Instruction(
            unpacked=bound.wire.names,
            evaluate=self.compiler.compile(bound.bound),
            with_gradient=computation.owner is not None,
            detached=computation.detached,
            base=self.draws.base(computation.names[0]),
            # With one player nobody's parameters are ever set aside.
            live=tuple((name, name in trains) for name in touched) if len(self.sides) > 1 else (),
        )


def _store(env: Env, names: tuple[str, ...], value: Any) -> None:
    if len(names) == 1:
        env[names[0]] = value
    else:
        env.update((name, part) for name, part in zip(names, value, strict=True) if name != "_")


def _lay_out(module: nn.Module) -> None:
    """Convolutions compute fastest with channels last."""
    if any(parameter.ndim == 4 for parameter in module.parameters()):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _seeding(draws: Draws) -> Callable[[Site, int], None]:
    """Draws at a site of a player are a function of (seed, noise and site, step)."""
    return lambda site, step: draws.seed_step(draws.base("site", site.noise, str(site)), step)


def _optimizer(plan: Plan, instance: Instance, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    options = plan.parts.options_beside(instance)
    optimizer: torch.optim.Optimizer = instance.offer.load()(parameters, **options)
    return optimizer


def _scheduled_options(plan: Plan) -> Iterator[tuple[Callable[[float], None], Callable[[int, int], float]]]:
    """Each scheduled option: how it is written before a step (a function's option or an attribute), and its value."""
    built = {name: (plan.wiring.instances[name], part) for name, part in plan.parts.built.items()}
    for name, (instance, part) in (built | plan.parts.inner).items():
        for parameter, value in instance.keywords().items():
            if isinstance(value, Schedule):
                yield _writer(plan, name, part, parameter), scheduler(value)


def _writer(plan: Plan, name: str, part: Any, parameter: str) -> Callable[[float], None]:
    if name in plan.parts.options:
        return lambda value: plan.parts.options[name].__setitem__(parameter, value)
    return lambda value: setattr(part, parameter, value)
