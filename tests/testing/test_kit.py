"""The kit itself: ids, levels, expected failures, and the same questions with pytest and without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from genframe.errors import PluginError
from genframe.testing import Result, check_plugin, conformance
from genframe.testing import kit as kit_module
from genframe.testing.kit import EVERY, LEVEL, NotApplicable, check, checks

SHIFTY = """
    from genframe import Component, hookimpl

    @hookimpl
    def genframe_functions():
        return [Component("shift", "shifty:shift"), Component("fresh", "shifty:fresh")]

    def shift(x):
        '''x + 1.'''
        x += 1
        return x

    def fresh(x):
        '''x + 1.'''
        return x + 1
"""
IN_PLACE = "function/shift:input_is_not_changed"
SOUND = "function/fresh:input_is_not_changed"


@pytest.fixture
def shifty(tmp_path: Path) -> Path:
    path = tmp_path / "shifty.py"
    path.write_text(dedent(SHIFTY))
    return path


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table of checks that a test may add to."""
    checks()
    monkeypatch.setattr(kit_module, "_CHECKS", dict(kit_module._CHECKS))
    yield


def results(path: Path, **keywords: object) -> dict[str, Result]:
    found = check_plugin(path, only=["*:input_is_not_changed"], **keywords)  # type: ignore[arg-type]
    return {result.id: result for result in found}


def test_a_failure_says_what_was_expected_and_what_came(shifty: Path) -> None:
    found = results(shifty)
    assert {id_: result.outcome for id_, result in found.items()} == {IN_PLACE: "failed", SOUND: "passed"}
    told = found[IN_PLACE].message
    assert "expected: " in told and "came: a change of up to 1" in told and "hint: " in told
    assert (found[IN_PLACE].kind, found[IN_PLACE].component, found[IN_PLACE].check) == (
        "function", "shift", "input_is_not_changed",
    )  # fmt: skip


def test_a_foretold_failure_is_expected_and_one_that_passes_is_not(shifty: Path) -> None:
    found = results(shifty, expected_failures={IN_PLACE: "on purpose", SOUND: "by mistake"})
    assert (found[IN_PLACE].outcome, found[IN_PLACE].good) == ("expected", True)
    assert (found[SOUND].outcome, found[SOUND].good) == ("unexpected", False)


def test_a_foretold_failure_of_no_check_is_an_error_with_the_nearest_id(shifty: Path) -> None:
    for ask in (
        lambda ids: list(check_plugin(shifty, expected_failures=ids)),
        lambda ids: _conform(shifty, ids),
    ):
        with pytest.raises(PluginError, match="GF326") as caught:
            ask({IN_PLACE.replace("changed", "chnged"): "?"})
        assert caught.value.problems[0].nearest == IN_PLACE


@pytest.mark.parametrize("level", [0, LEVEL + 1, True, "1"])
def test_a_level_that_is_not_there_is_an_error(shifty: Path, level: object) -> None:
    with pytest.raises(PluginError, match="GF327"):
        list(check_plugin(shifty, level=level))  # type: ignore[arg-type]


def test_a_plugin_that_is_not_there_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(PluginError, match="GF305") as caught:
        conformance("netts")
    assert caught.value.problems[0].nearest == "nets"


@pytest.mark.usefixtures("scratch")
def test_a_check_of_a_later_level_is_not_asked_at_an_earlier_one(
    shifty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_module, "LEVEL", LEVEL + 1)

    @check(EVERY, level=LEVEL + 1)
    def asks_for_more(subject: object) -> None:
        """Nothing has it yet."""
        raise NotApplicable("not yet")

    before, after = ({r.check for r in check_plugin(shifty, level=n)} for n in (LEVEL, LEVEL + 1))
    assert after - before == {"asks_for_more"} and before <= after


@pytest.mark.usefixtures("scratch")
def test_a_check_has_a_docstring_kinds_and_a_name_of_its_own() -> None:
    def silent(subject: object) -> None: ...

    def loads(subject: object) -> None:
        """There is one of this name."""

    for kinds, function in ((("noise",), silent), (("noise",), loads), (("nosie",), loads), ((), loads)):
        with pytest.raises(ValueError):
            check(*kinds)(function)


def test_pytest_gets_an_id_a_component_and_check_and_strict_expectations(
    shifty: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        dedent(f"""
        from genframe.testing import conformance

        test_plugin = conformance("{shifty}", level=1, expected_failures={{
            "{IN_PLACE}": "on purpose", "{SOUND}": "by mistake",
        }})
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-k", "input_is_not_changed", "--no-header"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"XFAIL test_it.py::test_plugin[{IN_PLACE}] - on purpose" in done.stdout, done.stdout
    assert f"FAILED test_it.py::test_plugin[{SOUND}]" in done.stdout and done.returncode == 1


def _conform(path: Path, expected_failures: dict[str, str]) -> object:
    return conformance(path, expected_failures=expected_failures)


LOOSE = """
    from torch import nn
    from genframe import Component, hookimpl

    @hookimpl
    def genframe_encoders():
        return [Component(name, f"loose:{name.title()}") for name in ("misspelt", "starless", "bare", "fine")]

    class Misspelt(nn.Module):
        def __init__(self, input_shape):
            super().__init__()

    class Starless(nn.Module):
        def __init__(self, in_shape, width: int = 3):
            super().__init__()

    class Bare(nn.Module):
        def __init__(self, in_shape, *, width=3):
            super().__init__()

    class Fine(nn.Module):
        def __init__(self, in_shape, classes=None, *, width: int = 3):
            super().__init__()
"""


def test_parameters_that_no_recipe_could_fill_are_told(tmp_path: Path) -> None:
    path = tmp_path / "loose.py"
    path.write_text(dedent(LOOSE))
    found = {r.component: r for r in check_plugin(path, only=["*:parameters_are_told_apart"])}
    assert {name: r.outcome for name, r in found.items()} == {
        "misspelt": "failed", "starless": "failed", "bare": "failed", "fine": "passed",
    }  # fmt: skip
    assert "did you mean 'in_shape'?" in found["misspelt"].message
    assert "behind a `*`" in found["starless"].message
    assert "width: int = ..." in found["bare"].message
