"""What a plain YAML scalar means: the core schema of YAML 1.2, in which `on` and `12:30` are words."""

from __future__ import annotations

import math
import re

from genframe.recipe.expression import Scalar

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = (".nan", ".NaN", ".NAN")
_LARGEST = 2**63 - 1
_MOST_DIGITS = 70  # of any notation, leading zeros included; Python refuses to convert some thousands


class ScalarError(ValueError):
    """A number that no 64 bits hold."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar: null, true, false, an integer, a float, or else the text itself.

    Raises ScalarError for an integer beyond 64 bits and for a float that overflows.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ScalarError(f"{_shortened(text)} is too large for a float of 64 bits")
        return number
    if _INFINITY.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if text in _NAN else text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    number = int(text, base) if len(text) <= _MOST_DIGITS else _LARGEST + 1
    if abs(number) > _LARGEST:
        raise ScalarError(f"{_shortened(text)} is too large for an integer of 64 bits")
    return number


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:12]}... ({len(text)} characters)"
