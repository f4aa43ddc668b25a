"""Trackers: they see all that a run writes, and nothing that they do touches the run."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from tiny import differing, parts_file, rows, saved, small, train

from genframe import tracking
from genframe.engine import loop
from genframe.engine.progress import QuietProgress
from genframe.errors import RecipeError, RunError, Stopped
from genframe.recipe import load_recipe
from genframe.recipe.model import Recipe

BRIEF = "train={steps: 6, checkpoint: {every: 3, keep: 9}, samples: {every: 6, n: 4}, log: {every: 2}}"

PARTS = """
    import json
    import os
    import signal
    import threading

    from genframe import Component, hookimpl

    GENFRAME_API = 1
    RELEASE = threading.Event()

    @hookimpl
    def genframe_trackers():
        names = ["notes", "raises", "spoils", "stuck", "mute", "sends", "ends", "flaky", "tells"]
        return [Component(name, f"my_parts:{name.title()}") for name in names]

    class Notes:
        '''Writes down every call.'''

        def __init__(self, *, file: str = "notes.jsonl"):
            self.file = file

        def start(self, run, resolved, resumed_step):
            self.path = run / self.file
            self.note("start", resolved["name"], resumed_step)

        def log(self, row):
            self.note("log", row["step"], row)

        def picture(self, name, step, path):
            self.note("picture", name, step, path.name, path.read_bytes()[:4].hex())

        def finish(self, state):
            self.note("finish", state)

        def note(self, *words):
            with self.path.open("a") as file:
                file.write(json.dumps(words) + "\\n")

    class Raises:
        def __init__(self, *, where: str):
            self.where = where

        def start(self, run, resolved, resumed_step):
            self.run = run
            self.at("start")

        def log(self, row):
            self.at("log")

        def picture(self, name, step, path):
            self.at("picture")

        def finish(self, state):
            (self.run / "finished.txt").write_text(state)
            self.at("finish")

        def at(self, where):
            if where == self.where:
                raise ValueError("no such [host]")

    class Spoils:
        '''Changes what it is handed.'''

        def start(self, run, resolved, resumed_step):
            resolved.clear()

        def log(self, row):
            row["terms"].clear()
            row["step"] = -1

    class Stuck:
        def log(self, row):
            RELEASE.wait()

    class Mute:
        def start(self, run, resolved, resumed_step):
            pass

    class Sends:
        '''Sends its own process a signal after some rows.'''

        def log(self, row):
            if row["step"] == 2:
                os.kill(os.getpid(), signal.SIGINT)

    class Ends:
        def log(self, row):
            raise SystemExit(3)

    class Flaky(Notes):
        '''Fails so many times, as a full disk or a lost line does, and is then well.'''

        def __init__(self, *, times: int, errno: int = 28):
            super().__init__()
            self.left, self.errno = times, errno

        def note(self, *words):
            if words[:2] in (("log", 2), ("log", 6)) and self.left:
                self.left -= 1
                raise OSError(self.errno, os.strerror(self.errno))
            super().note(*words)

    class Tells:
        def log(self, row):
            pass

        def finish(self, state):
            return f"look at {state}"
"""


class Shown(QuietProgress):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tracked(tmp_path: Path) -> Callable[..., Recipe]:
    """A tiny recipe under trackers of one's own."""
    parts = parts_file(tmp_path, PARTS)

    def recipe(track: str, *more: str) -> Recipe:
        return small("vae/digits", BRIEF, f"plugins=[{parts}]", f"track={track}", *more)

    return recipe


def notes(run: Path, file: str = "notes.jsonl") -> list[list[Any]]:
    return [json.loads(line) for line in (run / file).read_text().splitlines()]


