"""Lines of a terminal: pieces of text with styles, none wider than the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

Line = list[Segment]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines for rich to print as they are."""

    lines: Sequence[Line]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield from line
            yield Segment.line()

    @property
    def text(self) -> str:
        return "\n".join(map(plain, self.lines))


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(segment.text for segment in line)


def piece(text: str, style: str = "") -> Segment:
    return Segment(text, Style.parse(style) if style else None)


def width_of(line: Line) -> int:
    return sum(segment.cell_length for segment in line)


def padded(text: str, width: int, right: bool = False) -> str:
    """`text` filled up to `width` columns of the terminal."""
    fill = " " * (width - cell_len(text))
    return fill + text if right else text + fill


def folded(text: str, width: int) -> list[str]:
    """`text` on lines of at most `width` columns, cut at spaces, and inside of a word that is wider."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines += chop_cells(word, width) or [""]
    return lines


def joined(pieces: Iterable[Segment], width: int, gap: str = "  ", indent: int = 0) -> Iterator[Line]:
    """Pieces behind each other, as many on a line as there is room for; one that is wider itself is folded."""
    line: Line = []
    used = 0
    for segment in pieces:
        for text in folded(segment.text, width - indent):
            size = cell_len(text)
            if line and used + len(gap) + size > width:
                yield line
                line = []
            lead = gap if line else " " * indent
            used = (used if line else 0) + len(lead) + size
            line = [*line, Segment(lead), Segment(text, segment.style)]
    if line:
        yield line
