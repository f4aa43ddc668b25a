"""A recipe compiled: bound, built, tried, and measured. Printed by `genframe explain`, run by the engine."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import scheduled
from genframe.binding import bind, called, required_parameters
from genframe.bound import Bound, Field, FromWire
from genframe.data.promised import Promised
from genframe.data.spec import DataSpec
from genframe.errors import Mark, PluginError, Problem, RecipeError
from genframe.parts import Parts
from genframe.recipe.model import Instance, Player, Recipe, Site, Term
from genframe.scored import Scored, unfit
from genframe.selection import chosen, fault, under
from genframe.sharing import Move, Turn, share, share_at_once
from genframe.sites import built, checked, flat, never_called, used_by_wires
from genframe.trial import MoreRows, Tracked, Trial, reduced, trial_data, undisturbed
from genframe.values import detachable
from genframe.watch import Watch
from genframe.watch import check as check_watch
from genframe.wiring import Wiring


@dataclass
class Plan:
    """What a training step computes, for whom, with what gradient.

    `routing[player][term]` are the components that the term teaches, measured by autograd. `shapes` are the wires'
    shapes with two rows, `row_bytes` what an example takes of each in training. `remarks` are worth saying
    and stop nothing.
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
    _undetachable: set[str] = field(default_factory=set)

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
        return share(self.wiring, taken, lambda wire: wire not in self._undetachable)

    @property
    def at_once(self) -> bool:
        """Whether all players move from one forward pass, rather than one after the other."""
        return self.recipe.play == "simultaneous"


def compile_plan(recipe: Recipe, specs: Mapping[str, DataSpec] | None = None) -> Plan:
    """Bind, build and try a recipe.

    A dataset that `specs` knows is not opened: it may be missing until an example is asked for.

    Raises RecipeError with what is wrong: names, shapes, routing. Leaves torch's generators as they were.
    """
    opened = {name: _dataset(recipe, name, (specs or {}).get(name)) for name in recipe.datasets}
    specs = {name: spec for name, (_, spec) in opened.items()}
    fields = {
        f"{name}.{key}" if name else key: f for name, spec in specs.items() for key, f in spec.fields.items()
    }
    for name in specs:
        fields.setdefault(f"{name}.index" if name else "index", _index_field())
    wiring = bind(recipe, fields)
    RecipeError.collect([*used_by_wires(wiring), *scheduled.problems(recipe, specs)])
    datasets = {name: dataset for name, (dataset, _) in opened.items()}
    plan = Plan(recipe, datasets, wiring, Parts(wiring, specs))
    try:
        with undisturbed(recipe.seed):
            _try(plan)
    except RecipeError as error:
        pipelines = _pipelines(recipe)
        raise RecipeError(*(_headed(problem, pipelines) for problem in error.problems)) from error
    return plan


def _pipelines(recipe: Recipe) -> frozenset[str]:
    """The files of the pipelines that are installed."""
    return frozenset(str(file.path) for file in recipe.registry.recipes() if file.pipeline)


def _headed(problem: Problem, pipelines: Collection[str]) -> Problem:
    """A problem whose head stands in a shipped pipeline, headed by a place of the user's own, where it has one."""
    if problem.mark is None or problem.mark.file not in pipelines:
        return problem
    own = next((mark for mark, _ in problem.related if mark.file not in pipelines), None)
    if own is None:
        return problem
    return replace(problem, mark=own, related=((problem.mark, "in this call"), *problem.related))


def _dataset(recipe: Recipe, name: str, known: DataSpec | None) -> tuple[Any, DataSpec]:
    """A dataset and what it promises. Raises RecipeError, with the place of its block."""
    instance = recipe.datasets[name].instance

    def opened() -> Any:
        with _placed(instance, f"datasets.{name}" if name else "data"):
            return instance.offer.load()(**instance.keywords())

    if known is not None:
        return Promised(known, opened), known
    dataset = opened()
    with _placed(instance, f"datasets.{name}" if name else "data"):
        return dataset, dataset.spec()


