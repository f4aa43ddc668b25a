"""The live view in a terminal: drawn over itself, seldom, with what was said above it, and gone without a trace."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from live_events import COURSE, outlook, row
from PIL import Image
from rich.console import Console

from genframe.live.half_blocks import half_blocks
from genframe.live.lines import plain, width_of
from genframe.live.terminal import COST, REFRESH_SECONDS, Frame, TerminalProgress

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A terminal that counts what is written to it at once."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += bool(text)
        return super().write(text)

    @property
    def lines(self) -> list[str]:
        """What can be read on it from the first line to the last, as the cursor went up and lines were erased."""
        lines, at = [""], 0
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if token == "\x1b[1A":
                at -= 1
            elif token == "\x1b[2K":
                lines[at] = ""
            elif token == "\n":
                at += 1
                lines += [""] * (at + 1 - len(lines))
            elif token != "\r" and not token.startswith("\x1b"):
                lines[at] += token
        return [line.rstrip() for line in lines]


def console(screen: io.StringIO, width: int = 80, height: int = 30, colours: str = "truecolor") -> Console:
    return Console(file=screen, force_terminal=True, width=width, height=height, color_system=colours)  # type: ignore[arg-type]


def drive(progress: TerminalProgress, clock: Clock, seconds: float = 0.1) -> None:
    progress.start(outlook())
    for number, one in enumerate(COURSE):
        clock.now += seconds
        progress.update(one)
        if number in (3, 7):
            progress.message(f"warning: the tracker [mine] is slow at step {one['step']}")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_one_view_stands_at_the_end_below_what_was_said_in_order(width: int) -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen, width), clock)
    drive(progress, clock)
    progress.finish()
    progress.finish()
    lines = screen.lines
    assert max(map(len, lines)) <= width
    text = " ".join(lines[:4]).split("vae-gan")[0]
    assert (
        text.split()
        == " ".join(f"warning: the tracker [mine] is slow at step {step}" for step in (40, 80)).split()
    )
    assert sum(line.startswith("vae-gan") for line in lines) == 1
    assert "vae-gan  epoch 8/20  step 400/1,000" in lines
    assert sum(" penalty" in line for line in lines) == 1


def test_the_cursor_is_shown_again_and_what_python_prints_is_its_own() -> None:
    screen, clock = Screen(), Clock()
    before = sys.stdout, sys.stderr
    progress = TerminalProgress(console(screen), clock)
    drive(progress, clock)
    assert screen.getvalue().count(HIDDEN) == 1 and SHOWN not in screen.getvalue()
    progress.finish()
    assert screen.getvalue().rstrip().endswith(SHOWN)
    assert (sys.stdout, sys.stderr) == before


def test_the_view_is_drawn_a_few_times_a_second_in_one_go() -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen), clock)
    progress.start(outlook(100_000))
    before = screen.writes
    for step in range(10_000):
        clock.now += 0.001
        progress.tick(step)
    assert screen.writes - before <= 10 / REFRESH_SECONDS
    assert screen.writes - before >= 9 / REFRESH_SECONDS


def test_a_view_that_is_dear_is_drawn_seldom() -> None:
    """Drawing takes 50 ms on this terminal: a share of `COST` of the time then, and no more."""
    clock = Clock()

    class Slow(Screen):
        def write(self, text: str) -> int:
            clock.now += 0.05
            return super().write(text)

    screen = Slow()
    progress = TerminalProgress(console(screen), clock)
    progress.start(outlook(100_000))
    began, before = clock.now, screen.writes
    for step in range(60_000):
        clock.now += 0.001
        progress.tick(step)
    spent = 0.05 * (screen.writes - before)
    assert 0 < spent / (clock.now - began) <= 1.3 * COST


def test_the_bar_moves_between_rows() -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen), clock)
    progress.start(outlook())
    progress.update(row(10))
    clock.now = 100.0
    progress.tick(123)
    assert "vae-gan  epoch 3/20  step 123/1,000" in screen.lines


def test_the_last_state_is_drawn_when_a_training_ends_early() -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen), clock)
    progress.start(outlook())
    progress.update(row(10))
    progress.update(row(20))
    progress.finish("stopped at step 20")
    assert "vae-gan  epoch 1/20  step 20/1,000" in screen.lines
    assert any(line.endswith("stopped at step 20") for line in screen.lines)


def test_a_low_window_is_never_overrun() -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen, height=8), clock)
    progress.start(outlook())
    for one in COURSE:
        clock.now += 1.0
        progress.update(one)
    progress.finish()
    assert len([line for line in screen.lines if line]) <= 8


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Nine pictures in a grid as a run draws them, the first red, the others green."""
    sheet = Image.new("RGB", (3 * 30 + 2, 3 * 30 + 2), (38, 38, 38))
    for number in range(9):
        colour = (255, 0, 0) if number == 0 else (0, 255, 0)
        sheet.paste(Image.new("RGB", (28, 28), colour), (2 + 30 * (number % 3), 2 + 30 * (number // 3)))
    sheet.save(tmp_path / "sample-00000010.png")
    return tmp_path / "sample-00000010.png"


def test_a_preview_has_the_colours_of_the_picture(grid: Path) -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen), clock, preview=True)
    progress.start(outlook())
    progress.update(row(10))
    assert "no samples yet" in screen.getvalue()
    progress.picture("sample", 10, grid)
    progress.finish()
    assert not any("no samples yet" in line for line in screen.lines)
    blocks = [line for line in screen.lines if "▀" in line]
    assert 4 <= len(blocks) <= 12 and "sample, step 10" in screen.lines
    assert "\x1b[38;2;255;0;0;48;2;255;0;0m▀" in screen.getvalue()
    assert "\x1b[38;2;0;255;0;48;2;0;255;0m▀" in screen.getvalue()


def test_256_colours_do_and_16_do_not(grid: Path) -> None:
    for colours, there in (("256", True), ("standard", False)):
        screen, clock = Screen(), Clock()
        progress = TerminalProgress(console(screen, colours=colours), clock, preview=True)
        progress.start(outlook())
        progress.update(row(10))
        progress.picture("sample", 10, grid)
        progress.finish()
        assert ("▀" in screen.getvalue()) == there
        assert ("no preview" in screen.getvalue()) != there


@pytest.mark.parametrize(("width", "height"), [(60, 12), (40, 8), (20, 4), (10, 2)])
def test_a_picture_is_as_large_as_the_room(grid: Path, tmp_path: Path, width: int, height: int) -> None:
    Image.new("L", (480, 480), 200).save(tmp_path / "scatter.png")
    Image.new("RGB", (3, 40), (1, 2, 3)).save(tmp_path / "tall.png")
    for path in (grid, tmp_path / "scatter.png", tmp_path / "tall.png"):
        lines = half_blocks(path, width, height)
        assert 1 <= len(lines) <= height
        assert len({width_of(line) for line in lines}) == 1 and width_of(lines[0]) <= width
        assert set("".join(map(plain, lines))) == {"▀"}


def test_of_a_grid_pictures_are_left_out_before_they_are_too_small(tmp_path: Path) -> None:
    sheet = Image.new("L", (8 * 30 + 2, 8 * 30 + 2), 38)
    for number in range(64):
        sheet.paste(Image.new("L", (28, 28), 250), (2 + 30 * (number % 8), 2 + 30 * (number // 8)))
    sheet.save(tmp_path / "g.png")
    middle = half_blocks(tmp_path / "g.png", 60, 12)[3]
    colours = [
        max(s.style.color.triplet)
        for s in middle
        for _ in s.text
        if s.style and s.style.color and s.style.color.triplet
    ]
    pictures = sum(a < 144 <= b for a, b in zip([0, *colours], colours, strict=False))
    assert len(colours) == 60 and pictures == 4


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_what_is_no_picture_is_left_out(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    assert half_blocks(path, 40, 10) == []


def test_a_frame_is_printed_once_and_plain_into_a_file() -> None:
    stream = io.StringIO()
    frame = Frame(Console(file=stream, width=60), preview=True)
    frame.start(outlook(), COURSE)
    frame.message("said")
    frame.finish("killed at step 400")
    frame.finish()
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("vae-gan  epoch 8/20") == 1
    assert stream.getvalue().splitlines()[1].endswith("40%  killed at step 400")


def test_what_came_too_soon_to_be_drawn_is_drawn_at_the_next_look(grid: Path) -> None:
    screen, clock = Screen(), Clock()
    progress = TerminalProgress(console(screen), clock, preview=True)
    progress.start(outlook())
    progress.update(row(10))
    progress.picture("sample", 10, grid)
    before = screen.writes
    clock.now = 1.0
    progress.tick(10)
    assert "sample, step 10" in screen.lines and screen.writes == before + 1
    clock.now = 2.0
    progress.tick(10)  # nothing is new
    assert screen.writes == before + 1
