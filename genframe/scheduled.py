"""Numbers that change with the step: a recipe's schedules, called as the loop calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from genframe.data.spec import UNKNOWN, DataSpec
from genframe.errors import Problem
from genframe.recipe.model import Instance, Recipe, Schedule
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.values import INVALID, check_value
from genframe.recipe.words import described, number_of


def scheduler(value: float | Schedule) -> Callable[[int, int], float]:
    """A number or schedule as a function of (step, steps per epoch)."""
    if isinstance(value, Schedule):
        return partial(value.offer.load(), **value.keywords())
    return lambda step, steps_per_epoch: value


def value_at(value: Any, step: int, steps_per_epoch: int) -> Any:
    """What an option is at a step: of a schedule its number, else the value as it is."""
    return scheduler(value)(step, steps_per_epoch) if isinstance(value, Schedule) else value


def problems(recipe: Recipe, specs: Mapping[str, DataSpec]) -> Iterator[Problem]:
    """Schedules that fail at the first or the last step of the training, or there leave what their option takes."""
    data, spec = next(iter(recipe.datasets.values())), next(iter(specs.values()))
    length = spec.lengths.get("train", UNKNOWN)
    per_epoch = max(length // data.batch_size, 1) if length != UNKNOWN else 1
    last = max(recipe.train.length.in_steps(per_epoch) - 1, 0)
    for path, option, annotation, schedule in _all(recipe):
        number = number_of(annotation)
        for step in (0, last):
            problem = _problem(schedule, option, number, step, per_epoch, path)
            if problem is not None:
                yield problem
                break


def _problem(
    schedule: Schedule, option: str, number: Any, step: int, per_epoch: int, path: str
) -> Problem | None:
    name = f"{schedule.offer.name!r}"
    command = f"genframe show schedule {schedule.offer.name}"
    try:
        value = float(scheduler(schedule)(step, per_epoch))
    except Exception as error:
        message = f"the schedule {name} fails at step {step}: {type(error).__name__}: {error}"
        return Problem("GF205", message, schedule.mark, path, command=command)
    if (
        schedule.mark is None
        or check_value(Node(value, schedule.mark), number, path, Problems()) is not INVALID
    ):
        return None
    message = f"the schedule {name} gives {value:g} at step {step}, and {option} takes {described(number)}"
    return Problem("GF205", message, schedule.mark, path, command=command)


def _all(recipe: Recipe) -> Iterator[tuple[str, str, Any, Schedule]]:
    """Path, option, its annotation, and schedule of each."""
    for player in recipe.players:
        yield from _of(player.optimizer)
        for term in player.minimises:
            if isinstance(term.weight, Schedule):
                yield f"players.{player.name}.minimises.{term.wire}", "a weight", float, term.weight
    for listed in (recipe.instances.values(), recipe.evaluate, recipe.samplers, recipe.track, recipe.watch):
        for instance in listed:
            for one in (instance, *instance.parts()):
                yield from _of(one)


def _of(instance: Instance) -> Iterator[tuple[str, str, Any, Schedule]]:
    declared = instance.offer.signature().options
    for key, value in instance.options.items():
        if isinstance(value, Schedule):
            what = f"{key!r} of {instance.offer.name}"
            yield f"{instance.name}.{key}", what, declared[key].annotation, value
