"""An optimizer that steps by signs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from genframe import NonNegative, Probability, Schedulable
from torch import Tensor, nn


class MyOptimizer(torch.optim.Optimizer):
    """Lion: the sign of an average of gradients (Chen et al. 2023, algorithm 2).

    Every step moves each parameter by `lr`, so that it wants a third to a tenth of Adam's rate, and it keeps one
    average where Adam keeps two. The defaults are the paper's. A parameter without gradient stays.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: Schedulable = 1e-4,
        betas: tuple[Probability, Probability] = (0.9, 0.99),
        weight_decay: NonNegative = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        (beta1, beta2), lr = group["betas"], group["lr"]
        average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
        parameter.mul_(1 - lr * group["weight_decay"])
        parameter.sub_(torch.lerp(gradient, average, beta1).sign_(), alpha=lr)
        average.lerp_(gradient, 1 - beta2)
