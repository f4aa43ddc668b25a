"""Progress: a bar that fits the terminal, lines that are few, and silence."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys

import pytest
from rich.console import Console

from genframe.engine.progress import (
    LINE_SECONDS,
    REFRESH_SECONDS,
    Pace,
    PlainProgress,
    Progress,
    QuietProgress,
    TerminalProgress,
    duration,
    progress_for,
)

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VALUES = {"objective": 187.31, "reconstruction_of_the_picture": 1234.5, "rate[x]": math.nan}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drive(progress: Progress, clock: Clock, seconds_per_step: float, total: int = 100) -> None:
    """Ten steps an epoch."""
    progress.start(total, epochs=total // 10)
    for step in range(1, total + 1):
        clock.now += seconds_per_step
        progress.update(step, (step - 1) // 10 + 1, VALUES, 41_234.0)
    progress.finish()


def shown(stream: io.StringIO) -> list[str]:
    return [line for line in ESCAPE.sub("", stream.getvalue()).splitlines() if line]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_bar_is_never_wider_than_the_terminal(width: int) -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=True, width=width)
    drive(TerminalProgress(console, clock), clock, 1.0)
    lines = shown(stream)
    assert max(map(len, lines)) <= width
    assert len(lines) % 2 == 0  # a bar and a line of figures, each of which has wrapped nowhere


def test_at_sixty_columns_the_bar_says_where_we_are_how_fast_and_how_long() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = TerminalProgress(Console(file=stream, force_terminal=True, width=60), clock)
    progress.start(9380, epochs=20)
    clock.now = 10.0
    progress.update(469, 1, VALUES, 41_234.0)
    progress.finish()
    bar, figures = shown(stream)[-2:]
    assert bar.startswith("epoch 1/20  step 469/9380 ━")
    assert bar.endswith(" 3:10 left")
    assert figures.startswith("41,234 images/s  objective 187.3  ")
    assert figures.endswith("…")


def test_the_bar_is_drawn_a_few_times_a_second_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    drive(TerminalProgress(Console(file=stream, force_terminal=True, width=60), clock), clock, 0.01)
    drawn = [line for line in shown(stream) if line.startswith("epoch")]
    assert len(drawn) <= 1.0 / REFRESH_SECONDS + 3
    assert drawn[-1].startswith("epoch 10/10  step 100/100")


def test_the_last_state_is_drawn_when_training_stops_early() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = TerminalProgress(Console(file=stream, force_terminal=True, width=60), clock)
    progress.start(100)
    progress.update(1, 1, {})
    progress.update(2, 1, {})
    progress.finish()
    progress.finish()
    assert "step 2/100" in shown(stream)[-1]


def test_a_message_stays_above_the_bar_as_it_was_written() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = TerminalProgress(Console(file=stream, force_terminal=True, width=60), clock)
    progress.start(10)
    progress.update(1, 1, {})
    progress.message("saved [bold] 00000001")
    progress.finish()
    assert "saved [bold] 00000001" in shown(stream)


def test_lines_come_every_few_seconds_at_most_and_at_the_end_of_an_epoch() -> None:
    stream, clock = io.StringIO(), Clock()
    drive(PlainProgress(stream, clock), clock, 0.01)
    assert [line.split("  ")[1] for line in shown(stream)] == [
        f"step {step}/100" for step in range(10, 101, 10)
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_long_epoch_prints_lines_meanwhile() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.start(1000)
    for step in range(1, 1001):
        clock.now += 0.1
        progress.update(step, 1, VALUES, 1.0)
    progress.finish()
    assert len(shown(stream)) == pytest.approx(100 / LINE_SECONDS, abs=1)
    assert shown(stream)[-1].startswith("epoch 1  step 1000/1000")


def test_a_message_comes_after_what_happened_before_it() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, Clock())
    progress.start(10)
    progress.update(1, 1, {})
    progress.message("saved")
    progress.update(2, 1, {})
    progress.finish()
    assert [line[:17].strip() for line in shown(stream)] == [
        "epoch 1  step 1/1",
        "saved",
        "epoch 1  step 2/1",
    ]


def test_who_sees_what() -> None:
    assert isinstance(progress_for(Terminal()), TerminalProgress)
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    assert isinstance(progress_for(Terminal(), quiet=True), QuietProgress)


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_for(Terminal()), PlainProgress)


def test_quiet_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    progress = progress_for(quiet=True)
    drive(progress, Clock(), 1.0)
    progress.message("saved")
    assert capfd.readouterr() == ("", "")


def test_lines_need_no_rich() -> None:
    program = "import io, sys; from genframe.engine.progress import progress_for; progress_for(io.StringIO()).start(1)"
    program += "; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_time_that_remains_follows_the_pace_of_the_last_half_minute() -> None:
    clock = Clock()
    pace = Pace(1000, 0, clock)
    assert pace.remaining() is None
    for step in range(1, 11):  # slow: ten seconds a step
        clock.now += 10.0
        pace.tick(step)
    for step in range(11, 511):  # fast: ten steps a second
        clock.now += 0.1
        pace.tick(step)
    assert pace.remaining() == pytest.approx(49.0, rel=0.01)


def test_a_resumed_run_does_not_count_the_steps_behind_it() -> None:
    clock = Clock()
    pace = Pace(1000, 900, clock)
    clock.now = 10.0
    pace.tick(910)
    assert pace.remaining() == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-:--"), (0.2, "0:00"), (65.0, "1:05"), (3599.6, "1:00:00"), (90_061.0, "25:01:01")],
)
def test_durations_read_as_on_a_clock(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
