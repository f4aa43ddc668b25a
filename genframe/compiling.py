"""A recipe to its plan: bound, built, tried, and measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import scheduled
from genframe.binding import bind, called, required_parameters
from genframe.bound import Bound, Field, FromWire
from genframe.call_checks import Tracked
from genframe.data.spec import DataSpec
from genframe.errors import Mark, PluginError, Problem, RecipeError
from genframe.opened import fields_of, open_datasets
from genframe.parts import Parts
from genframe.plan import Plan
from genframe.players import player_problems
from genframe.recipe.model import Recipe
from genframe.routing import measured
from genframe.scored import unfit
from genframe.sites import built, checked, flat, never_called, used_by_wires
from genframe.trial import MoreRows, Trial, trial_data, undisturbed
from genframe.values import detachable
from genframe.watch import Watch
from genframe.watch import check as check_watch
from genframe.wiring import Wiring


def compile_plan(recipe: Recipe, specs: Mapping[str, DataSpec] | None = None) -> Plan:
    """Bind, build and try a recipe.

    A dataset that `specs` knows is not opened: it may be missing until an example is asked for.

    Raises RecipeError with what is wrong: names, shapes, routing. Leaves torch's generators as they were.
    """
    datasets, specs = open_datasets(recipe, specs or {})
    wiring = bind(recipe, fields_of(specs))
    RecipeError.collect([*used_by_wires(wiring), *scheduled.problems(recipe, specs)])
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
        plan.undetachable = {name for name, t in trial.values.items() if not detachable(t.value)}
        for player in recipe.players:
            plan.routing[player.name] = measured(plan, player, trial)
    trial.restore_buffers()
    for module in parts.modules().values():
        module.zero_grad(set_to_none=True)
    problems = [*player_problems(plan)]
    plan.remarks += [problem for problem in problems if problem.severity == "remark"]
    RecipeError.collect([problem for problem in problems if problem.severity != "remark"])
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
