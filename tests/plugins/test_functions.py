"""Functions for wires."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from genframe_plugins.functions.tensors import concat, detach, downsample
from genframe_plugins.functions.tiles import Tiles, crop


def test_detach_stops_the_gradient() -> None:
    assert not detach(torch.ones(2, requires_grad=True)).requires_grad


def test_concat_joins_channels_of_pictures_and_features_of_vectors() -> None:
    assert concat([torch.rand(2, 3, 5, 5), torch.rand(2, 1, 5, 5)]).shape == (2, 4, 5, 5)
    assert concat([torch.rand(2, 3), torch.rand(2, 4), torch.rand(2, 1)]).shape == (2, 8)
    assert concat([torch.rand(7, 2, 3), torch.rand(7, 2, 4)]).shape == (7, 2, 7)


def test_downsample_is_the_mean_of_squares_with_any_dimensions_in_front() -> None:
    x = torch.rand(6, 2, 3, 8, 10)
    expected = x.view(6, 2, 3, 4, 2, 5, 2).mean((4, 6))
    torch.testing.assert_close(downsample(x), expected)
    assert downsample(torch.rand(2, 1, 17, 9), factor=4).shape == (2, 1, 4, 2)


@pytest.mark.parametrize(("size", "stride"), [(8, 4), (8, 8), (5, 3), (17, 1), (1, 1), (6, None)])
def test_tiles_stand_in_order_and_join_to_the_picture(size: int, stride: int | None) -> None:
    tiles, x = Tiles(size=size, stride=stride), torch.rand(2, 3, 2, 17, 23)
    step = stride or size // 2
    starts = [[*range(0, length - size, step), length - size] for length in (17, 23)]
    due = [x[..., top : top + size, left : left + size] for top in starts[0] for left in starts[1]]
    assert torch.equal(tiles(x), torch.stack(due, -4))
    torch.testing.assert_close(tiles.joined(tiles(x), x), x)


def test_joined_tiles_are_averaged_where_they_overlap() -> None:
    tiles, x = Tiles(size=2, stride=1), torch.zeros(1, 1, 2, 3)
    v = torch.stack([torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)], 1)
    assert tiles.joined(v, x).tolist() == [[[[0, 0.5, 1], [0, 0.5, 1]]]]


def test_crops_are_squares_of_the_picture_each_at_a_place_of_its_own() -> None:
    """Numbered pixels say where each came from; 5,000 crops at 6 places: each within 5 deviations of its share."""
    torch.manual_seed(0)
    x = torch.arange(2 * 4 * 5).reshape(1, 2, 4, 5).float().repeat(5000, 1, 1, 1)
    found = crop(x, size=3)
    corner = found[:, 0, 0, 0].long()
    rows, columns = corner // 5, corner % 5
    for i in range(50):
        top, left = int(rows[i]), int(columns[i])
        assert torch.equal(found[i], x[i, :, top : top + 3, left : left + 3])
    counts = torch.bincount(rows * 3 + columns, minlength=6).double()
    assert bool(((counts - 5000 / 6).abs() < 5 * math.sqrt(5000 * 5 / 36)).all())


def test_what_is_smaller_than_its_tiles_is_refused() -> None:
    for cut in (Tiles(size=8), partial(crop, size=8)):
        with pytest.raises(ValueError, match="8x8"):
            cut(torch.rand(2, 1, 7, 9))
