"""Runs in a folder: their states, whatever ended them, and what is told of them."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny import small, train

from genframe.cli import group
from genframe.cli.runs import _fitting
from genframe.run import Run
from genframe.runs import evaluation_seconds, facts_of, found

LOGS = {
    "finished": "training from step 0 to 4 on cpu\nfinished at step 4",
    "stopped": "training from step 0 to 4 on cpu\nstopped by SIGINT at step 2",
    "failed": "training from step 0 to 4 on cpu\nfailed: the term 'objective' became nan at step 2",
    "killed": "training from step 0 to 4 on cpu\nwarning: failed: this is a tracker's",
    "empty": "",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    brief = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4}, log: {every: 1}}"
    return train(small("vae/digits", brief, "seed=7"), tmp_path_factory.mktemp("runs") / "first")


def copied(run: Path, folder: Path, log: str | None = None) -> Path:
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoints", "samples"))
    (folder / "checkpoints").mkdir()
    if log is not None:
        lines = "".join(f"2026-01-01T10:00:00+0000 {line}\n" for line in log.splitlines())
        (folder / "log.txt").write_text(lines)
    return folder


def listed(*words: str | Path) -> str:
    done = CliRunner().invoke(group, ["runs", *map(str, words)], obj=[])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_run_is_told_as_it_is(trained: Path) -> None:
    facts = facts_of(trained)
    assert (facts.recipe, facts.state, facts.step, facts.total, facts.seed) == (
        "vae-digits",
        "finished",
        4,
        4,
        7,
    )
    assert facts.row["terms"]["objective"] > 0 and not facts.figures


@pytest.mark.parametrize("state", LOGS)
def test_how_a_training_ended_is_read_from_its_log(state: str, trained: Path, tmp_path: Path) -> None:
    assert facts_of(copied(trained, tmp_path / "run", LOGS[state])).state == state


def test_a_run_that_went_on_after_its_end_is_judged_by_what_came_last(trained: Path, tmp_path: Path) -> None:
    log = f"{LOGS['stopped']}\ntraining from step 2 to 9 on cpu"
    facts = facts_of(copied(trained, tmp_path / "run", log))
    assert (facts.state, facts.total) == ("killed", 9)


def test_a_run_is_running_while_its_lock_is_held(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path / "run", LOGS["killed"])
    with Run.open(folder, writable=True):
        assert facts_of(folder).state == "running"
    assert facts_of(folder).state == "killed"


def test_a_torn_last_row_is_none(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path / "run")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "terms": {"objec')
    assert facts_of(folder).step == 4


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("lock.json", "{"),
        ("lock.json", "[]"),
        ("evaluations.json", "{}"),
        ("evaluations.json", "[1]"),
        ("resolved.yaml", None),
    ],
)
def test_a_damaged_run_is_said_to_be_so_and_hides_no_other(
    file: str, content: str | None, trained: Path, tmp_path: Path
) -> None:
    copied(trained, tmp_path / "good")
    path = copied(trained, tmp_path / "bad") / file
    path.unlink() if content is None else path.write_text(content)
    states = {run.folder.name: (run.state, bool(run.fault)) for run in found([tmp_path])}
    assert states == {"good": ("finished", False), "bad": ("damaged", True)}


def test_figures_are_shown_and_sorted_by(trained: Path, tmp_path: Path) -> None:
    for name, value in {"low": -120.0, "high": -100.0}.items():
        folder = copied(trained, tmp_path / name)
        measured = [{"metric": "elbo", "figures": {"elbo": value, "elbo_error": 1.0}, "protocol": {}}]
        (folder / "evaluations.json").write_text(json.dumps(measured))
    copied(trained, tmp_path / "none")
    lines = listed(tmp_path, "--sort", "elbo").splitlines()
    assert [Path(line.split()[0]).name for line in lines[1:]] == ["high", "low", "none"]
    rows = json.loads(listed(tmp_path, "--json"))
    assert {row["figures"].get("elbo/elbo_error") for row in rows} == {1.0, None}
    done = CliRunner().invoke(group, ["runs", str(tmp_path), "--figure", "elbow"], obj=[])
    assert done.exit_code == 2 and "did you mean 'elbo'?" in done.output


def test_runs_are_chosen_by_state_and_recipe(trained: Path, tmp_path: Path) -> None:
    copied(trained, tmp_path / "a")
    copied(trained, tmp_path / "b", LOGS["killed"])
    assert "/b " in listed(tmp_path, "--state", "killed") and "/a " not in listed(
        tmp_path, "--state", "killed"
    )
    assert "no runs" in listed(tmp_path, "--recipe", "gan")
    done = CliRunner().invoke(group, ["runs", str(tmp_path), "--state", "finish"], obj=[])
    assert done.exit_code == 2 and "did you mean 'finished'?" in done.output


def test_newest_first_and_found_at_any_depth(trained: Path, tmp_path: Path) -> None:
    old = copied(trained, tmp_path / "deep" / "er" / "old")
    copied(trained, tmp_path / "new")
    hour_ago = time.time() - 3600
    for name in ("metrics.jsonl", "log.txt", "lock.json"):
        os.utime(old / name, (hour_ago, hour_ago))
    assert [run.folder.name for run in found([tmp_path])] == ["new", "old"]


def test_a_folder_without_runs_says_so(tmp_path: Path) -> None:
    assert listed(tmp_path) == f"no runs in {tmp_path}\n"


def evaluated(folder: Path, *metrics: dict[str, float]) -> Path:
    rows = [{"metric": next(iter(figures)), "figures": figures, "protocol": {}} for figures in metrics]
    (folder / "evaluations.json").write_text(json.dumps(rows))
    return folder


def test_unasked_the_figures_of_the_recipes_own_metrics_are_shown_first(
    trained: Path, tmp_path: Path
) -> None:
    """An error bar is no figure of its own, and terms stand in where there are fewer figures than columns."""
    run = copied(trained, tmp_path / "run")
    evaluated(run, {"modes": 3.0}, {"elbo": -120.0, "elbo_standard_error": 1.0})
    assert listed(tmp_path).splitlines()[0].split()[5:] == ["elbo", "modes", "objective"]
    assert facts_of(run).metrics[:2] == ("elbo", "rate-distortion")
    assert listed(tmp_path, "--figure", "objective/rate").splitlines()[0].split()[5:] == ["objective/rate"]


def test_the_other_way_round_the_lowest_is_first_and_what_has_no_figure_still_last(
    trained: Path, tmp_path: Path
) -> None:
    for name, value in {"bad": 90.0, "good": 10.0}.items():
        evaluated(copied(trained, tmp_path / name), {"fid": value})
    copied(trained, tmp_path / "none")
    lines = listed(tmp_path, "--sort", "fid", "--reverse").splitlines()
    assert [Path(line.split()[0]).name for line in lines[1:]] == ["good", "bad", "none"]


def test_a_run_that_is_being_prepared_is_running(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", "vae"):
        assert [(run.state, run.fault) for run in found([tmp_path])] == [("running", "")]
    assert [run.state for run in found([tmp_path])] == ["damaged"]


def test_of_a_run_a_few_small_files_and_the_ends_of_the_long_ones_are_read(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a listing takes as long for runs of a million steps as for those of ten."""
    run = copied(trained, tmp_path / "run")
    last = (run / "metrics.jsonl").read_text().splitlines()[-1]
    with (run / "metrics.jsonl").open("a") as file:
        file.writelines(f"{last}\n" for _ in range(5000))
    read: list[tuple[str, int]] = []
    for kind in ("read_bytes", "read_text"):
        whole = getattr(Path, kind)

        def counted(path: Path, *more: object, whole: object = whole, **named: object) -> object:
            content = whole(path, *more, **named)  # type: ignore[operator]
            read.append((path.name, len(content)))
            return content

        monkeypatch.setattr(Path, kind, counted)
    assert facts_of(run).step == 4
    names = [name for name, _ in read]
    assert len(names) <= 5 and not {"metrics.jsonl", "log.txt"} & set(names)


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(60, {"ago", "step", "mig", "kid"}), (80, {"mig", "kid"}), (90, {"mig"}), (100, set())],
)
def test_a_narrow_window_has_less_columns_but_one_figure(width: int, left_out: set[str]) -> None:
    row = {
        "run": "runs/vae-digits-20260101-120000",
        "recipe": "vae-digits",
        "state": "finished",
        "step": "2,370/3,000",
    }
    row |= {"ago": "12 min", "elbo": "-120.12", "kid": "0.0123", "mig": "0.1234"}
    kept = _fitting({name: [cell] for name, cell in row.items()}, ["elbo", "kid", "mig"], width)
    assert set(row) - set(kept) == left_out


def test_how_long_measuring_takes_is_known_from_the_newest_run_that_was_measured_by_all(
    trained: Path, tmp_path: Path
) -> None:
    assert evaluation_seconds(tmp_path, "vae-digits", ["elbo"]) is None
    for age, (name, seconds) in enumerate({"new": {"elbo": 2.0}, "old": {"elbo": 3.0, "fid": 4.0}}.items()):
        folder = copied(trained, tmp_path / name)
        rows = [{"metric": key, "figures": {}, "seconds": value} for key, value in seconds.items()]
        (folder / "evaluations.json").write_text(json.dumps(rows))
        for file in ("metrics.jsonl", "log.txt", "lock.json"):
            os.utime(folder / file, (1e9 - age, 1e9 - age))
    assert evaluation_seconds(tmp_path, "vae-digits", ["elbo"]) == 2.0
    assert evaluation_seconds(tmp_path, "vae-digits", ["elbo", "fid"]) == 7.0
    assert evaluation_seconds(tmp_path, "gan-digits", ["elbo"]) is None
