"""Runs that go on: with more training, after their end, from damage; and what stops one without harm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import (
    differing,
    logged_steps,
    parts_file,
    plan_of,
    recipe_file,
    resume,
    rows,
    saved,
    small,
    train,
)

from genframe.engine import checkpoint, journal, loop
from genframe.engine.step import Stepper
from genframe.errors import RunError, Stopped
from genframe.recipe import load_recipe
from genframe.run import Run
from genframe.stored import opened

BRIEF = "train={steps: 6, checkpoint: {every: 3, keep: 9}, samples: {every: 6, n: 4}, log: {every: 2}}"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["vae/digits", "gan/digits", "gan/restore-digits", "hybrid/vae-gan"])
def test_more_training_by_an_override_equals_training_that_long_at_once(name: str, tmp_path: Path) -> None:
    short = train(small(name, BRIEF), tmp_path / "short")
    resume(short, "train.steps=10")
    long = train(small(name, BRIEF, "train.steps=10"), tmp_path / "long")
    assert not differing(saved(short), saved(long))
    assert logged_steps(long) == [2, 3, 4, 6, 8, 9, 10]
    assert logged_steps(short) == logged_steps(long)


AVERAGED = "players.model.ema=0.3"


def rewritten(run: Path, step: int, **changed: Any) -> None:
    """The checkpoint of a step with other entries in its state; None takes one out."""
    found = checkpoint.read(run / "checkpoints" / f"{step:08d}")
    state = {key: value for key, value in (found.state() | changed).items() if value is not None}
    tensors = {n: {key: t.clone() for key, t in found.tensors(n).items()} for n in found.names}
    checkpoint.save(run / "checkpoints", step, tensors, state, {"epoch": 0, "best": None})


def test_the_warm_up_of_an_average_goes_on_where_it_was(tmp_path: Path) -> None:
    """Stopped after two moves, within the warm-up: begun anew, the third move would weigh 9/11 instead of 0.7."""
    cut = "train.checkpoint={every: 2, keep: 9}"
    whole = train(small("vae/digits", BRIEF, cut, AVERAGED), tmp_path / "whole")
    halves = train(small("vae/digits", BRIEF, cut, AVERAGED, "train.steps=2"), tmp_path / "halves")
    resume(halves, "train.steps=6")
    assert not differing(saved(halves), saved(whole))
    rewritten(halves, 2, averages={"model": 0})
    for step in (4, 6):
        shutil.rmtree(halves / "checkpoints" / f"{step:08d}")
    resume(halves, "train.steps=6")
    assert {name.split("/")[0] for name in differing(saved(halves), saved(whole))} == {
        f"{name}.ema" for name in ("encoder", "decoder", "posterior")
    }


def test_an_average_of_an_older_checkpoint_without_a_count_goes_on_with_its_full_decay(
    tmp_path: Path,
) -> None:
    run = train(
        small("vae/digits", BRIEF, "train.checkpoint.every=1", AVERAGED, "train.steps=1"), tmp_path / "run"
    )
    rewritten(run, 1, averages=None)
    before = saved(run)["decoder.ema/net.0.weight"]
    resume(run, "train.steps=2")
    after = saved(run)
    torch.testing.assert_close(
        after["decoder.ema/net.0.weight"], 0.3 * before + 0.7 * after["decoder/net.0.weight"]
    )
    count = checkpoint.read(run / "checkpoints" / "00000002").state()["averages"]
    assert count == {"model": None}, "it goes on so when it is resumed once more"


def test_an_average_that_is_asked_for_when_resuming_begins_there(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF, "train.steps=2"), tmp_path / "run")
    before = saved(run)["decoder/net.0.weight"]
    resume(run, "train.steps=3", "players.model.ema=0.999")
    after = saved(run)
    expected = 2 / 11 * before + 9 / 11 * after["decoder/net.0.weight"]
    torch.testing.assert_close(after["decoder.ema/net.0.weight"], expected)


COUNTING = """
    import torch
    from genframe import Component, Schedulable, hookimpl

    class Counting(torch.optim.Optimizer):
        '''Steps that shrink by a count (a number), a sum (a tensor) and a rate of its own, all in param_groups.'''
        def __init__(self, params, *, lr: Schedulable = 0.1, d: float = 1.0):
            params = list(params)
            matrices, others = [p for p in params if p.ndim > 1], [p for p in params if p.ndim < 2]
            groups = [{"params": matrices, "slow": 2}, {"params": others}]
            super().__init__(groups, {"lr": lr, "d": d, "k": 0, "slow": 1, "sum": torch.zeros(())})
        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                group["k"] += group["slow"]
                group["sum"] = group["sum"] + group["k"]
                group["d"] *= 0.9
                for p in group["params"]:
                    if p.grad is not None:
                        mean = self.state[p].setdefault("mean", torch.zeros_like(p)).lerp_(p.grad, 0.5)
                        p.sub_(group["lr"] * group["d"] / (group["k"] + group["sum"]) * mean)

    @hookimpl
    def genframe_optimizers():
        return [Component("counting", "my_parts:Counting")]
