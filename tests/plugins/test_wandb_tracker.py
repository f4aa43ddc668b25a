"""The wandb tracker, with the real package offline: what the .wandb file holds is read back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from genframe_plugins.tracking.wandb_run import WandbTracker
from PIL import Image
from tiny import SMALL, resume, rows, small, train
from wandb_files import config, history, records, summary, the_file

from genframe.cli import group

BRIEF = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4, every: 2}, log: {every: 1}}"
WANDB = "track={wandb: {use: wandb, mode: offline, project: gf, tags: [tiny]}}"
KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach a server, and there is a key that must stand nowhere."""
    for name in [name for name in os.environ if name.startswith("WANDB_") and name != "WANDB_SERVICE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", KEY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps that was stopped after four, and evaluated."""
    folder = tmp_path_factory.mktemp("tracked") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        more = (
            "train.log={gradients: true, latents: true}",
            "loss.beta={linear: {from: 0, to: 1, steps: 4}}",
        )
        train(small("vae/digits", BRIEF, WANDB, *more), folder)
        resume(folder, "train.steps=6")  # whose file holds the rows so far too: the one before is gone
        done = CliRunner().invoke(group, ["fit-sampler", str(folder), "--use", "mixture"], obj=[])
        assert done.exit_code == 0, done.output
        done = CliRunner().invoke(group, ["evaluate", str(folder), "elbo"], obj=[])
        assert done.exit_code == 0, done.output
        assert f"wandb sync {the_file(folder).parent}" in done.output
    return folder


def invoked(*words: str) -> str:
    done = CliRunner().invoke(group, list(words), obj=list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_resumed_run_is_one_run_with_every_step_once(trained: Path) -> None:
    logged = history(the_file(trained))
    steps = [row["_step"] for row in logged if "terms/objective" in row]
    assert steps == [1, 2, 3, 4, 5, 6]
    ids = {record.run.run_id for record in records(the_file(trained)) if record.HasField("run")}
    assert ids == {json.loads((trained / "wandb.json").read_text())["id"]}


def test_every_number_of_every_row_is_there_on_the_run_s_own_steps(trained: Path) -> None:
    logged = {row["_step"]: row for row in history(the_file(trained)) if "terms/objective" in row}
    for row in rows(trained):
        told = logged[row["step"]]
        assert told["step"] == row["step"]
        assert told["terms/objective"] == row["terms"]["objective"]
        assert told["terms/objective/rate"] == row["terms"]["objective/rate"]
        assert told["weighted/model.objective"] == row["weighted"]["model.objective"]
        assert told["lr/model"] == row["lr"]["model"]
        assert told["images_per_second"] == row["images_per_second"]
        assert told["memory/process"] == row["memory"]["process"]
        assert told["scheduled/loss.beta"] == row["scheduled"]["loss.beta"]
        assert row["scheduled"]["loss.beta"] == min((row["step"] - 1) / 4, 1.0)
        for component, shares in row.get("gradient_share", {}).get("model", {}).items():
            for term, share in shares.items():
                assert told[f"gradient_share/model/{component}/{term}"] == share
    assert any("gradient_share" in row for row in rows(trained))
    axes = {
        r.metric.name or r.metric.glob_name: r.metric.step_metric
        for r in records(the_file(trained))
        if r.HasField("metric")
    }
    assert axes["*"] == "step"


def test_pictures_stand_at_their_steps(trained: Path) -> None:
    shown = {
        row["_step"]: row["samples/sample"] for row in history(the_file(trained)) if "samples/sample" in row
    }
    assert sorted(shown) == [2, 4, 6]
    drawn = [row["_step"] for row in history(the_file(trained)) if "samples/data" in row]
    assert drawn == [0], "the data's, although the file was written anew"
    files = the_file(trained).parent / "files"
    for step, picture in shown.items():
        ours = (trained / "samples" / f"sample-{step:08d}.png").read_bytes()
        assert picture["_type"] == "image-file"
        assert (files / picture["path"]).read_bytes() == ours


def test_histograms_of_latents_stand_at_the_checkpoints(trained: Path) -> None:
    logged = {row["_step"]: row for row in history(the_file(trained)) if "histograms/encode" in row}
    assert sorted(logged) == [2, 4, 6]
    ours = {row["step"]: row["histograms"] for row in rows(trained) if "histograms" in row}
    for step, row in logged.items():
        told = row["histograms/encode/1"]
        assert (
            told["_type"] == "histogram"
            and sum(told["values"]) == sum(ours[step]["encode/1"]["counts"]) > 100
        )
        assert told["bins"] == ours[step]["encode/1"]["edges"]


def test_the_config_is_the_resolved_recipe(trained: Path) -> None:
    told = config(the_file(trained))
    said = yaml.safe_load((trained / "resolved.yaml").read_text())
    assert told["prior"] == said["prior"] and told["train"] == said["train"]
    runs = [record.run for record in records(the_file(trained)) if record.HasField("run")]
    assert {(run.project, run.job_type, run.display_name) for run in runs} == {("gf", "train", "run")}
    assert all(list(run.tags) == ["tiny"] for run in runs)


def test_figures_and_their_protocol_are_there(trained: Path) -> None:
    (measured,) = json.loads((trained / "evaluations.json").read_text())
    told = summary(the_file(trained))
    assert told["evaluation/elbo/elbo"] == measured["figures"]["elbo"]
    (table,) = (the_file(trained).parent / "files" / "media" / "table").glob("*.json")
    content = json.loads(table.read_text())
    assert content["columns"] == ["time", "metric", "figure", "value", "protocol"]
    assert json.loads(content["data"][0][4]) == measured["protocol"]


def test_artifacts_say_what_each_was_made_from(trained: Path) -> None:
    logged = [
        r.request.log_artifact.artifact
        for r in records(the_file(trained))
        if r.request.HasField("log_artifact")
    ]
    logged += [r.artifact for r in records(the_file(trained)) if r.HasField("artifact")]
    kinds = {artifact.type: artifact for artifact in logged}
    assert set(kinds) == {"dataset", "model", "sampler", "evaluation", "run_table"}, (
        "the table is wandb's own"
    )
    names = {entry.path for entry in kinds["model"].manifest.contents}
    assert {"recipe.yaml", "lock.json", "manifest.json", "decoder.safetensors"} <= names
    assert "step-6" in kinds["model"].aliases
    digest = json.loads((trained / "lock.json").read_text())["data"][""]
    data = kinds["dataset"]
    assert json.loads(data.metadata) == {"digest": digest} and data.use_after_commit, "the run used it"
    model = f"{kinds['model'].name}:step-6"
    assert json.loads(kinds["model"].metadata)["from"] == [data.name]
    assert json.loads(kinds["sampler"].metadata)["from"] == [model, data.name]
    told = json.loads(kinds["evaluation"].metadata)
    assert told["from"] == [model, data.name] and "elbo/elbo" in told["figures"]


def test_wandb_s_own_variables_say_what_the_recipe_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "NAME": "mine",
        "TAGS": "a,b",
        "RUN_GROUP": "g",
        "JOB_TYPE": "trial",
        "PROJECT": "p",
        "RUN_ID": "abc123",
    }
    for name, value in said.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    for options in ({}, {"name": "ours", "tags": ("c",), "group": "h", "job_type": "j", "project": "q"}):
        folder = tmp_path / ("run" + options.get("name", ""))  # type: ignore[operator]
        folder.mkdir()
        tracker = WandbTracker(mode="offline", artifacts=False, **options)  # type: ignore[arg-type]
        tracker.start(folder, {"name": "a"}, 0)
        said_at_the_end = tracker.finish("finished")
        (path,) = (tmp_path / "elsewhere").glob("wandb/offline-run-*/run-*.wandb")
        run = next(record.run for record in records(path) if record.HasField("run"))
        told = (run.display_name, [*run.tags], run.run_group, run.job_type, run.project, run.run_id)
        assert told == (
            ("ours", ["c"], "h", "j", "q", "abc123")
            if options
            else ("mine", ["a", "b"], "g", "trial", "p", "abc123")
        )
        assert said_at_the_end == f"to send it: wandb sync {path.parent}"


def test_another_attempt_at_the_start_goes_on_with_the_run_that_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker, left = WandbTracker(mode="offline", artifacts=False), [1]
    caught_up = tracker._catch_up

    def full(last: int) -> None:
        if left and left.pop():
            raise OSError(28, "No space left on device")
        caught_up(last)

    monkeypatch.setattr(tracker, "_catch_up", full)
    with pytest.raises(OSError):
        tracker.start(tmp_path, {"name": "a"}, 0)
    tracker.start(tmp_path, {"name": "a"}, 0)
    tracker.log({"step": 1, "terms": {"a": 1.0}})
    tracker.finish("finished")
    assert [row["terms/a"] for row in history(the_file(tmp_path))] == [1.0]


def test_no_key_stands_in_the_run_s_folder(trained: Path) -> None:
    written = [path for path in trained.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_seeds_of_one_recipe_are_one_group(tmp_path: Path) -> None:
    groups = {}
    for name, more in {"a": "seed=1", "b": "seed=2", "c": "prior.dim=4"}.items():
        tracker = WandbTracker(mode="offline", artifacts=False)
        recipe = small("vae/digits", BRIEF, more)
        from genframe.recipe.resolve import resolved

        (tmp_path / name).mkdir()
        tracker.start(tmp_path / name, resolved(recipe), 0)
        tracker.finish("finished")
        found = [r.run.run_group for r in records(the_file(tmp_path / name)) if r.HasField("run")]
        groups[name] = found[0]
    assert groups["a"] == groups["b"] != groups["c"]
    assert groups["a"].startswith("digits-") or "-" in groups["a"]


def test_an_alarm_is_an_alert_once_until_it_rings_again(tmp_path: Path) -> None:
    tracker = WandbTracker(mode="offline", artifacts=False)
    tracker.start(tmp_path, {"name": "a"}, 0)
    for step, ringing in enumerate(
        [{}, {"stalled": "try x"}, {"stalled": "try x"}, {}, {"stalled": "y"}], start=1
    ):
        tracker.log({"step": step, "terms": {"a": 1.0}, "alarms": ringing})
    tracker.finish("finished")
    alerts = [record.alert for record in records(the_file(tmp_path)) if record.HasField("alert")]
    assert [(alert.title, alert.text) for alert in alerts] == [
        ("stalled at step 2", "try x"),
        ("stalled at step 5", "y"),
    ]


def test_a_run_that_was_trained_without_it_is_sent_afterwards(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(small("vae/digits", BRIEF), run)
    said = (run / "resolved.yaml").read_text()
    invoked("track", str(run), "--to", "wandb", "mode=offline", "project=later")
    logged = history(the_file(run))
    assert [row["_step"] for row in logged if "terms/objective" in row] == [1, 2, 3, 4]
    assert [row["_step"] for row in logged if "samples/sample" in row] == [2, 4]
    first = json.loads((run / "wandb.json").read_text())["id"]
    invoked("track", str(run), "--to", "wandb", "mode=offline")
    assert json.loads((run / "wandb.json").read_text())["id"] == first
    assert len(list(run.glob("wandb/offline-run-*"))) == 1, "again is no second run"
    projects = {record.run.project for record in records(the_file(run)) if record.HasField("run")}
    assert projects == {"later"}, "where it was"
    assert (run / "resolved.yaml").read_text() == said


def test_an_option_wins_over_what_the_run_s_folder_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    def sent(**options: Any) -> set[str]:
        tracker = WandbTracker(mode="offline", artifacts=False, **options)
        tracker.start(tmp_path, {"name": "a"}, 0)
        tracker.finish("finished")
        return {record.run.project for record in records(the_file(tmp_path)) if record.HasField("run")}

    with monkeypatch.context() as patch:
        patch.setattr(wandb, "init", lambda **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sent()
    assert "project" not in json.loads((tmp_path / "wandb.json").read_text()), "nothing stands there yet"
    monkeypatch.setenv("WANDB_PROJECT", "one")
    assert sent() == {"one"}
    monkeypatch.setenv("WANDB_PROJECT", "two")
    assert sent() == {"one"}
    assert sent(project="three") == {"three"} and sent() == {"three"}


def test_a_run_that_is_written_anew_keeps_its_times(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "samples" / "data.png")
    os.utime(tmp_path / "samples" / "data.png", (900.0, 900.0))
    Image.new("L", (4, 4)).save(tmp_path / "samples" / "sample-00000002.png")
    lines = [json.dumps({"step": step, "time": 1000.5 * step, "terms": {"a": 1.0}}) for step in (1, 2)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    figures = {"metric": "elbo", "figures": {"elbo": 1.0}}
    (tmp_path / "evaluations.json").write_text(json.dumps([figures]))
    tracker = WandbTracker(mode="offline", artifacts=False)
    tracker.start(tmp_path, {"name": "a"}, 2)
    tracker.finish("finished")
    told = history(the_file(tmp_path))
    assert [(row["_step"], row["_timestamp"]) for row in told] == [(0, 900.0), (1, 1000.5), (2, 2001.0)]
    assert "samples/sample" in told[2] and "evaluations" in told[2]


def test_where_a_measured_run_lies_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genframe.cli import evaluate

    words = ["train", "vae/digits", *SMALL["vae/digits"], "device=cpu", BRIEF, WANDB, "evaluate=[elbo]"]
    words += ["--evaluate", "--no-report", "--run-dir"]
    done = invoked(*words, str(tmp_path / "run"))
    assert done.count("to send it") == 1 and f"wandb sync {the_file(tmp_path / 'run').parent}" in done
    monkeypatch.setattr(evaluate, "measure", lambda *given, **options: 1 / 0)
    failed = CliRunner().invoke(group, [*words, str(tmp_path / "other")], obj=[])
    assert isinstance(failed.exception, ZeroDivisionError)
    assert f"wandb sync {the_file(tmp_path / 'other').parent}" in failed.output


def test_without_a_key_it_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    wandb.teardown()
    done = CliRunner().invoke(group, ["track", str(run), "--to", "wandb"], obj=[])
    assert done.exit_code == 1
    assert "`wandb login`" in done.output and "mode=offline" in done.output
    assert "genframe track" not in done.output, "which was the command"
    assert "project" not in json.loads((run / "wandb.json").read_text())


def test_an_error_that_quotes_the_key_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    def refused(**options: Any) -> None:
        raise ValueError(f"401: the key {KEY} is not known")

    monkeypatch.setattr(wandb, "init", refused)
    run = train(small("vae/digits", BRIEF, WANDB), tmp_path / "run")
    log = (run / "log.txt").read_text()
    assert "the tracker 'wandb' (tracking/wandb) is muted" in log and "the key *** is not known" in log
    assert KEY not in log and f"genframe track {run} --to tracking/wandb" in log
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4], "the training went on"


@pytest.mark.parametrize(
    ("recipe", "metric", "terms"),
    [
        ("vae/digits", "elbo", {"objective"}),
        pytest.param("dae/digits", "denoising", {"objective"}, marks=pytest.mark.slow),
        pytest.param(
            "gan/digits",
            "{use: kid, features: pixels, count: 100}",
            {"critic_loss", "generator_loss", "penalty"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_that_is_killed_resumed_and_evaluated_is_one_run(
    recipe: str, metric: str, terms: set[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    short = "train={steps: 100000, checkpoint: {every: 4}, samples: {n: 4}, log: {every: 1, gradients: true}}"
    settings = [*SMALL[recipe], "device=cpu", short]
    command = [sys.executable, "-m", "genframe", "train", recipe, "--wandb", *settings, "--run-dir", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (
            list(run.glob("wandb/offline-run-*/run-*.wandb")) and len(list(run.glob("checkpoints/0*"))) > 1
        ):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    identity = json.loads((run / "wandb.json").read_text())["id"]
    at = max(int(path.name) for path in run.glob("checkpoints/[0-9]*"))
    resume(run, f"train.steps={at + 3}")
    invoked("evaluate", str(run), metric)
    kept = records(the_file(run))
    logged = {row["_step"]: row for row in history(the_file(run)) if "step" in row and "epoch" in row}
    assert list(logged) == list(range(1, at + 4)), "every step, once, in order"
    assert {record.run.run_id for record in kept if record.HasField("run")} == {identity}
    for row in rows(run):
        told = logged[row["step"]]
        assert {name.removeprefix("terms/") for name in told if name.startswith("terms/")} == row[
            "terms"
        ].keys()
        assert all(told[f"terms/{name}"] == value for name, value in row["terms"].items())
    seen = {name.split("/")[1] for row in logged.values() for name in row if name.startswith("terms/")}
    assert terms <= seen
    keys = {name.split("/")[0] for row in logged.values() for name in row}
    assert keys >= {
        "terms",
        "weighted",
        "lr",
        "memory",
        "images_per_second",
        "gradient_share",
        "gradient_norm",
    }
    (measured,) = json.loads((run / "evaluations.json").read_text())
    figures = {
        f"evaluation/{measured['metric']}/{name}": value for name, value in measured["figures"].items()
    }
    assert figures and summary(the_file(run)).items() >= figures.items()
    drawn = {name for row in history(the_file(run)) for name in row if name.startswith("samples/")}
    assert drawn - {"samples/data"}, "grids of samples, or of what was restored"
    kinds = {record.request.log_artifact.artifact.type or record.artifact.type for record in kept}
    assert kinds >= {"dataset", "model", "evaluation"}
    everything = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    assert KEY.encode() not in everything


def test_figures_are_told_although_the_tracker_is_gone(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    with (run / "resolved.yaml").open("a") as file:
        file.write("track: {lost: {use: nowhere/lost}}\n")
    done = CliRunner().invoke(group, ["evaluate", str(run), "elbo"], obj=[])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "the run's trackers were not told" in done.output and "elbo" in done.output
    assert (run / "evaluations.json").exists()
