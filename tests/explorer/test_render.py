"""Tensors as the page draws them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

from genframe.explorer.render import Frame, shown

PICTURES = Frame("pictures")


def _pixels(made: dict[str, object]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(str(made["pixels"])), np.uint8)
    return flat.reshape(made["count"], made["height"], made["width"], made["channels"])  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_are_bytes_with_channels_last(channels: int) -> None:
    x = torch.rand(2, channels, 4, 5)
    made = shown(x, PICTURES)
    assert np.array_equal(_pixels(made), (x * 255).round().byte().permute(0, 2, 3, 1).numpy())
    assert "note" not in made


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_other_channels_stand_side_by_side(channels: int) -> None:
    x = torch.rand(2, channels, 4, 3)
    made = shown(x, PICTURES)
    pixels = _pixels(made)
    assert pixels.shape == (2, 4, 3 * channels, 1) and str(channels) in made["note"]
    assert np.array_equal(pixels[1, :, 3:6, 0], (x[1, 1] * 255).round().byte().numpy())


def test_a_picture_without_channels_is_grey() -> None:
    assert _pixels(shown(torch.ones(1, 4, 3), PICTURES)).shape == (1, 4, 3, 1)


def test_what_is_no_number_or_beyond_the_scale_is_drawn_at_its_ends() -> None:
    x = torch.tensor([float("nan"), -2.0, 9.0, float("inf")]).reshape(1, 1, 2, 2)
    assert _pixels(shown(x, PICTURES)).flatten().tolist() == [0, 0, 255, 255]


def test_points_and_lines_are_numbers_in_the_frame_of_the_data() -> None:
    rows = torch.tensor([[-1.0, 0.0], [3.0, 1.0]])
    frame = Frame.of((2,), False, rows)
    assert frame.look == "points" and frame.low == pytest.approx(-1.2) and frame.high == pytest.approx(3.2)
    made = shown(torch.tensor([[0.5, float("nan")]]), frame)
    assert made["kind"] == "points" and made["values"] == [[0.5, 0.0]]
    assert Frame.of((7,), False, None).look == "lines" and Frame.of((5, 4, 4), True, rows).look == "pictures"


def test_pictures_of_other_values_than_0_to_1_fill_the_scale_of_the_data() -> None:
    rows = torch.tensor([-1.0, 1.0]).reshape(1, 1, 1, 2)
    frame = Frame.of((1, 1, 2), False, rows)
    assert _pixels(shown(rows, frame)).flatten().tolist() == [0, 255]


def test_long_answers_are_cut() -> None:
    assert len(shown(torch.zeros(300, 1000), Frame("lines"))["values"]) == 200