def test_a_tracker_is_handed_every_row_and_picture_in_order(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    run = train(tracked("notes"), tmp_path / "run")
    told = notes(run)
    assert told[0] == ["start", "vae-digits", 0]
    assert [word[2] for word in told if word[0] == "log"] == rows(run)
    pictures = [word[1:] for word in told if word[0] == "picture"]
    assert pictures[0] == ["data", 0, "data.png", "89504e47"]
    assert {file for _, _, file, _ in pictures} == {path.name for path in (run / "samples").iterdir()}
    assert {step for name, step, _, _ in pictures if name == "sample"} == {6}
    assert told[-1] == ["finish", "finished"]


def test_several_trackers_see_the_same_and_what_one_changes_no_other_sees(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    track = "{bad: {use: spoils}, a: {use: notes, file: a.jsonl}, b: {use: notes, file: b.jsonl}}"
    run = train(tracked(track), tmp_path / "run")
    assert notes(run, "a.jsonl") == notes(run, "b.jsonl")
    assert [word[2] for word in notes(run, "a.jsonl") if word[0] == "log"] == rows(run)
    assert notes(run, "a.jsonl")[0] == ["start", "vae-digits", 0]


@pytest.mark.parametrize("where", ["start", "log", "picture", "finish"])
def test_a_tracker_that_raises_is_muted_with_one_warning_and_changes_no_number(
    where: str, tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    plain = train(small("vae/digits", BRIEF), tmp_path / "plain")
    shown = Shown()
    track = f"{{bad: {{use: raises, where: {where}}}, good: notes}}"
    run = loop.train(tracked(track), tmp_path / "run", progress=shown)
    assert not differing(saved(run), saved(plain))
    assert [row["terms"] for row in rows(run)] == [row["terms"] for row in rows(plain)]
    (warning,) = shown.messages
    line = 1 + dedent(PARTS).splitlines().index('            raise ValueError("no such [host]")')
    assert (
        "'bad' (my_parts/raises) is muted" in warning
        and f"genframe track {run} --to my_parts/raises" in warning
    )
    assert f"{where}() raised ValueError: no such [host] ({tmp_path / 'my_parts.py'}:{line})" in warning
    log = (run / "log.txt").read_text()
    assert log.count("is muted") == 1 and warning in log and "Traceback" in log
    assert notes(run)[-1] == ["finish", "finished"]  # the other one hears all
    assert (run / "finished.txt").exists() == (
        where != "start"
    )  # one that had started may let go of what it holds


@pytest.mark.parametrize("errno", [28, 101], ids=["disk full", "network unreachable"])
def test_a_tracker_that_fails_and_is_well_again_has_missed_nothing(
    errno: int, tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PAUSES", (0.01, 0.01, 0.01))
    shown = Shown()
    run = loop.train(
        tracked(f"{{a: {{use: flaky, times: 3, errno: {errno}}}}}"), tmp_path / "run", progress=shown
    )
    assert [word[2] for word in notes(run) if word[0] == "log"] == rows(run), "in order, each once"
    assert shown.messages == []


def test_one_that_fails_once_more_is_muted_with_what_it_said(
    tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PAUSES", (0.01, 0.01, 0.01))
    shown = Shown()
    run = loop.train(tracked("{a: {use: flaky, times: 4}}"), tmp_path / "run", progress=shown)
    (warning,) = shown.messages
    assert "muted: its log() raised OSError: [Errno 28] No space left on device" in warning
    assert [word[0] for word in notes(run) if word[0] != "picture"] == ["start", "finish"]
    assert [row["step"] for row in rows(run)] == [2, 3, 4, 6]


def test_nobody_waits_for_another_attempt_at_the_end_of_a_run(
    tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PAUSES", (3600.0, 3600.0))
    run = train(tracked("{a: {use: flaky, times: 2}}"), tmp_path / "run")
    assert [word[2] for word in notes(run) if word[0] == "log"] == rows(run)


def test_what_a_tracker_says_at_its_end_is_told(tracked: Callable[..., Recipe], tmp_path: Path) -> None:
    shown = Shown()
    loop.train(tracked("{a: tells, b: notes}"), tmp_path / "run", progress=shown)
    assert shown.messages == ["look at finished"]


def test_a_tracker_that_would_end_the_process_is_muted(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    run = train(tracked("ends"), tmp_path / "run")
    assert len(rows(run)) == 4
    assert "raised SystemExit: 3" in (run / "log.txt").read_text()


def test_a_tracker_that_is_stuck_holds_nobody_up(
    tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tracking.PATIENCE, "finished", 0.05)
    recipe, shown = tracked("{dead: stuck, good: notes}"), Shown()
    release = recipe.track[0].offer.load().log.__globals__["RELEASE"]
    try:
        run = loop.train(recipe, tmp_path / "run", progress=shown)
    finally:
        release.set()
    assert len(rows(run)) == 4
    assert notes(run)[-1] == ["finish", "finished"]
    (warning,) = shown.messages
    assert "'dead' (my_parts/stuck) has not come to an end within 0.05 s" in warning


def test_one_that_falls_too_far_behind_is_given_up(
    tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "BEHIND", 2)
    monkeypatch.setitem(tracking.PATIENCE, "finished", 0.05)
    recipe, shown = tracked("{dead: stuck}"), Shown()
    release = recipe.track[0].offer.load().log.__globals__["RELEASE"]
    try:
        run = loop.train(recipe, tmp_path / "run", progress=shown)
    finally:
        release.set()
    assert len(rows(run)) == 4
    (warning,) = shown.messages
    assert "is muted: it is 2 calls behind" in warning


def test_no_thread_is_left_and_none_is_made_without_a_tracker(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    train(tracked("notes"), tmp_path / "run")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("tracker")] == []
    assert tracking.Trackers.of(small("vae/digits").track)._followers == []


def test_a_resume_tells_its_step_and_repeats_no_row(tracked: Callable[..., Recipe], tmp_path: Path) -> None:
    run = train(tracked("[notes, csv]"), tmp_path / "run")
    with (run / "metrics.jsonl").open("a") as file:  # as if killed after a checkpoint
        file.write('{"step": 7, "terms": {}}\n')
    loop.resume(load_recipe(run / "resolved.yaml", ["train.steps=9"]), run)
    told = notes(run)
    again = told.index(["start", "vae-digits", 6])
    assert told[again - 1] == ["finish", "finished"]
    assert [word[1] for word in told[again:] if word[0] == "log"] == [8, 9]
    steps = [line.partition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()]
    assert steps == ["step", *[str(row["step"]) for row in rows(run)]]
    assert steps[1:] == ["2", "3", "4", "6", "8", "9"]


def test_nothing_is_started_where_there_is_nothing_to_do(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    run = train(tracked("notes"), tmp_path / "run")
    before = notes(run)
    loop.resume(load_recipe(run / "resolved.yaml"), run)
    assert notes(run) == before


def test_a_signal_stops_the_run_and_the_tracker_is_told(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        train(tracked("{s: sends, n: notes}", "train.steps=4000"), tmp_path / "run")
    assert notes(tmp_path / "run")[-1] == ["finish", "stopped"]


def test_a_second_ctrl_c_at_once_is_a_stop_too(
    tracked: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Training, "batch", interrupted)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # the command line's own ends the process
    try:
        with pytest.raises(KeyboardInterrupt):
            train(tracked("notes"), tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert notes(tmp_path / "run")[-1] == ["finish", "stopped"]


def test_a_term_that_is_not_finite_is_a_failure(tracked: Callable[..., Recipe], tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        train(tracked("notes", "optimizer.lr=1e30"), tmp_path / "run")
    assert caught.value.problems[0].code == "GF701"
    assert notes(tmp_path / "run")[-1] == ["finish", "failed"]


def test_what_can_not_be_a_tracker_is_told_before_anything_is_written(
    tracked: Callable[..., Recipe], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        train(tracked("mute"), tmp_path / "run")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF535", "track.mute")
    assert "my_parts/mute" in problem.message
    with pytest.raises(RecipeError) as caught:
        train(tracked("{t: {use: csv, file: ../out.csv}}"), tmp_path / "run")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF501", "track.t")
    assert not (tmp_path / "run").exists()


def test_the_lock_names_the_trackers(tracked: Callable[..., Recipe], tmp_path: Path) -> None:
    run = train(tracked("[notes, csv]"), tmp_path / "run")
    components = json.loads((run / "lock.json").read_text())["components"]
    assert components["track.notes"]["name"] == "my_parts/notes"
    assert components["track.csv"]["kind"] == "tracker" and components["track.csv"]["sha256"]
