"""The wake-sleep algorithm."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms


class WakeSleep:
    """Wake-sleep (Hinton, Dayan, Frey & Neal 1995): a model learns from codes of data, a recognition net from dreams.

    Two terms for two players: `wake` teaches prior and decoder, with codes z ~ q(z|x) held fixed; `sleep` teaches
    encoder and posterior, with dreams drawn from the model: wires z: p_z.sample([batch_size]) and x ~ p(x|z). The sleep
    phase lowers KL(p || q) where the bound has KL(q || p), so that the pair need not raise any one objective.
    """

    def wake(self, x: Tensor, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
        """-log p(x|z) - log p(z) of each x (batch,), in nats; samples are averaged."""
        distortion, code = (_by_example(-score) for score in (p_x.log_prob(x), p_z.log_prob(z)))
        return Terms(distortion + code, {"distortion": distortion, "code_length": code})

    def sleep(self, dreamt: Tensor, q_dreamt: Distribution) -> Tensor:
        """-log q(z|x) of the code `dreamt` of each dream (batch,), q_dreamt being the posterior of the dreamt data."""
        return _by_example(-q_dreamt.log_prob(dreamt.detach()))


def _by_example(value: Tensor) -> Tensor:
    """(samples ..., batch) averaged over the samples: (batch,)."""
    return value.flatten(0, -2).mean(0) if value.ndim > 1 else value
