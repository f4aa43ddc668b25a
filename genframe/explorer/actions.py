"""What the page asks a model for: each action is a function of the model and the request, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from genframe import interpolation, walk
from genframe.explorer import ways
from genframe.explorer.asked import Asked, Unfit
from genframe.explorer.explored import SLIDERS, Explored
from genframe.explorer.render import Frame, shown
from genframe.latents import Latents

BASES = ("axes", "coded")

MOST = 64
"""Pictures in one answer."""

MOST_POINTS = 1000
"""Points or lines in one answer."""

STEPS = 100
"""Steps of a walk in one answer."""

SIDE = 15
"""Pictures in a row of the map; of large ones fewer."""

TILE = 40
"""The side of a picture on the map at most, in pixels."""

ALONG = 9
"""Pictures along one slider."""

REACH = 4.0
"""Standard deviations that a slider along an axis goes to."""

Answer = dict[str, Any]
Action = Callable[[Explored, Asked], Answer]


def examples(explored: Explored, asked: Asked) -> Answer:
    """Examples to choose from: `from`, `count`."""
    total = len(explored.rows["x"])
    first = asked.count("from", 0, 10**6, 0) % total
    last = min(first + asked.count("count", 1, MOST, 24), total)
    labels = explored.labels
    named = [] if labels is None else [int(label) for label in labels[first:last]]
    return {"shown": _shown(explored, explored.rows["x"][first:last]), "from": first, "labels": named}


def moved(explored: Explored, asked: Asked) -> Answer:
    """A code with some of its numbers moved, decoded: `start`, `basis`, `moves` {slider: value}.

    With `along`, a slider, as many pictures as ALONG: what that one does from one end to the other.
    """
    basis = asked.choice("basis", BASES, "axes")
    code, beside = explored.code(asked)
    z = code.flatten(1).float()
    for slider, value in _moves(asked).items():
        z = _set(explored, basis, z, slider, torch.tensor([value], device=z.device))
    values = explored.axes.coordinates(z)[0] if basis == "axes" else z[0, explored.moving[0]]
    if "along" in asked:
        slider = asked.count("along", 0, SLIDERS)
        _, low, high = explored.moving
        ends = (-REACH, REACH) if basis == "axes" else (float(low[slider]), float(high[slider]))
        z = _set(explored, basis, z, slider, torch.linspace(*ends, ALONG, device=z.device))
    known = explored.latents(explored.given(asked))
    x = known.decode(z.reshape(-1, *code.shape[1:]).to(code), beside)
    return {"shown": _shown(explored, x), "values": _numbers(values)}


def point(explored: Explored, asked: Asked) -> Answer:
    """A point of the map, decoded: `at` [right, up], shares of the map from 0 to 1."""
    right, up = (min(max(share, 0.002), 0.998) for share in asked.numbers("at", 2))
    place = explored.plane.coordinates(torch.tensor([[right, up]], device=explored.model.device))
    x = explored.latents(explored.given(asked)).decode(explored.plane.codes(place))
    return {"shown": _shown(explored, x), "values": _numbers(place[0])}


def sheet(explored: Explored, asked: Asked) -> Answer:
    """The map: `side` times `side` points of it decoded, from the upper left."""
    large = explored.frame.look == "pictures" and max(explored.shape[-2:]) > TILE
    side = asked.count("side", 2, 24, SIDE - 5 if large else SIDE)
    shares = (torch.arange(side, device=explored.model.device) + 0.5) / side
    up, right = torch.meshgrid(shares.flip(0), shares, indexing="ij")
    places = explored.plane.coordinates(torch.stack([right.flatten(), up.flatten()], 1))
    x = explored.latents(explored.given(asked)).decode(explored.plane.codes(places))
    made = shown(_shrunk(x), explored.frame) if large else _shown(explored, x)
    return {"shown": made, "side": side, "dots": _dots(explored)}


def seen(explored: Explored, asked: Asked) -> Answer:
    """A picture, what each output makes of it, its code, its classes: `source`, `level` for outputs that are told."""
    row, seed = explored.source(asked), asked.seed()
    level = asked.number("level", 0, 1000, 0.2)
    made = [
        {"name": name, "shown": _shown(explored, _restored(explored, name, row, level, seed))}
        for name in ways.restoring(explored)
    ]
    answer: Answer = {"given": _shown(explored, row["x"]), "made": made}
    if explored.encodes:
        code = Latents(explored.model).encode(row)[0].flatten()
        answer |= {"code": _numbers(code[: 2 * MOST]), "numbers": len(code)}
    if "classify" in explored.model.outputs:
        chances = explored.model.call("classify", row, seed=seed)
        answer["chances"] = _numbers(chances.reshape(-1, chances.shape[-1])[0])
    return answer


def noised(explored: Explored, asked: Asked) -> Answer:
    """A picture with noise on it, and what an output makes of that: `source`, `noise`, `levels`, `by`, `seed`."""
    row, seed = explored.source(asked), asked.seed()
    x, level = _with_noise(explored, asked, row["x"])
    answer = {"clean": _shown(explored, row["x"]), "noised": _shown(explored, x), "level": level}
    names = ways.restoring(explored)
    if names:
        by = asked.choice("by", names, names[0])
        answer["made"] = _shown(explored, _restored(explored, by, {**row, "x": x}, level, seed))
    return answer


def walked(explored: Explored, asked: Asked) -> Answer:
    """A picture with noise on it, and each step of the way from there: `chain`, `steps`, `draws`, and as `noised`."""
    row, seed, steps = explored.source(asked), asked.seed(), asked.count("steps", 1, STEPS, 20)
    x, level = _with_noise(explored, asked, row["x"])
    known = ways.walking(explored)
    if not known:
        raise Unfit("this model has no chain, and no output that restores")
    way = asked.choice("chain", known, next(iter(known)))
    if way in walk.CHAINS:
        frames = _chain(explored, way, {**row, "x": x}, steps, asked.flag("draws"), seed)
    else:
        frames = _gradually(explored, way, {**row, "x": x}, level, steps, seed)
    return {"clean": _shown(explored, row["x"]), "shown": _shown(explored, torch.cat(frames)), "level": level}


def between(explored: Explored, asked: Asked) -> Answer:
    """The way from one code to another, decoded: `one`, `other`, `steps`, `method`."""
    (a, beside), (b, _) = explored.code(asked, "one"), explored.code(asked, "other")
    known = explored.latents(explored.given(asked))
    method = asked.choice("method", interpolation.METHODS, explored.method)
    at = torch.linspace(0, 1, asked.count("steps", 2, MOST, 33))
    z = interpolation.METHODS[method](a[0], b[0], at)
    return {"shown": _shown(explored, known.decode(z, beside)), "method": method}


def drawn(explored: Explored, asked: Asked) -> Answer:
    """Samples: `by`, an output or a sampler, or `decode` of draws of the prior under `conditions`; `n`, `seed`."""
    known = ways.drawing(explored)
    explored.given(asked)  # says which there are, though not every way to draw heeds them
    by = asked.choice("by", known, next(iter(known), None))
    n = asked.count("n", 1, MOST if explored.frame.look == "pictures" else MOST_POINTS, 16)
    return {"shown": _shown(explored, known[by](n, asked.seed(), asked))}


ACTIONS: Mapping[str, Action] = {
    "examples": examples,
    "latents": moved,
    "point": point,
    "map": sheet,
    "draw": seen,
    "noise": noised,
    "walk": walked,
    "between": between,
    "samples": drawn,
}


def _restored(explored: Explored, name: str, row: Mapping[str, Tensor], level: float, seed: int) -> Tensor:
    arguments = explored.model.outputs.arguments(name)
    picture = next(arg for arg in arguments if arg not in explored.conditions)
    given: dict[str, Any] = {key: value for key, value in row.items() if key in arguments}
    given[picture] = row["x"]
    if "level" in arguments:
        given["level"] = torch.full((len(row["x"]),), level, device=row["x"].device)
    made: Tensor = explored.model.call(name, given, seed=seed)
    return made


def _with_noise(explored: Explored, asked: Asked, x: Tensor) -> tuple[Tensor, float]:
    """The picture noised as the request says, by the noise `none` not at all, and its level."""
    found = explored.noises[0]
    name = asked.choice("noise", ("none", *found), next(iter(found), "none"))
    if name == "none":
        return x, 0.0
    levels = asked.object("levels")
    injector = found[name]
    values = {s.key: levels.number(s.key, s.low, s.high, s.value) for s in injector.sliders}
    noised, level = injector.put_on(x, values, asked.seed())
    return noised, float(level[0])


def _chain(
    explored: Explored, way: str, row: Mapping[str, Tensor], steps: int, draws: bool, seed: int
) -> list[Tensor]:
    step = walk.CHAINS[way].step(explored.model, row, draws)
    state: Any = row["x"]
    frames = [row["x"]]
    with explored.model.outputs.evaluating("walk", "seeded", seed):
        for _ in range(steps):
            x, state = step(state)
            frames.append(x)
    return frames


def _gradually(
    explored: Explored, way: str, row: Mapping[str, Tensor], level: float, steps: int, seed: int
) -> list[Tensor]:
    """x <- D(x) + s'/s (x - D(x)): what is left of the noise falls from s to s' evenly, at the end to nothing.

    Song et al. 2021, DDIM, eq. 12 without drawn noise, in the terms of a denoiser D.
    """
    name = way.partition(",")[0]
    frames = [row["x"]]
    for left, after in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
        x = frames[-1]
        clean = _restored(explored, name, {**row, "x": x}, level * left, seed)
        frames.append(clean + (after / left) * (x - clean))
    return frames


def _dots(explored: Explored) -> Answer:
    """Where the codes lie on the map, in shares of it, and their classes."""
    axes, z = explored.plane.axes, explored.codes
    if axes is not None:
        shares = torch.special.ndtr(axes.coordinates(z)[:, :2])
    else:
        table = torch.linspace(0.001, 0.999, 999, device=z.device)
        edges = explored.plane.latents.quantiles(table.cpu()).to(z.device).T.contiguous()  # (2, shares)
        shares = torch.searchsorted(edges, z.flatten(1).float().T.contiguous()).T / len(table)
    labels = explored.labels if explored.encodes else None
    return {"at": _rounded(shares), "labels": [] if labels is None else [int(label) for label in labels]}


def _shrunk(x: Tensor) -> Tensor:
    """Pictures (n, [channels,] height, width) whose longer side is TILE."""
    height, width = x.shape[-2:]
    size = [max(1, round(side * TILE / max(height, width))) for side in (height, width)]
    return torch.nn.functional.interpolate(x.reshape(len(x), -1, height, width), size, mode="area")


def _moves(asked: Asked) -> dict[int, float]:
    moves = asked.object("moves")
    if not all(isinstance(key, str) and key.isdecimal() for key in moves.values):
        raise Unfit("moves are values by the number of a slider, from 0")
    return {int(key): moves.number(key, -1e6, 1e6) for key in moves.values}


def _set(explored: Explored, basis: str, z: Tensor, slider: int, values: Tensor) -> Tensor:
    """A code z (1, d) with one coordinate set to each of `values`: (values, d)."""
    axes, chosen = explored.axes, explored.moving[0]
    count = len(axes.spread) if basis == "axes" else len(chosen)
    if slider >= count:
        raise Unfit(f"there is no slider {slider}: there are {count}, from 0")
    if basis == "axes":
        steps = values - axes.coordinates(z)[0, slider]
        return z + steps.unsqueeze(1) * axes.spread[slider] * axes.directions[slider]
    moved = z.repeat(len(values), 1)
    moved[:, chosen[slider]] = values
    return moved


def _shown(explored: Explored, x: Tensor) -> Answer:
    """Examples for the page, in the frame of the data where they have its shape. Raises Unfit for what are none."""
    if not isinstance(x, Tensor) or x.ndim < 2:
        came = f"the shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise Unfit(f"an example has the shape {explored.shape}, and {came} came")
    shape = tuple(x.shape[1:])
    return shown(x, explored.frame if shape == explored.shape else Frame.of(shape, explored.field.image, x))


def _numbers(values: Tensor) -> list[float]:
    return [round(number, 4) for number in values.float().nan_to_num(0.0, 1e6, -1e6).tolist()]


def _rounded(rows: Tensor) -> list[list[float]]:
    return [[round(number, 4) for number in row] for row in rows.float().nan_to_num(0.5).tolist()]
