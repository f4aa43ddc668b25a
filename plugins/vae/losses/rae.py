"""The regularised autoencoder, and what may regularise its decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Schedulable, Terms

from .reconstruction import squared_error


def rae(x: Tensor, z: Tensor, p_x: Distribution, *, embedding: Schedulable = 0.01) -> Terms:
    """|x - mean of p(x|z)|^2 + embedding/2 |z|^2: (batch,) (Ghosh et al. 2020, eq. 7).

    x (batch, ...), z (batch, d) of a deterministic encoder. A further term regularises the decoder, for without one it
    could scale up what the encoder scales down: `weight-penalty` (RAE-L2), `decoder-gradient` (RAE-GP), or
    `spectral_norm: true` of the decoder (RAE-SN). There is no prior: samples come from a density that is fitted to the
    codes afterwards (`samplers: mixture`).
    """
    error = squared_error(x, p_x)
    squares = z.flatten(len(p_x.batch_shape)).square().sum(-1)  # (samples ..., batch)
    spread = squares.flatten(0, -2).mean(0) if squares.ndim > 1 else squares
    return Terms(error + 0.5 * embedding * spread, {"squared_error": error, "code_squares": spread})


def weight_penalty(decoder: nn.Module) -> Tensor:
    """The sum of the squares of all parameters of a component: 0-dim. RAE-L2 (Ghosh et al. 2020, section 3.1)."""
    return torch.stack([parameter.square().sum() for parameter in decoder.parameters()]).sum()


def decoder_gradient(z: Tensor, observe: Callable[[Tensor], Distribution]) -> Tensor:
    """|d mean of p(x|z) / d z|^2, the squared Frobenius norm of the Jacobian at each z: (batch,). RAE-GP (eq. 10).

    By one random direction v of the output a step, E |J^T v|^2 = |J|^2 for v ~ N(0, I) (Hutchinson 1990): unbiased, at
    the price of one more backward pass. z (batch, d) keeps its gradient, so that the encoder learns to move to where
    the decoder is smooth. Samples in front of the batch are averaged.
    """
    with torch.enable_grad():
        at = z if z.requires_grad else z.detach().requires_grad_()
        p_x = observe(at)
        mean = p_x.mean
        (gradient,) = torch.autograd.grad(mean, at, torch.randn_like(mean), create_graph=True)
    norms = gradient.flatten(len(p_x.batch_shape)).square().sum(-1)  # (samples ..., batch)
    return norms.flatten(0, -2).mean(0) if norms.ndim > 1 else norms
