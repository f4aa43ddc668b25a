"""The checks of datasets: right ones of several sorts pass, and each sort of mistake is told."""

from __future__ import annotations

import random
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from genframe import DataSpec, Field, FilePath, Ge, Problem, RecipeError, RemoteFile
from genframe.data.spec import UNKNOWN

from .live import failures, results

Seed = Annotated[int, Ge(0)]


class Drawn:
    """Vectors from a generator of its own."""

    lengths: ClassVar[dict[str, int]] = {"train": 60, "test": 20}

    def __init__(self, *, seed: Seed = 0) -> None:
        self.seed = seed

    def spec(self) -> DataSpec:
        return DataSpec({"x": Field((5,)), "y": Field((), "int64", classes=3)}, self.lengths)

    def load(self, split: str) -> Mapping[str, Tensor]:
        generator = torch.Generator().manual_seed(2 * self.seed + (split == "test"))
        n = self.lengths[split]
        return {
            "x": torch.randn(n, 5, generator=generator),
            "y": torch.randint(3, (n,), generator=generator),
        }


class Rows:
    """Pictures that are read one by one."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(place)
        return {"x": torch.randint(256, (3, 6, 4), generator=generator, dtype=torch.uint8)}


class Streamed:
    """Has no `load`."""

    def spec(self) -> DataSpec:
        return DataSpec({"x": Field((3, 6, 4), image=True)}, {"train": 40})

    def examples(self, split: str) -> Rows:
        return Rows(40)


class Remote:
    """Data that have to be fetched."""

    @classmethod
    def sources(cls) -> list[RemoteFile]:
        return [RemoteFile("https://example.invalid/a.npy", "remote/a.npy")]

    def spec(self) -> DataSpec:
        return DataSpec({"x": Field((5,))}, {"train": UNKNOWN})

    def load(self, split: str) -> Mapping[str, Tensor]:
        raise RecipeError(Problem("GF601", "remote is not here"))


class Downloads(Remote):
    """Fetches by itself."""

    sources = None  # type: ignore[assignment]

    def load(self, split: str) -> Mapping[str, Tensor]:
        with urllib.request.urlopen("http://example.invalid/a.npy") as answer:
            return {"x": torch.tensor(answer.read())}


class Local(Drawn):
    """Reads a folder that nobody has made yet."""

    def load(self, split: str) -> Mapping[str, Tensor]:
        return {"x": torch.from_numpy(np.load("/nowhere/at/all.npy"))}


class Unpacked(Drawn):
    """Reads a file that its package forgot."""

    def load(self, split: str) -> Mapping[str, Tensor]:
        return {"x": torch.from_numpy(np.load(Path(__file__).with_name("forgotten.npy")))}


class Bits:
    """Few values, so that the same example may be in both splits."""

    def spec(self) -> DataSpec:
        return DataSpec({"x": Field((3,))}, {"train": 50, "test": 50})

    def load(self, split: str) -> Mapping[str, Tensor]:
        generator = torch.Generator().manual_seed(len(split))
        return {"x": torch.randint(2, (50, 3), generator=generator).float()}


class OneSplit(Drawn):
    lengths: ClassVar[dict[str, int]] = {"train": 9}


@pytest.mark.parametrize("dataset", [Drawn, Streamed, Remote, Downloads, Local, Bits, OneSplit])
def test_right_datasets_pass(dataset: type) -> None:
    assert failures("dataset", dataset) == {}


@pytest.mark.parametrize("dataset", [Remote, Downloads, Local])
def test_data_that_are_not_at_hand_are_left_out(dataset: type) -> None:
    made = results("dataset", dataset)
    assert made["spec_needs_no_data"].outcome == "passed"
    assert made["loads_what_it_promises"].outcome == "skipped"
    assert "not at hand" in made["loads_what_it_promises"].message


def test_a_path_without_an_example_is_asked_for() -> None:
    class Needs(Drawn):
        def __init__(self, *, path: FilePath) -> None:
            self.path = path

    made = results("dataset", Needs)
    assert {result.outcome for result in made.values()} == {"skipped"}
    assert "example={'path': ...}" in made["spec_needs_no_data"].message


def test_the_kit_leaves_generators_as_they_were() -> None:
    np.random.seed(4)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    results("dataset", Drawn)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


class GlobalOrder(Drawn):
    """Shuffled by torch's default generator."""

    def load(self, split: str) -> Mapping[str, Tensor]:
        rows = super().load(split)
        order = torch.randperm(len(rows["x"]))
        return {name: tensor[order] for name, tensor in rows.items()}


