"""The kit as a pytest function: one id per component and check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genframe.testing.kit import NotApplicable, Suite, Trial


def conformance(
    plugin: str | Path, *, level: int = 1, expected_failures: Mapping[str, str] | None = None
) -> Callable[[Any], None]:
    """A test function for all that a plugin (an installed one's name, or a plugin file) offers.

        test_plugin = conformance("salt", level=1, expected_failures={"noise/salt:runs_in_bf16": "sorts, see README"})

    Its ids are `KIND/NAME:CHECK`, `plugin:CHECK` and `recipe/NAME:CHECK`. level: a later level may only add checks,
    so a plugin that names one keeps passing. expected_failures: reasons by id; one that passes fails the test.
    Raises PluginError, when the tests are collected, for a plugin that is not there or an id that is none.
    """
    import pytest

    suite = Suite.of(plugin, level)
    foretold = dict(expected_failures or {})
    suite.require_known(foretold)

    def marks(trial: Trial) -> list[Any]:
        reason = foretold.get(trial.id)
        return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]

    @pytest.mark.parametrize(
        "trial", [pytest.param(trial, id=trial.id, marks=marks(trial)) for trial in suite.trials]
    )
    def test_plugin(trial: Trial) -> None:
        try:
            trial.run()
        except NotApplicable as reason:
            pytest.skip(str(reason))

    return test_plugin
