"""The TensorBoard tracker: the event files are read back by TensorBoard's own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from tiny import resume, rows, small, train

from genframe.cli import group
from genframe.errors import RecipeError

pytest.importorskip("tensorboard", reason="the extra genframe[tensorboard] is not installed")

BRIEF = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4, every: 2}, log: {every: 1, latents: true}}"


def read(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"), size_guidance=dict.fromkeys(["scalars", "images"], 0))
    return found.Reload()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, taken on to six from an earlier checkpoint, and evaluated."""
    run = train(small("vae/digits", BRIEF, "track=tensorboard"), tmp_path_factory.mktemp("board") / "run")
    with (run / "metrics.jsonl").open("a") as file:  # as if killed after the checkpoint
        file.write('{"step": 5, "terms": {"objective": 1.0}}\n')
    resume(run, "train.steps=6")
    done = CliRunner().invoke(group, ["evaluate", str(run), "elbo"], obj=[])
    assert done.exit_code == 0 and f"tensorboard --logdir {run / 'tensorboard'}" in done.output
    return run


def test_every_number_stands_once_at_its_step(trained: Path) -> None:
    board = read(trained)
    told = [(event.step, event.value) for event in board.Scalars("terms/objective")]
    assert told == [(row["step"], pytest.approx(row["terms"]["objective"])) for row in rows(trained)]
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6]
    for name in ("lr/model", "weighted/model.objective", "terms/objective/rate", "images_per_second"):
        assert len(board.Scalars(name)) == 6
    assert "step" not in board.Tags()["scalars"]
    assert len(list((trained / "tensorboard").iterdir())) == 1


def test_pictures_histograms_recipe_and_figures_are_there(trained: Path) -> None:
    board = read(trained)
    drawn = board.Images("samples/sample")
    assert [event.step for event in drawn] == [2, 4, 6]
    with Image.open(trained / "samples" / "sample-00000006.png") as ours:
        assert (drawn[-1].width, drawn[-1].height) == ours.size
    found = board.Histograms("histograms/encode")[-1]
    assert found.step == 6
    (counts,) = [row["histograms"]["encode"]["counts"] for row in rows(trained) if row["step"] == 6]
    assert found.histogram_value.num == sum(counts) and [*found.histogram_value.bucket] == counts
    (measured,) = json.loads((trained / "evaluations.json").read_text())
    (figure,) = board.Scalars("evaluation/elbo/elbo")
    assert (figure.step, figure.value) == (6, pytest.approx(measured["figures"]["elbo"], rel=1e-6))
    assert "recipe/text_summary" in board.Tags()["tensors"]


def test_without_the_package_the_extra_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genframe_plugins.tracking.tensorboard.find_spec", lambda name: None)
    with pytest.raises(RecipeError) as caught:
        train(small("vae/digits", BRIEF, "track=tensorboard"), tmp_path / "run")
    (problem,) = caught.value.problems
    assert problem.path == "track.tensorboard" and "pip install 'genframe[tensorboard]'" in problem.message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("folder", ["../out", "a/b", "..", ""])
def test_a_folder_elsewhere_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="a name in the run's folder"):
        train(small("vae/digits", f"track={{t: {{use: tensorboard, folder: '{folder}'}}}}"), tmp_path / "run")
