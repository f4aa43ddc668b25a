from __future__ import annotations

from collections.abc import Sequence

import pytest
from plain_recipe import PLAIN, Complain, Load

from genframe.discovery import discover
from genframe.errors import GenframeError, Problem
from genframe.recipe import Recipe, load_recipe
from genframe.registry import Registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    return discover(blocked=frozenset())


@pytest.fixture
def load(registry: Registry) -> Load:
    """Load the plain recipe with more lines, or another text, under overrides."""

    def loaded(more: str = "", overrides: Sequence[str] = (), text: str = PLAIN) -> Recipe:
        return load_recipe(text + more, overrides, registry)

    return loaded


@pytest.fixture
def complain(load: Load) -> Complain:
    """The problems of what does not load."""

    def problems(more: str = "", overrides: Sequence[str] = (), text: str = PLAIN) -> list[Problem]:
        with pytest.raises(GenframeError) as raised:
            load(more, overrides, text)
        return list(raised.value.problems)

    return problems
