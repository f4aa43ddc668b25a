"""wandb online: the real package, core and all, against a server of our own; and without any."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tiny import resume, rows, small, train
from wandb_server import Server, serving

from genframe import tracking
from genframe.engine import loop
from genframe.engine.progress import QuietProgress

BRIEF = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4, every: 4}, log: {every: 1}}"
TRACK = "track={wandb: {use: wandb, mode: online, project: gf, artifacts: false}}"
KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import wandb

    for name in [name for name in os.environ if name.startswith("WANDB_") and name != "WANDB_SERVICE"]:
        monkeypatch.delenv(name)
    with serving() as found:
        wandb.teardown()  # it reads the environment once
        monkeypatch.setenv("WANDB_BASE_URL", found.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield found
        wandb.teardown()


class Shown(QuietProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_a_run_arrives_and_goes_on_there_with_no_step_twice(server: Server, tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF, TRACK), tmp_path / "run")
    identity = json.loads((run / "wandb.json").read_text())["id"]
    (kept,) = server.runs.values()
    assert server.runs.keys() == {identity} and kept.exit_code == 0
    told = [row for row in kept.history if "terms/objective" in row]
    assert [(row["_step"], row["terms/objective"]) for row in told] == [
        (row["step"], row["terms"]["objective"]) for row in rows(run)
    ]
    first = kept.upserts[0]
    assert (first["project"], first["jobType"], first["displayName"]) == ("gf", "train", "run")
    said = yaml.safe_load((run / "resolved.yaml").read_text())
    assert json.loads(kept.upserts[-1]["config"])["prior"]["value"] == said["prior"]
    with (run / "metrics.jsonl").open("a") as file:  # as if killed after the checkpoint: it will be cut back
        file.write('{"step": 5, "terms": {"objective": 1.0}}\n')
    resume(run, "train.steps=6")
    assert server.runs.keys() == {identity} and "RunResumeStatus" in server.asked
    steps = [row["_step"] for row in kept.history if "terms/objective" in row]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert not [path for path in run.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_server_that_refuses_for_a_while_gets_all(server: Server, tmp_path: Path) -> None:
    server.refuse = 2
    run = train(small("vae/digits", BRIEF, TRACK), tmp_path / "run")
    (kept,) = server.runs.values()
    assert [row["_step"] for row in kept.history if "terms/objective" in row] == [1, 2, 3, 4]
    assert "muted" not in (run / "log.txt").read_text()


def test_without_a_server_the_training_goes_on_and_says_so_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    monkeypatch.setattr(tracking, "PAUSES", (0.1,))
    shown = Shown()
    run = loop.train(small("vae/digits", BRIEF, TRACK), tmp_path / "run", progress=shown)
    (warning,) = shown.messages
    assert (
        "the tracker 'wandb' (tracking/wandb) is muted" in warning and f"genframe track {run} --to" in warning
    )
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4]
    assert (run / "log.txt").read_text().count("is muted") == 1
    assert not [path for path in run.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    wandb.teardown()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    tracker = tracking.Trackers.of(small("vae/digits", BRIEF, TRACK).track)
    assert tracker.send(run, {"name": "a"}, 4, lambda line, more: None)
    (kept,) = server.runs.values()
    assert [row["_step"] for row in kept.history if "terms/objective" in row] == [1, 2, 3, 4]
