"""A dataset of which only the promise is here: it is opened when the first example is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genframe.data.spec import DataSpec


class Promised:
    """Stands for a dataset whose `spec()` is known from elsewhere; `open` makes the dataset itself.

    So a trained model draws samples where its data are not. Everything but `spec` is the dataset's own, and
    raises whatever opening it raises.
    """

    def __init__(self, spec: DataSpec, open: Callable[[], Any]) -> None:
        self._spec = spec
        self._open = open
        self._dataset: Any = None

    def spec(self) -> DataSpec:
        return self._spec

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._dataset is None:
            self._dataset = self._open()
        return getattr(self._dataset, name)
