"""What moves in training moves: what a player trains, and what holds state and no parameters."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny import differing, plan_of, recipe_file, resume, rows, saved, stepper_of, train

from genframe.recipe import load_recipe

RECIPE = """
    pipeline: vae
    data: {use: digits, batch_size: 16, validation: 100}
    encoder: {use: mlp, hidden: [8]}
    posterior: {use: bernoulli, gradient: none}
    prior: {use: bernoulli, dim: 5}
    decoder: {use: mlp, hidden: [8]}
    loss: reinforce
    wires: {z: q_z.sample()}
    train: {steps: 4, checkpoint: {every: 2}, samples: {n: 2}, log: {every: 1}}
    evaluate: []
"""


def test_what_holds_no_parameters_is_in_train_mode_unless_it_is_frozen(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, RECIPE)
    for overrides, training in ((), True), (("loss.frozen=true",), False):
        stepper = stepper_of(plan_of(load_recipe(path, overrides)))
        assert stepper.modules["loss"].training is training
        assert stepper.modules["encoder"].training


def test_a_running_baseline_moves_in_training_alone_and_resumes_to_the_bit(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = load_recipe(recipe_file(tmp_path, RECIPE), ("device=cpu",))
    plan = plan_of(recipe)
    assert float(plan.parts["loss"].moments.mean) == 0  # the trial moved nothing
    whole = train(recipe, tmp_path / "whole")
    assert any("validation" in row for row in rows(whole))
    unvalidated = train(
        load_recipe(recipe_file(tmp_path, RECIPE, "other.yaml"), ("device=cpu", "train.checkpoint.every=4")),
        tmp_path / "rarely",
    )
    mean = saved(whole)["loss/moments.mean"]
    assert float(mean) < -100
    assert torch.equal(mean, saved(unvalidated)["loss/moments.mean"])
    stopped = train(load_recipe(tmp_path / "recipe.yaml", ("device=cpu", "train.steps=2")), tmp_path / "half")
    resume(stopped, "train.steps=4")
    assert not differing(saved(whole), saved(stopped))
