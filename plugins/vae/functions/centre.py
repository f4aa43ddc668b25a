"""The one code that stands for a posterior."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution


def centre(q_z: Distribution) -> Tensor:
    """(leading ..., *event): the `centre` that a law names, where it names one, or else its mean.

    Of a flow, whose mean has no closed form, it is where the base's mean goes; of a von Mises-Fisher law its mean
    direction, since the mean itself lies within the sphere, where no code does.
    """
    found: Tensor = q_z.centre if hasattr(q_z, "centre") else q_z.mean
    return found
