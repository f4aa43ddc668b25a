"""Names that a recipe gives: to instances, datasets, players, wires and to itself."""

from __future__ import annotations

import keyword
import re

RESERVED_NAMES = ("batch_size", "n", "step")
"""Numbers that the engine provides under these names."""

_RECIPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_LONGEST = 100


def name_fault(name: str) -> str | None:
    """Why a name can't stand in an expression; None where it can."""
    if not name.isidentifier() or not name.isascii() or name.startswith("__"):
        return f"{name[:80]!r} is not a name: letters, digits and _ make one"
    if keyword.iskeyword(name):
        return f"{name!r} is a word of Python and can't stand in an expression"
    if len(name) > _LONGEST:
        return f"a name has at most {_LONGEST} characters"
    if name in RESERVED_NAMES:
        return f"{name!r} is reserved: it is a number that the engine provides"
    return None


def title_fault(name: str, of: str = "recipe") -> str | None:
    """Why a name can't be that of a recipe, and so of its runs' folders, or of a sampler; None where it can."""
    if not _RECIPE.fullmatch(name):
        return f"{name[:80]!r} is not a {of}'s name: letters, digits, _ . + and - make one"
    return f"a name has at most {_LONGEST} characters" if len(name) > _LONGEST else None


def stem_name(stem: str) -> str:
    """A recipe's name from that of its file."""
    kept = re.sub(r"[^A-Za-z0-9_.+-]+", "-", stem).strip("-._+")[:_LONGEST]
    return kept or "recipe"
