"""Problems as text: the place, the line, a caret under what is meant, and what to do."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from genframe.errors import Mark, Problem, RecipeError
from genframe.rendering import print_problems, render, rendered, summary

TEXT = "genframe: 1\nencoder: {use: mlp, hiden: [3]}\n"
PROBLEM = Problem(
    "GF202",
    "nets/mlp has no option 'hiden'",
    Mark("r.yaml", 2, 21, 5),
    "encoder.hiden",
    "hidden",
    "genframe show encoder nets/mlp",
    ((Mark("base.yaml", 1, 1), "the base"),),
)


def test_a_problem_shows_place_line_caret_and_remedy() -> None:
    assert render([PROBLEM], {"r.yaml": TEXT}) == (
        "r.yaml:2:21  encoder.hiden  GF202 nets/mlp has no option 'hiden'\n"
        "     2 | encoder: {use: mlp, hiden: [3]}\n"
        "       |                     ^^^^^\n"
        "  Did you mean 'hidden'?  Try: genframe show encoder nets/mlp\n"
        "  base.yaml:1:1  the base\n"
        "\n"
        "1 problem in r.yaml\n"
    )


def test_lines_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(TEXT)
    text = render([Problem("GF1", "wrong", Mark(str(file), 1, 1, 8))])
    assert "     1 | genframe: 1\n       | ^^^^^^^^\n" in text


def test_a_place_that_is_not_there_is_only_named() -> None:
    for mark in (Mark("nothing.yaml", 1, 1), Mark("r.yaml", 99, 1), Mark("a\0b", 1, 1), None):
        text = render([Problem("GF1", "wrong", mark)], {"r.yaml": TEXT})
        assert "GF1 wrong" in text and "|" not in text


def test_the_caret_stays_inside_the_line() -> None:
    text = render([Problem("GF1", "wrong", Mark("r", 1, 90, 500))], {"r": "short"})
    assert "     1 | short\n       |      ^\n" in text


def test_a_long_line_is_shown_around_the_caret() -> None:
    line = "a" * 5000 + "b" + "c" * 5000
    text = render([Problem("GF1", "wrong", Mark("r", 1, 5001))], {"r": line})
    shown, caret = text.splitlines()[1:3]
    assert shown[caret.index("^")] == "b"
    assert max(map(len, text.splitlines())) < 140


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render([Problem("GF1", "wrong", Mark("r", 1, 1))], {"r": "\x1b[31m red"})


def test_the_summary_counts() -> None:
    remark = Problem("GF216", "a remark", Mark("r.yaml", 1, 1), severity="remark")
    assert summary([PROBLEM, PROBLEM, remark]) == "2 problems and 1 remark in r.yaml"
    assert summary([]) == "no problems"


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    error = RecipeError(PROBLEM)
    error.texts = {"r.yaml": TEXT}
    plain = io.StringIO()
    print_problems(error, plain)
    assert plain.getvalue() == render([PROBLEM], error.texts)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    print_problems(error, terminal)
    assert "hiden" in terminal.getvalue()
    assert rendered([PROBLEM], error.texts).plain.rstrip() == render([PROBLEM], error.texts).rstrip()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_in_a_narrow_terminal_the_caret_stays_under_what_is_meant(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences are folded, source lines shortened around the caret; the next command stays one line."""
    line = f"encoder: {{use: mlp, hidden: [{', '.join(['400'] * 12)}], hiden: 3, dropout: 0.5, norm: batch, more: 1}}"
    command = "genframe show encoder nets/mlp --of-a-plugin /with/a/long/path/to/its/files/parts.py"
    problem = Problem(
        "GF202", "nets/mlp has no option that is called so, " * 4, Mark("r.yaml", 1, line.index("hiden:") + 1, 5),
        "encoder.hiden", nearest="hidden", command=command,
    )  # fmt: skip
    error = RecipeError(problem)
    error.texts = {"r.yaml": line}
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    print_problems(error, terminal)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).splitlines()
    place = next(number for number, text in enumerate(lines) if "^" in text)
    caret = lines[place].index("^")
    assert lines[place - 1][caret : caret + 5] == "hiden" and lines[place].count("^") == 5
    assert [text for text in lines if len(text) > width] in (
        [],
        [f"  Did you mean 'hidden'?  Try: {command}"],
    )
    assert any(text.endswith(command) for text in lines)
