"""Values against annotations: strictly, with messages that say what was expected and what came."""

from __future__ import annotations

from typing import Any

import pytest
from plain_recipe import PARTS, PLAIN

from genframe.errors import RecipeError
from genframe.recipe import load_recipe
from genframe.recipe.model import Schedule
from genframe.registry import Registry

RIGHT: list[tuple[str, Any]] = [
    ("count: 1", 1),
    ("number: 1", 1.0),
    ("number: 1e-4", 1e-4),
    ("flag: true", True),
    ("text: on", "on"),
    ("text: '3'", "3"),
    ("choice: tanh", "tanh"),
    ("perhaps: 1", 1.0),
    ("perhaps: null", None),
    ("either: a", "a"),
    ("either: 2", 2),
    ("pair: [1, 2]", (1.0, 2.0)),
    ("sizes: []", ()),
    ("sizes: [1, 2, 3]", (1, 2, 3)),
    ("names: [a, b]", ["a", "b"]),
    ("table: {a: 1}", {"a": 1.0}),
    ("scheduled: 2", 2.0),
    ("maybe_scheduled: null", None),
    ("level: 0.3", 0.3),
    ("level: [0.2, 0.6]", (0.2, 0.6)),
    ("level: [0.2, 0.2]", (0.2, 0.2)),
    ("share: [0, 1]", (0.0, 1.0)),
    ("anything: {a: [1, x, null]}", {"a": [1, "x", None]}),
]

WRONG = [
    ("count: 0", "expected a whole number >= 1, got 0"),
    ("count: '3'", "expected a whole number >= 1, got '3': quotes make it text"),
    ("count: 3.0", "expected a whole number >= 1, got 3.0"),
    ("whole: true", "expected a whole number, got true"),
    ("number: big", "expected a number, got 'big'"),
    ("number: true", "expected a number, got true"),
    ("number: .inf", "expected a number that is finite, got .inf"),
    ("number: .nan", "expected a number that is finite, got .nan"),
    ("positive: 0", "expected a number > 0, got 0"),
    ("flag: on", "expected true or false, got 'on': in YAML 1.2 'on' is a word"),
    ("flag: 1", "expected true or false, got 1"),
    ("text: 3", "expected text, got 3"),
    ("choice: rleu", "expected one of 'relu', 'tanh', got 'rleu'"),
    ("perhaps: x", "expected a number or null, got 'x'"),
    ("either: 1.5", "expected a whole number or text, got 1.5"),
    ("pair: [1]", "expected a list of 2: a number, a number, got [1]"),
    ("pair: [1, 2, 3]", "expected a list of 2: a number, a number, got [1, 2, 3]"),
    ("sizes: 3", "expected a list of whole numbers >= 1, got 3"),
    ("sizes: [1, 0]", "expected a whole number >= 1, got 0"),
    ("some: []", "expected a list of whole numbers of at least 1, got []"),
    ("names: [a, 3]", "expected text, got 3"),
    ("table: {a: x}", "expected a number, got 'x'"),
    ("table: [a]", "expected a mapping of text to numbers, got ['a']"),
    ("scheduled: x", "expected a number or a schedule, got 'x'"),
    ("scheduled: [0, 1]", "expected a number or a schedule, got [0, 1]"),
    ("bounded: -1", "expected a number >= 0 or a schedule, got -1"),
    ("level: [0.6, 0.2]", "expected a range [low, high], got one that falls: [0.6, 0.2]"),
    ("level: [1, 2, 3]", "expected a list of 2: a number, a number, got [1, 2, 3]"),
    ("share: 1.5", "expected a number >= 0 and <= 1, got 1.5"),
    ("share: [0, 2]", "expected a number >= 0 and <= 1, got 2"),
    ("scheduled: {linear: {from: 0, to: x, steps: 2}}", "expected a number, got 'x'"),
    ("bounded: {linear: {from: 1, to: -1, steps: 2}}", "expected a number >= 0, got -1"),
    ("bounded: {steps: {values: [1, -1, 0], steps: [2, 3]}}", "expected a number >= 0, got -1"),
    ("share: {linear: {from: 0, to: 1.5, steps: 2}}", "expected a number >= 0 and <= 1, got 1.5"),
    ("perhaps_bounded: {linear: {from: -2, to: 0, steps: 2}}", "expected a number >= 0, got -2"),
    ("scheduled: {linear: 3}", "expected the options of the schedule 'linear', got 3"),
    ("scheduled: {}", "expected a number or a schedule, got {}"),
]


def _option(written: str, registry: Registry) -> Any:
    text = PLAIN.replace("encoder: mlp", f"encoder: {{use: every, {written}}}") + f"plugins: [{PARTS}]\n"
    options = load_recipe(text, registry=registry).instances["encoder"].options
    return options[written.partition(":")[0]]


@pytest.mark.parametrize(("written", "value"), RIGHT)
def test_a_value_that_fits_is_taken(written: str, value: Any, registry: Registry) -> None:
    found = _option(written, registry)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("written", "message"), WRONG)
def test_a_value_that_does_not_fit_is_told(written: str, message: str, registry: Registry) -> None:
    with pytest.raises(RecipeError) as raised:
        _option(written, registry)
    assert [problem.message for problem in raised.value.problems] == [message]
    assert raised.value.problems[0].code == "GF205"


@pytest.mark.parametrize("option", ["scheduled", "bounded", "maybe_scheduled", "level", "share"])
def test_a_schedule_stands_where_a_number_may(option: str, registry: Registry) -> None:
    schedule = _option(f"{option}: {{linear: {{from: 0, to: 1, epochs: 3}}}}", registry)
    assert isinstance(schedule, Schedule)
    assert schedule.offer.name == "optim/linear"
    assert dict(schedule.options) == {"from": 0.0, "to": 1.0, "steps": None, "epochs": 3.0, "start": 0}


def test_each_wrong_element_is_told_at_its_place(registry: Registry) -> None:
    with pytest.raises(RecipeError) as raised:
        _option("sizes: [0, 1, x]", registry)
    marks = [problem.mark for problem in raised.value.problems]
    assert [(mark.line, mark.column) for mark in marks if mark] == [(4, 31), (4, 37)]
    assert [problem.path for problem in raised.value.problems] == ["encoder.sizes.0", "encoder.sizes.2"]


@pytest.mark.parametrize(
    ("written", "variable", "value"),
    [
        ("count: '${env:GENFRAME_TEST}'", "3", 3),
        ("number: ${env:GENFRAME_TEST}", "1e-4", 1e-4),
        ("flag: '${env:GENFRAME_TEST}'", "true", True),
        ("text: '${env:GENFRAME_TEST}'", "3", "3"),
        ("text: 'a/${env:GENFRAME_TEST}/c'", "b", "a/b/c"),
        ("text: '${env:GENFRAME_TEST}${env:GENFRAME_TEST}'", "ab", "abab"),
        ("sizes: ['${env:GENFRAME_TEST}', 4]", "3", (3, 4)),
    ],
)
def test_a_reference_to_the_environment_is_followed(
    written: str, variable: str, value: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "{" in written and "'" not in written:
        written = written.replace("${env:GENFRAME_TEST}", '"${env:GENFRAME_TEST}"')
    monkeypatch.setenv("GENFRAME_TEST", variable)
    assert _option(written, registry) == value


def test_a_reference_is_not_followed_twice(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENFRAME_TEST", "${env:HOME}")
    assert _option("text: '${env:GENFRAME_TEST}'", registry) == "${env:HOME}"
