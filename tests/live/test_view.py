"""The view: everything that matters, at any width, and never a line that is wider than the window."""

from __future__ import annotations

import io
import itertools
import math
import re
from pathlib import Path

import pytest
from live_events import COURSE, driven, many, row
from rich.console import Console

from genframe.live.lines import Lines, piece, plain, width_of
from genframe.live.state import State
from genframe.live.view import view

WIDTHS = (60, 80, 120)

LONG = "what_the_critic_says_of_the_pictures_that_were_reconstructed_from_codes_of_the_other_data_set"


def shown(state: State, width: int, height: int = 40) -> str:
    """As a console prints it, which breaks what does not fit."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, record=True)
    lines = view(state, width, height)
    console.print(Lines(lines), end="")
    text = console.export_text()
    assert [line.rstrip() for line in text.splitlines()] == [plain(line).rstrip() for line in lines]
    assert max(map(width_of, lines)) <= width
    return text


@pytest.mark.parametrize("width", WIDTHS)
def test_all_that_matters_is_there_at_every_width(width: int) -> None:
    text = shown(driven(*COURSE), width)
    assert re.search(r"^vae-gan  epoch 8/20  step 400/1,000$", text, re.MULTILINE)
    assert re.search(r"^━+  40%  1:00 left$", text, re.MULTILINE)
    assert "1,234 images/s  on cpu" in text
    assert re.search(r"^critic  lr 0.0002  gradient 1.5  update 0.4 %$", text, re.MULTILINE)
    assert re.search(r"^model  lr 0.001  gradient 12.25  update 1.2 %$", text, re.MULTILINE)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(" ")}
    assert lines["penalty"][:2] == ["0.125", "1"]  # raw and weighted
    assert lines["objective"][:2] == ["154.1", "3.083"]
    assert lines["/rate"][0] == "18.65" and lines["/rate"][1][0] in "▁▂▃▄▅▆▇█"
    assert lines["look"][0] == "0.1353" and lines["look"][1][0] == "█"  # its weight is 1: said once
    assert list(lines) == ["tell", "penalty", "objective", "/rate", "/distortion", "look"]


def test_a_wide_window_has_more_of_the_course() -> None:
    bars = [
        max(len(re.findall("[▁▂▃▄▅▆▇█]", line)) for line in shown(driven(*COURSE), w).splitlines())
        for w in WIDTHS
    ]
    assert bars == sorted(bars) and bars[0] >= 20


def test_validation_is_a_column_where_there_is_room() -> None:
    state = driven(*COURSE, row(410, validation={"objective": 160.25, "total": 160.25}))
    for width in WIDTHS:
        objective = next(line for line in shown(state, width).splitlines() if line.startswith(" objective"))
        assert objective.split()[-1] == "160.2"
    assert "so far  " in shown(state, 60)
    narrow = shown(state, 40)
    assert "validation" not in narrow and "154" not in narrow and " objective" in narrow


@pytest.mark.parametrize("width", [*WIDTHS, 30])
def test_long_names_fold_and_nothing_of_them_is_lost(width: int) -> None:
    terms = {LONG: 1.5, f"{LONG}/part": 2.5}
    state = driven(row(10, terms=terms, weighted={f"model.{LONG}": 3.0}, lr={"model": 1e-3}), recipe=LONG)
    text = shown(state, width)
    names = "".join(re.sub(r"[^a-z_/ ]", " ", text).split())
    assert names.count(LONG) == 2 and "/part" in names  # as the recipe's name, and as a term's
    assert "1.5" in text and "2.5" in text


@pytest.mark.parametrize(("width", "height"), [*itertools.product(WIDTHS, (12, 24, 60))])
def test_of_300_terms_those_that_weigh_most_are_shown_and_the_rest_counted(width: int, height: int) -> None:
    text = shown(driven(many(10), many(20)), width, height)
    assert len(text.splitlines()) <= height
    there = [int(number) for number in re.findall(r"^ term_(\d+) ", text, re.MULTILINE)]
    assert there == list(range(300 - len(there), 300)) and len(there) >= 3
    assert f"and {300 - len(there)} more terms" in text


def test_each_player_keeps_its_first_term_however_small() -> None:
    large = many(10)
    large["weighted"]["critic.tell"], large["terms"]["tell"], large["lr"]["critic"] = 1e-6, 1e-6, 1e-4
    assert " tell " in shown(driven(large), 60, 14)


def test_300_terms_that_fit_are_all_shown() -> None:
    assert shown(driven(many(10)), 80, 400).count("term_") == 300


@pytest.mark.parametrize("width", WIDTHS)
def test_alarms_stand_below_and_are_whole(width: int) -> None:
    what = "the discriminator tells real from made pictures without fail: its score says nothing to the generator"
    text = shown(driven(row(10), row(20, alarms={"saturated": what})), width)
    assert f"! saturated, since step 20: {what}" in " ".join(text.split())
    over = shown(driven(row(10), row(20, alarms={"saturated": what}), row(30)), width)
    assert f"last alarm saturated, from step 20 until 30: {what}" in " ".join(over.split())


def test_a_long_alarm_leaves_room_for_the_terms_and_the_picture() -> None:
    state = driven(row(10, alarms={"stalled": "the player has not moved " * 20}))
    state.picture("sample", 400, Path("sample-00000400.png"))
    lines = [plain(line) for line in view(state, 60, 24, [[piece("▀" * 30)]] * 9)]
    assert len(lines) <= 24 and sum("▀" in line for line in lines) == 9
    assert sum("has not moved" in line for line in lines) == 4 and lines[-11].endswith("…")
    assert any(line.startswith(" objective") for line in lines)


def test_many_alarms_are_counted() -> None:
    assert "! and 16 more alarms" in shown(
        driven(row(10, alarms={f"alarm_{i}": "rings" for i in range(20)})), 60
    )


def test_before_the_first_row_it_says_so() -> None:
    assert "no figures yet" in shown(driven(), 60)
    assert "-:-- left" in shown(driven(), 60)
    assert "has not begun" in shown(driven(total=0), 60)


def test_letters_that_are_two_columns_wide_are_counted_as_two() -> None:
    terms = {"損失の合計": 1.0, "正則化": 2.0}
    state = driven(row(10, terms=terms, weighted={f"model.{key}": 9.0 for key in terms}, lr={"model": 0.1}))
    lines = [plain(line) for line in view(state, 60, 30)]
    assert shown(state, 60) and any("損失の合計" in line for line in lines)


def test_evaluation_afterwards_is_said() -> None:
    assert "evaluation 0:30 of it" in shown(driven(*COURSE, afterwards=30.0), 60)
    assert "evaluation not counted" in shown(driven(*COURSE, afterwards=math.nan), 60)


def test_a_picture_stands_below_in_a_narrow_window_and_beside_in_a_wide_one() -> None:
    state = driven(*COURSE)
    state.picture("sample", 400, Path("sample-00000400.png"))
    picture = [[piece("▀" * 30)] for _ in range(8)]
    for width, place in ((80, 0), (120, 90)):
        lines = [plain(line) for line in view(state, width, 40, picture)]
        assert max(map(len, lines)) <= width
        blocks = [line for line in lines if "▀" in line]
        assert len(blocks) == 8 and {line.index("▀") for line in blocks} == {place}
        assert any("sample, step 400" in line for line in lines)
        assert any("penalty" in line for line in lines)


def test_a_recipe_name_is_text_and_no_markup() -> None:
    assert "[bold]<script>" in shown(driven(recipe="[bold]<script>"), 60)


def test_shares_of_the_gradient_are_a_column_where_they_are_logged_and_there_is_room() -> None:
    """`tell` teaches two components: its share is the mean of both."""
    shares = {"critic": {"one": {"tell": 0.9, "penalty": 0.1}, "other": {"tell": 0.7}}}
    state = driven(*COURSE, row(410, gradient_share=shares))
    lines = {line.split()[0]: line.split() for line in shown(state, 80).splitlines() if line}
    assert lines["term"] == ["term", "now", "weighted", "share", "so", "far"]
    assert lines["tell"][2] == "80%" and lines["penalty"][2:4] == ["1", "10%"]
    assert "share" not in shown(state, 34) and "penalty" in shown(state, 34)


def test_no_width_breaks_a_line() -> None:
    shares = {"critic": {"one": {"tell": 0.9, "penalty": 0.1}}}
    last = row(
        410, gradient_share=shares, validation={"objective": 1.5}, alarms={"modes": "all samples are alike"}
    )
    state = driven(*COURSE, last)
    for width in range(12, 131):
        assert max(map(len, shown(state, width).splitlines())) <= width
