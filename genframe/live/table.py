"""The terms of a training as a table under their players, in the lines and columns that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment

from genframe.live.course import sparkline
from genframe.live.lines import Line, folded, joined, padded, piece
from genframe.live.state import State

LEAST_ROWS = 6
"""Lines of the table in a low window; then it is cut off below."""

WIDEST = 64
"""Columns of a sparkline, at most."""

NARROWEST = 8
"""And at least: a narrower one would tell nothing, and is left out."""

_COURSE = "so far"
_ORDER = ("now", "weighted", "share", _COURSE, "validation")
_FIGURES = tuple(column for column in _ORDER if column != _COURSE)
_FALL = ("share", "validation", _COURSE, "weighted")
"""In which order columns fall away."""

_STYLES = {"now": "bold", _COURSE: "cyan"}
_GAP = "  "


def table(state: State, width: int, room: int) -> Iterator[Line]:
    """Terms under their players; where there are too many, those that weigh most, and how many there are besides."""
    rows = _rows(state)
    if not rows:
        yield from joined([piece("no figures yet", "bright_black")], width)
        return
    shown = _named(_chosen(rows, width, room))
    columns = _Columns.fitting(shown, width)
    yield columns.head()
    for player in dict.fromkeys(row.player for row in shown):
        yield from _player(state, player, width)
        for row in (row for row in shown if row.player == player):
            yield from columns.row(row, state)
    if len(shown) < len(rows):
        hidden = len(rows) - len(shown)
        yield from joined([piece(f" and {hidden} more terms: metrics.jsonl has all", "bright_black")], width)


def number(value: float) -> str:
    return f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class _Row:
    """A term of a player: what it is called, and its figures."""

    player: str
    term: str
    raw: float
    weighted: float | None
    validation: float | None
    share: float | None
    load: float
    name: str = ""

    def text(self, column: str) -> str:
        """A figure as it is shown; the weighted term where it is another number than the raw one."""
        match column:
            case "now":
                return number(self.raw)
            case "weighted":
                text = "" if self.weighted is None else number(self.weighted)
                return "" if text == number(self.raw) else text
            case "share":
                return "" if self.share is None else f"{self.share:.0%}"
        return "" if self.validation is None else number(self.validation)


def _rows(state: State) -> list[_Row]:
    rows = []
    for player, terms in state.players.items():
        for term in terms:
            key = f"{player}.{term}"
            load = state.loads.get(key, -1.0)  # what only stands in the log comes after what is minimised
            raw = state.terms.get(term)
            if raw is not None:
                weighted, validation = state.weighted.get(key), state.validation.get(term)
                share = state.shares.get(key)
                rows.append(_Row(player, term, raw, weighted, validation, share, load, f" {term}"))
    return rows


def _named(rows: list[_Row]) -> list[_Row]:
    """Parts of a term stand under it: `objective/rate` as `/rate`; alone they keep their whole name."""
    there = {(row.player, row.term) for row in rows}
    return [
        replace(row, name=f"  /{part}") if part and (row.player, whole) in there else row
        for row in rows
        for whole, _, part in [row.term.partition("/")]
    ]


def _chosen(rows: list[_Row], width: int, room: int) -> list[_Row]:
    """As many rows as fit with their players' lines; the first of a player comes before the second of any."""
    place: dict[str, int] = {}
    rank = {}
    for row in sorted(rows, key=lambda row: -row.load):
        rank[row.player, row.term] = (place.setdefault(row.player, 0), -row.load)
        place[row.player] += 1
    best = sorted(rows, key=lambda row: rank[row.player, row.term])
    tall = 1 + 2 * len(place)  # the columns' heads, and of each player a line, or two
    lines = [len(folded(row.name, max(width // 2, 1))) for row in best]
    if tall + sum(lines) <= room:
        return rows
    taken, count = tall + 1, 0
    while count < len(best) and (taken + lines[count] <= room or count < LEAST_ROWS // 2):
        taken, count = taken + lines[count], count + 1
    kept = {(row.player, row.term) for row in best[:count]}
    return [row for row in rows if (row.player, row.term) in kept]


def _player(state: State, player: str, width: int) -> Iterator[Line]:
    told = [piece(player or "others", "bold")]
    if (rate := state.rates.get(player)) is not None:
        told.append(piece(f"lr {number(rate)}", "bright_black"))
    if (norm := state.gradients.get(player)) is not None:
        told.append(piece(f"gradient {number(norm)}", "bright_black"))
    if (update := state.updates.get(player)) is not None:
        told.append(piece(f"update {100 * update:.2g} %", "bright_black"))
    yield from joined(told, width)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that fit, from the left, with their widths: `term`, figures by name, and `so far`."""

    widths: Mapping[str, int]

    @classmethod
    def fitting(cls, rows: Sequence[_Row], width: int) -> _Columns:
        """What there is to show; where there is no room names fold, and then the less important columns fall away."""
        name = max(len("term"), *(cell_len(row.name) for row in rows))
        sizes = {}
        for column in _FIGURES:
            texts = [text for row in rows if (text := row.text(column))]
            if texts:
                sizes[column] = max(len(column), *map(len, texts))
        for left_out in range(len(_FALL) + 1):
            kept = {column: size for column, size in sizes.items() if column not in _FALL[:left_out]}
            course = 0 if _COURSE in _FALL[:left_out] else NARROWEST + len(_GAP)
            left = width - sum(size + len(_GAP) for size in kept.values())
            if min(name, max(width // 3, 12)) + course <= left:
                name = min(name, left - course)
                wide = {_COURSE: min(left - name - len(_GAP), WIDEST)} if course else {}
                widths = {"term": name, **kept, **wide}
                return cls({column: widths[column] for column in ("term", *_ORDER) if column in widths})
        return cls({"term": max(width - sizes["now"] - len(_GAP), 1), "now": sizes["now"]})

    def head(self) -> Line:
        words = [padded(column, size, column in _FIGURES) for column, size in self.widths.items()]
        return [piece(_GAP.join(words).rstrip(), "bright_black")]

    def row(self, row: _Row, state: State) -> Iterator[Line]:
        """A line; more where the name is too long for its column."""
        room = self.widths["term"]
        names = [row.name] if cell_len(row.name) <= room else _broken(row.name, room)
        line = [piece(padded(names[0], room))]
        for column, size in list(self.widths.items())[1:]:
            if column == _COURSE:
                course = state.courses.get(row.term)
                text = padded(sparkline(course.points(size)) if course else "", size)
            else:
                text = padded(row.text(column), size, True)
            line += [piece(_GAP), piece(text, _STYLES.get(column, ""))]
        yield _without_end(line)
        yield from ([piece(name)] for name in names[1:])


def _without_end(line: Line) -> Line:
    """Without the spaces behind the last word."""
    while line and not line[-1].text.strip():
        line = line[:-1]
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)] if line else line


def _broken(name: str, width: int) -> list[str]:
    """A long name on several lines, the further ones indented."""
    indent = " " * (len(name) - len(name.lstrip()) + 1)
    first, *rest = folded(name.strip(), max(width - len(indent), 1))
    return [indent[1:] + first, *(indent + line for line in rest)]
