"""Schedules outside the loop: in a trained model that is opened, and where they fail or leave their option's bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import parts_file, plan_of, recipe_file, small, train

import genframe
from genframe.errors import RecipeError
from genframe.recipe import load_recipe

PARTS = """
    import torch
    from torch import Tensor, nn
    from genframe import Component, Schedulable, hookimpl

    def times(a: Tensor, *, by: Schedulable = 1.0): return by * a

    def jump(step: int, steps_per_epoch: int, *, height: float, at: int) -> float:
        '''0, and from the step `at` on `height`.'''
        return height if step >= at else 0.0

    class Scaled(nn.Module):
        def __init__(self, *, factor: Schedulable = 1.0):
            super().__init__()
            self.factor = factor
            self.p = nn.Parameter(torch.ones(()))
        def forward(self, x): return self.factor * x + 0 * self.p

    @hookimpl
    def genframe_functions(): return [Component("times", "my_parts:times")]
    @hookimpl
    def genframe_encoders(): return [Component("scaled", "my_parts:Scaled")]
    @hookimpl
    def genframe_schedules(): return [Component("jump", "my_parts:jump")]
"""
RECIPE = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    encoder: {use: scaled, factor: {linear: {from: 1, to: 5, steps: 4}}}
    functions: {grown: {use: times, by: {linear: {from: 0, to: 4, steps: 4}}}}
    wires: {out: grown(encoder(x)), error: "mse(x, out)"}
    players: {model: {trains: [encoder], minimises: {error: 1}}}
    outputs: {grown_x(x): grown(x), encoded(x): encoder(x)}
    train: {steps: 4, checkpoint: {every: 2, keep: 9}}
    device: cpu
"""


@pytest.mark.parametrize(("step", "by", "factor"), [(None, 4.0, 5.0), (2, 2.0, 3.0)])
def test_a_model_that_is_opened_has_the_options_of_its_step(
    step: int | None, by: float, factor: float, tmp_path: Path
) -> None:
    parts_file(tmp_path, PARTS)
    run = train(load_recipe(recipe_file(tmp_path, RECIPE)), tmp_path / "run")
    model = genframe.load(run, step=step)
    x = torch.rand(3, 2)
    torch.testing.assert_close(model.call("grown_x", x), by * x)
    torch.testing.assert_close(model.call("encoded", x), factor * x)


def refused(tmp_path: Path, *overrides: str) -> Any:
    parts_file(tmp_path, PARTS)
    with pytest.raises(RecipeError) as caught:
        plan_of(str(recipe_file(tmp_path, RECIPE)), *overrides)
    (problem,) = caught.value.problems
    assert problem.code == "GF205"
    assert problem.mark is not None
    return problem


def test_a_schedule_that_leaves_the_bounds_of_its_option_in_the_last_step_is_told(tmp_path: Path) -> None:
    noised = "noise={use: gaussian, std: {jump: {height: -1, at: 3}}}"
    problem = refused(tmp_path, noised)
    assert (
        "the schedule 'my_parts/jump' gives -1 at step 3, and 'std' of dae/gaussian takes a number >= 0"
        in (problem.message)
    )
    assert problem.path == "noise.std"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("functions.grown.by={cosine: {from: 0, to: 1}}", "as `steps` or as `epochs`: one of them"),
        ("optimizer={use: adam, lr: {steps: {values: [1], steps: [2]}}}", "rising boundaries"),
        ("players.model.minimises.error={steps: {values: [1], steps: [2]}}", "rising boundaries"),
    ],
)
def test_a_schedule_that_fails_is_told_at_its_place(override: str, words: str, tmp_path: Path) -> None:
    problem = refused(tmp_path, override)
    assert "fails at step 0" in problem.message
    assert words in problem.message


def test_an_end_out_of_bounds_stands_at_its_own_place() -> None:
    with pytest.raises(RecipeError) as caught:
        small("dae/digits", "noise={use: masking, share: {linear: {from: 0.1, to: 1.5, steps: 9}}}")
    (problem,) = caught.value.problems
    assert problem.path == "noise.share.linear.to"
    assert problem.message == "expected a number >= 0 and <= 1, got 1.5"
