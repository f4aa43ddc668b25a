"""A recipe's metrics on a split of its data, with the protocol that each figure was measured by."""

from __future__ import annotations

import inspect
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genframe import __version__
from genframe.binding import called, required_parameters
from genframe.data.feed import Split
from genframe.engine.measure import measured
from genframe.engine.outputs import Outputs
from genframe.errors import PluginError, Problem, RecipeError, nearest
from genframe.recipe.model import Instance, Recipe
from genframe.recipe.resolve import plain
from genframe.recipe.samplers import metric_of

_PICTURES = {
    "none": "as stored",
    "threshold": "bits, cut at 0.5",
    "static": "bits, drawn once from the pixels",
    "dynamic": "bits, drawn anew in training",
    "dequantise": "(255 x + u)/256, u uniform",
}
"""How the values that a figure is of were made: likelihoods of differently binarised pictures can't be compared."""


def evaluate(
    outputs: Outputs,
    metrics: Sequence[Instance],
    split: Split,
    step: int,
    only: Sequence[str] = (),
    *,
    train: Callable[[], Split],
    draws: Mapping[str, Callable[[int], Tensor]] | None = None,
    told: Callable[[str, int, int], None] = lambda name, place, count: None,
    tell: Callable[[str], None] = lambda text: None,
    show: Callable[[str, Tensor], None] = lambda name, pictures: None,
) -> list[dict[str, Any]]:
    """Each metric of the recipe (or those named in `only`, of the recipe or installed) on a split, with its protocol.

    train: gives the training split, for a metric that asks for `train_data` beside `data`. draws: the recipe's
    samplers by name, each n -> draws, which a metric can be given in place of an output. told: hears of each
    metric, before it is measured, its name, which one it is (from 1), and of how many. tell, show: for metrics that
    ask for them, what they say while they measure, a line of text, and pictures (rows, columns, channels, height,
    width) by the metric's name. Raises RecipeError for an unknown metric, or one that asks for an output that the
    recipe has not.
    """
    chosen = [_named(outputs, metrics, name) for name in only] or list(metrics)
    split.measure = measured(outputs.plan, split)
    figures = []
    for place, metric in enumerate(chosen, 1):
        told(metric.name, place, len(chosen))
        given = {"tell": tell, "show": partial(show, metric.name)}
        figures.append(_measure(outputs, metric, split, step, train, draws or {}, given))
    return figures


def suited(recipe: Recipe) -> list[str]:
    """Installed metrics that need no output but what the recipe has; those of its first outputs come first."""
    known = [output.names[0] for output in recipe.outputs]
    found: dict[str, int] = {}
    for offer in recipe.registry.offers("metric"):
        with suppress(PluginError):  # one that can't be imported suits nobody
            target = offer.load()
            parameters = required_parameters(called(target) or target)
            wanted = [name for name in parameters if name not in _GIVEN]
            if wanted and all(name in known for name in wanted):
                found[offer.bare] = known.index(wanted[0])
    return sorted(found, key=found.__getitem__)


_GIVEN = {"data", "train_data", "tell", "show"}
"""What every metric can ask for, beside outputs."""


def _named(outputs: Outputs, metrics: Sequence[Instance], name: str) -> Instance:
    """A metric of the recipe, else an installed one, by its name or as a block of YAML. Raises RecipeError."""
    known = {metric.name: metric for metric in metrics}
    if name in known:
        return known[name]
    try:
        return metric_of(outputs.plan.recipe, name)
    except RecipeError as error:
        if not any(problem.code == "GF301" for problem in error.problems):
            raise
        near = nearest(name, [*known, *(p.nearest for p in error.problems if p.nearest)])
        message = f"the recipe evaluates {', '.join(known) or 'nothing'}, and no metric {name!r} is installed"
        command = "genframe list metric"
        raise RecipeError(Problem("GF532", message, path="evaluate", nearest=near, command=command)) from None


def _measure(
    outputs: Outputs,
    metric: Instance,
    split: Split,
    step: int,
    train: Callable[[], Split],
    draws: Mapping[str, Callable[[int], Tensor]],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    function = _callable(outputs, metric)
    arguments: list[Any] = []
    for name in required_parameters(called(metric.offer.load()) or function):
        if name == "data":
            arguments.append(split)
        elif name == "train_data":
            arguments.append(train())
        elif name in given:
            arguments.append(given[name])
        elif metric.given.get(name) in draws:
            arguments.append(draws[str(metric.given[name])])
        else:
            arguments.append(output_for(outputs, metric, name, "evaluate"))
    started = time.perf_counter()
    with outputs.evaluating("metric", metric.name):
        try:
            figures: Mapping[str, float] = function(*arguments)
        except (ValueError, TypeError) as error:
            message = f"the metric {metric.name!r} ({metric.offer.name}) can't be measured here: {error}"
            raise RecipeError(Problem("GF543", message, metric.mark, f"evaluate.{metric.name}")) from error
    told = getattr(figures, "provenance", None)
    provenance = {"provenance": dict(told)} if told else {}
    return {
        "metric": metric.name,
        "component": metric.offer.name,
        "figures": {key: float(value) for key, value in figures.items()},
        "protocol": {
            "split": split.name,
            "examples": len(split),
            "pictures": _PICTURES[split.way],
            "likelihood": split.measure,
            "step": step,
            "seed": outputs.plan.recipe.seed,
            "weights": "averaged" if outputs.averages else "raw",
            "options": plain(metric.options),
            "revision": metric.offer.component.revision,
            "versions": {
                "genframe": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            **provenance,
        },
        "seconds": round(time.perf_counter() - started, 3),
    }


def _callable(outputs: Outputs, metric: Instance) -> Any:
    target = metric.offer.load()
    options = outputs.plan.parts.options_beside(metric)
    if inspect.isclass(target):
        return target(**options)

    def call(*args: Any) -> Any:
        return target(*args, **options)

    return call


def output_for(outputs: Outputs, instance: Instance, name: str, section: str) -> Any:
    """The output that a metric or a sampler of the recipe's `section` asks for by name. Raises RecipeError."""
    wanted = str(instance.given.get(name, name))
    if wanted not in outputs:
        message = (
            f"the {instance.kind} {instance.name!r} ({instance.offer.name}) needs the output {wanted!r}, "
            f"and the recipe has {', '.join(outputs) or 'none'}: add it under outputs, "
            f"or rebind it: given: {{{name}: ...}}"
        )
        raise RecipeError(Problem("GF533", message, instance.mark, f"{section}.{instance.name}"))
    return outputs[wanted]