@contextmanager
def _placed(instance: Instance, path: str) -> Iterator[None]:
    """Whatever a dataset raises as a problem with the place of its block."""
    try:
        yield
    except RecipeError as error:
        problems = (replace(p, mark=p.mark or instance.mark, path=p.path or path) for p in error.problems)
        raise RecipeError(*problems) from error
    except (OSError, ValueError, TypeError) as error:
        message = f"{instance.offer.name} can't be opened: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF601", message, instance.mark, path)) from error


def _index_field() -> Any:
    from genframe.data.spec import Field as DataField

    return DataField((), "int64")


def _try(plan: Plan) -> None:
    recipe, wiring, parts = plan.recipe, plan.wiring, plan.parts
    with torch.enable_grad():
        trial = _tried(plan)
        rows = parts.rows
        plan.row_bytes = {name: size for name, t in trial.values.items() if (size := _row_bytes(t, rows))}
        RecipeError.collect([*never_called(parts)])
        for name in _known_wires(wiring):
            trial.wire(name)
        _try_outputs(plan, trial)
        trial.stop_listening()
        plan.scored = tuple(trial.scored.values())
        plan.shapes = {key: f"tensor {_text(t)}" for key, t in trial.data.items()} | trial.shapes
        made = frozenset(wiring.ancestors(frozenset(t.wire for p in recipe.players for t in p.minimises)))
        found = check_watch(
            Watch.of(recipe.watch),
            lambda name: trial.wire(name).value,
            made | {*trial.data},
            _pipelines(recipe),
        )
        plan.watch, plan.remarks = found[0], plan.remarks + found[1]
        plan._undetachable = {name for name, t in trial.values.items() if not detachable(t.value)}
        for player in recipe.players:
            plan.routing[player.name] = _measure(plan, player, trial)
    trial.restore_buffers()
    for module in parts.modules().values():
        module.zero_grad(set_to_none=True)
    _check_players(plan)
    _try_sites(plan)
    faults = list(unfit(recipe, parts.specs, plan.scored))
    RecipeError.collect([problem for problem in faults if problem.severity == "error"])
    plan.remarks += [*_remarks(plan, trial), *faults]


def _tried(plan: Plan) -> Trial:
    """Every term of every player, once; anew with more rows where a component turns out to need them."""
    parts = plan.parts
    while True:
        trial = Trial(parts, trial_data(parts))
        try:
            for player in plan.recipe.players:
                for term in player.minimises:
                    trial.wire(term.wire)
            return trial
        except MoreRows as asked:
            trial.stop_listening()
            trial.restore_buffers()
            parts.rows = math.lcm(parts.rows, asked.rows)


def _row_bytes(tracked: Tracked, rows: int) -> int:
    """Bytes that an example takes of a wire: of its tensors, and those of a distribution, that have a row for each."""
    sizes: dict[int, int] = {}
    waiting, seen = [tracked.value], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            if tracked.lead and rows in value.shape[: tracked.lead]:
                storage = value.untyped_storage()
                sizes[storage.data_ptr()] = min(storage.nbytes(), value.numel() * value.element_size())
        elif isinstance(value, (tuple, list)):
            waiting += value
        elif isinstance(value, Distribution) and id(value) not in seen:
            seen.add(id(value))
            waiting += vars(value).values()
    return sum(sizes.values()) // rows


def _known_wires(wiring: Wiring) -> Iterator[str]:
    """Wires that some output uses and no term does."""
    for output in wiring.outputs.values():
        yield from wiring.ancestors(wiring.needs(output.bound))


def _try_outputs(plan: Plan, trial: Trial) -> None:
    """Each output once.

    A data field as argument stands for two rows of it (of several data sets, the first's that has it), `n` and `k` for
    2, `z` for a latent, `level` for one a row.
    """
    measured = _measured(plan.recipe)
    for name, output in plan.wiring.outputs.items():
        trial.figures = name in measured
        frame = {name: _example(plan, trial, name) for name in output.wire.params}
        with torch.no_grad():
            trial.bound(output.bound, frame, output)


