"""Alarms: they see every row, say once what is wrong, and come back with a run that is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from genframe_plugins.gan.alarms.modes import Modes
from genframe_plugins.gan.alarms.saturated import Saturated
from genframe_plugins.optim.exploding import Exploding
from genframe_plugins.optim.stalled import Stalled
from genframe_plugins.vae.alarms.posterior_collapse import PosteriorCollapse
from tiny import batch_of, parts_file, plan_of, resume, rows, saved, small, stepper_of, train
from tiny import differing as differing_tensors

from genframe import Verdict
from genframe.codes import CODES
from genframe.engine import journal
from genframe.errors import RecipeError
from genframe.explain import explain
from genframe.recipe import load_recipe
from genframe.stored import opened

BRIEF = "train={steps: 8, checkpoint: {every: 4, keep: 9}, samples: {every: 8, n: 4}, log: {every: 2}}"

PARTS = """
    from genframe import Component, hookimpl

    class Late:
        '''Rings on the rows of some steps, and says what it measured.'''
        def __init__(self, *, first: int = 4, last: int = 6):
            self.first, self.last, self.seen = first, last, 0
        def measure(self, x):
            return {"mean": x.mean()}
        def __call__(self, row, measured):
            self.seen += 1
            if self.first <= row["step"] <= self.last:
                return f"row {self.seen} of mean {measured['mean']:.3f}; try nothing"

    class Breaks:
        def __call__(self, row, measured):
            raise ArithmeticError("no such thing")

    class Many:
        def measure(self, x): return {"all": x}
        def __call__(self, row, measured): pass

    def plain(row, measured): pass

    @hookimpl
    def genframe_alarms():
        return [Component(n.lower(), f"my_parts:{n}") for n in ("Late", "Breaks", "Many", "plain")]
"""


@pytest.fixture
def parts(tmp_path: Path) -> str:
    return f"plugins=[{parts_file(tmp_path, PARTS)}]"


@pytest.fixture(autouse=True)
def close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of eight steps, all of whose rows are looked at."""
    monkeypatch.setattr(journal, "GLANCE_STEPS", 1)


def lines(run: Path, word: str) -> list[str]:
    return [line for line in (run / "log.txt").read_text().splitlines() if word in line]


def test_an_alarm_is_told_when_it_begins_and_ends_and_stands_in_the_rows(parts: str, tmp_path: Path) -> None:
    run = train(small("gan/ring", BRIEF, parts, "watch={late: my_parts/late}"), tmp_path / "run")
    told = lines(run, "alarm late")
    assert len(told) == 2
    assert "alarm late at step 4: row 2 of mean" in told[0]
    assert "alarm late is over at step 8" in told[1]
    ringing = {row["step"]: [*row.get("alarms", {})] for row in rows(run)}
    assert ringing == {2: [], 4: ["late"], 6: ["late"], 8: []}
    assert opened(run).recipe().watch == (), "who only opens a run needs none of its alarms"
    for row in rows(run):
        assert {"critic", "generator"} == row["gradient_norm"].keys() == row["update"].keys()
        assert row["measured"].keys() == {"late", "stalled", "saturated", "modes"} - {"stalled"}
        assert 0 <= row["measured"]["modes"]["coverage"] <= 1


def test_a_resumed_run_shows_its_alarms_what_was_logged_before(parts: str, tmp_path: Path) -> None:
    watch = "watch={late: {use: my_parts/late, first: 6, last: 8}}"
    short = train(small("gan/ring", BRIEF, parts, watch, "train.steps=4"), tmp_path / "short")
    resume(short, "train.steps=8")
    long = train(small("gan/ring", BRIEF, parts, watch), tmp_path / "long")
    assert not differing_tensors(saved(short), saved(long))
    words = ("step", "terms", "gradient_norm", "update", "measured", "alarms")
    same = [[{key: row.get(key) for key in words} for row in rows(run)] for run in (short, long)]
    assert json.dumps(same[0]) == json.dumps(same[1])
    assert "row 3 of" in lines(short, "alarm late at")[0]


