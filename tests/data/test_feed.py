from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from feeding import MARK, Listed, Made, block, pictures, vectors
from torch import Tensor

from genframe.data.feed import Feed
from genframe.data.spec import UNKNOWN, DataSpec, Field
from genframe.errors import Problem, RecipeError

WAYS = ("none", "threshold", "static", "dynamic")


def _alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _batches(feed: Feed, steps: range) -> Iterator[dict[str, Tensor]]:
    return (feed.batch(step) for step in steps)


def test_a_batch_holds_the_examples_that_its_index_says() -> None:
    made = pictures()
    feed = Feed(block(), made, seed=0)
    batch = feed.batch(2)
    assert batch["x"].shape == (10, 2, 3, 4)
    assert batch["x"].dtype == torch.float32
    assert torch.equal(batch["x"], made.load("train")["x"][batch["index"]].float() / 255)
    assert torch.equal(batch["y"], made.load("train")["y"][batch["index"]])


def test_floats_are_taken_as_they_are() -> None:
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0)) * 100
    batch = Feed(block(), vectors(x), seed=0).batch(0)
    assert torch.equal(batch["x"], x[batch["index"]])


@pytest.mark.parametrize("way", WAYS)
def test_two_feeds_of_one_seed_are_equal_and_of_two_seeds_are_not(way: str) -> None:
    data = block(binarise=way)
    one, same, other = (Feed(data, pictures(), seed) for seed in (5, 5, 6))
    assert all(map(_alike, _batches(one, range(9)), _batches(same, range(9))))
    assert not _alike(one.batch(0), other.batch(0))


def test_datasets_of_different_names_have_orders_of_their_own() -> None:
    clean, scan = (Feed(block(name), pictures(), seed=0) for name in ("clean", "scan"))
    assert not torch.equal(clean.batch(0)["index"], scan.batch(0)["index"])


@pytest.mark.parametrize("way", WAYS)
def test_any_step_can_be_asked_for(way: str) -> None:
    data = block(binarise=way)
    expected = list(_batches(Feed(data, pictures(), seed=0), range(12)))
    feed = Feed(data, pictures(), seed=0)
    for step in (11, 2, 3, 0, 7, 11):
        assert _alike(feed.batch(step), expected[step])


def test_a_feed_leaves_the_default_generator_alone() -> None:
    before = torch.get_rng_state()
    for way, in_memory in product(WAYS, (True, False)):
        feed = Feed(block(binarise=way, in_memory=in_memory, validation=5), pictures(), seed=0)
        list(_batches(feed, range(6)))
        list(feed.split("test").batches(5))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_and_resident_feeds_are_identical(way: str, workers: int) -> None:
    data = block(binarise=way, validation=6)
    resident = Feed(data, pictures(), seed=0)
    streamed = Feed(replace(data, in_memory=False, workers=workers), Listed(pictures()), seed=0)
    for step in (*range(10), 2, 3):
        assert _alike(resident.batch(step), streamed.batch(step))
    streamed.close()
    for split in ("train", "validation", "test"):
        pairs = zip(resident.split(split).batches(5), streamed.split(split).batches(5), strict=True)
        assert all(_alike(one, other) for one, other in pairs)
    assert resident.digest() == streamed.digest()


@pytest.mark.parametrize("in_memory", [True, False, None])
def test_both_kinds_of_dataset_can_be_held_or_streamed(in_memory: bool | None) -> None:
    data = block(in_memory=in_memory)
    expected = Feed(block(), pictures(), seed=0).batch(1)
    assert _alike(Feed(data, pictures(), seed=0).batch(1), expected)
    assert _alike(Feed(data, Listed(pictures()), seed=0).batch(1), expected)


@pytest.mark.parametrize(("validation", "held_out"), [(0, 0), (7, 7), (0.25, 12), (1, 1)])
def test_validation_is_cut_off_training(validation: float, held_out: int) -> None:
    feed = Feed(block(validation=validation), pictures(), seed=0)
    assert feed.spec.lengths["train"] == 47 - held_out
    assert feed.spec.lengths.get("validation", 0) == held_out
    trained = set(feed.split("train").tensors["index"].tolist())
    held = set(feed.split("validation").tensors["index"].tolist()) if held_out else set()
    assert trained | held == set(range(47))
    assert not trained & held
    assert {int(i) for batch in _batches(feed, range(40)) for i in batch["index"]} <= trained


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_limit_takes_the_classes_in_equal_parts(in_memory: bool) -> None:
    def trained(limit: int, seed: int = 0) -> list[int]:
        feed = Feed(block(limit=limit, validation=7, in_memory=in_memory), pictures(), seed=seed)
        assert feed.spec.lengths["train"] == limit
        seen = {int(i) for batch in _batches(feed, range(40)) for i in batch["index"]}
        split = feed.split("train").tensors
        assert seen == set(split["index"].tolist()) and len(seen) == limit
        counts = split["y"].bincount(minlength=5)
        assert counts.max() - counts.min() <= 1
        assert not seen & set(feed.split("validation").tensors["index"].tolist())
        return sorted(seen)

    assert set(trained(10)) < set(trained(23))
    assert trained(20) == trained(20) != trained(20, seed=1)


