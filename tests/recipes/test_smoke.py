"""Every recipe that ships trains some steps, goes on, and gives what it promises; by overrides, in seconds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from tiny import SMALL, plan_of, resume, rows, shipped, small, train

import genframe

CLASSIFIERS = {
    "noise/gradient-noise",
    "classifier/lenet-digits",
    "classifier/lenet-mnist",
    "dae/gsn-discriminant-digits",
}  # what they give are classes, and no picture
TABLES = {"vae/table"}
SQUARES = {"rbm/denoise-cifar"}  # what is drawn are parts of pictures
DATA_ELSEWHERE = {n for n in shipped() if "mnist" in n and not any("digits" in o for o in SMALL.get(n, ()))}


def fetched(name: str) -> None:
    if name in DATA_ELSEWHERE and not os.environ.get("GENFRAME_DATA"):
        pytest.skip("the MNIST files are not here: set GENFRAME_DATA")


@pytest.mark.parametrize("name", shipped())
def test_it_trains_resumes_and_gives_its_outputs(name: str, tmp_path: Path) -> None:
    fetched(name)
    torch.set_num_threads(1)
    brief = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4}, log: {every: 1}}"
    run = train(small(name, brief), tmp_path / "run")
    resume(run, "train.steps=6")
    terms = {term.wire for player in small(name).players for term in player.minimises}
    logged = rows(run)
    assert [row["step"] for row in logged] == [1, 2, 3, 4, 5, 6]
    seen = {key for row in logged for key in row["terms"]}
    assert terms <= seen
    seen_at_the_end = [*(run / "samples").glob("*-00000006.png")]
    assert seen_at_the_end or name in CLASSIFIERS | TABLES, "something to look at"

    model = genframe.load(run, device="cpu")
    field = next(iter(model.feeds.values())).spec.fields["x"]
    for output in model.outputs:
        if model.outputs.arguments(output) == ("n",):
            drawn = model.call(output, 3, seed=1)
            assert drawn.shape == (3, *field.shape) or name in SQUARES or output == "draw_z"
            assert drawn.isfinite().all()
            assert torch.equal(drawn, model.call(output, 3, seed=1))
    if "reconstruct" in model.outputs:
        batch = next(iter(model.feeds.values())).split("test").first(3)
        assert model.call("reconstruct", batch).shape == batch["x"].shape


GREY = {"hybrid/vae-gan", "vae/beta-tc-sprites", "vae/dc-ign-sprites", "vae/sprites"}
"""Recipes whose cross-entropies of grey pictures are meant: they are told that their figures are called improper."""


@pytest.mark.parametrize("name", shipped())
def test_it_compiles_without_a_remark_as_it_ships(name: str) -> None:
    remarks = [remark.code for remark in plan_of(name, "device=cpu").remarks]
    assert remarks == (["GF525"] if name in GREY else [])
