"""Plain scalars mean what YAML 1.2 says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genframe.recipe.dump import dump
from genframe.recipe.load import load
from genframe.recipe.scalars import ScalarError, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[
            ("1e-4", 1e-4),
            ("1E5", 1e5),
            ("-.5", -0.5),
            ("2.", 2.0),
            ("+1", 1),
            ("010", 10),
            ("0o17", 15),
            ("0xfF", 255),
        ],
        *[("true", True), ("False", False), ("null", None), ("~", None), ("", None), (".inf", math.inf)],
        *[
            (word, word)
            for word in (
                "on",
                "yes",
                "no",
                "y",
                "12:30:00",
                "2026-01-01",
                "1_000",
                "0b1",
                "1e",
                ".",
                "-",
                "nan",
            )
        ],
    ],
)
def test_a_scalar_is_read_by_yaml_1_2(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value and type(found) is type(value)


def test_nan_is_a_number() -> None:
    found = resolve(".nan")
    assert isinstance(found, float) and math.isnan(found)


@pytest.mark.parametrize(
    "text", ["9" * 19, "-" + "9" * 19, "9" * 100_000, "1e999", "-1e999", "0x" + "f" * 16, "0" * 5000]
)
def test_a_number_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ScalarError):
        resolve(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_an_integer_is_itself(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_itself_however_python_writes_it(number: float) -> None:
    assert resolve(repr(number)) == number


@given(st.text(max_size=30))
def test_no_text_is_an_accident(text: str) -> None:
    try:
        value = resolve(text)
    except ScalarError:
        return
    assert isinstance(value, str | int | float | bool | None)
    assert not isinstance(value, str) or value == text


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=12), inside, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=12), _PLAIN, min_size=1, max_size=5))
def test_what_is_dumped_loads_to_the_same(data: dict[str, object]) -> None:
    assert load(dump(data), "dumped.yaml").plain() == data
