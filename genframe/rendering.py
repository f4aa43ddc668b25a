"""Problems as text: the place, the source line with a caret under what is meant, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from genframe.errors import GenframeError, Mark, Problem

if TYPE_CHECKING:
    from rich.text import Text

_LARGEST = 4 << 20  # bytes of a file of which a line is shown
_WIDTH = 110  # columns of a source line that are shown
_MARGIN = 15  # and those of its number and of what stands for the rest of it


def render(problems: Sequence[Problem], texts: Mapping[str, str] | None = None) -> str:
    """Problems as plain text, one after the other, and a line that counts them.

    `texts` holds the sources that are no files, by the name that marks give them.
    """
    sources = _Sources(texts or {})
    parts = ["\n".join(text for text, _ in _lines(problem, sources)) for problem in problems]
    counted = [summary(problems)] if _worth_counting(problems) else []
    return "\n\n".join([*parts, *counted]) + "\n"


def print_problems(error: GenframeError, stream: TextIO | None = None) -> None:
    """Show an error's problems: in colour on a terminal, else plain."""
    print_remarks(error.problems, stream, error.texts)


def print_remarks(
    problems: Sequence[Problem], stream: TextIO | None = None, texts: Mapping[str, str] | None = None
) -> None:
    """Show problems, of what went on in spite of them."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        stream.write(render(problems, texts))
        return
    from rich.console import Console  # 60 ms that only a terminal pays

    console = Console(file=stream, highlight=False)
    text = rendered(problems, texts, max(console.width - _MARGIN, 20))
    for line in text.split():
        # What is typed next stays one line for whoever copies it.
        whole = line.plain.startswith("  ") and "Try: " in line.plain
        console.print(line, soft_wrap=whole)


def rendered(
    problems: Sequence[Problem], texts: Mapping[str, str] | None = None, width: int = _WIDTH
) -> Text:
    """The same as `render`, in the colours of a terminal; of source lines at most `width` columns."""
    from rich.text import Text

    sources = _Sources(texts or {}, min(width, _WIDTH))
    text = Text()
    for problem in problems:
        for line, style in _lines(problem, sources):
            text.append(line, _STYLES[problem.severity] if style == "head" else style).append("\n")
        text.append("\n")
    return text.append(summary(problems), "bold") if _worth_counting(problems) else text


def _worth_counting(problems: Sequence[Problem]) -> bool:
    """One thing to say that stands in no file is said already."""
    return len(problems) > 1 or any(problem.mark for problem in problems)


def summary(problems: Sequence[Problem]) -> str:
    """`3 problems in x.yaml`."""
    count = sum(problem.severity == "error" for problem in problems)
    remarks = len(problems) - count
    words = [f"{count} problem{'s' * (count != 1)}"] if count else []
    words += [f"{remarks} remark{'s' * (remarks != 1)}"] if remarks else []
    files = list(dict.fromkeys(problem.mark.file for problem in problems if problem.mark))
    where = f" in {', '.join(files[:3])}{' ...' * (len(files) > 3)}" if files else ""
    return (" and ".join(words) or "no problems") + where


_STYLES = {"error": "bold red", "remark": "bold yellow"}


@dataclass(slots=True)
class _Sources:
    """The lines of whatever marks point into."""

    texts: Mapping[str, str]
    width: int = _WIDTH
    read: dict[str, list[str]] = field(default_factory=dict)

    def line(self, mark: Mark) -> str | None:
        """The line of a mark; None where it can't be had."""
        if mark.file not in self.read:
            text = self.texts[mark.file] if mark.file in self.texts else _file_text(mark.file)
            self.read[mark.file] = text.splitlines()
        lines = self.read[mark.file]
        return lines[mark.line - 1] if 0 < mark.line <= len(lines) else None


def _file_text(file: str) -> str:
    try:
        path = Path(file)
        if path.is_file() and path.stat().st_size <= _LARGEST:
            return path.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError):
        pass
    return ""


def _lines(problem: Problem, sources: _Sources) -> list[tuple[str, str]]:
    """The lines of one problem, each with its style."""
    where = [str(problem.mark)] if problem.mark else []
    where += [problem.path] if problem.path else []
    head = f"{problem.code} {problem.message}"
    lines = [("  ".join([*where, head]), "head")]
    if problem.mark:
        lines += _excerpt(problem.mark, sources)
    hints = [f"Did you mean {problem.nearest!r}?"] if problem.nearest else []
    hints += [f"Try: {problem.command}"] if problem.command else []
    if hints:
        lines.append((f"  {'  '.join(hints)}", "green"))
    for mark, note in problem.related:
        lines.append((f"  {mark}  {note}", "cyan"))
        lines += _excerpt(mark, sources)
    return lines


def _excerpt(mark: Mark, sources: _Sources) -> list[tuple[str, str]]:
    line = sources.line(mark)
    if line is None:
        return []
    excerpt = _Excerpt(line, mark, sources.width)
    gutter = f"{mark.line:>6} | "
    return [(f"{gutter}{excerpt.text}", "dim"), (f"{' ' * (len(gutter) - 2)}| {excerpt.caret}", "bold")]


@dataclass(frozen=True)
class _Excerpt:
    """A window of a line around a mark, and the caret under it."""

    line: str
    mark: Mark
    width: int

    @cached_property
    def column(self) -> int:
        return min(max(self.mark.column - 1, 0), len(self.line))

    @cached_property
    def first(self) -> int:
        """Where the window starts: at the line's start unless the caret would lie outside."""
        return max(self.column - self.width // 2, 0) if self.column >= self.width else 0

    @property
    def text(self) -> str:
        shown = "".join(
            c if c.isprintable() else " " for c in self.line[self.first : self.first + self.width]
        )
        return f"{'...' * (self.first > 0)}{shown}{'...' * (len(self.line) > self.first + self.width)}"

    @property
    def caret(self) -> str:
        start = self.column - self.first
        length = max(min(self.mark.length, len(self.line) - self.column, self.width - start), 1)
        return " " * (start + 3 * (self.first > 0)) + "^" * length
