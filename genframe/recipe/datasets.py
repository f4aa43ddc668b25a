"""`data:` and `datasets:`: which datasets, and how they are fed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from genframe.annotations import Count, Ge, Gt, Lt
from genframe.errors import Mark
from genframe.recipe.blocks import Blocks, entries
from genframe.recipe.load import kind_of
from genframe.recipe.model import Data
from genframe.recipe.names import name_fault
from genframe.recipe.places import DATA_KEYS
from genframe.recipe.settings import fields
from genframe.recipe.tree import Node

DEFAULT_BATCH_SIZE = 128

VALUES: dict[str, Any] = {
    "batch_size": Count,
    "binarise": Literal["none", "threshold", "static", "dynamic"],
    "validation": Annotated[int, Ge(0)] | Annotated[float, Gt(0), Lt(1)],
    "limit": Count,
    "workers": Annotated[int, Ge(0)],
    "in_memory": bool,
    "dequantise": bool,
}


def datasets(top: dict[str, Node], start: Mark, blocks: Blocks, misspelt: bool = False) -> dict[str, Data]:
    """The datasets by name; the single `data:` is called ""."""
    problems = blocks.problems
    data, several = top.get("data"), top.get("datasets")
    if data is not None and several is not None:
        message = "a recipe has `data`, one dataset, or `datasets`, several; `data: null` takes back a base's"
        problems.add("GF212", message, several.place, "datasets", related=((data.place, "data"),))
    if data is None and several is None and not misspelt:
        message = "a recipe needs data: `data: digits`"
        problems.add("GF203", message, start, "data", command="genframe list dataset")
    made = {"": _dataset(data, "", "data", blocks)} if data is not None else {}
    if several is not None and not isinstance(several.value, dict):
        message = f"expected a mapping of datasets, got {kind_of(several)}"
        problems.add("GF205", message, several.mark, "datasets")
    for name, node in entries(several).items():
        fault = name_fault(name)
        if fault:
            problems.add("GF210", fault, node.place, f"datasets.{name}")
        made[name] = _dataset(node, name, f"datasets.{name}", blocks)
    return {name: dataset for name, dataset in made.items() if dataset is not None}


def _dataset(node: Node, name: str, path: str, blocks: Blocks) -> Data | None:
    instance = blocks.instance(node, "dataset", name, path, ("use", *DATA_KEYS))
    values = fields(entries(node), VALUES, path, blocks.problems)
    if values.get("dequantise") and values.get("binarise", "none") != "none":
        message = (
            "`binarise` makes bits of grey levels, `dequantise` spreads these: a dataset takes one of them"
        )
        place = entries(node)["dequantise"].place
        blocks.problems.add("GF212", message, place, f"{path}.dequantise")
    if instance is None:
        return None
    return Data(instance, **{"batch_size": DEFAULT_BATCH_SIZE, **values})
