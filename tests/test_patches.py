"""Pictures of any size through a net for one size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genframe import patches


def whole(picture: Tensor, patch: tuple[int, int], net: object) -> Tensor:
    """All bands of what a net makes of a picture (channels, height, width)."""
    size = (picture.shape[1], picture.shape[2])
    bands = list(patches.restored(lambda places: picture[:, places], size, patch, net))  # type: ignore[arg-type]
    assert [top for top, _ in bands] == [
        sum(band.shape[1] for _, band in bands[:place]) for place in range(len(bands))
    ]
    return torch.cat([band for _, band in bands], dim=1)


@pytest.mark.parametrize("size", [(8, 6), (9, 6), (8, 7), (37, 41), (3, 50), (50, 2), (1, 1), (16, 12)])
def test_a_net_that_changes_nothing_changes_nothing_at_any_size(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    picture = torch.rand(3, *size)
    torch.testing.assert_close(whole(picture, (8, 6), lambda x: x), picture)


def test_a_picture_of_the_trained_size_goes_through_as_it_is() -> None:
    picture = torch.rand(1, 8, 6)
    calls = []

    def net(x: Tensor) -> Tensor:
        calls.append(x.shape)
        return x.square()

    assert torch.equal(whole(picture, (8, 6), net), picture.square())
    assert calls == [(1, 1, 8, 6)]


def test_where_patches_overlap_the_nearest_to_its_middle_counts_most() -> None:
    """A net that is wrong at the borders of patches, as nets are: the error is damped, and no seam stays."""
    border = torch.zeros(8, 8)
    border[0] = border[-1] = border[:, 0] = border[:, -1] = 1
    found = whole(torch.zeros(1, 40, 40), (8, 8), lambda x: x + border)[0]
    # sin^2(pi / 16) = 0.038 of a border's weight against 0.962 across, in each of two directions
    assert float(found[8:32, 8:32].max()) < 0.08
    assert float(found[0].min()) == pytest.approx(1)  # nothing else is there at the picture's own border


def test_patches_go_to_the_net_in_batches_that_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "VALUES", 3 * 3 * 64)
    sizes = []

    def net(x: Tensor) -> Tensor:
        sizes.append(len(x))
        return x

    picture = torch.rand(3, 8, 200)
    torch.testing.assert_close(whole(picture, (8, 8), net), picture)
    assert max(sizes) == 3 and sum(sizes) == 49


def test_rows_are_asked_for_a_band_at_a_time() -> None:
    picture, asked = torch.rand(1, 1000, 8), []

    def rows(places: Tensor) -> Tensor:
        asked.append(len(places))
        return picture[:, places]

    bands = [band for _, band in patches.restored(rows, (1000, 8), (8, 8), lambda x: x)]
    torch.testing.assert_close(torch.cat(bands, 1), picture)
    assert set(asked) == {8} and max(band.shape[1] for band in bands) == 8
