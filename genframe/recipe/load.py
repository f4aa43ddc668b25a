"""YAML text to a tree in which every key and value knows its place.

PyYAML reads the events; what they mean is decided here, by YAML 1.2. The events come one at a time, so the
limits on depth and size hold before any nesting is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from genframe.errors import Mark
from genframe.recipe.problems import Problems
from genframe.recipe.scalars import ScalarError, resolve
from genframe.recipe.tree import Node

MAX_SIZE = 1 << 20
"""Characters of one text."""
MAX_DEPTH = 40
"""Mappings and lists inside one another."""
MAX_NODES = 20_000
"""Values of one text, those that aliases repeat included."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def load(text: str, file: str) -> Node:
    """The mapping that a recipe's text holds. Raises RecipeError with the place of what is wrong."""
    problems = Problems()
    node = parse(text, file, problems)
    if node is None or node.value is None:
        if not problems:
            problems.add("GF111", "the recipe is empty; it starts with `genframe: 1`", Mark(file, 1, 1))
    elif not isinstance(node.value, dict):
        message = f"a recipe is a mapping of keys to values, not {kind_of(node)}"
        problems.add("GF112", message, node.mark)
    problems.raise_errors()
    assert node is not None
    return node


def parse(text: str, file: str, problems: Problems, column: int = 0) -> Node | None:
    """Any YAML value, or None where there is none; what is wrong is added to `problems`.

    `column` is where the text starts in its line.
    """
    if len(text) > MAX_SIZE:
        message = f"a recipe has at most {MAX_SIZE} characters, this one {len(text)}"
        problems.add("GF109", message, Mark(file, 1, 1 + column))
        return None
    forbidden = _FORBIDDEN.search(text.removeprefix("\ufeff"))
    if forbidden:
        shown = f"U+{ord(forbidden[0]):04X}"
        mark = _mark_at(text, forbidden.start(), file, column)
        problems.add("GF102", f"the character {shown} may not stand in YAML", mark)
        return None
    builder = _Builder(yaml.parse(text, Loader=_LOADER), file, column, text, problems)
    try:
        return builder.document()
    except yaml.MarkedYAMLError as error:
        builder.syntax_error(error)
    except _TooMuch:
        pass
    return None


def kind_of(node: Node) -> str:
    """What a value is, in words."""
    match node.value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "a mapping"


class _TooMuch(Exception):
    """A limit was passed; the problem is noted."""


