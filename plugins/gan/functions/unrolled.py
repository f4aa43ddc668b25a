"""The verdict of a critic that has answered the fakes already: its next steps, differentiated through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from genframe import Count, Positive, Terms, Verdict


class _Within(nn.Module):
    """Any function that calls a net, as a module that holds the net: its parameters can then be put in by name."""

    def __init__(self, net: nn.Module, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def unrolled(
    fake: Tensor,
    tell: Callable[[Tensor], Any],
    discriminator: nn.Module,
    *,
    steps: Count = 5,
    lr: Positive = 1e-2,
) -> Verdict:
    """The verdict on `fake` (batch, ...) by the critic as it would be after `steps` steps of gradient descent.

    tell: a wire with an argument, the critic's own loss on given fakes, `tell(v): loss.critic(discriminator(x),
    discriminator(v))`, penalties and all. theta_0 is the critic as it stands, theta_k+1 = theta_k - lr * grad
    tell(fake; theta_k), and the verdict is that of theta_steps (Metz et al. 2017, eqs. 3 to 6). The generator's
    gradient runs through the steps too, and so knows how the critic will answer. The critic itself and its buffers stay
    as they are. The paper unrolls 5 to 10 steps at the critic's own rate; plain steps stand here for its Adam's, whose
    rate says little of theirs.
    """
    graph = torch.is_grad_enabled()
    weights = {f"net.{key}": p.detach().requires_grad_() for key, p in discriminator.named_parameters()}
    buffers = {f"net.{key}": buffer.clone() for key, buffer in discriminator.named_buffers()}
    loss = _Within(discriminator, tell)
    with torch.enable_grad():
        for _ in range(steps):
            told = functional_call(loss, {**weights, **buffers}, (fake,))
            total = told.total if isinstance(told, Terms) else told
            slopes = torch.autograd.grad(
                total.mean(), list(weights.values()), create_graph=graph, allow_unused=True
            )
            weights = {
                key: weight if slope is None else weight - lr * slope
                for (key, weight), slope in zip(weights.items(), slopes, strict=True)
            }
            if not graph:
                weights = {key: weight.detach().requires_grad_() for key, weight in weights.items()}
    last = {key.removeprefix("net."): value for key, value in (weights | buffers).items()}
    verdict: Verdict = functional_call(discriminator, last, (fake,))
    return verdict
