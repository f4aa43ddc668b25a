"""Errors that no other test provokes: each says its code, and what to do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tiny import small

import genframe
from genframe.compiling import compile_plan
from genframe.discovery import discover
from genframe.engine import loop
from genframe.errors import GenframeError, PluginError, Problem, RecipeError, RunError
from genframe.recipe import load_recipe
from genframe.run import Run

BASE = """
genframe: 1
pipeline: vae
data: {use: digits, batch_size: 8}
encoder: {use: mlp, hidden: [8]}
decoder: {use: mlp, hidden: [8]}
prior: {use: gaussian, dim: 2}
train: {steps: 2}
"""

PARTS = """
from torch import nn
from genframe import Component, hookimpl

class Egg(nn.Module):
    def __init__(self, hen): super().__init__()
    def forward(self, x): return x

class Hen(nn.Module):
    def __init__(self, egg): super().__init__()
    def forward(self, x): return x

class Misspelt(nn.Module):
    def __init__(self, in_shap): super().__init__()
    def forward(self, x): return x

@hookimpl
def genframe_encoders():
    return [Component("egg", "odd:Egg"), Component("hen", "odd:Hen"), Component("misspelt", "odd:Misspelt")]
"""


def problem_of(text: str, *overrides: str, registry: object = None) -> Problem:
    with pytest.raises(GenframeError) as caught:
        compile_plan(load_recipe(text, overrides, registry=registry))  # type: ignore[arg-type]
    return caught.value.problems[0]


@pytest.fixture
def odd(tmp_path: Path) -> str:
    path = tmp_path / "odd.py"
    path.write_text(PARTS)
    return f"plugins: [{path}]\n"


def test_a_blocked_plugin_that_a_recipe_lists() -> None:
    with pytest.raises(PluginError) as caught:
        load_recipe(BASE + "plugins: [gan]\n", registry=discover(blocked={"gan"}))
    assert "GF312" in {p.code for p in caught.value.problems}


def test_what_is_registered_must_be_callable() -> None:
    with pytest.raises(PluginError, match="GF325"):
        genframe.register("encoder", "three", 3)


def test_a_given_that_nobody_provides(odd: str) -> None:
    problem = problem_of(odd + BASE.replace("{use: mlp, hidden: [8]}\ndecoder", "odd/hen\ndecoder"))
    assert problem.code == "GF502"
    assert "given: {egg: ...}" in problem.message


def test_a_misspelt_given_is_answered_with_the_nearest(odd: str) -> None:
    problem = problem_of(odd + BASE.replace("{use: mlp, hidden: [8]}\ndecoder", "odd/misspelt\ndecoder"))
    assert (problem.code, problem.nearest) == ("GF502", "in_shape")


def test_parts_that_need_each_other_to_be_built(odd: str) -> None:
    text = odd + BASE.replace(
        "encoder: {use: mlp, hidden: [8]}", "encoders: {hen: odd/hen, egg: odd/egg, encoder: odd/hen}"
    )
    assert problem_of(text).code == "GF503"


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"none")
    problem = problem_of(BASE, f"encoder.init={tmp_path / 'no.safetensors'}")
    assert problem.code == "GF504"
    assert "no.safetensors" in problem.message


def test_a_part_that_nothing_uses_is_a_remark() -> None:
    plan = compile_plan(load_recipe(BASE + "noise: gaussian\n", ["data.binarise=dynamic"]))
    assert [r.code for r in plan.remarks] == ["GF522"]


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="GF530"):
        loop.train(load_recipe(BASE, ["device=cuda:63"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_metrics_that_are_not_there_or_lack_an_output(tmp_path: Path) -> None:
    lacking = "outputs: {encode(x): null}\nevaluate: null\n"
    run = loop.train(load_recipe(BASE + lacking, ["evaluate=[active-units]"]), tmp_path / "run")
    model = genframe.load(run)
    with pytest.raises(RecipeError, match="GF532"):
        model.evaluate("fidd")
    with pytest.raises(RecipeError, match="GF533"):
        model.evaluate()


def test_a_stop_says_how_to_resume(tmp_path: Path) -> None:
    training = loop.Training.prepared(load_recipe(BASE))
    with Run.create(tmp_path / "run", "x") as run:
        stopped = training._stopped(signal.SIGTERM, 3, run)
    assert stopped.exit_code == 143
    assert stopped.problems[0].code == "GF702"
    assert f"genframe resume {run.folder}" == stopped.problems[0].command


def test_a_checkpoint_of_another_net_is_refused(tmp_path: Path) -> None:
    run = loop.train(small("vae/digits", "train.steps=2"), tmp_path / "run")
    with pytest.raises(RunError, match="GF720"):
        genframe.resume(run, ["encoder.hidden=[9]", "train.steps=4"], quiet=True)
    assert not (run / "resumes.jsonl").exists(), "a resume that was refused leaves no trace"


def test_a_run_without_a_checkpoint_and_one_without_that_step(tmp_path: Path) -> None:
    import shutil

    run = loop.train(load_recipe(BASE), tmp_path / "run")
    with pytest.raises(RunError, match="GF722"):
        genframe.load(run, step=77)
    shutil.rmtree(run / "checkpoints" / "00000002")
    with pytest.raises(RunError, match="GF721"):
        genframe.load(run)
