"""Where a recipe's text comes from: a file, a recipe that a plugin ships, YAML text, or a Python mapping."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genframe.errors import Mark, Problem, RecipeError
from genframe.recipe.dump import UnwritableError, dump
from genframe.recipe.load import MAX_SIZE
from genframe.recipe.problems import Problems
from genframe.registry import LookupProblem, Registry

INLINE = "<recipe>"
"""What marks call a recipe that is no file."""

SUFFIXES = (".yaml", ".yml")

RESOLVED = "resolved.yaml"
"""The whole recipe in a run's folder."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recipe's text. `file` is what marks call it, `folder` what its relative paths start from."""

    text: str
    file: str
    folder: Path
    stem: str


def open_source(source: str | Path | Mapping[str, Any], registry: Registry) -> Source:
    """The text that a caller means. Raises RecipeError.

    A string is YAML text if it holds a line break or `: `, a path if it ends in `.yaml` or `.yml`, and else
    the name of a recipe that a plugin ships.
    """
    if isinstance(source, Mapping):
        return _mapping_source(source)
    text = str(source)
    if isinstance(source, str) and ("\n" in text or ": " in text):
        return Source(text, INLINE, Path.cwd(), "recipe")
    if isinstance(source, Path) or text.endswith(SUFFIXES):
        return read_source(Path(source), Mark(text, 1, 1))
    try:
        return read_source(registry.find_recipe(text).path, Mark(text, 1, 1))
    except LookupProblem as problem:
        own = Path(text) / RESOLVED
        if not os.path.isfile(own):  # noqa: PTH113, which raises for a text that is too long for a name
            raise RecipeError(problem.at(Mark(text, 1, 1))) from None
        message = f"{text!r} is a run, not a recipe; it holds the one that it was trained by"
        raise RecipeError(Problem("GF301", message, Mark(text, 1, 1), nearest=str(own))) from None


def read_source(path: Path, cited: Mark, at: str = "") -> Source:
    """A recipe file. `cited` and `at` say where it was asked for. Raises RecipeError."""
    problems = Problems()
    text = ""
    try:
        if not path.is_file():
            there = "is a folder, not a file" if path.is_dir() else "does not exist"
            message = f"the recipe {str(path)!r} {there}"
            problems.add("GF101", message, cited, at, command="genframe recipes list")
        elif path.stat().st_size > 4 * MAX_SIZE:
            problems.add("GF109", f"a recipe has at most {MAX_SIZE} characters", Mark(str(path), 1, 1))
        else:
            text = _decoded(path.read_bytes(), str(path), problems)
    except (OSError, ValueError) as error:  # a name with a null byte is a ValueError
        problems.add("GF101", f"the recipe {str(path)!r} can't be read: {error}", cited, at)
    problems.raise_errors()
    return Source(text, str(path), path.parent, path.stem)


def _decoded(content: bytes, file: str, problems: Problems) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig").split("\n")
        mark = Mark(file, len(before), len(before[-1]) + 1)
        problems.add("GF102", f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8", mark)
        return ""


def _mapping_source(source: Mapping[str, Any]) -> Source:
    try:
        return Source(dump(source), INLINE, Path.cwd(), "recipe")
    except UnwritableError as error:
        problems = Problems()
        problems.add("GF119", str(error), Mark(INLINE, 1, 1), error.path)
        raise RecipeError(*problems) from None
