"""What lies between codes: the way from one example, or one draw of the prior, to the next, decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from genframe import abilities, conditions
from genframe.errors import Problem, RecipeError, nearest
from genframe.latents import Latents, examples, turns_alike

if TYPE_CHECKING:
    from genframe.api import Model

Method = Literal["spherical", "linear"]


@dataclass(frozen=True)
class Interpolation:
    """Ways between stops, one after the other: from `names[i]` to `names[i + 1]` goes way i.

    z (ways, steps, *code), x (ways, steps, ...) what was decoded, at (steps,) from 0 to 1. ends: the examples
    themselves (ways + 1, ...), None between draws. told: what else is worth saying, the condition that held, say.
    """

    z: Tensor
    x: Tensor
    at: Tensor
    method: Method
    names: tuple[str, ...]
    ends: Tensor | None = None
    told: tuple[str, ...] = ()


def linear(one: Tensor, other: Tensor, at: Tensor) -> Tensor:
    """(1 - t) one + t other at each t: codes (*code) -> (steps, *code)."""
    return torch.lerp(one, other, at.to(one).reshape(-1, *[1] * one.ndim))


def spherical(one: Tensor, other: Tensor, at: Tensor) -> Tensor:
    """The arc from one code to the other at each t: codes (*code) -> (steps, *code).

        slerp(t) = sin((1 - t) w) / sin(w) one + sin(t w) / sin(w) other,    w the angle between them

    Shoemake 1985; White 2016, Sampling Generative Networks, section 2.1. Of two draws of N(0, I) in d dimensions the
    middle of the line has a length of about sqrt(d / 2), where a draw, whose length is about sqrt(d), never is: there
    a decoder was taught nothing. The arc stays where draws are. Codes in one direction, or opposite, have no arc of
    their own and are joined by the line.
    """
    a, b = one.flatten().double(), other.flatten().double()
    lengths = (a.norm() * b.norm()).clamp_min(1e-30)
    angle = torch.arccos(((a @ b) / lengths).clamp(-1, 1))
    t = at.to(a).unsqueeze(1)
    if float(angle.sin()) < 1e-6:
        return linear(one, other, at)
    arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / angle.sin()
    return arc.to(one.dtype).reshape(-1, *one.shape)


METHODS = {"spherical": spherical, "linear": linear}


def method_for(latents: Latents) -> Method:
    """`spherical` where the prior is the same however it is turned (N(0, I), a sphere), else `linear`.

    Elsewhere (a uniform law, a mixture, a learned prior) an arc leaves the places of mass as a line may.
    """
    return "spherical" if latents.prior is not None and turns_alike(latents.prior) else "linear"


def interpolate(
    model: Model,
    places: Sequence[int] | None = None,
    *,
    seeds: Sequence[int] | None = None,
    steps: int = 9,
    method: str | None = None,
    split: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> Interpolation:
    """From stop to stop in `steps` even steps, ends included, by the output `decode`.

    places: examples of a split by number, whose codes `encode` gives; (0, 1) without any. seeds: draws of the prior
    instead, which are what a model that encodes nothing has; there (0, 1) without any. method: `spherical` or
    `linear`, see `method_for` for which without. given: conditions, `{"y": 7}`, under which the whole way is decoded;
    without them that of the first stop's example holds. Raises RecipeError: GF804 for outputs that are not there,
    GF806 for stops that are not, GF807 for a condition that nobody gives.
    """
    if method is not None and method not in METHODS:
        message = f"codes are joined by {' or '.join(get_args(Method))}, not by {method!r}"
        raise RecipeError(Problem("GF806", message, nearest=nearest(method, METHODS)))
    latents = Latents(model, given or {})
    if seeds is None and places is None:
        abilities.require(model, "interpolate")
    drawn = seeds is not None or (places is None and "encode" not in model.outputs)
    if drawn:
        abilities.require(model, "interpolating between draws of the prior", abilities.PRIOR, "decode")
        stops = tuple((0, 1) if seeds is None else seeds)
    else:
        if "encode" not in model.outputs and abilities.serves(model, "interpolate"):
            message = f"the recipe {model.recipe.name!r} encodes no examples: it has no output `encode`"
            told = "what lies between draws of its prior is asked for by their seeds"
            raise RecipeError(Problem("GF804", f"{message}; {told}", path="outputs", command="--seeds 0,1"))
        abilities.require(model, "interpolating between examples", "encode", "decode")
        stops = tuple((0, 1) if places is None else places)
    if len(stops) < 2:
        raise RecipeError(
            Problem("GF806", f"a way leads from one stop to another: {len(stops)} came, give two or more")
        )
    notes: list[str] = []
    if drawn:
        codes, beside, ends = torch.cat([latents.draw(1, seed) for seed in stops]), {}, None
    else:
        rows = examples(model, stops, split)
        codes, ends = latents.encode(rows), rows.get("x")
        beside = {name: rows[name] for name in conditions.asked(model, "decode") if name in rows}
        notes += _held(beside, latents, stops)
        beside = {name: value[:1] for name, value in rows.items()}
    if not codes.is_floating_point():
        message = f"codes are {codes.dtype}, and between such there is nothing"
        raise RecipeError(Problem("GF806", message))
    by: Method = method_for(latents) if method is None else method  # type: ignore[assignment]
    at = torch.linspace(0, 1, steps)
    z = torch.stack([METHODS[by](one, other, at) for one, other in pairwise(codes)])
    x = latents.decode(z.flatten(0, 1), beside)
    names = tuple(f"seed {stop}" if drawn else f"example {stop}" for stop in stops)
    if latents.conditions:
        notes.append(conditions.told(latents.conditions))
    return Interpolation(z, x.reshape(*z.shape[:2], *x.shape[1:]), at, by, names, ends, tuple(notes))


def _held(beside: Mapping[str, Tensor], latents: Latents, stops: Sequence[int]) -> list[str]:
    """What is said of conditions that only the first example gives."""
    return [
        f"{conditions.told({name: rows[:1]})} all along, as of example {stops[0]}"
        for name, rows in beside.items()
        if name not in latents.conditions and not bool((rows == rows[:1]).all())
    ]
