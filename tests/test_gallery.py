"""Every recipe that ships makes its first steps, and its outputs and figures work."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from genframe import api
from genframe.discovery import discover

SHIPPED = sorted(
    recipe.name for recipe in discover().recipes() if recipe.plugin == "recipes" and not recipe.pipeline
)
FEW = (
    "train.epochs=null",
    "train.steps=2",
    "train.log.every=1",
    "train.checkpoint=null",
    "train.samples=null",
)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_makes_its_first_steps(name: str, tmp_path: Path) -> None:
    instead_of_mnist = ("data.use=digits",) if "mnist" in name else ()
    run = api.train(name, (*FEW, *instead_of_mnist), run_dir=tmp_path / "run", quiet=True)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert all(math.isfinite(value) for row in rows for value in row["terms"].values())

    model = api.load(run)
    if "sample" in model.outputs:
        samples = model.sample(3)
        assert len(samples) == 3 and samples.isfinite().all()
    if "reconstruct" in model.outputs:
        x = torch.rand(2, 1, 28, 28)
        assert model.reconstruct(x).shape == x.shape
    if "elbo_parts" in model.outputs:
        (row,) = model.evaluate("elbo")
        assert -800 < row["figures"]["elbo"] < -100  # 784 pixels of log 2 nats are -543