def test_watching_changes_no_bit_of_a_training(tmp_path: Path) -> None:
    watched = train(small("gan/ring", BRIEF), tmp_path / "watched")
    blind = train(small("gan/ring", BRIEF, "watch=null"), tmp_path / "blind")
    assert not differing_tensors(saved(watched), saved(blind))
    assert "measured" not in rows(blind)[0]


def test_dense_rows_are_looked_at_now_and_then_and_alarms_see_those(
    parts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "GLANCE_STEPS", 4)
    dense = "train={log: {every: 1}, checkpoint: {every: 6, keep: 9}}"
    watch = "watch={late: {use: my_parts/late, first: 5, last: 6}}"
    run = train(small("gan/ring", BRIEF, parts, watch, dense), tmp_path / "run")
    closely = ["gradient_norm", "measured", "update"]
    looked_at = {row["step"]: sorted(row.keys() & {*closely}) for row in rows(run)}
    assert looked_at == {step: closely if step in (1, 5, 7) else [] for step in range(1, 9)}
    assert [row["step"] for row in rows(run) if "late" in row.get("alarms", {})] == [5, 6]
    (rung,) = lines(run, "alarm late at")
    assert "step 5: row 2 of" in rung
    short = train(small("gan/ring", BRIEF, parts, watch, dense, "train.steps=6"), tmp_path / "short")
    resume(short, "train.steps=8")
    same = [
        [{**row, "time": 0, "images_per_second": 0, "memory": 0} for row in rows(r)] for r in (run, short)
    ]
    assert json.dumps(same[0]) == json.dumps(same[1])


def test_an_alarm_that_raises_is_muted_with_a_line(parts: str, tmp_path: Path) -> None:
    run = train(small("gan/ring", BRIEF, parts, "watch={odd: my_parts/breaks}"), tmp_path / "run")
    assert len(lines(run, "'odd' is muted: it raised ArithmeticError: no such thing")) == 1


