"""What a discriminator's logit says of two laws."""

from __future__ import annotations

from torch import Tensor

from genframe import Verdict


def log_ratio(verdict: Verdict) -> Tensor:
    """The logit of each row: (batch,), which estimates log p(real) - log p(fake) once the discriminator is trained.

    For one that tells codes z from codes with their dimensions permuted over the batch (`permute-dims`) its mean is the
    total correlation of z: FactorVAE minimises the ELBO's loss plus gamma times it (Kim & Mnih 2018, eq. 3), its
    discriminator 0.5 times the cross-entropy (`nonsaturating`). A map of scores is averaged.
    """
    score = verdict.score
    return score.flatten(1).mean(1) if score.ndim > 1 else score
