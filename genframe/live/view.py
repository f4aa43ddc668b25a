"""The view of a training: from its state to lines that fit the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from math import isfinite

from rich.cells import cell_len, set_cell_size

from genframe.live.lines import Line, folded, joined, piece, width_of
from genframe.live.pace import duration
from genframe.live.state import State
from genframe.live.table import LEAST_ROWS, table

LEAST_BAR = 8
"""Columns of the bar of progress; in a narrower window it is left out."""

WIDE = 100
"""Columns from which on a picture stands beside the table."""

MOST_ALARMS = 4

_GAP = "  "


def view(state: State, width: int, height: int, picture: Sequence[Line] = ()) -> list[Line]:
    """A training on `height` lines of `width` columns; `picture` stands below, or beside where there is room.

    What there is no room for goes by its weight: columns first, then terms, of which it is said how many.
    """
    beside = state.preview is not None and bool(picture) and width >= WIDE
    left = width - width_of(picture[0]) - 3 if beside else width
    above = [*_head(state, left)]
    below = [*_alarms(state, left, max(height // 6, 2))]
    drawn = [] if beside else [*_framed(state, picture, left)]
    room = max(height - len(above) - len(below) - len(drawn), LEAST_ROWS)
    lines = [*above, *table(state, left, room), *below, *drawn]
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
    if room < LEAST_BAR:
        yield from ([piece(line)] for line in folded(told.strip(), width))
        return
    done = min(int(share * room), room)
    colour = "green" if share >= 1 else "cyan"
    yield [piece("━" * done, colour), piece("━" * (room - done), "bright_black"), piece(told)]


def _alarms(state: State, width: int, room: int) -> Iterator[Line]:
    """Those that ring, with the step since when; where none does, the last. Long ones are cut: the log has all."""
    ringing = list(state.ringing.items())
    each = max(room // max(min(len(ringing), MOST_ALARMS), 1), 1)
    for name, text in ringing[:MOST_ALARMS]:
        told = f"! {name}, since step {state.since[name]:,}: {text}"
        yield from ([piece(line, "yellow")] for line in _cut(folded(told, width), each))
    if len(ringing) > MOST_ALARMS:
        yield [piece(f"! and {len(ringing) - MOST_ALARMS} more alarms"[:width], "yellow")]
    if not ringing and state.last_alarm:
        lines = _cut(folded(f"last alarm {state.last_alarm}", width), max(room // 2, 1))
        yield from ([piece(line, "bright_black")] for line in lines)


def _cut(lines: list[str], most: int) -> list[str]:
    """With an ellipsis where lines are left out."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    return [*lines[: most - 1], f"{set_cell_size(last, cell_len(last) - 1)}…"]


def _framed(state: State, picture: Sequence[Line], width: int) -> Iterator[Line]:
    """The picture under a line that says what it is; what is said in its place."""
    if picture and state.preview is not None:
        name, step, _ = state.preview
        yield from ([piece(line, "bright_black")] for line in folded(f"{name}, step {step:,}", width))
    yield from picture


def _side_by_side(left: list[Line], right: list[Line], width: int) -> Iterator[Line]:
    nothing: Line = []
    for one, other in zip_longest(left, right, fillvalue=nothing):
        fill = " " * (width + 3 - width_of(one)) if other else ""
        yield [*one, piece(fill), *other]