@pytest.mark.parametrize(
    ("watch", "code", "says"),
    [
        ("watch={odd: {use: modes, given: {fake: p_z}}}", "GF545", "can't measure on x, p_z"),
        ("watch={odd: my_parts/many}", "GF545", "no tensor of one number"),
        ("watch={odd: my_parts/plain}", "GF535", "a class that is called with (row, measured)"),
        ("watch={odd: posterior-collapse}", "GF545", "given: {q_z: ...}, or leave it out, watch.odd=null"),
        ("watch={odd: {use: modes, rows: 0}}", "GF205", "rows"),
        ("watch={odd: {use: modes, given: {fak: x}}}", "GF213", "is given no 'fak'"),
        ("watch={odd: modez}", "GF301", "modez"),
    ],
)
def test_an_alarm_that_can_not_be_is_refused(parts: str, watch: str, code: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_of(small("gan/ring", parts, watch))
    found = [problem for problem in caught.value.problems if problem.code == code]
    assert found and says in str(found[0])


def test_an_alarm_of_a_pipeline_without_its_wires_is_left_out_with_a_remark() -> None:
    renamed = (
        "wires={fake: null, made: 'generate(p_z.sample([batch_size]))', fake_verdict: discriminator(made)}",
    )
    plan = plan_of(small("gan/ring", *renamed))
    assert [alarm.name for alarm in plan.watch.alarms] == ["stalled", "exploding", "saturated"]
    (remark,) = [remark for remark in plan.remarks if remark.code == "GF527"]
    assert "'modes' measures on 'fake'" in remark.message
    plan = plan_of(small("gan/ring", *renamed, "watch.modes.given={fake: made}"))
    assert plan.watch.reads >= {"made", "x"}


def test_a_step_makes_nothing_for_an_alarm_that_it_would_not_make() -> None:
    """A lazy wire is measured on the first step that makes it; wires are let go as ever once they were looked at."""
    plan = plan_of(small("gan/ring", "players.generator.every=3"))
    stepper, batch = stepper_of(plan), batch_of(plan)
    stepper.step(1, batch)  # the critic's alone
    seen = stepper.take_glances()
    assert seen["gradient_norm"].keys() == {"critic"}
    assert seen["measured"].keys() == {"modes", "saturated"}
    stepper.step(3, batch)
    assert stepper.take_glances()["gradient_norm"].keys() == {"critic", "generator"}


def test_gradient_norm_and_update_are_those_of_the_first_move_since_the_last_row() -> None:
    plan = plan_of(small("gan/ring", "optimizer=null", "optimizer={use: sgd, lr: 0.1}"))
    stepper, batch = stepper_of(plan), batch_of(plan)
    side = stepper.sides[1]
    before = torch.cat([p.detach().flatten() for p in side.tensors])
    stepper.step(0, batch)
    after = torch.cat([p.detach().flatten() for p in side.tensors])
    stepper.step(1, batch)
    seen = stepper.take_glances()
    assert seen["gradient_norm"]["generator"] == pytest.approx(float((before - after).norm()) / 0.1, rel=1e-3)
    assert seen["update"]["generator"] == pytest.approx(
        float((after - before).norm() / after.norm()), rel=1e-4
    )
    assert "gradient_norm" not in stepper.take_glances()


def test_explain_lists_alarms_with_what_they_measure_on() -> None:
    (modes,) = [row for row in explain(small("gan/ring"))["watch"] if row["name"] == "modes"]
    assert modes["component"] == "gan/modes"
    assert modes["reads"] == ["x", "fake"]
    assert {"GF527", "GF545"} <= CODES.keys()


# The alarms themselves.


def said(alarm: Any, rows: Iterable[tuple[dict[str, Any], dict[str, float]]]) -> list[bool]:
    return [alarm(row, measured) is not None for row, measured in rows]


def moves(norm: float = 0.5, update: float = 1e-3, lr: float = 1e-3) -> dict[str, Any]:
    return {"gradient_norm": {"generator": norm}, "update": {"generator": update}, "lr": {"generator": lr}}


def test_a_player_that_does_not_move_is_stalled_and_one_that_rests_or_ends_its_schedule_is_not() -> None:
    good, still, dead = (moves(), {}), (moves(update=0.0, lr=0.0), {}), (moves(norm=0.0), {})
    assert said(Stalled(rows=3), [still] * 4) == [False, False, True, True]
    assert said(Stalled(rows=3), [good, dead, dead, dead, good]) == [False, False, False, True, False]
    assert not any(said(Stalled(rows=3), [good] * 5 + [(moves(update=0.0, lr=1e-6), {})] * 5))
    assert not any(said(Stalled(rows=3), [({}, {})] * 9))


def test_gradients_explode_that_are_a_hundred_times_what_was_usual() -> None:
    calm, wild, spike = (moves(norm=0.5), {}), (moves(norm=80.0), {}), (moves(norm=1e6), {})
    assert said(Exploding(rows=3), [calm] * 3 + [wild] * 3) == [False] * 4 + [True, True]
    assert not any(said(Exploding(rows=3), [calm, calm, spike, calm, calm, spike, calm]))
    assert not any(said(Exploding(rows=3), [calm] * 3 + [(moves(norm=40.0), {})] * 5))


def test_a_critic_is_saturated_that_is_certain_while_the_gradient_is_gone() -> None:
    fair = (moves(norm=0.5), {"told_apart": 0.8})
    ahead = (moves(norm=0.5), {"told_apart": 1.0})
    over = (moves(norm=1e-3), {"told_apart": 1.0})
    assert said(Saturated(rows=2), [fair] * 5 + [over] * 3) == [False] * 6 + [True] * 2
    lost = (moves(norm=5.0), {"told_apart": 0.01})
    assert said(Saturated(rows=2), [fair, lost, lost, fair]) == [False, False, True, False]
    assert not any(said(Saturated(rows=2), [fair] * 5 + [ahead] * 5)), "a critic that still teaches"
    assert not any(said(Saturated(rows=2), [fair] * 5 + [(moves(norm=1e-3), {"told_apart": 0.7})] * 2))
    alarm = Saturated(rows=1)
    assert alarm(*fair) is None
    assert "a penalty on its slope" in str(alarm(*over))


def test_the_share_of_fakes_told_is_the_area_under_the_curve() -> None:
    from scipy.stats import mannwhitneyu

    torch.manual_seed(0)
    real, fake = torch.randn(40) + 0.5, torch.randn(30).round(decimals=1)
    real[:9] = fake[:9]  # ties count half
    got = Saturated().measure(Verdict(real), Verdict(fake))["told_apart"]
    wanted = mannwhitneyu(real.numpy(), fake.numpy()).statistic / (40 * 30)
    assert float(got) == pytest.approx(wanted, abs=1e-6)
    maps = Saturated().measure(Verdict(torch.ones(4, 1, 3, 3)), Verdict(torch.zeros(4, 1, 3, 3)))
    assert float(maps["told_apart"]) == 1.0


def ring_points(count: int, modes: int, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    angle = torch.arange(count).remainder(modes) * (2 * torch.pi / 8)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(count, 2)


def test_coverage_and_diversity_fall_with_modes() -> None:
    real = ring_points(256, 8, 0)
    whole, half, one = (Modes().measure(real, ring_points(256, modes, 1)) for modes in (8, 4, 1))
    assert float(whole["diversity"]) == pytest.approx(1.0, abs=0.05)
    assert float(whole["coverage"]) > 0.9
    assert 0.4 < float(half["coverage"]) < 0.55
    assert float(one["diversity"]) < 0.05
    assert float(one["coverage"]) < 0.15


def test_modes_that_drop_and_samples_that_are_alike_ring() -> None:
    full = ({}, {"diversity": 1.0, "coverage": 0.9})
    few = ({}, {"diversity": 0.9, "coverage": 0.3})
    grey = ({}, {"diversity": 0.01, "coverage": 0.0})
    assert said(Modes(rows=2), [full] * 4 + [few] * 3) == [False] * 4 + [False, True, True]
    assert said(Modes(rows=2, grace=6), [grey] * 7) == [False] * 5 + [True] * 2
    assert not any(said(Modes(rows=2), [grey] * 5 + [few] * 5 + [full] * 5)), "a generator that learns"


def test_a_posterior_collapses_when_no_unit_is_active() -> None:
    torch.manual_seed(0)
    law = torch.distributions.Normal
    means = torch.randn(64, 5) * torch.tensor([0.0, 0.01, 2.0, 0.0, 0.0])
    got = PosteriorCollapse().measure(law(means, 1.0))["activity"]
    assert float(got) == pytest.approx(float(means[:, 2].var()))
    active, none = ({}, {"activity": 0.5}), ({}, {"activity": 1e-4})
    assert said(PosteriorCollapse(rows=3), [active, none, none, none, active]) == [False] * 3 + [True, False]


def test_a_critic_that_runs_ahead_saturates_under_the_minimax_loss_and_not_under_the_nonsaturating(
    tmp_path: Path,
) -> None:
    """Trained for real: a generator that hardly moves, and a critic that is soon certain of it."""
    ahead = ("optimizer.lr=3e-3", "players.generator.optimizer={use: adam, lr: 1e-6}", "watch.modes=null")
    brief = ("train.steps=300", "train.log.every=5", "data.batch_size=64", "data.n=2000", "device=cpu")
    found = {}
    for loss in ("minimax", "nonsaturating"):
        run = train(load_recipe("gan/noise/ring", [*brief, *ahead, f"loss={loss}"]), tmp_path / loss)
        found[loss] = [row["step"] for row in rows(run) if "saturated" in row.get("alarms", {})]
    assert found["minimax"]
    assert min(found["minimax"]) > 25, "there is a usual gradient first"
    assert not found["nonsaturating"]
