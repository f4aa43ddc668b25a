"""The datasets of a recipe, opened, and what each promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from genframe.data.promised import Promised
from genframe.data.spec import DataSpec, Field
from genframe.errors import Problem, RecipeError
from genframe.recipe.model import Instance, Recipe


def open_datasets(
    recipe: Recipe, known: Mapping[str, DataSpec]
) -> tuple[dict[str, Any], dict[str, DataSpec]]:
    """The datasets and what they promise, by name. One that is `known` is opened when an example is asked for.

    Raises RecipeError, with the place of the block.
    """
    opened = {name: _dataset(recipe, name, known.get(name)) for name in recipe.datasets}
    datasets = {name: dataset for name, (dataset, _) in opened.items()}
    return datasets, {name: spec for name, (_, spec) in opened.items()}


def fields_of(specs: Mapping[str, DataSpec]) -> dict[str, Field]:
    """The fields of all datasets by their names in a recipe, `index` among them."""
    fields = {
        f"{name}.{key}" if name else key: f for name, spec in specs.items() for key, f in spec.fields.items()
    }
    for name in specs:
        fields.setdefault(f"{name}.index" if name else "index", Field((), "int64"))
    return fields


def _dataset(recipe: Recipe, name: str, known: DataSpec | None) -> tuple[Any, DataSpec]:
    """A dataset and what it promises. Raises RecipeError, with the place of its block."""
    instance = recipe.datasets[name].instance

    def opened() -> Any:
        with _placed(instance, f"datasets.{name}" if name else "data"):
            return instance.offer.load()(**instance.keywords())

    if known is not None:
        return Promised(known, opened), known
    dataset = opened()
    with _placed(instance, f"datasets.{name}" if name else "data"):
        return dataset, dataset.spec()


@contextmanager
def _placed(instance: Instance, path: str) -> Iterator[None]:
    """Whatever a dataset raises as a problem with the place of its block."""
    try:
        yield
    except RecipeError as error:
        problems = (replace(p, mark=p.mark or instance.mark, path=p.path or path) for p in error.problems)
        raise RecipeError(*problems) from error
    except (OSError, ValueError, TypeError) as error:
        message = f"{instance.offer.name} can't be opened: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF601", message, instance.mark, path)) from error
