"""A run's folder: never overwritten, one writer at a time, nothing outside it, and what made it on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import genframe
from genframe import durable
from genframe.errors import RunError
from genframe.lock import FORMAT
from genframe.run import Run

FORK = get_context("fork")
FACTS = {"format": FORMAT}


def begun(folder: Path) -> Path:
    """A run that can be opened."""
    with Run.create(folder, "vae") as run:
        run.begin("pipeline: vae\n", "genframe: 1\n", FACTS)
    return run.folder


def code(caught: pytest.ExceptionInfo[RunError]) -> str:
    return caught.value.problems[0].code


# Where a run is.


def test_runs_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = set()
    for _ in range(5):
        with Run.create(None, "vae-mnist", tmp_path / "runs") as run:
            folders.add(run.folder)
    assert len(folders) == 5
    assert all(folder.parent == tmp_path / "runs" for folder in folders)
    assert all(folder.name.startswith(f"vae-mnist-{time.strftime('%Y')}") for folder in folders)


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a/b\\c",
        "a\nb\x00c",
        "x" * 500,
        "größe" * 100,
        "\ud800",
        ".hidden",
        "-rf",
    ],
)
def test_no_name_of_a_recipe_leads_out_of_the_root(name: str, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with Run.create(None, name, root) as run:
        assert run.folder.parent == root
        assert run.folder.name[0] not in ".-"
        assert run.folder.name.isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_an_empty_folder_is_taken_into_use(tmp_path: Path) -> None:
    with Run.create(tmp_path / "a" / "b", "vae") as run:
        assert run.folder == tmp_path / "a" / "b"
        assert run.checkpoints.is_dir()
        assert run.samples.is_dir()


def test_a_relative_folder_stays_the_same_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Run.create(Path("mine"), "vae") as run:
        monkeypatch.chdir("/")
        assert run.write_text("notes.txt", "here") == tmp_path / "mine" / "notes.txt"


def a_run(folder: Path) -> None:
    begun(folder)


def a_stranger(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")


def a_file(folder: Path) -> None:
    folder.write_text("precious")


def a_hidden_file(folder: Path) -> None:
    folder.mkdir()
    (folder / ".env").write_text("precious")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (a_run, "it holds a run"),
        (a_stranger, "not empty"),
        (a_hidden_file, "not empty"),
        (a_file, "a file stands there"),
    ],
)
def test_what_is_there_is_never_overwritten(there: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    there(folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=why) as caught:
        Run.create(folder, "vae")
    assert code(caught) == "GF711"
    assert "--run-dir" in str(caught.value)
    assert caught.value.problems[0].command == f"genframe resume {folder}"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_whose_writer_died_before_the_first_file_can_be_taken(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("1\n")
    Run.create(tmp_path, "vae").close()


# Opening.


def test_a_run_that_was_begun_can_be_opened(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    with Run.open(folder) as run:
        assert not run.writable
        assert run.name == "run"
        assert run.facts() == FACTS
        assert run.path("recipe.yaml").read_text() == "pipeline: vae\n"


def test_a_missing_run_is_told_of_with_the_nearest_name(tmp_path: Path) -> None:
    begun(tmp_path / "vae-20261122-101500")
    with pytest.raises(RunError, match="no such folder") as caught:
        Run.open(tmp_path / "vae-20261122-101501")
    assert code(caught) == "GF713"
    assert caught.value.problems[0].nearest == str(tmp_path / "vae-20261122-101500")


def test_a_folder_that_is_no_run_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is no run: it has none of recipe\.yaml") as caught:
        Run.open(tmp_path, writable=True)
    assert code(caught) == "GF713"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["recipe.yaml", "resolved.yaml", "lock.json"])
def test_a_run_that_is_half_there_is_told_of_with_what_is_missing(missing: str, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    (folder / missing).unlink()
    with pytest.raises(RunError, match=f"half there: {missing} missing") as caught:
        Run.open(folder)
    assert code(caught) == "GF714"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read"),
        ("[]", "holds no mapping"),
        ('{"format": 99}', "has format 99"),
        ("{}", "has format None"),
    ],
)
def test_facts_that_cannot_be_used_are_told_of(text: str, message: str, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    (folder / "lock.json").write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        Run.open(folder)
    assert code(caught) == "GF714"


# One writer.


def hold(folder: Path, held: Any, with_worker: bool) -> None:
    """Open a run for writing, perhaps fork a worker from it, and wait to be killed."""
    run = Run.open(folder, writable=True)
    if with_worker and os.fork() == 0:
        time.sleep(10)
        os._exit(0)
    assert run.writable
    held.set()
    time.sleep(30)


@pytest.mark.parametrize("with_worker", [False, True], ids=["alone", "with a data worker"])
def test_a_second_writer_is_refused_until_the_first_is_gone(with_worker: bool, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    held = FORK.Event()
    writer = FORK.Process(target=hold, args=(folder, held, with_worker))
    writer.start()
    try:
        assert held.wait(30)
        with pytest.raises(RunError, match=rf"by another process \(pid {writer.pid}\)") as caught:
            Run.open(folder, writable=True)
        assert code(caught) == "GF712"
        Run.open(folder)  # reading is free
    finally:
        writer.kill()
        writer.join()
    Run.open(folder, writable=True).close()


def test_one_process_is_no_two_writers(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae") as run:
        run.begin("", "", FACTS)
        with pytest.raises(RunError, match=rf"pid {os.getpid()}"):
            Run.open(run.folder, writable=True)
    Run.open(run.folder, writable=True).close()


def test_a_child_does_not_take_the_lock_away(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae") as run:
        run.begin("", "", FACTS)
        child = FORK.Process(target=run.close)
        child.start()
        child.join()
        with pytest.raises(RunError, match="GF712"):
            Run.open(run.folder, writable=True)
        run.log("still ours")


def create(folder: Path, go: Any, won: Any) -> None:
    go.wait(30)
    try:
        Run.create(folder, "vae")
    except RunError:
        return
    with won:
        won.value += 1
    time.sleep(0.5)


def test_of_many_that_create_one_folder_at_once_one_wins(tmp_path: Path) -> None:
    for number in range(5):
        go, won = FORK.Event(), FORK.Value("i", 0)
        racers = [FORK.Process(target=create, args=(tmp_path / str(number), go, won)) for _ in range(4)]
        for racer in racers:
            racer.start()
        go.set()
        for racer in racers:
            racer.join(30)
        assert won.value == 1


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    run = Run.open(begun(tmp_path / "run"))
    actions: list[Callable[[], object]] = [
        lambda: run.write_text("a.txt", ""),
        lambda: run.write_json("a.json", {}),
        lambda: run.log("line"),
        lambda: run.record_resume([]),
    ]
    for action in actions:
        with pytest.raises(RunError, match="opened for reading only"):
            action()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(target)
    with pytest.raises(RunError, match="GF716"):
        Run.create(tmp_path / "run", "vae")
    assert target.read_text() == "precious"


# Inside the folder.


@pytest.mark.parametrize("name", ["../x", "samples/../../x", "/etc/passwd", "link/x"])
def test_no_path_leaves_the_folder(name: str, tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae") as run:
        (run.folder / "link").symlink_to(tmp_path)
        for action in (run.path, lambda name: run.write_text(name, "text")):
            with pytest.raises(RunError, match="leads out of the run's folder") as caught:
                action(name)
            assert code(caught) == "GF715"
    assert not (tmp_path / "x").exists()


def test_files_are_written_whole_below_the_folder(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae") as run:
        assert (
            run.write_json("evaluations/test.json", {"bound": -1.5, "é": None}).parent.name == "evaluations"
        )
        assert json.loads(run.path("evaluations", "test.json").read_text()) == {"bound": -1.5, "é": None}
        with pytest.raises(ValueError, match="not JSON compliant"):
            run.write_json("evaluations/test.json", {"bound": float("nan")})
        assert json.loads(run.path("evaluations", "test.json").read_text()) == {"bound": -1.5, "é": None}


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = [b"a" * 100_000, b"b" * 200_000]
    durable.write_bytes(path, texts[0])

    def write() -> None:
        for number in range(200):
            durable.write_bytes(path, texts[number % 2])

    writer = FORK.Process(target=write)
    writer.start()
    reads = 0
    while writer.is_alive():
        assert path.read_bytes() in texts
        reads += 1
    writer.join()
    assert reads > 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_log_has_a_time_on_each_line(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae") as run:
        run.log("started")
        run.log("failed:\nbecause")
    first, second, third = run.path("log.txt").read_text().splitlines()
    assert first.startswith(time.strftime("%Y-"))
    assert first.endswith(" started")
    assert second.endswith(" failed:")
    assert third == "    because"


def test_what_a_resume_changed_is_on_record(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    for step, overrides in ((100, ["train.epochs=40"]), (200, [])):
        with Run.open(folder, writable=True) as run:
            run.record_resume(overrides, step)
    first, second = map(json.loads, (folder / "resumes.jsonl").read_text().splitlines())
    assert (first["step"], first["overrides"]) == (100, ["train.epochs=40"])
    assert (second["step"], second["overrides"]) == (200, [])
    assert first["versions"]["genframe"] == genframe.__version__


def test_a_run_can_be_looked_at_without_torch() -> None:
    program = "import sys, genframe.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
