"""Datasets and recipe blocks for the tests of the feed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genframe.data.spec import DataSpec, Field
from genframe.errors import Mark
from genframe.hooks import Component
from genframe.recipe.model import Data, Instance
from genframe.registry import Offer

MARK = Mark("recipe.yaml", 3, 7)


def block(name: str = "", **settings: Any) -> Data:
    """A dataset's block of a recipe."""
    offer = Offer("dataset", Component("made", "tests:Made"), "tests")
    return Data(Instance(name, "dataset", offer, {}, MARK), **{"batch_size": 10} | settings)


class Made:
    """A dataset of given tensors."""

    def __init__(self, splits: Mapping[str, Mapping[str, Tensor]], fields: Mapping[str, Field]) -> None:
        self.splits = splits
        self.fields = fields

    def spec(self) -> DataSpec:
        return DataSpec(self.fields, {split: len(fields["x"]) for split, fields in self.splits.items()})

    def load(self, split: str) -> Mapping[str, Tensor]:
        return self.splits[split]


class Listed:
    """The same, for a DataLoader to read row by row."""

    def __init__(self, made: Made) -> None:
        self.made = made

    def spec(self) -> DataSpec:
        return self.made.spec()

    def examples(self, split: str) -> list[dict[str, Tensor]]:
        fields = self.made.load(split)
        return [{name: tensor[i] for name, tensor in fields.items()} for i in range(len(fields["x"]))]


def pictures(train: int = 47, test: int = 12) -> Made:
    """Random pictures (2, 3, 4) as bytes, and their numbers as labels."""
    generator = torch.Generator().manual_seed(0)

    def split(n: int) -> dict[str, Tensor]:
        x = torch.randint(256, (n, 2, 3, 4), dtype=torch.uint8, generator=generator)
        return {"x": x, "y": torch.arange(n) % 5}

    fields = {"x": Field((2, 3, 4), image=True), "y": Field((), "int64", classes=5)}
    return Made({"train": split(train), "test": split(test)}, fields)


def vectors(x: Tensor) -> Made:
    """Vectors, for training only."""
    return Made({"train": {"x": x}}, {"x": Field(tuple(x.shape[1:]))})
