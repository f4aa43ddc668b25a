"""A local plugin: the digits that ship with genframe, repeated until they are as many as MNIST's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from genframe_plugins.data.digits import Digits

from genframe import Component, DataSpec, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

GENFRAME_API = 1
REPEATS = 12


@hookimpl
def genframe_datasets() -> list[Component]:
    return [
        Component(
            "repeated-digits",
            "repeated_digits:RepeatedDigits",
            summary="60,000 digits, 5,000 of them different",
        )
    ]


class RepeatedDigits:
    """`digits` with its training split repeated to 60,000, for benchmarks: memory and epochs as with MNIST."""

    def spec(self) -> DataSpec:
        promised = Digits().spec()
        return replace(promised, lengths={**promised.lengths, "train": REPEATS * promised.lengths["train"]})

    def load(self, split: str) -> Mapping[str, Tensor]:
        tensors = Digits().load(split)
        if split != "train":
            return tensors
        return {name: tensor.repeat(REPEATS, *[1] * (tensor.ndim - 1)) for name, tensor in tensors.items()}
