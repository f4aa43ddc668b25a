"""Wires and outputs: their keys and expressions parsed, each with its place."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from genframe.recipe.expression import Constant, Expression, ExpressionError, parse, signature
from genframe.recipe.load import kind_of
from genframe.recipe.model import Wire
from genframe.recipe.names import name_fault
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node


@dataclass(slots=True)
class Wires:
    """Parses the entries of `wires` and `outputs`.

    What can't be parsed is noted; a wire with a name stays, as None, so that its name is known.
    """

    problems: Problems

    def wire(self, key: str, node: Node, section: str) -> Wire | None:
        """One entry: `judge(v): discriminator(v, y)`."""
        path = f"{section}.{key}"
        place = node.place
        heading = self._heading(key, node, path)
        expression = self._expression(node, path) or Constant(None)
        if heading is None:
            return None
        names, params = heading
        if section == "outputs" and (len(names) > 1 or "(" not in key):
            message = f"an output is a wire with arguments: `{names[0]}(n)`, `{names[0]}(x)`"
            self.problems.add("GF412", message, place, path)
            return None
        mark, text = node.mark, node.value
        if isinstance(text, str):
            mark = mark.shifted(len(text) - len(text.lstrip()), max(len(text.strip()), 1))
            text = _one_line(text)
        return Wire(names, params, expression, mark, str(text))

    def _heading(self, key: str, node: Node, path: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        try:
            names, params = signature(key)
        except ExpressionError as error:
            mark = node.place.shifted(error.column, min(error.length, node.place.length))
            self.problems.add("GF412", error.message, mark, path)
            return None
        faults = [name_fault(name) for name in names]
        faults += [name_fault(param) for param in params if param not in ("n", "step")]
        for fault in filter(None, faults):
            self.problems.add("GF412", fault, node.place, path)
        return None if any(faults) else (names, params)

    def _expression(self, node: Node, path: str) -> Expression | None:
        match node.value:
            case bool() | None | list() | dict():
                message = f"expected an expression or a number, got {kind_of(node)}"
                if isinstance(node.value, dict):
                    message += "; an expression has no `: `"
                self.problems.add("GF411", message, node.mark, path)
                return None
            case int() | float():
                return Constant(node.value)
            case str(text):
                return self._parsed(text, node, path)
        return None

    def _parsed(self, text: str, node: Node, path: str) -> Expression | None:
        lead = len(text) - len(text.lstrip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's own remarks on `1or x` and the like
                return parse(_one_line(text))
        except ExpressionError as error:
            column = min(lead + error.column, max(node.mark.length - 1, 0))
            length = min(error.length, max(node.mark.length - column, 1))
            self.problems.add("GF411", error.message, node.mark.shifted(column, length), path)
            return None


def _one_line(text: str) -> str:
    """An expression as it is parsed: a line break is a space."""
    return text.strip().replace("\n", " ")
