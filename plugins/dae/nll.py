"""The negative log-likelihood."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution


def nll(x: Tensor, p_x: Distribution) -> Tensor:
    """-log p(x) of each x (batch,), in nats, summed over the values of an example; samples are averaged.

    A denoising autoencoder's loss where p_x was computed from a corrupted x: the target is the clean one
    (Vincent et al. 2010, section 4.1). Raises ValueError where x are values of another shape than those of the law.
    """
    event = tuple(p_x.event_shape)
    if event and tuple(x.shape[-len(event) :]) != event:
        raise ValueError(
            f"nll: values {tuple(x.shape)} for a law of values {event}: as many classes, or numbers?"
        )
    loss: Tensor = -p_x.log_prob(x)
    return loss.flatten(0, -2).mean(0) if loss.ndim > 1 else loss