def test_a_limit_takes_any_examples_where_there_are_no_classes() -> None:
    feed = Feed(block(limit=12), vectors(torch.rand(40, 3)), seed=0)
    assert len(feed.split("train").tensors["x"]) == 12


@pytest.mark.parametrize("way", WAYS)
def test_a_split_is_the_same_in_any_batches_and_in_the_datasets_order(way: str) -> None:
    split = Feed(block(binarise=way, validation=9), pictures(), seed=0).split("validation")
    whole = split.tensors
    assert torch.equal(whole["index"], whole["index"].sort().values)
    for size in (1, 4, 9, 100):
        parts = list(split.batches(size))
        assert _alike({name: torch.cat([part[name] for part in parts]) for name in whole}, whole)
    assert _alike(split.first(3), {name: tensor[:3] for name, tensor in whole.items()})
    assert len(split) == 9 == len(whole["x"])


def test_static_bits_stay_and_dynamic_bits_change() -> None:
    def by_example(way: str, epoch: int) -> Tensor:
        feed = Feed(block(binarise=way, batch_size=47), pictures(), seed=0)
        batch = feed.batch(epoch)
        return batch["x"][batch["index"].argsort()]

    assert torch.equal(by_example("static", 0), by_example("static", 1))
    assert not torch.equal(by_example("dynamic", 0), by_example("dynamic", 1))
    assert set(by_example("static", 0).unique().tolist()) == {0.0, 1.0}


def test_static_training_bits_are_those_of_the_training_split() -> None:
    feed = Feed(block(binarise="static", batch_size=47), pictures(), seed=0)
    batch = feed.batch(0)
    assert torch.equal(batch["x"][batch["index"].argsort()], feed.split("train").tensors["x"])


def test_the_digest_is_of_the_content_alone() -> None:
    one = Feed(block(), pictures(), seed=0).digest()
    assert one == Feed(block(binarise="static", validation=9, batch_size=3), pictures(), seed=4).digest()
    changed = pictures()
    changed.load("test")["x"][3, 0, 0, 0] += 1
    assert one != Feed(block(), changed, seed=0).digest()


def test_a_length_that_only_loading_tells_is_found() -> None:
    class Uncounted(Made):
        def spec(self) -> DataSpec:
            return DataSpec(self.fields, dict.fromkeys(self.splits, UNKNOWN))

    made = pictures()
    feed = Feed(block(validation=7), Uncounted(made.splits, made.fields), seed=0)
    assert feed.spec.lengths == {"train": 40, "test": 12, "validation": 7}
    assert feed.steps_per_epoch == 4


def _with(**fields: Tensor) -> Made:
    made = pictures(20)
    return Made({"train": {**made.load("train"), **fields}}, made.fields)


NAN = torch.zeros(20, 2, 3, 4).index_fill(0, torch.tensor([13]), float("nan"))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (_with(x=torch.zeros(20, 2, 3, 5, dtype=torch.uint8)), "shape (2, 3, 5), spec() promises (2, 3, 4)"),
        (_with(x=torch.zeros(20, 2, 3, 4, dtype=torch.float64)), "float64, spec() promises float32 or uint8"),
        (_with(x=torch.full((20, 2, 3, 4), 1.5)), "must lie in [0, 1], found 1.5 to 1.5"),
        (_with(x=NAN), "NaN or infinity in 1 of 20 examples"),
        (_with(y=torch.arange(20)), "labels must lie in 0 to 4, found 0 to 19"),
        (_with(y=torch.zeros(20)), "the dtype is float32, spec() promises int64"),
        (Made({"train": {"x": NAN}}, pictures().fields), "the data lack y"),
    ],
)
@pytest.mark.parametrize("in_memory", [True, False])
def test_data_other_than_promised_are_refused(made: Made, said: str, in_memory: bool) -> None:
    feed = Feed(block(in_memory=in_memory, batch_size=20), made, seed=0)
    with pytest.raises(RecipeError) as raised:
        feed.batch(0)
    assert any(said in problem.message for problem in raised.value.problems)
    assert all(problem.code == "GF602" and problem.mark == MARK for problem in raised.value.problems)


