from __future__ import annotations

import torch

from genframe.data.binarise import Pictures, draw, draw_for_rows, scaled, threshold

# Of each of 200 pixel values 4,000 bits are drawn. A mean is further than 5 standard deviations from its
# probability with a chance below 6e-7, so a sound generator fails one of the tests below with a chance of 1.2e-4.
DRAWS, SIGMAS = 4000, 5.0


def _means_agree(bits: torch.Tensor, probabilities: torch.Tensor) -> bool:
    spread = (probabilities * (1 - probabilities) / DRAWS).sqrt()
    return bool(((bits.mean(dim=0) - probabilities).abs() <= SIGMAS * spread + 1e-6).all())


def test_drawn_bits_have_the_pixels_as_their_means() -> None:
    probabilities = torch.linspace(0, 1, 200)
    bits = draw(probabilities.expand(DRAWS, -1), torch.Generator().manual_seed(1))
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    assert _means_agree(bits, probabilities)


def test_bits_drawn_example_by_example_have_the_pixels_as_their_means() -> None:
    probabilities = torch.linspace(0, 1, 200)
    bits = draw_for_rows(probabilities.expand(DRAWS, -1), torch.arange(DRAWS), seed=2)
    assert _means_agree(bits, probabilities)


def test_black_stays_black_and_white_stays_white() -> None:
    ends = torch.tensor([0.0, 1.0]).expand(100_000, 2)
    bits = draw(ends, torch.Generator().manual_seed(0))
    assert bits[:, 0].sum() == 0
    assert bits[:, 1].sum() == 100_000


def test_bits_of_an_example_depend_on_its_position_alone() -> None:
    pixels = torch.full((20, 1, 4, 4), 0.5)
    together = draw_for_rows(pixels, torch.arange(20), seed=3)
    rows = torch.tensor([17, 4, 5])
    assert torch.equal(draw_for_rows(pixels[:3], rows, seed=3), together[rows])
    assert not torch.equal(draw_for_rows(pixels, torch.arange(20), seed=4), together)
    assert not torch.equal(together[0], together[1])


def test_the_threshold_is_a_half() -> None:
    stored = torch.tensor([0, 127, 128, 255], dtype=torch.uint8)
    assert threshold(scaled(stored)).tolist() == [0, 0, 1, 1]


def test_bytes_scale_to_the_closest_floats() -> None:
    stored = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(scaled(stored), torch.arange(256, dtype=torch.float64).div(255).float())


def test_dynamic_bits_change_with_the_step_and_come_again() -> None:
    stored = torch.full((5, 1, 6, 6), 128, dtype=torch.uint8)
    rows = torch.arange(5)
    pictures = Pictures("dynamic", 0, "", torch.device("cpu"))
    first = pictures.at_step("x", stored, rows, 0)
    assert not torch.equal(pictures.at_step("x", stored, rows, 1), first)
    assert torch.equal(pictures.at_step("x", stored, rows, 0), first)
    evaluated = pictures.repeatable("x", stored, rows, "test")
    assert torch.equal(pictures.repeatable("x", stored, rows, "test"), evaluated)
