"""The view of a training: from its state to lines that fit the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import isfinite

from rich.cells import cell_len

from genframe.live.course import sparkline
from genframe.live.lines import Line, folded, joined, padded, piece, width_of
from genframe.live.pace import duration
from genframe.live.state import State

LEAST_ROWS = 6
"""Terms that a low window shows at least; then it is cut off below."""

WIDEST = 64
"""Columns of a sparkline, at most."""

NARROWEST = 8
"""And at least: a narrower one would tell nothing, and is left out."""

WIDE = 100
"""Columns from which on a picture stands beside the table."""

MOST_ALARMS = 4

_GAP = "  "


def view(state: State, width: int, height: int, picture: Sequence[Line] = ()) -> list[Line]:
    """A training on `height` lines of `width` columns; `picture` stands below, or beside where there is room.

    What there is no room for goes by its weight: columns first, then terms, of which it is said how many.
    """
    beside = bool(picture) and width >= WIDE
    left = width - width_of(picture[0]) - 3 if beside else width
    above = [*_head(state, left)]
    below = [*_alarms(state, left)]
    drawn = [] if beside else [*_framed(state, picture, left)]
    room = max(height - len(above) - len(below) - len(drawn), LEAST_ROWS)
    lines = [*above, *_table(state, left, room), *below, *drawn]
    return list(_side_by_side(lines, [*_framed(state, picture, width - left - 3)], left)) if beside else lines


def _head(state: State, width: int) -> Iterator[Line]:
    outlook = state.outlook
    epochs = f"/{outlook.epochs:,}" if outlook.epochs else ""
    where = [piece(outlook.recipe, "bold")] if outlook.recipe else []
    where += [piece(f"epoch {state.epoch:,}{epochs}")] if state.epoch else []
    if not outlook.total:
        yield from joined([*where, piece(state.ended or "has not begun")], width)
        return
    yield from joined([*where, piece(f"step {state.step:,}/{outlook.total:,}")], width)
    left = state.ended or f"{duration(state.remaining)} left"
    yield from _bar(state.step / max(outlook.total, 1), left, width)
    figures = [f"{state.speed:,.0f} images/s"] if state.speed is not None else []
    if state.afterwards is not None and not state.ended:
        known = isfinite(state.afterwards)
        figures.append(
            f"evaluation {duration(state.afterwards)} of it" if known else "evaluation not counted"
        )
    figures += [f"on {outlook.device}"] if outlook.device else []
    yield from joined([piece(figure) for figure in figures], width)


def _bar(share: float, text: str, width: int) -> Iterator[Line]:
    """A bar with its share and a text behind it."""
    told = f" {min(max(share, 0), 1):4.0%}{_GAP}{text}"
    room = width - len(told)
    if room < NARROWEST:
        yield from ([piece(line)] for line in folded(told.strip(), width))
        return
    done = min(int(share * room), room)
    colour = "green" if share >= 1 else "cyan"
    yield [piece("━" * done, colour), piece("━" * (room - done), "bright_black"), piece(told)]


@dataclass(frozen=True, slots=True)
class _Row:
    """A term of a player: what it is called, and its figures."""

    player: str
    term: str
    raw: float
    weighted: float | None
    validation: float | None
    load: float
    name: str = ""

    @property
    def differs(self) -> bool:
        return self.weighted is not None and _number(self.weighted) != _number(self.raw)


def _rows(state: State) -> list[_Row]:
    rows = []
    for player, terms in state.players.items():
        for term in terms:
            key = f"{player}.{term}"
            load = state.loads.get(key, -1.0)  # what only stands in the log comes after what is minimised
            raw = state.terms.get(term)
            if raw is not None:
                weighted, validation = state.weighted.get(key), state.validation.get(term)
                rows.append(_Row(player, term, raw, weighted, validation, load, f" {term}"))
    return rows


def _named(rows: list[_Row]) -> list[_Row]:
    """Parts of a term stand under it: `objective/rate` as `/rate`; alone they keep their whole name."""
    there = {(row.player, row.term) for row in rows}
    return [
        replace(row, name=f"  /{part}") if part and (row.player, whole) in there else row
        for row in rows
        for whole, _, part in [row.term.partition("/")]
    ]


def _table(state: State, width: int, room: int) -> Iterator[Line]:
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
        told.append(piece(f"lr {_number(rate)}", "bright_black"))
    if (norm := state.gradients.get(player)) is not None:
        told.append(piece(f"gradient {_number(norm)}", "bright_black"))
    if (update := state.updates.get(player)) is not None:
        told.append(piece(f"update {100 * update:.2g} %", "bright_black"))
    yield from joined(told, width)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The widths of the columns; 0 for one that is left out."""

    name: int
    raw: int
    weighted: int
    course: int
    validation: int

    @classmethod
    def fitting(cls, rows: Sequence[_Row], width: int) -> _Columns:
        """All there is to show, less by less important columns until it fits: validation, course, weighted."""
        raw = max(len("now"), *(len(_number(row.raw)) for row in rows))
        weights = [len(_number(row.weighted)) for row in rows if row.differs and row.weighted is not None]
        weighted = max(len("weighted"), *weights) if weights else 0
        seen = [len(_number(row.validation)) for row in rows if row.validation is not None]
        validation = max(len("validation"), *seen) if seen else 0
        name = max(len("term"), *(cell_len(row.name) for row in rows))
        for leave_out in (
            (),
            ("validation",),
            ("validation", "course"),
            ("validation", "course", "weighted"),
        ):
            sizes = {"raw": raw, "weighted": weighted, "validation": validation}
            sizes = {key: 0 if key in leave_out else size for key, size in sizes.items()}
            taken = sum(size + len(_GAP) for size in sizes.values() if size)
            course = 0 if "course" in leave_out else NARROWEST + len(_GAP)
            least = min(name, max(width // 3, 12))  # a name folds before a column falls away
            if least + taken + course <= width:
                name = min(name, width - taken - course)
                course = min(width - name - taken - len(_GAP), WIDEST) if course else 0
                return cls(name, course=course, **sizes)
        return cls(max(width - raw - len(_GAP), 1), raw, 0, 0, 0)

    def head(self) -> Line:
        words = [padded("term", self.name), padded("now", self.raw, True)]
        words += [padded("weighted", self.weighted, True)] if self.weighted else []
        words += [padded("so far", self.course)] if self.course else []
        words += [padded("validation", self.validation, True)] if self.validation else []
        return [piece(_GAP.join(words).rstrip(), "bright_black")]

    def row(self, row: _Row, state: State) -> Iterator[Line]:
        """A line; more where the name is too long for its column."""
        names = [row.name] if cell_len(row.name) <= self.name else _broken(row.name, self.name)
        line = [
            piece(padded(names[0], self.name)),
            piece(_GAP),
            piece(padded(_number(row.raw), self.raw, True), "bold"),
        ]
        if self.weighted:
            text = _number(row.weighted) if row.differs and row.weighted is not None else ""
            line += [piece(_GAP), piece(padded(text, self.weighted, True))]
        if self.course:
            points = state.courses[row.term].points(self.course) if row.term in state.courses else []
            bars = sparkline(points)
            line += [piece(_GAP), piece(padded(bars, self.course) if self.validation else bars, "cyan")]
        if self.validation:
            text = _number(row.validation) if row.validation is not None else ""
            line += [piece(_GAP), piece(padded(text, self.validation, True))]
        yield line
        yield from ([piece(name)] for name in names[1:])


def _broken(name: str, width: int) -> list[str]:
    """A long name on several lines, the further ones indented."""
    indent = " " * (len(name) - len(name.lstrip()) + 1)
    first, *rest = folded(name.strip(), max(width - len(indent), 1))
    return [indent[1:] + first, *(indent + line for line in rest)]


def _alarms(state: State, width: int) -> Iterator[Line]:
    """Those that ring, with the step since when; where none does, the last that did."""
    ringing = list(state.ringing.items())
    for name, text in ringing[:MOST_ALARMS]:
        told = f"! {name}, since step {state.since[name]:,}: {text}"
        yield from ([piece(line, "yellow")] for line in folded(told, width))
    if len(ringing) > MOST_ALARMS:
        yield [piece(f"! and {len(ringing) - MOST_ALARMS} more alarms"[:width], "yellow")]
    if not ringing and state.last_alarm:
        yield from ([piece(line, "bright_black")] for line in folded(f"last alarm {state.last_alarm}", width))


def _framed(state: State, picture: Sequence[Line], width: int) -> Iterator[Line]:
    """The picture under a line that says what it is."""
    if picture and state.preview is not None:
        name, step, _ = state.preview
        yield from ([piece(line, "bright_black")] for line in folded(f"{name}, step {step:,}", width))
        yield from picture


def _side_by_side(left: list[Line], right: list[Line], width: int) -> Iterator[Line]:
    nothing: Line = []
    for one, other in zip_longest(left, right, fillvalue=nothing):
        fill = " " * (width + 3 - width_of(one)) if other else ""
        yield [*one, piece(fill), *other]


def _number(value: float) -> str:
    return f"{value:.4g}"
