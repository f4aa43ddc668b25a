"""Progress: who sees a live view, and the lines that everybody else gets: few, in order, and enough to know."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from genframe.engine.progress import (
    LINE_SECONDS,
    MOST_FIGURES,
    PlainProgress,
    Progress,
    QuietProgress,
    UntilGone,
    progress_for,
)
from genframe.live.state import Outlook
from genframe.live.terminal import TerminalProgress

TERMS = {"objective": 187.31, "objective/rate": 12.5, "rate[x]": float("nan")}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can do everything."""
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def outlook(total: int, step: int = 0) -> Outlook:
    return Outlook(step, total, "cpu", epoch=total // 10, recipe="vae-digits", began=0.0)


def row(step: int, epoch: int, time: float, terms: dict[str, float] = TERMS) -> dict[str, Any]:
    return {"step": step, "epoch": epoch, "time": time, "terms": terms, "images_per_second": 41_234.0}


def drive(progress: Progress, clock: Clock, seconds_per_step: float, steps: Iterable[int], each: int) -> None:
    for step in steps:
        clock.now += seconds_per_step
        progress.tick(step)
        progress.update(row(step, (step - 1) // each + 1, clock.now))
    progress.finish()


def shown(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_lines_come_every_few_seconds_at_most_and_at_the_end_of_an_epoch() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.start(outlook(100))
    drive(progress, clock, 0.01, range(1, 101), 10)
    assert [line.split("  ")[:2] for line in shown(stream)] == [
        [f"epoch {step // 10}/10", f"step {step}/100"] for step in range(10, 101, 10)
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_long_epoch_prints_lines_meanwhile() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.start(outlook(1000))
    drive(progress, clock, 0.1, range(1, 1001), 1000)
    assert len(shown(stream)) == pytest.approx(100 / LINE_SECONDS, abs=1)
    assert shown(stream)[-1].startswith("epoch 10/10  step 1000/1000")


def test_a_line_says_where_we_are_how_fast_how_good_and_how_long() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.start(outlook(1000))
    progress.update(row(100, 1, 10.0))
    progress.finish()
    assert shown(stream) == [
        "epoch 1/10  step 100/1000  41,234 images/s  objective 187.3  rate[x] nan  1:30 left"
    ]


def test_of_many_terms_a_line_has_some_and_counts_the_rest() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, Clock())
    progress.start(outlook(10))
    progress.update(row(1, 1, 1.0, {f"term_{i}": float(i) for i in range(300)}))
    progress.finish()
    assert shown(stream)[0].count("term_") == MOST_FIGURES
    assert f"and {300 - MOST_FIGURES} more" in shown(stream)[0]


def test_a_message_comes_after_what_happened_before_it() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, Clock())
    progress.start(Outlook(0, 10))
    progress.update(row(1, 1, 1.0))
    progress.message("saved")
    progress.update(row(2, 1, 2.0))
    progress.finish()
    assert [line[:17].strip() for line in shown(stream)] == [
        "epoch 1  step 1/1",
        "saved",
        "epoch 1  step 2/1",
    ]


def test_a_resumed_run_does_not_count_the_steps_behind_it() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, Clock())
    progress.start(outlook(1000, step=900), [row(900, 9, -1e6)])
    progress.update(row(910, 10, 10.0))
    progress.finish()
    assert shown(stream)[0].endswith("1:30 left")


def test_who_sees_what() -> None:
    assert isinstance(progress_for(Terminal()), TerminalProgress)
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    assert isinstance(progress_for(Terminal(), plain=True), PlainProgress)
    assert isinstance(progress_for(Terminal(), quiet=True), QuietProgress)


@pytest.mark.parametrize(
    ("name", "value"), [("TERM", "dumb"), ("TERM", ""), ("NO_COLOR", "1"), ("CI", "true")]
)
def test_who_asks_for_lines_gets_lines(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert isinstance(progress_for(Terminal()), PlainProgress)


def test_a_terminal_without_the_letters_gets_lines(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="latin-1") as stream:
        stream.isatty = lambda: True  # type: ignore[method-assign]
        assert isinstance(progress_for(stream), PlainProgress)


def test_quiet_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    progress = progress_for(quiet=True)
    progress.start(outlook(10))
    drive(progress, Clock(), 1.0, range(1, 11), 1)
    progress.message("saved")
    progress.picture("sample", 1, Path("sample-00000001.png"))
    assert capfd.readouterr() == ("", "")


def test_lines_need_no_rich() -> None:
    program = "import io, sys; from genframe.engine.progress import Outlook, progress_for"
    program += "; progress_for(io.StringIO()).start(Outlook(0, 1)); sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_terminal_that_is_gone_costs_the_display_and_not_the_training() -> None:
    class Gone(QuietProgress):
        calls = 0

        def message(self, text: str) -> None:
            type(self).calls += 1
            raise BrokenPipeError(32, "Broken pipe")

    shown = UntilGone(Gone())
    for _ in range(3):
        shown.message("a line")
    shown.finish()
    assert Gone.calls == 1
