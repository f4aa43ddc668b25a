"""Values that a recipe takes log p(x|z) of, and whether its likelihoods are laws of such values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe.data.spec import DataSpec
from genframe.errors import Problem
from genframe.recipe.model import Recipe
from genframe.supports import bounds_of, holds

_INSTEAD = (
    "`data: {binarise: dynamic}` makes bits of grey pictures; discretised-logistic, logistic-mixture and "
    "categorical-256 are likelihoods of their 256 levels, and with `data: {dequantise: true}` densities are, such as "
    "gaussian or continuous-bernoulli"
)
_MEASURED = "figures that are made of it are called improper_"


@dataclass(frozen=True)
class Scored:
    """A field of the data under the law of a likelihood; `figure`: by an output, of which metrics make figures."""

    likelihood: str
    field: str
    law: Distribution
    figure: bool


def unfit(recipe: Recipe, specs: Mapping[str, DataSpec], scored: Iterable[Scored]) -> Iterator[Problem]:
    """What can be told of pictures before they are loaded; a remark where the law has a best answer all the same."""
    for one in scored:
        dataset, name = placed(one.field)
        spec = specs[dataset].fields.get(name)
        if spec is None or not spec.image or not one.figure:
            continue
        way = recipe.datasets[dataset].way
        values = {"none": (128 / 255,), "dequantise": (128.25 / 256,)}.get(way, (0.0, 1.0))
        if all(holds(one.law, torch.full((1, *spec.shape), value)) in (True, None) for value in values):
            continue
        instance = recipe.instances[one.likelihood]
        law, path = instance.offer.name, one.likelihood
        if way == "dequantise":
            message = f"{law} is a law of grey levels, and `dequantise` spreads {one.field} between them: {_MEASURED}; "
            message += "leave `dequantise` out"
            yield Problem("GF525", message, instance.mark, path, severity="remark")
        elif spec.shape[0] == 3:
            message = f"{law} is a law of bits, and {one.field} holds coloured pictures, of whose levels its log p(x) "
            message += f"is no likelihood. {_INSTEAD}"
            yield Problem("GF526", message, instance.mark, path)
        else:
            message = f"{law} is a law of bits, and {one.field} holds grey pictures (unless they are stored as bits): "
            message += f"{_MEASURED}. {_INSTEAD}"
            yield Problem("GF525", message, instance.mark, path, severity="remark")


def misfits(recipe: Recipe, one: Scored, x: Tensor, told: bool) -> Problem | None:
    """What is wrong with values x (rows, *event) under a law that is to score them; None where nothing is.

    told: whether `unfit` has judged them already. Values beyond the law's bounds have no best answer, so that a loss
    of them falls without end: an error. Values between those of the support are worth a remark.
    """
    if tuple(one.law.event_shape) != tuple(x.shape[1:]) or holds(one.law, x) is not False:
        return None
    instance = recipe.instances[one.likelihood]
    law = instance.offer.name
    low, high = bounds_of(one.law) or (-float("inf"), float("inf"))
    least, most = float(x.min()), float(x.max())
    if least < low - 1e-4 or most > high + 1e-4:
        message = f"{law} is a law of values from {low:g} to {high:g}, and those of {one.field} go from {least:.4g} to "
        message += f"{most:.4g}: log p(x) of them is no likelihood and has no bound. "
        message += "Scale the data, or take a likelihood of such values, as gaussian is of real numbers"
        return Problem("GF544", message, instance.mark, one.likelihood)
    if told or not one.figure:
        return None
    message = f"values of {one.field} lie outside of what {law} is a law of: {_MEASURED}"
    return Problem("GF525", message, instance.mark, one.likelihood, severity="remark")


def placed(field: str) -> tuple[str, str]:
    """The dataset of a wire of data and its field: `clean.x` is of `clean`, `x` of the one that is called nothing."""
    dataset, _, name = field.rpartition(".")
    return dataset, name
