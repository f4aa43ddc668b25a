"""YAML text to a tree with places: what is refused, and where it says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from genframe.errors import RecipeError
from genframe.recipe import load as loading
from genframe.recipe import load_recipe
from genframe.recipe.load import load
from genframe.registry import Registry

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 8)}]\n"
    for before, key in zip("abcdef", "bcdefg", strict=True)
)

REFUSED = [
    ("a: 1\nb: [1, 2\n", "GF103", 3, 1),
    ("a: b: c\n", "GF103", 1, 5),
    ("a: 'x\n", "GF103", 2, 1),
    ("a: `x`\n", "GF103", 1, 4),
    ("a:\n\tb: 1\n", "GF104", 2, 1),
    ("a: 1\nb: 2\na: 3\n", "GF105", 3, 1),
    ("x:\n  a: {b: 1, b: 2}\n", "GF105", 2, 13),
    ("a: {<<: {b: 1}}\n", "GF106", 1, 5),
    ("a: !!python/object/apply:os.system [ls]\n", "GF107", 1, 4),
    ("a: !mine x\n", "GF107", 1, 4),
    ("a: *nothing\n", "GF108", 1, 4),
    ("a: &x [1, *x]\n", "GF108", 1, 11),
    ("a: " + "[" * 25_000, "GF109", 1, 43),
    ("{" * 25_000, "GF109", 1, 41),
    ("- " * 25_000, "GF109", 1, 81),
    ("? " * 25_000, "GF109", 1, 81),
    ("".join("  " * depth + "a:\n" for depth in range(600)), "GF109", 41, 81),
    (BOMB, "GF109", 5, 20),
    ("a: 1\n---\nb: 2\n", "GF110", 2, 1),
    ("", "GF111", 1, 1),
    ("# nothing\n", "GF111", 1, 1),
    ("~\n", "GF111", 1, 1),
    ("- a\n- b\n", "GF112", 1, 1),
    ("only words\n", "GF112", 1, 1),
    ("? [a]\n: 1\n", "GF113", 1, 3),
    ("a: {'': 1}\n", "GF113", 1, 6),
    ("a: 99999999999999999999\n", "GF114", 1, 4),
    ("a: 1e999\n", "GF114", 1, 4),
    ("a: 1\nb: x\x00y\n", "GF102", 2, 5),
    ("a: \ud800\n", "GF102", 1, 4),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), REFUSED)
def test_what_is_refused_has_its_place(text: str, code: str, line: int, column: int) -> None:
    with pytest.raises(RecipeError) as raised:
        load(text, "r.yaml")
    problem = raised.value.problems[0]
    assert problem.mark is not None
    assert (problem.code, problem.mark.line, problem.mark.column) == (code, line, column)


def test_a_duplicate_key_shows_both_places() -> None:
    with pytest.raises(RecipeError) as raised:
        load("a: 1\nb: 2\na: 3\n", "r.yaml")
    ((first, _),) = raised.value.problems[0].related
    assert (first.line, first.column) == (1, 1)


def test_all_faults_of_a_readable_text_are_told_at_once() -> None:
    with pytest.raises(RecipeError) as raised:
        load("a: 1\na: !x 2\nb: *c\nd: 1e999\n", "r.yaml")
    assert [problem.code for problem in raised.value.problems] == ["GF105", "GF107", "GF108", "GF114"]


def test_the_pure_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, 'x', {b: 1e-4}]\nc: |\n  two\n  lines\nd: &x {y: on}\ne: *x\n"
    fast = load(text, "r.yaml")
    monkeypatch.setattr(loading, "_LOADER", yaml.SafeLoader)
    assert load(text, "r.yaml") == fast


def test_a_text_that_is_too_long_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "parse")
    with pytest.raises(RecipeError, match="GF109"):
        load("a: [" + "1, " * (1 << 20), "r.yaml")


def test_aliases_are_read() -> None:
    node = load("a: &x {b: 1}\nc: *x\n", "r.yaml")
    assert node.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    assert isinstance(node.value, dict)
    key = node.value["c"].key
    assert key is not None and key.line == 2


@pytest.mark.parametrize(
    ("value", "column", "length"),
    [
        ("word", 4, 4),
        ("'word'", 5, 4),
        ('"word"', 5, 4),
        ("[a, b]", 4, 6),
        ("|\n   word", 4, 4),
        ("é word", 4, 6),
    ],
)
def test_a_mark_covers_what_is_written(value: str, column: int, length: int) -> None:
    node = load(f"k: {value}\n", "r.yaml")
    assert isinstance(node.value, dict)
    mark = node.value["k"].mark
    assert (mark.line, mark.column, mark.length) == (2 if "\n" in value else 1, column, length)


def test_keys_are_words() -> None:
    assert load("y: 1\non: 2\n3: 4\n", "r.yaml").plain() == {"y": 1, "on": 2, "3": 4}


def test_bytes_that_are_not_utf_8_have_a_place(tmp_path: Path, registry: Registry) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes("genframe: 1\nname: é".encode() + b"\xff\n")
    with pytest.raises(RecipeError) as raised:
        load_recipe(file, registry=registry)
    (problem,) = raised.value.problems
    assert problem.code == "GF102"
    assert str(problem.mark) == f"{file}:2:8"


@pytest.mark.parametrize("name", ["nothing.yaml", ".", "a\0b.yaml", "/dev/null/x.yaml"])
def test_a_file_that_can_not_be_read_is_a_problem(name: str, registry: Registry) -> None:
    with pytest.raises(RecipeError, match=re.escape("GF101")) as raised:
        load_recipe(Path(name), registry=registry)
    assert raised.value.problems[0].mark is not None


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, registry: Registry) -> None:
    file = tmp_path / "r.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(RecipeError, match="GF109"):
        load_recipe(file, registry=registry)
