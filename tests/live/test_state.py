"""The state of a training follows its events, whoever tells them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from live_events import SESSION, driven, outlook, row

from genframe.live.state import Outlook, State


def test_a_log_has_the_outlook_as_it_was() -> None:
    said = outlook(9380, 470, epoch=469, cycle=938, device="cuda:1", folder=Path("runs/a"))
    assert Outlook.read(str(said), SESSION, "vae-gan", Path("runs/a")) == said
    old = Outlook.read("training from step 3 to 9 on cpu", 1.0, "a", Path("b"))
    assert old is not None and (old.step, old.total, old.epochs) == (3, 9, None)
    assert Outlook.read("finished at step 9", 1.0, "a", Path("b")) is None


def test_terms_stand_under_their_players_and_parts_behind_their_terms() -> None:
    assert driven(row(10)).players == {
        "critic": ["tell", "penalty"],
        "model": ["objective", "objective/rate", "objective/distortion", "look"],
    }


def test_a_term_of_two_players_stands_under_both_and_one_of_nobody_by_itself() -> None:
    state = driven(row(10, terms={"a": 1.0, "b": 2.0}, weighted={"critic.a": 1.0, "model.a": 0.5}))
    assert state.players == {"critic": ["a"], "model": ["a"], "": ["b"]}


def test_a_lazy_term_is_kept_over_the_rows_without_it() -> None:
    later = row(20)
    for column in ("terms", "weighted"):
        later[column] = {key: value for key, value in later[column].items() if "penalty" not in key}
    assert driven(row(10), later).terms["penalty"] == 0.125


def test_rows_that_are_written_late_do_not_turn_the_clock_back() -> None:
    state = driven()
    state.tick(50)
    for step in (10, 20, 30):
        state.update(row(step))
    assert state.step == 50 and state.row["step"] == 30
    assert state.remaining == pytest.approx(95.0)


def test_alarms_ring_from_a_step_on_and_are_remembered() -> None:
    alarm = {"modes": "all samples are alike"}
    state = driven(row(10), row(20, alarms=alarm), row(30, alarms=alarm))
    assert state.ringing == alarm and state.since == {"modes": 20}
    state.update(row(40))
    assert not state.ringing
    assert state.last_alarm == "modes, from step 20 until 40: all samples are alike"


def test_the_time_that_remains_has_the_evaluation_afterwards() -> None:
    assert driven(row(100)).remaining == pytest.approx(90.0)
    assert driven(row(100), afterwards=30.0).remaining == pytest.approx(120.0)
    assert driven(row(100), afterwards=math.nan).remaining == pytest.approx(90.0)


def test_a_resumed_training_has_the_course_of_all_and_the_pace_of_its_own() -> None:
    state = State()
    before = [row(step, time=0.0) for step in (10, 20)]
    state.start(outlook(step=20, began=SESSION + 2.0), [*before, row(30)])
    assert (state.step, len(state.courses["look"].points(10))) == (30, 3)
    assert state.remaining == pytest.approx(97.0)


def test_the_preview_is_the_newest_of_samples_or_else_of_another_output() -> None:
    state = driven(row(10))
    state.picture("data", 0, Path("data.png"))
    assert state.preview is None
    state.picture("denoise", 10, Path("denoise-00000010.png"))
    assert state.preview == ("denoise", 10, Path("denoise-00000010.png"))
    state.picture("sample", 20, Path("b"))
    state.picture("sample", 10, Path("a"))
    assert state.preview == ("sample", 20, Path("b"))
