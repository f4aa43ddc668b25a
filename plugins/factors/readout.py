"""How well chosen latents tell an angle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Count, Ge

from .ground_truth import coded, refused


def angle_readout(
    encode: Callable[[Any], Tensor],
    data: Any,
    train_data: Any,
    *,
    factor: Annotated[int, Ge(0)] = 2,
    latents: tuple[Annotated[int, Ge(0)], ...] = (0,),
    degree: Count = 1,
    batch_size: Count = 500,
) -> dict[str, float]:
    """R^2 of a least-squares readout of a factor from chosen latents, and its error as an angle, in degrees.

    Fitted to the training data, measured on the split. `angle_r2` is 1 - sum (v - v')^2 / sum (v - mean v)^2 of the
    factor as it stands; 0 is no better than its mean. `angle_error_degrees` is the mean of |v - v'| around the circle,
    v' = atan2(sine, cosine) of readouts of sin v and cos v: it knows that 359 degrees are next to 1; an angle
    guessed at random is 90 degrees off. `factor` is a column of `factors`, in radians; of sprites, 2 is the angle.

    degree: of the polynomial of each latent. 1 is a linear readout. A full turn takes two latents, on a circle; the
    cosine of an angle that one latent tells is no line, and takes a degree of 3 or so.

    encode: an output x -> mean codes (batch, d). Raises RecipeError for a latent or factor that is not there, and for a
    factor that does not vary.
    """
    train, test = coded(encode, train_data, batch_size), coded(encode, data, batch_size)
    for name, wanted, there in (
        ("latents", latents, train.z.shape[1]),
        ("factor", (factor,), train.factors.shape[1]),
    ):
        if not wanted or max(wanted) >= there:
            raise refused(f"{name}: from 0 to {there - 1}, not {', '.join(map(str, wanted)) or 'none'}")
    angle, held = train.factors[:, factor], test.factors[:, factor]
    spread = (held - held.mean()).square().sum()
    if not float(spread):
        raise refused(f"factor {factor} is the same in all {len(held)} examples")
    chosen = list(latents)
    centre, scale = train.z[:, chosen].mean(0), train.z[:, chosen].std(0, correction=0).clamp_min(1e-12)
    known, asked = (_powers((part.z[:, chosen] - centre) / scale, degree) for part in (train, test))
    targets = torch.stack([angle, angle.cos(), angle.sin()], 1)
    fitted = torch.linalg.lstsq(
        known, targets, driver="gelsd"
    ).solution  # a latent that stands still does no harm
    read, cosine, sine = (asked @ fitted).unbind(1)
    off = torch.atan2(sine, cosine) - held
    off = torch.atan2(off.sin(), off.cos()).abs()
    return {
        "angle_r2": float(1 - (held - read).square().sum() / spread),
        "angle_error_degrees": float(off.rad2deg().mean()),
    }


def _powers(z: Tensor, degree: int) -> Tensor:
    """1, z, z^2 ... z^degree, of latents (n, m): (n, 1 + degree m)."""
    return torch.cat([torch.ones_like(z[:, :1]), *(z**power for power in range(1, degree + 1))], 1)
