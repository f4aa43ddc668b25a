"""Latent traversals: what is drawn as one number of a code moves and all others stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe import abilities, conditions
from genframe.errors import Problem, RecipeError
from genframe.latents import Latents, examples

if TYPE_CHECKING:
    from genframe.api import Model

MOST = 10
"""Latents that are traversed where none are named."""

LOOKED_AT = 500
"""Examples whose codes tell which latents move most."""


@dataclass(frozen=True)
class Traversal:
    """Codes z (latents, steps, d), what was made of them, x (latents, steps, ...), and the values (steps,)."""

    latents: tuple[int, ...]
    values: Tensor
    z: Tensor
    x: Tensor
    told: tuple[str, ...] = ()  # the condition that was given


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
    given: Mapping[str, Any] | None = None,
) -> Traversal:
    """Move latents one at a time through `steps` even values from one of `ends` to the other, by the output `decode`.

    They start from the code that the output `encode` gives an example of a split (`test`, else `validation`, else
    `train`), or, where `example` is None, from the mean of the wire `p_z`. latents: by number, in a code that is a map
    counted row by row; without any those whose codes vary most over the split, ten at most (from the prior, the first
    ten). What `decode` asks for beside z is the example's, or what is `given`, `{"y": 7}`. Raises RecipeError for an
    output, a wire, an example or a latent that is not there.
    """
    abilities.require(model, "traversing from the prior" if example is None else "traversing", "decode")
    held = Latents(model, given or {})
    rows = _rows(model, split, example)
    beside = {name: value[-1:] for name, value in rows.items()}
    if example is None:
        code, spread = held.middle(), None
    else:
        abilities.require(model, "traversing from an example", "encode", "decode")
        codes = held.encode(rows)
        code, spread = codes[-1], codes[:-1].flatten(1).float().var(0, correction=0)
    if not code.is_floating_point():
        raise _problem("GF806", f"codes are {code.dtype}, and only real numbers move by steps")
    d = code.numel()
    chosen = tuple(latents) or _most(d, spread)
    if wrong := [str(latent) for latent in chosen if not 0 <= latent < d]:
        raise _problem("GF806", f"there is no latent {', '.join(wrong)}: a code has {d}, from 0 to {d - 1}")
    values = torch.linspace(*ends, steps)
    z = along(code.flatten(), chosen, values)
    x = held.decode(z.reshape(-1, *code.shape), beside)
    told = (conditions.told(held.conditions),) if held.conditions else ()
    return Traversal(chosen, values, z, x.reshape(len(chosen), steps, *x.shape[1:]), told)


def _rows(model: Model, split: str | None, example: int | None) -> dict[str, Any]:
    """The examples that are looked at, and as the last one that which the traversal starts from; none for the prior."""
    if example is None:
        return {}
    one, first = examples(model, [example], split), examples(model, LOOKED_AT, split)
    return {name: torch.cat([first[name], one[name]]) for name in one}


def _most(d: int, spread: Tensor | None) -> tuple[int, ...]:
    if spread is None:
        return tuple(range(min(d, MOST)))
    return tuple(spread.argsort(descending=True, stable=True)[:MOST].tolist())


def _problem(code: str, message: str, path: str = "") -> RecipeError:
    return RecipeError(Problem(code, message, path=path))
