"""The loss of vector quantisation."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import NonNegative, Schedulable, Terms


def vq(
    x: Tensor,
    quantised: Tensor,
    encoded: Tensor,
    p_x: Distribution,
    *,
    commitment: Schedulable = 0.25,
    codebook: NonNegative = 1.0,
) -> Terms:
    """-log p(x|z) + commitment |z_e - sg(e)|^2 + codebook |sg(z_e) - e|^2 of each x (batch,): van den Oord 2017, eq. 3.

    quantised (batch, ...): the codes e of the posterior `vq`, `q_z.mean`; encoded: z_e, `posterior.encoded(features)`.
    Sums over values, vectors and places. The commitment of 0.25 is theirs; the last term teaches a codebook of
    `codebook: loss`, and of one that follows averages it has no gradient. The rate stands in no term: with a uniform
    prior of codes it is a constant. Logged: the distortion and the squared distance of z_e and e.
    """
    distortion = -p_x.log_prob(x)
    distortion = distortion.flatten(0, -2).mean(0) if distortion.ndim > 1 else distortion
    committed, followed = _squared(encoded, quantised.detach()), _squared(encoded.detach(), quantised)
    total = distortion + commitment * committed + codebook * followed
    return Terms(total, {"distortion": distortion, "distance": committed})


def _squared(one: Tensor, other: Tensor) -> Tensor:
    """|one - other|^2 of each row: (batch,)."""
    return (one - other).square().flatten(1).sum(1)
