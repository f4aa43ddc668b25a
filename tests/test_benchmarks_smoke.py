"""The benchmarks' arms for a few steps each, so that they can't rot. No time is asserted."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"
PARAMETERS = {"mlp": 652_824, "conv": 885_249, "dcgan": 1_924_866}
PARAMETERS |= dict.fromkeys(("dae-mlp", "hidden-noise", "gradient-noise", "weight-noise"), 788_784)
PARAMETERS["dae-conv"] = 26_209


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


class Turns:
    """What arms report to, without a process."""

    def __init__(self) -> None:
        self.parameters = 0
        self.waited = 0
        self.losses: list[float] = []
        self.pictures = 0

    def ready(self, parameters: int) -> None:
        self.parameters = parameters

    def wait(self) -> None:
        self.waited += 1

    def done(self, work: int, loss: float) -> None:
        assert self.waited == len(self.losses) + 1
        self.pictures += work
        self.losses.append(loss)


@pytest.mark.parametrize("loop", ["lean", "lean-tuned", "lean-tuned-bf16", "genframe", "genframe-bf16"])
@pytest.mark.parametrize("model", ["mlp", "conv", "dcgan"])
def test_each_arm_trains_the_model_of_its_case(model: str, loop: str, tmp_path: Path) -> None:
    import arm
    import nets
    import recipe_loop

    turns: Any = Turns()
    if loop.startswith("lean"):
        arm.lean(turns, model, loop, 2, 3)
    else:
        more = ("play=simultaneous",) if loop.endswith("at-once") else ()
        recipe_loop.train(turns, model, 2, 3, tmp_path / "run", bf16=loop.endswith("bf16"), more=more)
    assert turns.parameters == PARAMETERS[model]
    assert turns.pictures == 2 * 3 * nets.BATCH[model]
    first, second = turns.losses
    assert math.isfinite(second)
    if model != "dcgan":  # of which two sides pull at the loss
        assert second < first


@pytest.mark.parametrize("loop", ["lean-naive", "lean-tuned-at-once", "genframe-at-once"])
def test_each_play_of_the_gan_trains(loop: str, tmp_path: Path) -> None:
    test_each_arm_trains_the_model_of_its_case("dcgan", loop, tmp_path)


@pytest.mark.parametrize("loop", ["lean-tuned", "genframe"])
@pytest.mark.parametrize("model", [name for name in PARAMETERS if name not in ("mlp", "conv", "dcgan")])
def test_each_arm_trains_the_denoiser_of_its_case(model: str, loop: str, tmp_path: Path) -> None:
    test_each_arm_trains_the_model_of_its_case(model, loop, tmp_path)


@pytest.mark.parametrize(
    ("model", "parameters"),
    {
        "beta-vae": 652_824,
        "iwae": 652_824,
        "vamp": 1_044_824,
        "iaf": 702_201,
        "wae": 644_804,
        "rae": 644_804,
    }.items(),
)
def test_models_of_the_family_train(model: str, parameters: int, tmp_path: Path) -> None:
    import recipe_loop

    turns: Any = Turns()
    recipe_loop.train(turns, model, 1, 3, tmp_path / "run", bf16=False)
    assert turns.parameters == parameters and math.isfinite(turns.losses[0])


def test_both_ways_to_estimate_the_likelihood_agree(tmp_path: Path) -> None:
    import likelihood
    import pictures
    import recipe_loop
    import torch

    import genframe

    metric = "evaluate=[{use: log-likelihood, k: 500, count: 2}]"
    overrides = ["device=cpu", f"data.use={pictures.dataset()}", "train.steps=20", metric]
    run = genframe.train(recipe_loop.RECIPES / "mlp.yaml", overrides, run_dir=tmp_path / "run", quiet=True)
    model = genframe.load(run)
    (picture,) = model.feeds[""].split("test").first(1)["x"]

    estimate = likelihood.by_hand(run, 500)
    torch.manual_seed(0)
    by_hand = estimate(1)
    torch.manual_seed(0)
    log_weights = model.outputs["log_weights"](picture[None], 500)  # (500, 1), of the same draws
    assert by_hand == pytest.approx(math.log(500) - float(log_weights.logsumexp(0)), abs=1e-2)
    # By the seed that evaluation has; two estimates of 500 samples differ by a nat or so, other weights by hundreds.
    assert by_hand == pytest.approx(likelihood.by_genframe(run, "log-likelihood")(2), abs=100)


def test_one_command_prints_the_tables(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    printed = subprocess.run(
        [
            sys.executable,
            BENCHMARKS,
            "--smoke",
            "--only",
            "mlp,chain,nll,startup,memory,noises",
            "--json",
            figures,
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 0, printed.stderr
    assert "| genframe / lean-tuned" in printed.stdout
    sections = json.loads(figures.read_text())["sections"]
    assert [section["name"] for section in sections] == ["mlp", "chain", "nll", "startup", "memory", "noises"]
    assert all(value > 0 for section in sections for goal in section["goals"] for value in goal["values"])


def test_an_arm_that_fails_is_told_with_its_last_words() -> None:
    import contest

    with pytest.raises(RuntimeError, match="invalid choice: 'nonsense'"):
        contest.hold([contest.Arm("nonsense", "lean")], 1, 1, 0)