def test_fields_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"unequal lengths: {'x': 20, 'y': 19}"):
        Feed(block(), _with(y=torch.zeros(19, dtype=torch.int64)), seed=0).batch(0)


def test_a_length_other_than_promised_is_refused() -> None:
    class Short(Made):
        def load(self, split: str) -> dict[str, Tensor]:
            return {name: tensor[:40] for name, tensor in self.splits[split].items()}

    made = pictures()
    for in_memory in (True, False):
        feed = Feed(block(in_memory=in_memory), Short(made.splits, made.fields), seed=0)
        with pytest.raises(RecipeError, match="'train' has 40 examples, spec\\(\\) promises 47"):
            feed.batch(0)


@pytest.mark.parametrize(
    ("settings", "code", "path", "said"),
    [
        ({"batch_size": 48}, "GF603", "data.batch_size", "47 training examples, fewer than one batch of 48"),
        ({"validation": 47}, "GF604", "data.validation", "can't be cut off 47 training examples"),
        ({"validation": 0.999}, "GF604", "data.validation", "can't be cut off"),
        ({"validation": 40}, "GF603", "data.batch_size", "7 training examples"),
        ({"limit": 9}, "GF603", "data.batch_size", "9 training examples, fewer than one batch of 10"),
        (
            {"limit": 48},
            "GF604",
            "data.limit",
            "`limit: 48`, and the dataset 'made' has 47 examples to train on",
        ),
    ],
)
def test_settings_that_leave_no_batch_are_refused(
    settings: dict[str, Any], code: str, path: str, said: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        Feed(block(**settings), pictures(), seed=0).batch(0)
    (problem,) = raised.value.problems
    assert (problem.code, problem.path, problem.mark) == (code, path, MARK)
    assert said in problem.message


def test_binarising_what_is_no_picture_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"GF605.*`binarise: static` needs pictures"):
        Feed(block(binarise="static"), vectors(torch.zeros(20, 3)), seed=0)


def test_a_split_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RecipeError, match="no split 'test'; it has train"):
        Feed(block(), vectors(torch.zeros(20, 3)), seed=0).split("test")


def test_a_second_validation_split_is_refused() -> None:
    made = pictures()
    own = Made({**made.splits, "validation": made.load("test")}, made.fields)
    assert len(Feed(block(), own, seed=0).split("validation")) == 12
    with pytest.raises(RecipeError, match="validation split of its own"):
        Feed(block(validation=5), own, seed=0).batch(0)


class Broken(Made):
    """A dataset whose 13th row can't be read."""

    def examples(self, split: str) -> Broken:
        return self

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        if i == 13:
            raise RecipeError(Problem("GF601", "13.png: not a picture"))
        return {"x": torch.zeros(2)}


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_dataset_comes_whole_from_a_worker(workers: int) -> None:
    dataset = Broken({"train": {"x": torch.zeros(20, 2)}}, {"x": Field((2,))})
    feed = Feed(block(batch_size=20, in_memory=False, workers=workers), dataset, seed=0)
    with pytest.raises(RecipeError) as raised:
        feed.batch(0)
    assert raised.value.problems == (Problem("GF601", "13.png: not a picture", MARK, "data"),)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("in_memory", [True, False])
def test_batches_on_a_gpu_are_those_on_a_cpu(way: str, in_memory: bool) -> None:
    data = block(binarise=way, validation=6, in_memory=in_memory)
    here, there = (Feed(data, pictures(), 0, device) for device in ("cpu", "cuda"))
    for step in range(9):
        batch = there.batch(step)
        assert {tensor.device.type for tensor in batch.values()} == {"cuda"}
        if way != "dynamic":  # whose bits are drawn on the device
            assert _alike({name: tensor.cpu() for name, tensor in batch.items()}, here.batch(step))
    for split in ("validation", "test"):
        there_whole = {name: tensor.cpu() for name, tensor in there.split(split).tensors.items()}
        assert _alike(there_whole, here.split(split).tensors)
    assert here.digest() == there.digest()
