"""Wires of several arguments as wires of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def partial(wire: Callable[..., Any], given: Any) -> Callable[[Any], Any]:
    """`partial(observe, c)`: the function z -> observe(z, c), for what asks for a wire of one argument."""
    return lambda value: wire(value, given)