class SeedsNumpy(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        np.random.seed(self.seed)
        return super().load(split)


class SameSplits(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        return {name: tensor[: self.lengths[split]] for name, tensor in super().load("train").items()}


class OtherShape(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        rows = super().load(split)
        return {**rows, "x": rows["x"].unsqueeze(1)}


class TooLong(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        return {name: torch.cat([t, t.flip(0)]) for name, t in super().load(split).items()}


class HighLabels(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        rows = super().load(split)
        return {**rows, "y": rows["y"] + 1}


class AllAlike(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        return {name: torch.zeros_like(tensor) for name, tensor in super().load(split).items()}


class DarkBytes(Streamed):
    def load(self, split: str) -> Mapping[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        return {"x": torch.randint(2, (40, 3, 6, 4), generator=generator, dtype=torch.uint8)}

    examples = None  # type: ignore[assignment]


class DeafToSeed(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        self.seed = 0
        return super().load(split)


class Writes(Drawn):
    def load(self, split: str) -> Mapping[str, Tensor]:
        Path(f"{split}.cache").write_text("")
        return super().load(split)


class Asks(Drawn):
    def spec(self) -> DataSpec:
        urllib.request.urlopen("http://example.invalid/shapes")
        return super().spec()


class NoTrain(Drawn):
    def spec(self) -> DataSpec:
        return DataSpec({"x": Field((5,))}, {"training": 3})


class DrawnRows(Rows):
    def __getitem__(self, place: int) -> dict[str, Tensor]:
        return {"x": torch.randint(256, (3, 6, 4), dtype=torch.uint8)}


class DrawnStream(Streamed):
    def examples(self, split: str) -> Rows:
        return DrawnRows(40)


class Unlike(Streamed):
    def load(self, split: str) -> Mapping[str, Tensor]:
        rows = self.examples(split)
        return {"x": torch.stack([rows[place]["x"] for place in reversed(range(40))])}


class LockedRows(Rows):
    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.read = lru_cache(lambda place: place)


class Locked(Streamed):
    def examples(self, split: str) -> Rows:
        return LockedRows(40)


WRONG: dict[Any, tuple[str, str]] = {
    GlobalOrder: ("loads_the_same_each_time", "seeded by its options"),
    SeedsNumpy: ("loading_leaves_the_world_alone", "numpy.random"),
    SameSplits: ("splits_are_apart", "20 of the 20"),
    OtherShape: ("loads_what_it_promises", "(1, 5)"),
    TooLong: ("loads_what_it_promises", "120 examples"),
    HighLabels: ("loads_what_it_promises", "labels must lie in 0 to 2"),
    AllAlike: ("loads_what_it_promises", "all 60 examples are the same"),
    DarkBytes: ("loads_what_it_promises", "1/255"),
    DeafToSeed: ("seed_option_gives_other_data", "by the option"),
    Writes: ("loading_leaves_the_world_alone", "train.cache"),
    Asks: ("spec_needs_no_data", "example.invalid"),
    NoTrain: ("spec_needs_no_data", "the splits training"),
    DrawnStream: ("rows_are_what_load_gives", "seeded by i"),
    Unlike: ("rows_are_what_load_gives", "are those of load"),
    Locked: ("rows_are_what_load_gives", "can be pickled"),
    Unpacked: ("loads_what_it_promises", "forgotten.npy"),
}


@pytest.mark.parametrize("dataset", WRONG, ids=lambda dataset: dataset.__name__)
def test_each_mistake_is_told(dataset: type) -> None:
    check, words = WRONG[dataset]
    assert words in failures("dataset", dataset)[check]


def test_an_order_that_depends_on_other_draws_is_told() -> None:
    message = failures("dataset", GlobalOrder)["order_is_a_function_of_seed_and_epoch"]
    assert "whenever it is asked for" in message
