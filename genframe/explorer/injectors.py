"""The noise injectors that suit a model's data, each with a slider for every level that it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from genframe.annotations import Ranged
from genframe.errors import GenframeError
from genframe.recipe.model import Instance
from genframe.recipe.samplers import noise_of
from genframe.recipe.words import marked
from genframe.registry import Offer
from genframe.signature import SignatureError

if TYPE_CHECKING:
    from genframe.api import Model

WIDEST = 4.0
"""A level without an upper bound goes to so many times its default, at least to 1."""

TRIED = 2
"""Examples that a noise is tried on."""


@dataclass(frozen=True, slots=True)
class Slider:
    """A level: its `key`, `share` or, of a part, `holes.share`; its bounds and where it starts.

    `owner` is the built noise that has it as its attribute `attribute`, as the loop sets a scheduled level.
    """

    key: str
    low: float
    high: float
    value: float
    owner: Any
    attribute: str


@dataclass(frozen=True, slots=True)
class Injector:
    """A noise, built for the model's data. `own`: the recipe has one of its name; `needs`: on how much it insists."""

    name: str
    summary: str
    noise: Any
    sliders: tuple[Slider, ...]
    own: bool
    needs: int = 0

    def put_on(self, x: Tensor, levels: Mapping[str, float], seed: int) -> tuple[Tensor, Tensor]:
        """x (batch, ...) noised at these levels, by the draws of `seed`, and the level (batch,), the first column."""
        before = [getattr(slider.owner, slider.attribute) for slider in self.sliders]
        try:
            for slider in self.sliders:
                setattr(slider.owner, slider.attribute, levels.get(slider.key, slider.value))
            with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
                torch.manual_seed(seed)
                noised, told = self.noise(x)
        finally:
            for slider, value in zip(self.sliders, before, strict=True):
                setattr(slider.owner, slider.attribute, value)
        return noised, told.table.reshape(len(x), -1)[:, 0]


def found(model: Model, x: Tensor, facts: frozenset[str]) -> tuple[list[Injector], dict[str, str]]:
    """The injectors that suit examples x (2, ...), and the others, each with why not.

    The recipe's own come first, then those that suit any data, then those for such data alone.

    facts: what the data are, of the words that components need: `image`, `bits`.
    """
    suiting, others = [], {}
    used = {instance.offer.name for instance in _noises(model)}
    for offer in model.recipe.registry.offers("noise"):
        if not (offer.first_party or offer.plugin in model.recipe.plugins):
            continue
        lacking = [need for need in offer.component.needs if need not in facts]
        if lacking:
            others[offer.name] = f"it takes {' and '.join(_NEEDS.get(need, need) for need in lacking)}"
            continue
        try:
            suiting.append(_built(model, offer, x, offer.name in used))
        except GenframeError as error:
            others[offer.name] = error.problems[0].message
        except (RuntimeError, TypeError, ValueError, IndexError, SignatureError) as error:
            others[offer.name] = str(error)
    return sorted(suiting, key=lambda injector: (not injector.own, injector.needs)), others


_NEEDS = {"image": "pictures", "labels": "labels", "bits": "bits, 0 and 1"}


def _noises(model: Model) -> Iterator[Instance]:
    for instance in model.recipe.instances.values():
        for one in (instance, *instance.parts()):
            if one.kind == "noise":
                yield one


def _built(model: Model, offer: Offer, x: Tensor, own: bool) -> Injector:
    block: dict[str, Any] = {"use": offer.name, **(offer.component.example or {})}
    instance = noise_of(model.recipe, json.dumps(block))  # which is YAML
    parts = model.outputs.plan.parts
    noise = parts.beside(instance, [tuple(x.shape[1:])])
    built = {id(one): part for one, part in parts.inner.values()}
    trained = {one.offer.name: one for one in _noises(model)}
    sliders = [
        slider
        for one in (instance, *instance.parts())
        for slider in _sliders(one, built[id(one)], _within(instance, one), trained.get(one.offer.name))
    ]
    injector = Injector(offer.name, offer.summary(), noise, tuple(sliders), own, len(offer.component.needs))
    noised, _ = injector.put_on(x, {}, 0)
    if noised.shape != x.shape or not bool(noised.isfinite().all()):
        raise ValueError(f"it gives {tuple(noised.shape)} of {tuple(x.shape)}, or no numbers")
    return injector


def _sliders(instance: Instance, part: Any, within: str, trained: Instance | None) -> Iterator[Slider]:
    """The levels of one noise, starting where the recipe's own of that name was trained."""
    for key, option in instance.offer.signature().options.items():
        default = getattr(part, option.parameter, None)
        if default is None or not marked(option.annotation, Ranged):
            continue  # one that is None says what another says, as a variance does beside a deviation
        learned = None if trained is None else trained.options.get(key)
        value = _middle(default if learned is None else learned)
        low, high = _bounds(option.annotation)
        most = max(1.0, WIDEST * abs(value), WIDEST * abs(_middle(default))) if high is None else high
        least = min(0.0, value) if low is None else low
        name = f"{within}.{key}" if within else key
        yield Slider(name, least, most, min(max(value, least), most), part, option.parameter)


def _within(instance: Instance, part: Instance) -> str:
    """Where in a noise a part of it stands: `grain` for `compose.parts.grain`."""
    return part.name.rpartition(f"{instance.name}.parts.")[2] if part is not instance else ""


def _middle(level: Any) -> float:
    """A level as one number: the middle of a range, of one around 0 half of its end; of a schedule half."""
    if isinstance(level, (tuple, list)):
        return float(sum(level)) / len(level) or float(level[-1]) / 2
    return float(level) if isinstance(level, (int, float)) else 0.5


def _bounds(annotation: Any) -> tuple[float | None, float | None]:
    marks = getattr(annotation, "__metadata__", ())
    low = next((float(m.ge if isinstance(m, Ge) else m.gt) for m in marks if isinstance(m, (Ge, Gt))), None)  # type: ignore[arg-type]
    high = next((float(m.le if isinstance(m, Le) else m.lt) for m in marks if isinstance(m, (Le, Lt))), None)  # type: ignore[arg-type]
    return low, high