"""

COUNTING_RECIPE = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    encoder: {use: mlp, hidden: [4]}
    decoder: {use: mlp, hidden: [4], given: {out_shape: [2]}}
    wires: {restored: decoder(encoder(x)), error: "mse(x, restored)"}
    players: {model: {trains: [encoder, decoder], minimises: {error: 1}}}
    optimizer: {use: counting, lr: {linear: {from: 1, to: 0.1, steps: 6}}}
    train: {steps: 6, checkpoint: {every: 3, keep: 9}}
    device: cpu
"""


def counting(folder: Path, run: str, *overrides: str) -> Path:
    parts_file(folder, COUNTING)
    return train(load_recipe(recipe_file(folder, COUNTING_RECIPE), overrides), folder / run)


def test_what_an_optimizer_counts_in_its_param_groups_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, halves = counting(tmp_path, "whole"), counting(tmp_path, "halves", "train.steps=3")
    (first, second) = checkpoint.read(halves / "checkpoints" / "00000003").state()["param_groups"]["model"]
    assert first.keys() == second.keys() == {"k", "sum", "d"}, "nor the rate, which a schedule writes"
    assert (first["k"], second["k"]) == ([0, 6], [0, 3])
    resume(halves, "train.steps=6")
    assert not differing(saved(halves), saved(whole))
    stored = checkpoint.read(halves / "checkpoints" / "00000006").state()
    assert stored["param_groups"]["model"][0]["k"] == [0, 12]


def test_counts_that_are_lost_would_be_seen(tmp_path: Path) -> None:
    """A checkpoint from before they were stored opens, and its optimizer counts from the start."""
    whole, halves = counting(tmp_path, "whole"), counting(tmp_path, "halves", "train.steps=3")
    rewritten(halves, 3, param_groups=None)
    resume(halves, "train.steps=6")
    assert differing(saved(halves), saved(whole))


def test_an_option_that_is_changed_when_resuming_counts_though_the_optimizer_changes_it_too(
    tmp_path: Path,
) -> None:
    run = counting(tmp_path, "run", "train.steps=3")
    resume(run, "train.steps=4", "optimizer.d=0.5")
    (first, _) = checkpoint.read(run / "checkpoints" / "00000004").state()["param_groups"]["model"]
    assert first["d"] == [0.5, pytest.approx(0.45)]
    assert first["k"] == [0, 8]


