"""What a model makes of the codes between two codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath, Ge

from .features import extractor
from .sides import drawn_of

SHOWN = 8
"""Paths that are shown."""


def interpolation(
    decode: Callable[[Tensor], Tensor],
    draw_z: Callable[[int], Tensor],
    data: Any,
    tell: Callable[[str], None],
    show: Callable[[Tensor], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 500,
    steps: Annotated[int, Ge(3)] = 11,
    batch_size: Count = 50,
) -> Figures:
    """How samples change along `steps` even places of the straight line between two codes of the prior.

    path_detour: the way that features go over the straight way between the ends, the mean over paths: 1 is straight;
    it grows with the steps where features are rough. path_jump: the largest step's share of the way, 1 / (steps - 1) of
    an even path, near 1 of one that jumps from one picture to another. Of a classifier also how sure it is:
    confidence_ends, confidence_between (of the inner places); blends of two pictures of the data, pixel by pixel, show
    what halfway is worth without a model: confidence_of_blends. A line and no arc: in many dimensions its middle lies
    where a Gaussian prior has little mass. decode: an output z -> x; draw_z: n codes of the prior.
    """
    x = data.first(2 * count)["x"]
    by = extractor(features, x)
    at = torch.linspace(0, 1, steps, device=x.device)

    def paths(n: int) -> Tensor:
        z = draw_z(2 * n)
        one, other = z[0::2], z[1::2]
        line = at.view(-1, *[1] * one.ndim)
        x = decode(torch.lerp(one, other, line).transpose(0, 1).flatten(0, 1))
        return x.reshape(n, steps, *x.shape[1:])

    ways: list[Tensor] = []
    sure: list[Tensor] = []
    pictures: list[Tensor] = []
    for drawn in drawn_of(paths, count, batch_size, tell):  # (paths, steps, ...)
        ways.append(by.features(drawn.flatten(0, 1)).reshape(*drawn.shape[:2], -1))
        if by.classes:
            sure.append(by.probabilities(drawn.flatten(0, 1)).amax(1).reshape(drawn.shape[:2]))
        pictures.append(drawn[: SHOWN - sum(len(some) for some in pictures)])
    if x.ndim == 4 and x.shape[1] in (1, 3):
        show(torch.cat(pictures))
    figures = path(torch.cat(ways))
    if by.classes:
        certain = torch.cat(sure).double()
        mixed = x[torch.randperm(len(x))[: len(x) // 2 * 2].to(x.device)]
        blends = torch.lerp(mixed[0::2], mixed[1::2], 0.5)
        figures |= {
            "confidence_ends": float(certain[:, [0, -1]].mean()),
            "confidence_between": float(certain[:, 1:-1].mean()),
            "confidence_of_blends": float(by.probabilities(blends).amax(1).mean()),
        }
    return Figures(figures, by.facts | {"paths": count, "steps": steps})


def path(features: Tensor) -> dict[str, float]:
    """The figures of paths of features (paths, steps, d): those that end where they began are left out."""
    wide = features.double()
    steps = wide.diff(dim=1).norm(dim=2)  # (paths, steps - 1)
    way, straight = steps.sum(1), (wide[:, -1] - wide[:, 0]).norm(dim=1)
    moved = straight > 1e-9 * (1 + wide.abs().amax())
    if not bool(moved.any()):
        return {"path_detour": 1.0, "path_jump": 1.0}
    return {
        "path_detour": float((way / straight)[moved].mean()),
        "path_jump": float((steps.amax(1) / way)[moved].mean()),
    }