def _measured(recipe: Recipe) -> frozenset[str]:
    """The outputs that the recipe's metrics ask for. One that can't be imported is told when it is asked to measure."""
    names: set[str] = set()
    for metric in recipe.evaluate:
        with suppress(PluginError):
            target = metric.offer.load()
            asked = required_parameters(called(target) or target)
            names |= {str(metric.given.get(name, name)) for name in asked}
    return frozenset(names)


def _example(plan: Plan, trial: Trial, name: str) -> Tracked:
    if name in trial.data:
        return trial.data[name]
    if name in ("n", "k"):
        return Tracked(plan.parts.rows)
    if name == "level":
        widths = [len(getattr(plan.parts[name], "columns", ())) for name in plan.recipe.of_kind("noise")]
        return Tracked(torch.full((plan.parts.rows, *(width for width in widths[:1] if width > 1)), 0.5), 1)
    if name == "z" and (latent := _latent(plan, trial)):
        return latent
    of_several = (value for field, value in trial.data.items() if field.endswith(f".{name}"))
    return next(of_several, next(iter(trial.data.values())))


def _latent(plan: Plan, trial: Trial) -> Tracked | None:
    """What stands for a latent: the wire `z`, one sample of each; without it, of the shape that the first prior has."""
    priors = plan.recipe.of_kind("prior")
    if "z" in plan.wiring.plain:
        made = trial.wire("z")
        if isinstance(made.value, torch.Tensor) and made.lead:
            return Tracked(made.value.detach()[(0,) * (made.lead - 1)], 1)
    return Tracked(torch.randn(plan.parts.rows, *plan.parts[priors[0]].event_shape), 1) if priors else None


def _measure(plan: Plan, player: Player, first: Trial) -> dict[str, tuple[str, ...]]:
    """Which of the components that the player trains receives a gradient from each of its terms.

    Where all players move at once, in a forward pass in which what the others train asks for gradients too.
    """
    moving = plan.recipe.players if plan.at_once else (player,)
    trains = frozenset(name for one in moving for name in plan.trains(one))
    _ask_for_gradients(plan, [p for one in moving for p in plan.trained_parameters(one).values()])
    reach = plan.wiring.reach
    trial = Trial(
        plan.parts, first.data, gradient=lambda wire: bool(reach[wire] & trains), _buffers=first._buffers
    )
    table: dict[str, tuple[str, ...]] = {}
    for term in player.minimises:
        total = reduced(trial.wire(term.wire).value, term.wire, term.mark)
        try:
            table[term.wire] = tuple(
                name for name, inside in plan.entries(player).items() if _teaches(total, [*inside.values()])
            )
            if total.requires_grad:  # as in training: through nodes too that reach no parameter, and raise
                total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise RecipeError(_no_gradient(term, player, error)) from error
    _ask_for_gradients(plan)
    return table


def _ask_for_gradients(plan: Plan, wanted: Collection[nn.Parameter] | None = None) -> None:
    """Of these parameters and of no others; of all that are not frozen."""
    ids = None if wanted is None else {id(parameter) for parameter in wanted}
    for name in plan.parts.modules():
        frozen = plan.parts.frozen_parameters(name)
        for key, parameter in plan.parts.own_parameters(name).items():
            parameter.requires_grad_(key not in frozen and (ids is None or id(parameter) in ids))


def _teaches(total: Tensor, parameters: Sequence[nn.Parameter]) -> bool:
    if not total.requires_grad:
        return False
    gradients = torch.autograd.grad(total, list(parameters), retain_graph=True, allow_unused=True)
    return any(gradient is not None for gradient in gradients)


