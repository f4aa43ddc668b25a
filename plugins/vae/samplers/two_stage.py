"""A second VAE over the codes of a first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genframe import Count, Positive

from .codes import Whitening, codes_of, decoded, net, trained


class TwoStage(nn.Module):
    """Draws codes from a second VAE, which was fitted to *sampled* codes of the first, and decodes them.

    Dai & Wipf 2019, Diagnosing and Enhancing VAE Models, section 4: where the data lie on a manifold, the aggregate
    posterior q(z) of a first VAE fills its space and still misses the prior; a second VAE of as many latents, whose
    decoder's gamma is learned, has no manifold to find and can match it. The codes are draws of q(z|x), not means:
    needs the output `draw_code` (x -> a draw); of an autoencoder without noise rebind it, `given: {draw_code: encode}`.

        w ~ N(0, I),    u ~ N(a w + f(w), gamma^2 I),    z the code whose whitened twin is u

    The second VAE begins as the Gaussian of the codes' moments: a = sqrt(1 - gamma^2), f = 0 and the posterior
    N(a u, gamma^2), for which its bound is exact.
    """

    def __init__(
        self,
        *,
        hidden: tuple[Count, ...] = (256, 256),
        epochs: Count = 60,
        batch_size: Count = 500,
        lr: Positive = 1e-3,
        gamma: Positive = 0.5,
    ) -> None:
        """gamma: the decoder's standard deviation before it is learned, below 1, in units of the codes' own."""
        super().__init__()
        if not gamma < 1:
            raise ValueError(
                f"gamma must begin below 1, the standard deviation of whitened codes, not at {gamma}"
            )
        self.hidden = tuple(hidden)
        self.epochs, self.batch_size, self.lr, self.gamma = epochs, batch_size, lr, gamma
        self.whitening = Whitening()
        self.log_gamma = nn.Parameter(torch.tensor([math.log(gamma)]))
        self.nets = self._nets(1)  # a fit puts others here, which know the codes' size

    def fit(self, draw_code: Callable[[Tensor], Tensor], data: Any, tell: Callable[[str], None]) -> None:
        """Maximise the bound of a draw of each code of all `data`."""
        points = self.whitening.fit(codes_of(draw_code, data))
        self.nets = self._nets(points.shape[1]).to(points.device)
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        trained(self, lambda u: -self.bound(u).mean(), points, lr=self.lr, tell=tell, **sizes)

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws of the second VAE, decoded by the first: (n, ...)."""
        w = torch.randn(n, self.whitening.dim, device=self.whitening.mean.device)
        mean, log_gamma = self._decoded(w)
        u = mean + log_gamma.exp() * torch.randn_like(mean)
        return decoded(decode, self.whitening.codes(u))

    def bound(self, u: Tensor) -> Tensor:
        """The evidence lower bound of whitened codes u (n, dim), one sample each: (n,), in nats."""
        shift, log_std = self.nets["encoder"](u).chunk(2, 1)
        mean, log_std = math.sqrt(1 - self.gamma**2) * u + shift, math.log(self.gamma) + log_std.clamp(-7, 3)
        rate = 0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std
        found, log_gamma = self._decoded(mean + log_std.exp() * torch.randn_like(mean))
        error = 0.5 * ((u - found) / log_gamma.exp()).square() + log_gamma + 0.5 * math.log(2 * math.pi)
        total: Tensor = -(error + rate).sum(1)
        return total

    def _decoded(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean (n, dim) of p(u|w), and log gamma (1,)."""
        mean = math.sqrt(1 - self.gamma**2) * w + self.nets["decoder"](w)
        return mean, self.log_gamma.clamp(-7, 3)

    def _nets(self, dim: int) -> nn.ModuleDict:
        return nn.ModuleDict(
            {"encoder": net(dim, self.hidden, 2 * dim), "decoder": net(dim, self.hidden, dim)}
        )
