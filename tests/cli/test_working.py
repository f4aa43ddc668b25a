"""What takes long is told: on a terminal with a clock, elsewhere seldom."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.file_proxy import FileProxy

from genframe.cli import working as told
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
