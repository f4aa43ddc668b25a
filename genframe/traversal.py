"""Latent traversals: what is drawn as one number of a code moves and all others stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from genframe import pictures
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from genframe.api import Model

MOST = 10
"""Latents that are traversed where none are named."""

LOOKED_AT = 500
"""Examples whose codes tell which latents move most."""

_CHUNK = 256
_INK = (60, 60, 60)


@dataclass(frozen=True)
class Traversal:
    """Codes z (latents, steps, d), what was made of them, x (latents, steps, ...), and the values (steps,)."""

    latents: tuple[int, ...]
    values: Tensor
    z: Tensor
    x: Tensor


def along(code: Tensor, latents: Sequence[int], values: Tensor) -> Tensor:
    """Copies of a code (d,), a row for each of `latents`, where that one takes each of `values`: (rows, steps, d)."""
    z = code.repeat(len(latents), len(values), 1)
    for row, latent in enumerate(latents):
        z[row, :, latent] = values.to(z)
    return z


def traverse(
    model: Model,
    latents: Sequence[int] = (),
    *,
    steps: int = 9,
    ends: tuple[float, float] = (-3.0, 3.0),
    example: int | None = 0,
    split: str | None = None,
) -> Traversal:
    """Move latents one at a time through `steps` even values from one of `ends` to the other, by the output `decode`.

    They start from the code that the output `encode` gives an example of a split (`test`, else `validation`, else
    `train`), or, where `example` is None, from the mean of the wire `p_z`. latents: by number, in a code that is a map
    counted row by row; without any those whose codes vary most over the split, ten at most (from the prior, the first
    ten). What `decode` asks for beside z is the example's. Raises RecipeError for an output, a wire, an example or a
    latent that is not there.
    """
    rows = _rows(model, split, example)
    beside = {name: value[-1:] for name, value in rows.items()}
    argument = _argument(model, rows)
    if example is None:
        code, spread = _middle(model, beside), None
    else:
        codes = model.call("encode", rows, seed=0)
        code, spread = codes[-1], codes[:-1].flatten(1).float().var(0, correction=0)
    if not code.is_floating_point():
        raise _problem("GF806", f"codes are {code.dtype}, and only real numbers move by steps")
    d = code.numel()
    chosen = tuple(latents) or _most(d, spread)
    if wrong := [str(latent) for latent in chosen if not 0 <= latent < d]:
        raise _problem("GF806", f"there is no latent {', '.join(wrong)}: a code has {d}, from 0 to {d - 1}")
    values = torch.linspace(*ends, steps)
    z = along(code.flatten(), chosen, values)
    made = []
    for part in torch.split(z.reshape(-1, *code.shape), _CHUNK):
        batch = {name: value.expand(len(part), *value.shape[1:]) for name, value in beside.items()}
        made.append(model.call("decode", {**batch, argument: part}, seed=0))
    x = torch.cat(made)
    return Traversal(chosen, values, z, x.reshape(len(chosen), steps, *x.shape[1:]))


def picture(found: Traversal) -> Image.Image:
    """A row of pictures for each latent, its number before it, the values at both ends above. Raises RecipeError."""
    images = found.x.flatten(0, 1)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        shape = "x".join(map(str, images.shape[1:])) or "()"
        raise _problem("GF803", f"an example of the shape {shape} is no picture: write .npy or .npz")
    sheet = pictures.grid(images, columns=len(found.values)).convert("RGB")
    names = [f"z[{latent}]" for latent in found.latents]
    pen = ImageDraw.Draw(sheet)
    left, top = 8 + max(round(pen.textlength(name)) for name in names), 16
    image = Image.new("RGB", (sheet.width + left, sheet.height + top), "white")
    image.paste(sheet, (left, top))
    pen = ImageDraw.Draw(image)
    height = (sheet.height - 2) / len(names)
    for row, name in enumerate(names):
        pen.text((left - 4, top + (row + 0.5) * height), name, fill=_INK, anchor="rm")
    for x, value, anchor in ((left + 2, found.values[0], "lm"), (image.width - 2, found.values[-1], "rm")):
        pen.text((x, top / 2), f"{float(value):g}", fill=_INK, anchor=anchor)
    return image


def _rows(model: Model, split: str | None, example: int | None) -> dict[str, Any]:
    """The examples that are looked at, and as the last one that which the traversal starts from; none for the prior."""
    if example is None:
        return {}
    feed = next(iter(model.feeds.values()))
    data = feed.split(split or next(s for s in ("test", "validation", "train") if s in feed.spec.lengths))
    if not 0 <= example < len(data):
        raise _problem("GF806", f"the {data.name} split has no example {example}: it has {len(data)}, from 0")
    first = data.first(max(LOOKED_AT, example + 1))
    return {
        name: torch.cat([value[:LOOKED_AT], value[example : example + 1]]) for name, value in first.items()
    }


def _argument(model: Model, rows: Mapping[str, Any]) -> str:
    """What `decode` calls its code: the one argument that the data do not give."""
    _ = model.outputs["decode"]  # says which there are
    asked = [name for name in model.outputs.arguments("decode") if name not in rows]
    if len(asked) != 1:
        message = f"the output decode({', '.join(model.outputs.arguments('decode'))}) takes more than a code"
        told = ": start from an example, which has the rest" if not rows else " and fields of the data"
        raise _problem("GF804", message + told, "outputs.decode")
    return asked[0]


def _middle(model: Model, batch: Mapping[str, Any]) -> Tensor:
    """The mean of p(z), or of a thousand draws where it has none in closed form."""
    with model.outputs.evaluating("traversal"):
        p_z = model.outputs.wires({"batch": torch.zeros(1, device=model.device), **batch}, ["p_z"])["p_z"]
        try:
            mean: Tensor = p_z.mean
        except NotImplementedError:
            mean = p_z.sample((1000,)).mean(0)
    return mean.reshape(-1, *p_z.event_shape)[0]


def _most(d: int, spread: Tensor | None) -> tuple[int, ...]:
    if spread is None:
        return tuple(range(min(d, MOST)))
    return tuple(spread.argsort(descending=True, stable=True)[:MOST].tolist())


def _problem(code: str, message: str, path: str = "") -> RecipeError:
    return RecipeError(Problem(code, message, path=path))
