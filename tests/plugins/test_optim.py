"""Optimizers against torch's plain ones, schedules against their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from genframe_plugins.optim import optimizers, schedules
from torch import nn


@pytest.mark.parametrize(
    "make, twin, options",
    [
        (
            optimizers.adam,
            torch.optim.Adam,
            {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.1},
        ),
        (optimizers.adamw, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.2}),
        (
            optimizers.sgd,
            torch.optim.SGD,
            {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        ),
        (optimizers.rmsprop, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "momentum": 0.5}),
    ],
)
def test_an_optimizer_moves_as_torchs_own(
    make: Callable[..., torch.optim.Optimizer],
    twin: Callable[..., torch.optim.Optimizer],
    options: dict[str, Any],
) -> None:
    start = torch.randn(5, dtype=torch.float64)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    pairs = [(make(iter([ours]), **options), ours), (twin([theirs], **options), theirs)]
    for _ in range(10):
        for optimizer, parameter in pairs:
            optimizer.zero_grad()
            (parameter**4).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)
    assert not torch.allclose(ours, start)


def test_adam_is_fused_on_a_processor() -> None:
    assert optimizers.adam([nn.Parameter(torch.zeros(2))]).defaults["fused"] is True


@pytest.mark.parametrize(
    "schedule, middle",
    [(schedules.linear, 0.505), (schedules.cosine, 0.505), (schedules.exponential, 0.1)],
)
def test_schedules_hold_go_half_way_and_hold(schedule: Callable[..., float], middle: float) -> None:
    for length in ({"steps": 40}, {"epochs": 4}):
        values = [schedule(step, 10, from_=1.0, to=0.01, start=5, **length) for step in (0, 5, 25, 45, 1000)]
        assert values == pytest.approx([1.0, 1.0, middle, 0.01, 0.01])


def test_a_cosine_is_flat_at_its_ends() -> None:
    value = schedules.cosine(10, 1, from_=1.0, to=0.0, steps=40)
    assert value == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_steps_change_at_their_boundaries() -> None:
    by_steps = [
        schedules.steps(step, 10, values=(1.0, 0.1, 0.01), steps=(20, 30)) for step in (0, 19, 20, 29, 30, 99)
    ]
    assert by_steps == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    assert [schedules.steps(step, 10, values=(1.0, 0.1), epochs=(1.5,)) for step in (14, 15)] == [1.0, 0.1]


def test_power_falls_as_the_formula_says() -> None:
    values = [schedules.power(step, 10, scale=0.3, exponent=0.55) for step in (0, 1, 99)]
    assert values == pytest.approx([0.3, 0.3 * 2**-0.55, 0.3 * 100**-0.55])


def test_lengths_that_make_no_sense_are_refused() -> None:
    for length in ({}, {"steps": 1, "epochs": 1}):
        with pytest.raises(ValueError, match="one of them"):
            schedules.linear(0, 10, from_=0.0, to=1.0, **length)
    with pytest.raises(ValueError, match="2 values need 1 rising boundaries"):
        schedules.steps(0, 10, values=(1.0, 0.1), steps=(5, 3))
