"""Ctrl-C and SIGTERM through the command line: the step is finished, the run saved, and how to go on is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import SMALL, differing, saved

from genframe.engine import checkpoint

STEPS = 4000
COMMAND = [sys.executable, "-c", "from genframe.cli import main; main()"]
QUIET = f"train={{steps: {STEPS}, checkpoint: {{every: {STEPS}}}, samples: {{n: 1}}}}"


def genframe(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *arguments], text=True, env=environment, **pipes)  # type: ignore[call-overload, no-any-return]


def wait_for_rows(run: Path, process: subprocess.Popen[str]) -> None:
    """Until the run has logged: its loop is at work."""
    metrics = run / "metrics.jsonl"
    for _ in range(1200):
        if metrics.exists() and metrics.stat().st_size:
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError("the run never logged a row")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_saves_says_how_to_resume_and_goes_on_to_the_same_bits(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recipe = ("gan/ring", *SMALL["gan/ring"], "device=cpu", QUIET)
    process = genframe("train", *recipe, "--run-dir", str(run))
    wait_for_rows(run, process)
    process.send_signal(number)
    _, told = process.communicate(timeout=120)
    assert process.returncode == code
    assert f"stopped by {number.name} after step" in told
    assert f"genframe resume {run}" in " ".join(told.split())
    assert "Traceback" not in told
    (step,) = checkpoint.steps(run / "checkpoints")
    assert 0 < step < STEPS

    end = f"train.steps={step + 20}"
    assert genframe("resume", str(run), end, "--quiet").wait(120) == 0
    whole = genframe("train", *recipe, end, "--run-dir", str(tmp_path / "whole"), "--quiet")
    assert whole.wait(120) == 0
    assert max(checkpoint.steps(run / "checkpoints")) == step + 20
    assert not differing(saved(run), saved(tmp_path / "whole"))


def test_a_run_that_is_being_written_refuses_a_second_writer(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = genframe("train", "gan/ring", *SMALL["gan/ring"], "device=cpu", QUIET, "--run-dir", str(run))
    wait_for_rows(run, process)
    other = genframe("resume", str(run))
    _, told = other.communicate(timeout=120)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert other.returncode == 1
    assert f"is being written by another process (pid {process.pid})" in " ".join(told.split())