class _Builder:
    """Builds the tree from the parser's events."""

    def __init__(
        self, events: Iterator[yaml.Event], file: str, column: int, text: str, problems: Problems
    ) -> None:
        self.events, self.file, self.column, self.text, self.problems = events, file, column, text, problems
        self.anchors: dict[str, tuple[Node, int] | None] = {}  # with how many nodes each holds
        self.count = self.depth = 0

    def document(self) -> Node | None:
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        node = self._node(event)
        self._next()  # the document's end
        event = self._next()
        if isinstance(event, yaml.DocumentStartEvent):
            message = "a second document starts here; a recipe is one"
            self.problems.add("GF110", message, self._mark(event))
        return node

    def syntax_error(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        lines = _LINE_BREAK.split(self.text)
        line = min(mark.line, len(lines) - 1) if mark else 0
        column = mark.column if mark and line == mark.line else len(lines[line])
        place = self._place(line, column)
        if "\t" in lines[line][: column + 1]:
            self.problems.add("GF104", "a tab stands here; YAML indents with spaces", place)
            return
        context = f", {error.context}" if error.context else ""
        self.problems.add("GF103", f"this is not YAML: {error.problem or 'it ends early'}{context}", place)

    def _next(self) -> Any:
        return next(self.events)

    def _node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        start = self.count
        self._counted(event, 1)
        if event.tag is not None:
            message = f"a recipe has no YAML tags; {event.tag!r} goes without, or as quoted text"
            self.problems.add("GF107", message, self._mark(event))
        if event.anchor is not None:
            self.anchors[event.anchor] = None  # until it is whole
        node = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.count - start)
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        name = str(event.anchor)
        found = self.anchors.get(name)
        if found is None:
            inside = name in self.anchors
            reason = "stands inside what it names" if inside else "names no anchor before it"
            self.problems.add("GF108", f"the alias *{name} {reason}", self._mark(event))
            return Node(None, self._mark(event))
        node, size = found
        self._counted(event, size)
        return node

    def _collection(self, event: Any) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._too_much(f"a recipe nests at most {MAX_DEPTH} deep", event)
        value: list[Node] | dict[str, Node]
        if isinstance(event, yaml.SequenceStartEvent):
            value, end = self._list()
        else:
            value, end = self._mapping()
        self.depth -= 1
        mark = self._mark(event)
        if event.start_mark.line == end.end_mark.line:
            mark = replace(mark, length=max(end.end_mark.column - event.start_mark.column, 1))
        return Node(value, mark)

    def _list(self) -> tuple[list[Node], Any]:
        items: list[Node] = []
        event = self._next()
        while not isinstance(event, yaml.SequenceEndEvent):
            items.append(self._node(event))
            event = self._next()
        return items, event

    def _mapping(self) -> tuple[dict[str, Node], Any]:
        entries: dict[str, Node] = {}
        event = self._next()
        while not isinstance(event, yaml.MappingEndEvent):
            key, place = self._key(event)
            node = replace(self._node(self._next()), key=place)
            self._enter(entries, key, node)
            event = self._next()
        return entries, event

    def _key(self, event: Any) -> tuple[str, Mark]:
        """The text of a key: `y`, `on` and `1` are words here."""
        if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.value:
            self._counted(event, 1)
            if event.value == "<<" and not event.style:
                message = "merge keys are not part of a recipe; what recipes share is a base: `extends:`"
                self.problems.add("GF106", message, self._mark(event))
            return event.value, self._mark(event)
        mark = self._mark(event)
        self._node(event)
        self.problems.add("GF113", "a key is text, and this one is not", mark)
        return f" {mark}", mark  # a key that no text spells

    def _enter(self, entries: dict[str, Node], key: str, node: Node) -> None:
        if key in entries:
            first = entries[key].place
            message = f"the key {key!r} is written twice in this mapping"
            self.problems.add("GF105", message, node.place, related=((first, "the first one"),))
        else:
            entries[key] = node

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        mark = self._mark(event)
        if event.style or event.tag is not None:
            return Node(event.value, mark)
        try:
            return Node(resolve(event.value), mark)
        except ScalarError as error:
            self.problems.add("GF114", str(error), mark)
            return Node(None, mark)

    def _counted(self, event: Any, nodes: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            self._too_much(f"a recipe holds at most {MAX_NODES} values, aliases written out", event)

    def _too_much(self, message: str, event: Any) -> None:
        self.problems.add("GF109", message, self._mark(event))
        raise _TooMuch

    def _mark(self, event: Any) -> Mark:
        """The place of an event; of a quoted or block scalar that of its content."""
        start, end, style = event.start_mark, event.end_mark, getattr(event, "style", None)
        if style in ("|", ">"):
            return self._block_content(start.line)
        length = end.column - start.column if end.line == start.line else 1
        if style in ("'", '"'):
            return self._place(start.line, start.column + 1, max(length - 2, 1))
        return self._place(start.line, start.column, max(length, 1))

    def _block_content(self, header: int) -> Mark:
        """The first line with text below the header of a block scalar."""
        lines = _LINE_BREAK.split(self.text)
        line = next((i for i in range(header + 1, len(lines)) if lines[i].strip()), header)
        content = lines[line]
        return self._place(line, len(content) - len(content.lstrip(" ")), max(len(content.strip()), 1))

    def _place(self, line: int, column: int, length: int = 1) -> Mark:
        shift = self.column if line == 0 else 0
        return Mark(self.file, line + 1, column + 1 + shift, length)


def _mark_at(text: str, index: int, file: str, column: int) -> Mark:
    lines = _LINE_BREAK.split(text[:index])
    return Mark(file, len(lines), len(lines[-1]) + 1 + (column if len(lines) == 1 else 0))