def test_changed_settings_are_recorded_beside_the_recipe(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    written = (run / "recipe.yaml").read_text()
    resume(run, "train.steps=8", "optimizer.lr=1e-4")
    (row,) = map(json.loads, (run / "resumes.jsonl").read_text().splitlines())
    assert row["step"] == 6
    assert row["overrides"] == ["train.steps=8", "optimizer.lr=1e-4"]
    assert (run / "recipe.yaml").read_text() == written
    assert [row["lr"]["model"] for row in rows(run)][-2:] == [1e-3, 1e-4]


def test_changed_settings_hold_for_a_later_resume_too(tmp_path: Path) -> None:
    """As when a resumed run is killed, and goes on by the command that it said."""
    whole = train(small("vae/digits", BRIEF, "train.steps=10", "train.checkpoint.keep=9"), tmp_path / "whole")
    run = train(small("vae/digits", BRIEF, "train.checkpoint.keep=9"), tmp_path / "run")
    resume(run, "train.steps=10")
    shutil.rmtree(run / "checkpoints" / "00000010")
    resume(run)
    assert not differing(saved(run), saved(whole))
    assert opened(run).whole_recipe(()).train.length.steps == 10
    resume(run, "train.steps=4")  # nothing is to be done, and nothing changes
    assert opened(run).whole_recipe(()).train.length.steps == 10


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path: Path) -> None:
    run = train(small("gan/digits", BRIEF), tmp_path / "run")
    before, logged = saved(run), (run / "metrics.jsonl").read_bytes()
    resume(run)
    assert not differing(saved(run), before)
    assert (run / "metrics.jsonl").read_bytes() == logged
    resume(run, "train.steps=2")
    assert not differing(saved(run), before)


def test_a_damaged_checkpoint_costs_its_steps_and_no_bits(tmp_path: Path) -> None:
    run = train(small("gan/digits", BRIEF), tmp_path / "run")
    whole = saved(run)
    damaged = run / "checkpoints" / "00000006" / "decoder.ema.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    resume(run)
    assert not differing(saved(run), whole)
    assert logged_steps(run) == [2, 3, 4, 6]
    log = (run / "log.txt").read_text()
    assert "decoder.ema.safetensors is truncated or altered" in log
    assert "step 3 is used" in log


