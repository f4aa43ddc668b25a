"""torch's optimizers, fused where they can be: on a CPU torch's default is a loop over parameters."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from genframe import NonNegative, Positive, Probability, Schedulable


def adam(
    params: Iterable[nn.Parameter],
    *,
    lr: Schedulable = 1e-3,
    betas: tuple[Probability, Probability] = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2015). GANs want a first beta of 0.5 or 0: the ground moves under the average."""
    params = list(params)
    return torch.optim.Adam(params, lr, betas, eps, weight_decay, fused=_fused(params))


def adamw(
    params: Iterable[nn.Parameter],
    *,
    lr: Schedulable = 1e-3,
    betas: tuple[Probability, Probability] = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NonNegative = 0.01,
) -> torch.optim.AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    params = list(params)
    return torch.optim.AdamW(params, lr, betas, eps, weight_decay, fused=_fused(params))


def sgd(
    params: Iterable[nn.Parameter],
    *,
    lr: Schedulable = 0.1,
    momentum: Probability = 0.0,
    nesterov: bool = False,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.SGD:
    """Stochastic gradient descent, with momentum if asked."""
    params = list(params)
    return torch.optim.SGD(
        params, lr, momentum, weight_decay=weight_decay, nesterov=nesterov, fused=_fused(params)
    )


def rmsprop(
    params: Iterable[nn.Parameter],
    *,
    lr: Schedulable = 1e-3,
    alpha: Probability = 0.99,
    eps: Positive = 1e-8,
    momentum: Probability = 0.0,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.RMSprop:
    """RMSprop (Hinton 2012); torch has no fused form."""
    return torch.optim.RMSprop(list(params), lr, alpha, eps, weight_decay, momentum)


def _fused(params: list[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in params)
