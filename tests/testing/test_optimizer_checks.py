"""The checks of optimizers: right ones of several sorts pass, and each sort of mistake is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn

from genframe import NonNegative, Positive, Probability, Schedulable

from .live import failures, results


class Lion(torch.optim.Optimizer):
    """The sign of a momentum (Chen et al. 2023), with decoupled decay."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: Schedulable = 1e-3,
        betas: tuple[Probability, Probability] = (0.9, 0.99),
        weight_decay: NonNegative = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                mean = state.setdefault("mean", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * (first * mean + (1 - first) * p.grad).sign())
                mean.lerp_(p.grad, 1 - second)


def langevin(params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> torch.optim.Optimizer:
    """Stochastic gradient Langevin dynamics: it moves without a gradient, and is meant to."""

    class Langevin(torch.optim.SGD):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            super().step()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.add_(0.01 * (2 * group["lr"]) ** 0.5 * torch.randn_like(p))

    return Langevin(params, lr)


def matrices_decay(
    params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3, weight_decay: NonNegative = 0.01
) -> torch.optim.Optimizer:
    """Only matrices decay."""
    params = list(params)
    groups = [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr)


def rmsprop_centred(
    params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3, eps: Positive = 1e-8
) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(params, lr, eps=eps, centered=True)


class Counts(torch.optim.Optimizer):
    """It counts its steps in param_groups, as a number and as a tensor, as optimizers without schedule do."""

    def __init__(self, params: Iterable[nn.Parameter], *, lr: Schedulable = 0.1) -> None:
        super().__init__(params, {"lr": lr, "k": 0, "sum": torch.zeros(())})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            group["k"] += 1
            group["sum"] += group["k"]
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] / group["sum"] * p.grad)


@pytest.mark.parametrize("optimizer", [Lion, langevin, matrices_decay, rmsprop_centred, Counts])
def test_right_optimizers_pass(optimizer: Any) -> None:
    assert failures("optimizer", optimizer) == {}


def test_what_does_not_apply_says_why() -> None:
    made = results("optimizer", rmsprop_centred)
    assert made["weight_decay_decays"].message == "it has no option 'weight_decay'"


def drops(params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in params if p.ndim > 1], lr)


def reads_twice(params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> torch.optim.Optimizer:
    assert all(p.requires_grad for p in params)
    return torch.optim.Adam(params, lr)


def no_optimizer(params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> Any:
    return torch.optim.lr_scheduler.ConstantLR(torch.optim.Adam(params, lr))


def upwards(params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr, maximize=True)


def hidden_decay(params: Iterable[nn.Parameter], *, weight_decay: NonNegative = 0.0) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, 0.1, weight_decay=max(weight_decay, 0.1))


def deaf(
    params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3, weight_decay: NonNegative = 0.0
) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr, weight_decay=0.0)


class Frozen(Lion):
    """Its learning rate is the one it was built with."""

    def __init__(self, params: Iterable[nn.Parameter], *, lr: Schedulable = 1e-3) -> None:
        super().__init__(params, lr=lr)
        self.rate = lr

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(self.rate * p.grad)


class CountsOnItself(torch.optim.Optimizer):
    """It counts its steps on itself, which no checkpoint holds."""

    def __init__(self, params: Iterable[nn.Parameter], *, lr: Schedulable = 0.1) -> None:
        super().__init__(params, {"lr": lr})
        self.k = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.k += 1
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] / self.k * p.grad)


class Needs(CountsOnItself):
    """It can't do without a gradient."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for p in self.param_groups[0]["params"]:
            p.sub_(0.001 + 0 * (0 if p.grad is None else 1))


WRONG = {
    drops: ("optimizes_what_it_is_given", "without bias, scale"),
    reads_twice: ("optimizes_what_it_is_given", "empty parameter list"),
    no_optimizer: ("optimizes_what_it_is_given", "ConstantLR"),
    upwards: ("lowers_a_quadratic", "against the gradient"),
    hidden_decay: ("stands_still_without_gradient", "nothing to decay"),
    deaf: ("weight_decay_decays", "pass weight_decay on"),
    Frozen: ("scheduled_rate_takes_effect", 'group["lr"]'),
    CountsOnItself: ("resumes_bit_for_bit", "on the object itself"),
    Needs: ("stands_still_without_gradient", "moved by"),
}


@pytest.mark.parametrize("optimizer", WRONG, ids=lambda optimizer: optimizer.__name__)
def test_each_mistake_is_told(optimizer: Any) -> None:
    check, words = WRONG[optimizer]
    assert words in failures("optimizer", optimizer)[check]
