"""The contractive autoencoder: its penalty, and the noise of its walk on the manifold."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genframe import NonNegative

Encoder = Callable[[Tensor], Tensor]


def contractive(x: Tensor, encoder: Encoder) -> Tensor:
    """||df(x)/dx||_F^2 of each x (batch,): the squared Frobenius norm of the encoder's Jacobian, exactly.

    Rifai et al. 2011, Contractive Auto-Encoders, eq. 2. One backward pass for each unit of the code, all at once, so
    that memory grows with the code's size. The examples of a batch must not see one another (no batch
    normalisation in training).
    """
    with torch.enable_grad():
        here = x if x.requires_grad else x.detach().requires_grad_()
        code = encoder(here).flatten(1)  # (batch, code)
        units = torch.eye(code.shape[1], dtype=code.dtype, device=code.device)
        rows = units.unsqueeze(1).expand(-1, *code.shape)  # (code, batch, code): a one for each unit
        (jacobian,) = torch.autograd.grad(code, here, rows, create_graph=True, is_grads_batched=True)
        squares: Tensor = jacobian.square().flatten(2).sum((0, 2))
    return squares


def tangent_noise(x: Tensor, encoder: Encoder, *, std: NonNegative = 0.5) -> Tensor:
    """The codes f(x) + J J^T e, e ~ N(0, std^2 I), J = df(x)/dx: noise along the directions that f is sensitive to.

    Rifai et al. 2012, A Generative Process for Sampling Contractive Auto-Encoders, section 3: an encoder that was
    trained to contract is sensitive along the manifold of the data alone. Decoded, the result is the chain's next
    step: `transition(x): likelihood(decoder(tangent_noise(x, encoder)))`. -> (batch, *code).
    """
    x = x.contiguous()
    code, pull, *_ = torch.func.vjp(encoder, x)
    (along,) = pull(std * torch.randn_like(code))  # J^T e: (batch, ...)
    step: Tensor = torch.func.jvp(encoder, (x,), (along,))[1]
    noised: Tensor = code + step
    return noised
