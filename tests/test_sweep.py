"""Sweeps: what is tried, that each trial is a run, that what is there goes on, and that one failure stops no other."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tiny import SMALL, logged_steps
from wandb_files import summary, the_file

from genframe.cli import group
from genframe.errors import RecipeError
from genframe.sweep import Sweep, repetitions
from genframe.sweep_space import Axis, axes, drawn, grid

TINY = [
    *(setting for setting in SMALL["vae/digits"] if not setting.startswith("prior")),
    "device=cpu",
    "train={steps: 4, samples: {n: 4}, checkpoint: {every: 2}}",
]


def invoked(*words: str) -> Result:
    return CliRunner().invoke(group, list(words), obj=list(words))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """In an empty folder, where trials run in this process; the commands that they ran."""
    ran: list[list[str]] = []

    def call(self: Sweep, words: list[str], trial: Any) -> int:
        ran.append(list(words))
        done = invoked(*words)
        error = f"{type(done.exception).__name__}: {done.exception}\n" if done.exit_code else ""
        with trial.log.open("a") as log:
            log.write(done.output + error)
        return done.exit_code

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sweep, "_call", call)
    return ran


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1,2", ("1", "2")),
        ("a=[8],[4, 4]", ("[8]", "[4, 4]")),
        ("a={use: mlp, hidden: [8, 8]},conv", ("{use: mlp, hidden: [8, 8]}", "conv")),
        ("a='x,y',z", ("'x,y'", "z")),
        ("a=2..5", ("2", "3", "4", "5")),
        ("a=0..1:3", ("0", "1")),
        ("a=0.0..1.0:3", ("0", "0.5", "1")),
        ("a=1e-4..1e-2:log:3", ("0.0001", "0.001", "0.01")),
        ("a=1..100:log:3", ("1", "10", "100")),
        ("a=b=c", ("b=c",)),
    ],
)
def test_values_and_ranges(text: str, values: tuple[str, ...]) -> None:
    assert Axis.of(text).values() == values


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["prior.dim"], "is not KEY=VALUE"),
        (["prior.dim=2,,3"], "between two commas is empty"),
        (["prior.dim=2,2"], "2 is there twice"),
        (["prior.dim=2", "prior.dim=3"], "prior.dim is there twice"),
        (["optimizer.lr=1e-4..1e-2"], "say how many numbers"),
        (["prior.dim=5..2"], "from the lower number to the higher"),
        (["optimizer.lr=0..1:log"], "begin above 0"),
        (["prior.dim=2..8:1"], "at least 2"),
        (["prior.dim=1..200", "seed=1..200"], "40,000 trials"),
    ],
)
def test_what_is_no_sweep_is_refused(words: list[str], says: str, here: list[list[str]]) -> None:
    done = invoked("sweep", "vae/digits", *words)
    assert done.exit_code == 2 and says in done.output
    assert not list(Path().iterdir())


def test_a_slip_in_any_trial_is_told_before_anything_starts(here: list[list[str]]) -> None:
    for words in (["prior.dimm=2,3"], ["prior.dim=2,many"], ["encoder=mlp,mpl"]):
        done = invoked("sweep", "vae/digits", *words)
        assert isinstance(done.exception, RecipeError)
        assert not here and not list(Path().iterdir())
    assert "Did you mean 'mlp'" in str(done.exception)


def test_a_grid_is_every_combination_and_draws_only_grow() -> None:
    assert grid(axes(["a=1,2", "b=x", "c=3,4"])) == [
        (("a", a), ("b", "x"), ("c", c)) for a in "12" for c in "34"
    ]
    space = axes(["lr=1e-5..1e-1:log", "n=1..9", "k=a,b", "seed=0,1"])
    few, many = drawn(space, 10, 0), drawn(space, 400, 0)
    assert many[:20] == few and drawn(space, 10, 1) != few
    assert [dict(t)["seed"] for t in few[:4]] == ["0", "1", "0", "1"] and few[0][:3] == few[1][:3]
    # Of 400 numbers each decade of four has 100 in the mean, deviation 8.7: five deviations are an alarm in 10^6 runs.
    decades = [
        sum(10.0**d <= float(dict(t)["lr"]) < 10.0 ** (d + 1) for t in many[::2]) for d in range(-5, -1)
    ]
    assert sum(decades) >= 399 and all(abs(count - 100) < 44 for count in decades)
    assert {dict(t)["n"] for t in many} == set("123456789")
    whole = Axis.of("n=1..100:log")
    assert {whole.draw(random.Random(n)).isdigit() for n in range(20)} == {True}


def test_each_trial_is_a_run_and_seeds_are_one_line_with_an_interval(here: list[list[str]]) -> None:
    words = ["vae/digits", *TINY, "prior.dim=2,3", "seed=0,1"]
    done = invoked("sweep", *words, "--evaluate", "elbo", "--metric", "elbo/elbo", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [trial["state"] for trial in told["trials"]] == ["finished"] * 4
    assert [trial["settings"] for trial in told["trials"]] == [
        {"prior.dim": d, "seed": s} for d in "23" for s in "01"
    ]
    for trial in told["trials"]:
        run = Path(trial["run"])
        assert run.parent == next(Path("sweeps").iterdir()) and logged_steps(run)[-1] == 4
        settings = yaml.safe_load((run / "resolved.yaml").read_text())
        assert (settings["prior"]["dim"], settings["seed"]) == tuple(map(int, trial["settings"].values()))
    best, other = told["points"]
    assert best["figures"]["elbo"]["mean"] > other["figures"]["elbo"]["mean"]
    again = invoked("sweep", *words, "--metric", "elbo", "--goal", "minimize", "--json")
    assert json.loads(again.stdout)["points"] == [other, best]
    wrong = invoked("sweep", *words, "--evaluate", "elbo", "--metric", "elb")
    assert wrong.exit_code == 2 and "did you mean elbo?" in wrong.output, wrong.output
    of = {point["settings"]["prior.dim"]: point["figures"]["elbo"] for point in told["points"]}
    one, two = (trial["figures"]["elbo"] for trial in told["trials"][:2])
    assert of["2"]["mean"] == pytest.approx((one + two) / 2)
    # Student's t with one degree of freedom: 12.706 standard errors, which of two values are |a - b| / 2.
    assert of["2"]["half"] == pytest.approx(12.7062 * abs(one - two) / 2)
    ran = len(here)
    assert invoked("sweep", *words, "--evaluate", "elbo").exit_code == 0
    assert len(here) == ran, "what is finished is left alone"


def test_what_was_interrupted_goes_on_and_a_failure_stops_no_other(here: list[list[str]]) -> None:
    words = ["sweep", "vae/digits", *TINY]
    words += ["optimizer.lr=1e-3,1e30,1e-2", "--no-evaluate", "--dir", "s"]
    done = invoked(*words)
    assert done.exit_code == 1
    states = [trial["state"] for trial in json.loads(invoked(*words, "--json").stdout)["trials"]]
    assert states == ["finished", "failed", "finished"]
    assert "trial 1 failed: " in done.output and "1_1e30" not in done.output
    run = next(Path("s").glob("2-*/"))
    log = (run / "log.txt").read_text()
    (run / "log.txt").write_text(
        log[: log.index("finished at step")].rpartition("\n")[0] + "\n"
    )  # as a kill leaves it
    here.clear()
    told = invoked(*words)
    assert [command[:2] for command in here if command[1].endswith("0.01") or "2-" in command[1]] == [
        ["resume", str(run)]
    ]
    assert "trial 0 was done before" in told.output


def test_a_folder_of_something_else_is_left_alone(here: list[list[str]]) -> None:
    Path("s").mkdir()
    (Path("s") / "mine.txt").write_text("mine")
    done = invoked("sweep", "vae/digits", *TINY, "seed=0,1", "--dir", "s")
    assert "no sweep and not empty" in str(done.exception) and not here
    Path("t").mkdir()
    (Path("t") / "sweep.json").write_text(json.dumps({"recipe": "vae/digits", "trials": [{"seed": "7"}]}))
    done = invoked("sweep", "vae/digits", *TINY, "seed=0,1", "--dir", "t")
    assert "holds another sweep" in str(done.exception) and not here


def test_the_file_for_wandb_holds_a_command_that_trains(
    here: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["optimizer.lr=1e-4..1e-2:log", "prior.dim=2..4", "decoder.hidden=[4],[8, 8]"]
    tiny = [setting for setting in TINY if not setting.startswith("decoder")]
    done = invoked(
        *("sweep", "vae/digits", *tiny, *words, "--random", "5", "--wandb", "--dir", "s"),
        *("--metric", "validation/total", "--goal", "minimize"),
    )
    assert done.exit_code == 0, done.output
    assert "wandb sweep s/wandb.yaml" in done.output and not here
    file = yaml.safe_load(Path("s/wandb.yaml").read_text())
    assert (file["method"], file["run_cap"], file["program"]) == ("random", 5, "genframe")
    assert file["metric"] == {"name": "validation/total", "goal": "minimize"}
    lr = {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}
    assert file["parameters"] == {
        "optimizer.lr": lr,
        "prior.dim": {"distribution": "int_uniform", "min": 2, "max": 4},
        "decoder.hidden": {"values": ["[4]", "[8, 8]"]},
    }
    # As the agent does it: a value for each parameter, and wandb's own functions make the command of them.
    chosen = {"optimizer.lr": 1e-05 * 31, "prior.dim": 3, "decoder.hidden": "[8, 8]"}
    arguments = create_sweep_command_args({"args": {key: {"value": value} for key, value in chosen.items()}})
    command: list[str] = []
    for word in create_sweep_command(file["command"]):
        command += arguments["args_no_hyphens"] if word == "${args_no_hyphens}" else [word]
    assert command[:3] == ["${env}", "genframe", "train"] and "--wandb" in command
    trained = invoked(*command[2:], "--run-dir", "run")
    assert trained.exit_code == 0, trained.output
    settings = yaml.safe_load(Path("run/resolved.yaml").read_text())
    assert settings["prior"]["dim"] == 3 and settings["decoder"]["hidden"] == [8, 8]
    assert list(Path("run").glob("wandb/offline-run-*/run-*.wandb"))


def test_agents_measure_a_figure_that_they_are_to_order_by(
    here: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["sweep", "vae/digits", *TINY, "prior.dim=2,3", "--wandb", "--dir", "s"]
    for metric in ("elbo/elbo", "elbo", "evaluation/elbo/elbo"):
        done = invoked(*words, "--metric", metric)
        assert done.exit_code == 0, done.output
        file = yaml.safe_load(Path("s/wandb.yaml").read_text())
        assert file["metric"]["name"] == "evaluation/elbo/elbo" and "--evaluate" in file["command"]
        assert "metric    evaluation/elbo/elbo, measured" in done.output
    command = [word for word in file["command"] if not word.startswith("${")]
    trained = invoked(*command[1:], "prior.dim=2", "evaluate=[elbo]", "--run-dir", "run")
    assert trained.exit_code == 0, trained.output
    assert file["metric"]["name"] in summary(the_file(Path("run")))
    assert "--evaluate" not in yaml.safe_load(_written(*words, "--metric", "validation/total"))["command"]
    refused = invoked(*words, "--evaluate", "fid")
    assert refused.exit_code == 2 and "evaluate=[METRIC]" in refused.output


def _written(*words: str) -> str:
    done = invoked(*words)
    assert done.exit_code == 0 and "a number of the rows" in done.output
    return Path("s/wandb.yaml").read_text()


def test_a_figure_that_nothing_measures_is_told_before_anything_starts(here: list[list[str]]) -> None:
    for more in (["--no-evaluate", "--metric", "elbo"], ["--metric", "fid"]):
        done = invoked("sweep", "vae/digits", *TINY, "seed=0,1", *more)
        assert done.exit_code == 2 and "no trial has the figure" in done.output
    assert "there are: " in done.output and not here and not list(Path().iterdir())


def test_nothing_that_varies_is_no_file(here: list[list[str]]) -> None:
    done = invoked("sweep", "vae/digits", *TINY, "--wandb")
    assert done.exit_code == 2 and "nothing varies" in done.output


def test_seeds_stand_together_wherever_the_seed_stands() -> None:
    facts = [{"settings": {"seed": s, "a": a}} for s in "01" for a in "xy"]
    assert [len(point) for point in repetitions(facts)] == [2, 2]


@pytest.mark.slow
def test_trials_are_processes_that_a_signal_stops_and_the_same_command_resumes(tmp_path: Path) -> None:
    import signal
    import time

    words = [
        *SMALL["vae/digits"],
        "device=cpu",
        "train.epochs=null",
        "train.steps=3000",
        "train.checkpoint.every=50",
    ]
    command = [sys.executable, "-m", "genframe", "sweep", "vae/digits", *words, "seed=0,1", "--no-evaluate"]
    sweep = subprocess.Popen([*command, "--jobs", "2"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len({path.parent for path in tmp_path.glob("sweeps/*/*/checkpoints/0*")}) < 2:
        assert time.monotonic() < deadline and sweep.poll() is None
        time.sleep(0.1)
    sweep.send_signal(signal.SIGINT)
    _, said = sweep.communicate(timeout=60)
    assert sweep.returncode == 130 and "the same command goes on with it" in said
    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("goes on") == 2
    assert [trial["step"] for trial in json.loads(done.stdout)["trials"]] == [3000, 3000]
