"""The mutual information gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Count, Ge

from .ground_truth import coded, numbered


def mig(
    encode: Callable[[Any], Tensor],
    data: Any,
    *,
    count: Count = 10_000,
    bins: Annotated[int, Ge(2)] = 20,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How much more the best latent of a factor tells of it than the next one: 1 is a latent for each factor.

        MIG = mean_k (I(z_j1; v_k) - I(z_j2; v_k)) / H(v_k),    j1, j2 the two latents with the largest I

    Chen et al. 2018 (Isolating Sources of Disentanglement), equation 6, with the estimate of disentanglement_lib:
    `count` mean codes, each latent cut into `bins` of equal width over its range. Chen's own figure is of samples of
    q(z|x) and exact marginals, and is another number. Factors that do not vary are left out. A factor that two latents
    tell equally well scores 0, however well. The estimate of I is about (bins - 1)(levels - 1)/2n too high, which
    the gap loses again but for chance: n of a few thousand at least (`--split train`).

    encode: an output x -> mean codes (batch, ...). `data` gives `factors` (batch, f), discrete levels.
    """
    codes = coded(encode, data, batch_size).some(count)
    (levels,) = numbered(codes)
    cut = binned(codes.z, bins)
    gaps = [_gap(cut, bins, factor) for factor in levels.unbind(1)]
    return {"mig": float(torch.stack(gaps).mean())}


def binned(z: Tensor, bins: int) -> Tensor:
    """Which of `bins` of equal width over a latent's range its values (n, d) are in: int64 (n, d)."""
    low, high = z.amin(0), z.amax(0)
    width = torch.where(high > low, high - low, torch.ones_like(low))
    return ((z - low) / width * bins).long().clamp(max=bins - 1)


def information(cut: Tensor, bins: int, factor: Tensor) -> tuple[Tensor, Tensor]:
    """I(z_j; v) of each latent (d,) and H(v), in nats, from numbers of bins (n, d) and of levels (n,)."""
    n, d = cut.shape
    levels = int(factor.amax()) + 1
    places = (torch.arange(d) * bins + cut) * levels + factor.unsqueeze(1)
    joint = places.flatten().bincount(minlength=d * bins * levels).double().reshape(d, bins, levels) / n
    level = joint.sum(1)
    entropy = -torch.xlogy(level, level).sum(1)
    bin_ = joint.sum(2)
    together = torch.xlogy(joint, joint).sum((1, 2)) - torch.xlogy(bin_, bin_).sum(1) + entropy
    return together.clamp_min(0), entropy[0]


def _gap(cut: Tensor, bins: int, factor: Tensor) -> Tensor:
    told, entropy = information(cut, bins, factor)
    best = torch.cat([told, told.new_zeros(1)]).topk(2).values  # of a lone latent, above nothing
    return (best[0] - best[1]) / entropy
