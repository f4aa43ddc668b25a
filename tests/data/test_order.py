from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from genframe.data.order import Order, divided, epoch_order, seeded


def test_a_seed_depends_on_every_word_and_on_where_they_end() -> None:
    alike = [
        seeded(0, "ab", "c"),
        seeded(0, "a", "bc"),
        seeded(0, "abc"),
        seeded(1, "ab", "c"),
        seeded(0, "a", 1),
        seeded(0, "a", "1"),
    ]
    assert len(set(alike)) == len(alike)
    assert seeded(0, "ab", "c") == alike[0]


@given(st.integers(-(2**70), 2**70), st.text(), st.integers(0, 10**9))
def test_a_seed_is_one_that_torch_takes(seed: int, word: str, step: int) -> None:
    assert 0 <= seeded(seed, word, step) < 2**63


def test_the_order_is_a_function_of_seed_dataset_and_epoch() -> None:
    first = epoch_order(0, "clean", 3, 100)
    assert torch.equal(first, epoch_order(0, "clean", 3, 100))
    for other in (
        epoch_order(1, "clean", 3, 100),
        epoch_order(0, "scan", 3, 100),
        epoch_order(0, "clean", 4, 100),
    ):
        assert not torch.equal(first, other)
        assert torch.equal(other.sort().values, torch.arange(100))


def test_the_order_leaves_the_default_generator_alone() -> None:
    before = torch.get_rng_state()
    epoch_order(0, "", 0, 100)
    divided(0, "", 100, 10)
    assert torch.equal(torch.get_rng_state(), before)


@given(st.integers(1, 60), st.data())
def test_training_and_validation_are_disjoint_and_exhaustive(length: int, data: st.DataObject) -> None:
    held_out = data.draw(st.integers(0, length - 1))
    kept, validation = divided(7, "set", length, held_out)
    assert len(validation) == held_out
    assert sorted([*kept.tolist(), *validation.tolist()]) == list(range(length))


def test_an_epoch_visits_each_example_at_most_once_and_drops_the_last_part_batch() -> None:
    positions = torch.arange(100, 147)
    order = Order(0, "", positions, batch_size=10, steps_per_epoch=4)
    seen = torch.cat([order.rows(step) for step in range(4)])
    assert len(seen) == 40 == len(seen.unique())
    assert set(seen.tolist()) <= set(positions.tolist())


def test_any_step_can_be_asked_for_in_any_order() -> None:
    in_sequence = Order(0, "", torch.arange(47), 10, 4)
    at_will = Order(0, "", torch.arange(47), 10, 4)
    expected = [in_sequence.rows(step) for step in range(20)]
    for step in (19, 3, 4, 0, 11, 19):
        assert torch.equal(at_will.rows(step), expected[step])
