"""What can't be trained for want of memory is told before the run is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import plan_of, resume, small, train

from genframe import memory
from genframe.errors import RecipeError

SAMPLES = ("data.batch_size=100", "wires.k=50", "wires.z=q_z.rsample([k])", "train.steps=1")


def test_an_examples_bytes_are_counted_wire_by_wire() -> None:
    """Of float32: two moments and 50 samples of 3 latents each, and 50 pictures of logits; the prior has no rows."""
    sizes = plan_of(small("vae/digits", *SAMPLES)).row_bytes
    wanted = {"q_z": 2 * 3 * 4, "z": 50 * 3 * 4, "p_x": 50 * 784 * 4}
    assert {name: sizes[name] for name in wanted} == wanted
    assert "p_z" not in sizes


def test_wires_that_do_not_fit_are_refused_with_the_largest_and_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 100 * sum(plan_of(small("vae/digits", *SAMPLES)).row_bytes.values())
    monkeypatch.setattr(memory, "available", lambda device=None: needed - 1)
    with pytest.raises(RecipeError) as caught:
        train(small("vae/digits", *SAMPLES), tmp_path / "run")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF542", "wires.p_x")
    assert "'p_x' alone takes 16 MB" in problem.message and "smaller batch_size" in problem.message
    assert problem.mark is not None and not (tmp_path / "run").exists()
    monkeypatch.setattr(memory, "available", lambda device=None: needed)
    run = train(small("vae/digits", *SAMPLES), tmp_path / "run")
    monkeypatch.setattr(memory, "available", lambda device=None: 1000)
    before = (run / "log.txt").read_text()
    with pytest.raises(RecipeError, match="GF542"):
        resume(run, "train.steps=2")
    assert (run / "log.txt").read_text() == before
    monkeypatch.setattr(memory, "available", lambda device=None: None)
    resume(run, "train.steps=2")


def test_samples_that_not_even_two_rows_have_room_for_are_refused_untried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 50 samples of two pictures, with a gradient each."""
    needed = 2 * 2 * 50 * 784 * 4
    monkeypatch.setattr(memory, "available", lambda device=None: needed)
    plan_of(small("vae/digits", *SAMPLES))
    monkeypatch.setattr(memory, "available", lambda device=None: needed - 1)
    with pytest.raises(RecipeError) as caught:
        plan_of(small("vae/digits", *SAMPLES))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF542", "wires.z") and "50 samples at once" in problem.message


def test_labels_that_a_condition_asks_for_and_the_data_have_not_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "bare.npz", x=np.zeros((64, 1, 28, 28), np.uint8))
    data = f"data={{use: arrays, path: {tmp_path / 'bare.npz'}, batch_size: 16}}"
    with pytest.raises(RecipeError) as caught:
        plan_of(small("vae/digits", data, "wires.q_z=posterior(encoder(x, y))"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF401", "wires.q_z") and problem.mark is not None
    assert "nothing is called 'y'" in problem.message and "the data give x, index" in problem.message
