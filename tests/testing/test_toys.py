"""Toys are a function of their seed, and an example keeps its toys wherever it stands in the batch."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Distribution

from genframe.testing.subject import tensors
from genframe.testing.toys import COMPONENTS, WIRES, Case, Toys, image, vector

CASES = (vector(6), image(3, 28, 20))
ROWS = (2, 0, 3, 1, 1)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("wire", [w for w in WIRES if w not in COMPONENTS])
def test_rows_of_a_batch_in_another_order_are_the_same_rows(case: Case, wire: str) -> None:
    plain, ordered = (getattr(Toys(case, rows=rows), wire) for rows in (None, ROWS))
    if callable(plain) or isinstance(plain, int) or wire == "p_z":
        return
    if isinstance(plain, Distribution):
        plain, ordered = (value.mean if wire != "p_y" else value.probs for value in (plain, ordered))
    for (name, whole), (_, part) in zip(tensors(plain), tensors(ordered), strict=True):
        torch.testing.assert_close(part, whole[list(ROWS)], msg=lambda text, name=name: f"{name}: {text}")


def test_samples_stand_in_front_and_are_alike() -> None:
    toys = Toys(CASES[0], samples=3)
    assert toys.z.shape == (3, 4, 2)
    assert toys.p_x.batch_shape == (3, 4)
    torch.testing.assert_close(toys.z[0], toys.z[2])
    torch.testing.assert_close(toys.z[1], Toys(CASES[0]).z)


def test_leaves_and_modules_of_other_toys_are_used_again() -> None:
    first = Toys(CASES[0])
    before, critic = first.p_x.mean.detach().clone(), first.discriminator
    again = Toys(CASES[0], leaves=first.leaves, modules=first.modules)
    with torch.no_grad():
        first.leaves["p_logits"].add_(1)
    assert again.discriminator is critic
    torch.testing.assert_close(again.p_x.mean, before + 1)