def test_a_run_without_a_whole_checkpoint_begins_anew(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    whole = saved(run)
    for manifest in run.glob("checkpoints/*/manifest.json"):
        manifest.unlink()
    resume(run)
    assert not differing(saved(run), whole)
    assert logged_steps(run) == [2, 3, 4, 6]


def test_a_checkpoint_that_does_not_fit_the_changed_recipe_is_told(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    before = saved(run)
    with pytest.raises(RunError, match="does not fit the recipe"):
        resume(run, "encoder.hidden=[9]", "train.steps=8")
    assert not differing(saved(run), before)


def test_two_runs_cannot_take_one_folder(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    with Run.open(run, writable=True), pytest.raises(RunError, match="is being written by another process"):
        resume(run, "train.steps=8")


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    run = train(small("vae/digits", BRIEF), tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="is taken: it holds a run"):
        train(small("dae/digits", BRIEF), run)
    filled = tmp_path / "filled"
    filled.mkdir()
    (filled / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="is taken: it is not empty"):
        train(small("vae/digits", BRIEF), filled)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert [path.name for path in filled.iterdir()] == ["notes.txt"]


# Numbers that are no numbers.

FRAGILE = """
    import torch
    from torch import nn
    from genframe import Component, hookimpl

    class Counted(nn.Module):
        '''The squared error, which turns NaN when it is called for the 8th time in training: at step 7 from 0.'''
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        def forward(self, x, restored):
            if self.training or torch.is_grad_enabled():
                self.calls += 1
            value = (x - restored).square().mean()
            return value / 0 - value / 0 if self.calls == 8 else value

    class Blunt(torch.autograd.Function):
        '''The identity, whose gradient is NaN.'''
        @staticmethod
        def forward(ctx, x): return x.clone()
        @staticmethod
        def backward(ctx, gradient): return gradient * float("nan")

    class Cliff(Counted):
        '''The squared error: a finite value whose gradient is NaN at step 7.'''
        def forward(self, x, restored):
            if torch.is_grad_enabled():
                self.calls += 1
            value = (x - restored).square().mean()
            return Blunt.apply(value) if self.calls == 8 else value

    @hookimpl
    def genframe_losses():
        return [Component("counted", "my_parts:Counted"), Component("cliff", "my_parts:Cliff")]
"""

FRAGILE_RECIPE = """
    name: fragile
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    encoder: {use: mlp, hidden: [4]}
    decoder: {use: mlp, hidden: [4], given: {out_shape: [2]}}
    losses: {fragile: counted}
    wires:
      restored: decoder(encoder(x))
      error: fragile()
    players:
      model: {trains: [encoder, decoder], minimises: {error: 1}, ema: 0.9}
    train: {steps: 20, checkpoint: {every: 3, keep: 9}, log: {every: 2}}
    device: cpu
"""


def all_finite(run: Path) -> bool:
    steps = checkpoint.steps(run / "checkpoints")
    return all(bool(t.isfinite().all()) for step in steps for t in saved(run, step).values())


def test_nan_in_a_term_stops_with_its_name_the_step_and_the_last_good_checkpoint(tmp_path: Path) -> None:
    parts_file(tmp_path, FRAGILE)
    recipe = load_recipe(recipe_file(tmp_path, FRAGILE_RECIPE))
    with pytest.raises(RunError) as caught:
        train(recipe, tmp_path / "run")
    (problem,) = caught.value.problems
    good = tmp_path / "run" / "checkpoints" / "00000006"
    assert problem.code == "GF701"
    assert problem.message == f"the term 'error' became nan at step 8; the last good checkpoint is {good}"
    assert caught.value.exit_code == 1
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [3, 6]
    assert all_finite(tmp_path / "run")
    assert problem.message in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.parametrize("every", [2, 3, 4, 8])
def test_no_checkpoint_holds_nan_though_every_term_was_finite(every: int, tmp_path: Path) -> None:
    parts_file(tmp_path, FRAGILE)
    overrides = ["losses.fragile=cliff", f"train.checkpoint.every={every}"]
    recipe = load_recipe(recipe_file(tmp_path, FRAGILE_RECIPE), overrides)
    with pytest.raises(RunError) as caught:
        train(recipe, tmp_path / "run")
    assert caught.value.problems[0].code == "GF701"
    assert all_finite(tmp_path / "run")
    if every < 8:
        assert "the last good checkpoint is" in caught.value.problems[0].message
    else:
        assert "there is no checkpoint before it" in caught.value.problems[0].message


# A disk that is full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 700 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs rights that are missing here")
    yield disk  # type: ignore[misc]
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_stops_clearly_and_leaves_the_last_checkpoint_whole(
    small_disk: Path, tmp_path: Path
) -> None:
    more = "train={steps: 40, checkpoint: {every: 2, keep: 40}, log: {every: 2}, samples: {every: 40, n: 1}}"
    with pytest.raises(RunError) as caught:
        train(small("vae/digits", more), small_disk / "run")
    (problem,) = caught.value.problems
    assert problem.code == "GF716"
    assert "No space left on device" in problem.message
    run = small_disk / "run"
    found = checkpoint.latest(run / "checkpoints")
    assert found is not None
    assert problem.command == f"genframe resume {run}"
    for step in checkpoint.steps(run / "checkpoints"):
        checkpoint.read(run / "checkpoints" / f"{step:08d}")  # raises for one that is not whole
    for step in checkpoint.steps(run / "checkpoints")[:-1]:
        shutil.rmtree(run / "checkpoints" / f"{step:08d}")
    resume(run, "train.checkpoint.keep=1")
    whole = train(small("vae/digits", more, "train.checkpoint.keep=1"), tmp_path / "whole")
    assert not differing(saved(run), saved(whole))


# What disturbs nothing.


@pytest.mark.parametrize("name", ["vae/digits", "gan/digits", "gan/restore-digits"])
def test_previews_change_no_weight(name: str, tmp_path: Path) -> None:
    often = train(small(name, BRIEF, "train.samples={every: 1, n: 4}"), tmp_path / "often")
    seldom = train(small(name, BRIEF), tmp_path / "seldom")
    assert len(list((often / "samples").iterdir())) > len(list((seldom / "samples").iterdir()))
    assert not differing(saved(often), saved(seldom))


def test_validation_changes_no_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = (BRIEF, "data.validation=64", "encoder={use: conv, width: 2, norm: batch}")
    validated = train(small("vae/digits", *overrides), tmp_path / "validated")
    assert [row["step"] for row in rows(validated) if "validation" in row] == [3, 6]
    monkeypatch.setattr(loop.Training, "_validate", lambda self, step: {})
    plain = train(small("vae/digits", *overrides), tmp_path / "plain")
    assert not differing(saved(validated), saved(plain))


def test_the_best_checkpoint_by_validation_is_kept_and_remembered(tmp_path: Path) -> None:
    spoiled = "optimizer.lr={steps: {values: [1e-3, 10.0], steps: [3]}}"
    overrides = (BRIEF, "data.validation=64", "train.checkpoint={every: 1, keep: 1}", spoiled)
    run = train(small("vae/digits", *overrides), tmp_path / "run")
    totals = {row["step"]: row["validation"]["total"] for row in rows(run)}
    best = min(totals, key=totals.__getitem__)
    assert best <= 3
    assert checkpoint.steps(run / "checkpoints") == [best, 6]
    resume(run, "train.steps=8")
    assert checkpoint.steps(run / "checkpoints") == [best, 8]


def test_the_process_generator_is_no_part_of_a_run(tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = train(small("gan/digits", BRIEF), tmp_path / "one")
    torch.manual_seed(2)
    torch.rand(7)
    other = train(small("gan/digits", BRIEF), tmp_path / "other")
    assert not differing(saved(one), saved(other))
    third = train(small("gan/digits", BRIEF, "seed=1"), tmp_path / "third")
    assert differing(saved(one), saved(third))


def test_a_stop_between_the_steps_saves_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """The signal comes from within a step, as from a keyboard."""
    original = Stepper.step

    def interrupted(self: Stepper, step: int, batch: dict[str, torch.Tensor]) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        original(self, step, batch)

    recipe = small("gan/restore-digits", BRIEF, "train.steps=8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stepper, "step", interrupted)
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(Stopped) as caught:
            train(recipe, tmp_path / "run")
    assert caught.value.exit_code == 130
    assert caught.value.problems[0].command == f"genframe resume {tmp_path / 'run'}"
    assert max(checkpoint.steps(tmp_path / "run" / "checkpoints")) == 5, "the step was finished"
    assert signal.getsignal(signal.SIGINT) is before
    resume(tmp_path / "run")
    assert not differing(saved(tmp_path / "run"), saved(train(recipe, tmp_path / "whole")))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_comes_while_a_row_is_logged_stops_after_the_next_step(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    original = journal.Journal.write

    def interrupted(self: journal.Journal, done: int, *arguments: Any) -> None:
        original(self, done, *arguments)
        if done == 4:
            os.kill(os.getpid(), number)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal, "GLANCE_STEPS", 1)  # no row is gathered
        patched.setattr(journal.Journal, "write", interrupted)
        with pytest.raises(Stopped) as caught:
            train(small("vae/digits", BRIEF, "train.checkpoint.every=100", "train.steps=8"), tmp_path / "run")
    assert caught.value.exit_code == code
    assert "after step 5, and saved" in caught.value.problems[0].message
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [5]


def test_a_signal_that_is_ignored_from_outside_stays_so(tmp_path: Path) -> None:
    """A training under nohup goes on when its terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.MonkeyPatch.context() as patched:
            original = journal.Journal.write
            patched.setattr(
                journal.Journal,
                "write",
                lambda self, *rest: (original(self, *rest), os.kill(os.getpid(), signal.SIGHUP)),
            )
            run = train(small("vae/digits", BRIEF), tmp_path / "run")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert checkpoint.steps(run / "checkpoints")[-1] == 6


def test_a_plan_is_made_the_same_each_time() -> None:
    one, other = plan_of(small("hybrid/vae-gan")), plan_of(small("hybrid/vae-gan"))
    for name, module in one.parts.modules().items():
        assert not differing(module.state_dict(), other.parts.modules()[name].state_dict())