def _no_gradient(term: Term, player: Player, error: RuntimeError) -> Problem:
    reason = (str(error) or "no message").splitlines()[0][:300]
    message = f"the gradient of {term.wire!r}, which {player.name!r} minimises, can't be computed: {reason}. A penalty "
    message += (
        "on a slope differentiates what it is handed twice: each operation in it needs a second derivative"
    )
    return Problem("GF523", message, term.mark, f"players.{player.name}.minimises.{term.wire}")


def _try_sites(plan: Plan) -> None:
    """Each noise on what a player moves, once; and that what a noise stands inside is trained, so in train mode."""
    players = {player.name: player for player in plan.recipe.players}
    trained = {name for player in players.values() for name in plan.trains(player)}
    for site in plan.recipe.sites:
        if not site.inside:
            moved = flat([*plan.trained_parameters(players[site.owner]).values()])
            noise = built(plan.parts, site.noise, tuple(moved.shape[1:]))
            with torch.no_grad():
                checked(noise, moved, site)
        elif site.owner not in trained:
            message = f"{site}: nobody trains {site.owner!r}, so that it is never in train mode, and noise inside it "
            message += "would never be drawn: put the noise on a wire"
            raise RecipeError(Problem("GF517", message, site.mark, f"{site.noise}.at"))


def _check_players(plan: Plan) -> None:
    problems: list[Problem] = []
    for player in plan.recipe.players:
        problems += _player_problems(plan, player)
    problems += [*_untrained(plan), *_trained_twice(plan)]
    plan.remarks += [problem for problem in problems if problem.severity == "remark"]
    RecipeError.collect([problem for problem in problems if problem.severity != "remark"])


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


def _one_after_the_other(a: Player, b: Player) -> bool:
    """Whether one of two players has stopped when the other begins, as far as their spans can be compared."""
    return any(
        first.until is not None
        and (first.until.steps is None) == (second.start.steps is None)
        and first.until.in_steps(1_000) <= second.start.in_steps(1_000)
        for first, second in ((a, b), (b, a))
    )


def _player_problems(plan: Plan, player: Player) -> Iterator[Problem]:
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


def _remarks(plan: Plan, trial: Trial) -> Iterator[Problem]:
    yield from trial.remarks
    wiring = plan.wiring
    terms = frozenset(term.wire for player in plan.recipe.players for term in player.minimises)
    used = set(wiring.ancestors(terms)) | set(_known_wires(wiring))
    for wire in plan.recipe.wires:
        if not wire.params and not used & set(wire.names):
            message = f"nothing uses the wire {', '.join(wire.names)!r}"
            yield Problem("GF520", message, wire.mark, f"wires.{wire.names[0]}", severity="remark")
    for player in plan.recipe.players:
        trains = frozenset(plan.trains(player))
        for name in wiring.ancestors(frozenset(term.wire for term in player.minimises)):
            bound = wiring.plain[name]
            for source, place in _draws_without_path(wiring, bound.bound, trains, trial):
                message = f"{source}.sample() stops the gradient to what {player.name!r} trains; "
                message += f"{source}.rsample() lets it pass"
                yield Problem("GF521", message, place, f"wires.{bound.label}", severity="remark")
    for name, instance in plan.recipe.instances.items():
        if name not in plan.parts.built:
            yield Problem("GF522", f"nothing uses {name!r}", instance.mark, name, severity="remark")


def _draws_without_path(
    wiring: Wiring, bound: Bound, trains: frozenset[str], trial: Trial
) -> Iterator[tuple[str, Mark]]:
    """The wires that a bound expression samples, though `rsample` exists and trained parts stand above."""
    for part in wiring.parts(bound):
        match part:
            case Field(value=FromWire(name=name), name="sample", place=place):
                reaches = wiring.reach.get(name, frozenset()) & trains
                if reaches and getattr(trial.values[name].value, "has_rsample", False):
                    yield name, place


def _text(tracked: Tracked) -> str:
    return "x".join(map(str, tracked.value.shape))
