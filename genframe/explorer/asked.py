"""The values of a page's request, checked one by one: what is wrong is told in a sentence that the page shows."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Collection, Mapping


class Unfit(ValueError):
    """A request asks for what can't be done; its text is for the page."""


class Asked:
    """The object of a request's body."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, Mapping):
            raise Unfit(f"a request's body is an object of values, not {_came(values)}")
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """A finite number from `low` to `high`."""
        value = self.values.get(name)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise Unfit(f"{name} is a number from {low:g} to {high:g}, not {_came(value)}")
        return float(value)

    def count(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        value = self.values.get(name)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Unfit(f"{name} is a whole number from {low} to {high}, not {_came(value)}")
        return value

    def seed(self) -> int:
        return self.count("seed", 0, 2**31 - 1, 0)

    def choice(self, name: str, known: Collection[str], default: str | None = None) -> str:
        value = self.values.get(name)
        value = default if value is None else value
        if not isinstance(value, str) or value not in known:
            raise Unfit(f"{name} is one of {', '.join(known) or 'nothing here'}, not {_came(value)}")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise Unfit(f"{name} is true or false, not {_came(value)}")
        return value

    def object(self, name: str) -> Asked:
        """An object within; an empty one where it is left out."""
        value = self.values.get(name)
        return Asked({} if value is None else value)

    def numbers(self, name: str, length: int | None = None) -> list[float]:
        """Finite numbers, `length` of them."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(map(_finite, value)):
            raise Unfit(f"{name} is a list of numbers, not {_came(value)}")
        if length is not None and len(value) != length:
            raise Unfit(f"{name} has {length} numbers, not {len(value)}")
        return [float(number) for number in value]

    def data(self, name: str, length: int) -> bytes:
        """`length` bytes, as base64."""
        value = self.values.get(name)
        try:
            found = base64.b64decode(value, validate=True) if isinstance(value, str) else None
        except (binascii.Error, ValueError):
            found = None
        if found is None or len(found) != length:
            came = "something else" if found is None else f"{len(found)}"
            raise Unfit(f"{name} is {length} bytes in base64, not {came}")
        return found


def _finite(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) < 1e6
    )


def _came(value: object) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, (Mapping, list)):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
