"""Functions for wires."""

from __future__ import annotations

import torch
from genframe_plugins.functions.tensors import concat, detach, downsample


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
