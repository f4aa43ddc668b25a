"""Datasets at work: feeds over a component, or over toy data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genframe.data.feed import Feed
from genframe.data.spec import DataSpec, Field
from genframe.errors import Mark
from genframe.hooks import Component
from genframe.recipe.model import Data, Instance
from genframe.registry import Offer
from genframe.testing.toys import Case, Toys


def feed(
    dataset: Any, offer: Offer | None = None, *, seed: int = 0, batch_size: int = 1, **settings: Any
) -> Feed:
    """The engine's feed of a dataset, as the recipe's `data:` would have it with these settings."""
    known = offer or Offer("dataset", Component("toy", "genframe.testing.toy_data:ToyDataset"), "testing")
    instance = Instance("", "dataset", known, {}, Mark("the conformance kit", 1, 1))
    return Feed(Data(instance, batch_size, **settings), dataset, seed)


@dataclass(frozen=True)
class ToyDataset:
    """Toy data of a case: `x`, labels `y` and `factors`; `rows` examples for training and as many others for a test.

    order: which of the rows make up each split, each as often as it is named; all once by default.
    """

    case: Case
    rows: int
    seed: int = 1
    order: tuple[int, ...] | None = None

    def spec(self) -> DataSpec:
        """Pictures or vectors, labels, and factors: the last one an angle of quarter turns."""
        fields = {
            "x": Field(self.case.data_shape, image=self.case.is_image),
            "y": Field((), "int64", classes=self.case.classes),
            "factors": Field((3,)),
        }
        length = self.rows if self.order is None else len(self.order)
        return DataSpec(fields, {"train": length, "test": length})

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` float32, `y` int64 and `factors` float32 of `train` or `test`, in the order that is asked for."""
        toys = Toys(self.case, self.seed + (split == "test"), self.rows)
        order = torch.tensor(self.order) if self.order is not None else torch.arange(self.rows)
        return {"x": toys.x[order], "y": toys.y[order], "factors": _factors(toys.x)[order]}


def _factors(x: Tensor) -> Tensor:
    """Factors (n, 3) of examples (n, ...): the first three values by rank, in 2, 3 and 4 levels."""
    ranks = x.flatten(1)[:, :3].argsort(0).argsort(0)  # (n, 3)
    levels = torch.tensor([2, 3, 4])
    return (ranks * levels // len(x)) * torch.tensor([1.0, 0.5, math.pi / 2])
