"""What takes long is told: on a terminal with a clock, elsewhere seldom."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.file_proxy import FileProxy

from genframe.cli import working as told
from genframe.cli.tables import folded, say
from genframe.cli.working import working


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm", "COLUMNS": "60", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("narrow")
def test_a_terminal_of_sixty_columns_reads_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with working("opening the data") as work:
        work.begin("fid, 3 of 8")
        work.tell("features of 10,000 test pictures by the classifier [mnist], 45 %, about 12 s left")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert max(map(len, shown.replace("\r", "\n").splitlines())) <= 60
    words = " ".join(re.sub(r"[^\w\[\]%, ]|\d:\d\d:\d\d", " ", shown).split())
    assert "about 12 s left" in words and "[mnist]" in words
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l")
    assert not isinstance(sys.stderr, FileProxy)


def test_elsewhere_short_work_says_nothing_and_long_work_little(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(told.time, "monotonic", lambda: now)
    with working("drawing") as work:
        for second in range(0, 200):
            now = float(second)
            work.tell(f"second {second}")
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == "second 5\nsecond 65\nsecond 125\nsecond 185\n"


TEXT = "the prior nearly holds: codes of data are not where p(z) draws from, so try a sampler fitted after the fact"


@pytest.mark.parametrize(
    ("head", "indent"), [("", 0), ("    ", 4), ("- ", 2), ("  minimises  ", 13), ("remark      ", 12)]
)
def test_a_long_line_is_folded_under_its_text(head: str, indent: int) -> None:
    lines = folded(head + TEXT, 60)
    assert len(lines) > 1 and max(map(len, lines)) <= 60
    assert all(line.startswith(" " * indent) and line[indent] != " " for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == " ".join((head + TEXT).split())


def test_a_path_stays_whole_and_a_short_line_as_it_is() -> None:
    path = "/tmp/" + "long-" * 20 + "name"
    assert path in folded(f"written to {path}", 60)
    assert folded("a    table   of  words", 60) == ["a    table   of  words"]


@pytest.mark.usefixtures("narrow")
def test_nothing_is_folded_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(TEXT)
    assert capsys.readouterr().out == f"{TEXT}\n"
