"""Pictures: the right pixels in the right places, for any number and shape of samples."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from genframe.pictures import GAP, grid, manifold, pairs, picture_of, save_png, scatter

GAP_BYTE = round(GAP * 255)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def flat(n: int, channels: int = 1, height: int = 2, width: int = 3) -> Tensor:
    """Images of one value each: 0, 1/n, 2/n …"""
    return (torch.arange(n) / n).reshape(n, 1, 1, 1).expand(n, channels, height, width)


def cell(
    image: Image.Image, row: int, column: int, height: int = 2, width: int = 3, padding: int = 2
) -> np.ndarray:
    """The pixels of one image of a grid."""
    top, left = padding + row * (height + padding), padding + column * (width + padding)
    return pixels(image)[top : top + height, left : left + width]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 9, 10, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_stands_in_its_cell(n: int, channels: int) -> None:
    image = grid(flat(n, channels))
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    assert image.mode == {1: "L", 3: "RGB"}[channels]
    assert image.size == (columns * 5 + 2, rows * 4 + 2)
    for index in range(rows * columns):
        expected = round(index / n * 255) if index < n else GAP_BYTE
        assert (cell(image, *divmod(index, columns)) == expected).all()
    inside = np.zeros(pixels(image).shape[:2], bool)
    for index in range(rows * columns):
        row, column = divmod(index, columns)
        inside[2 + row * 4 : 4 + row * 4, 2 + column * 5 : 5 + column * 5] = True
    assert (pixels(image)[~inside] == GAP_BYTE).all()


def test_an_image_is_not_turned_or_mixed_up() -> None:
    picture = torch.arange(24).reshape(1, 3, 2, 4) / 255
    shown = pixels(grid(picture, padding=0))  # (2, 4, 3)
    assert (shown == torch.arange(24).reshape(3, 2, 4).permute(1, 2, 0).numpy()).all()


def test_columns_and_padding_are_as_asked() -> None:
    assert grid(flat(6), columns=3, padding=1).size == (3 * 4 + 1, 2 * 3 + 1)
    assert grid(flat(2), columns=8, padding=0).size == (6, 2)


def test_values_outside_the_range_are_clipped_and_nan_is_black() -> None:
    odd = torch.tensor([-1.0, 2.0, math.nan, math.inf, -math.inf, 0.5]).reshape(1, 1, 1, 6)
    assert pixels(grid(odd, padding=0)).ravel().tolist() == [0, 255, 0, 255, 0, 128]


def test_half_precision_and_gradients_are_no_matter() -> None:
    images = torch.full((1, 1, 2, 2), 0.5, dtype=torch.bfloat16, requires_grad=True)
    assert (pixels(grid(images, padding=0)) == 128).all()


@pytest.mark.parametrize("shape", [(0, 1, 2, 2), (4, 2, 2, 2), (4, 4, 2, 2), (4, 2, 2), (4, 2)])
def test_what_is_no_image_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        grid(torch.zeros(shape))


def test_reconstructions_stand_below_their_originals() -> None:
    originals = flat(5)
    image = pairs(originals, 1 - originals, columns=3)
    assert image.size == (3 * 5 + 2, 4 * 4 + 2)
    for index in range(5):
        row, column = divmod(index, 3)
        assert (cell(image, 2 * row, column) == round(index / 5 * 255)).all()
        assert (cell(image, 2 * row + 1, column) == round((1 - index / 5) * 255)).all()
    assert (cell(image, 2, 2) == GAP_BYTE).all()
    assert (cell(image, 3, 2) == GAP_BYTE).all()


def test_pairs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        pairs(flat(3), flat(4))


def colours(image: Image.Image) -> dict[str, int]:
    """How many pixels are blue (points) and how many light grey (reference)."""
    red, green, blue = pixels(image).astype(int).transpose(2, 0, 1)
    grey = (abs(red - green) < 8) & (abs(green - blue) < 8)
    return {
        "points": int((blue - red > 60).sum()),
        "reference": int((grey & (red > 150) & (red < 230)).sum()),
    }


def centre_of_points(image: Image.Image) -> tuple[float, float]:
    """The mean place (x, y) of the blue pixels, from -1 at the left and bottom to 1."""
    red, _, blue = pixels(image).astype(int).transpose(2, 0, 1)
    y, x = np.nonzero(blue - red > 60)
    half = image.size[0] / 2
    return float(x.mean() / half - 1), float(1 - y.mean() / half)


def test_points_stand_over_the_reference() -> None:
    reference = torch.rand(500, 2, generator=torch.Generator().manual_seed(0))
    seen = colours(scatter(reference[:50] * 0.9, reference))
    assert seen["points"] > 100
    assert seen["reference"] > 1000
    assert colours(scatter(torch.empty(0, 2), reference))["points"] == 0


@pytest.mark.parametrize(
    ("point", "place"),
    [((1.0, 0.0), (1, 0)), ((0.0, 1.0), (0, 1)), ((-1.0, 0.0), (-1, 0)), ((0.0, -1.0), (0, -1))],
)
def test_the_first_coordinate_runs_right_and_the_second_up(
    point: tuple[float, float], place: tuple[int, int]
) -> None:
    frame = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    x, y = centre_of_points(scatter(torch.tensor([point]), frame))
    scale = (1 - 2 * 34 / 480) / 1.1  # the frame's edge, and a tenth of room around the reference
    assert x == pytest.approx(place[0] * scale, abs=0.01)
    assert y == pytest.approx(place[1] * scale, abs=0.01)


def test_both_axes_have_one_scale() -> None:
    wide = torch.tensor([[-10.0, -1.0], [10.0, 1.0]])
    _, y = centre_of_points(scatter(torch.tensor([[0.0, 1.0]]), wide))
    assert y == pytest.approx(0.1 * (1 - 2 * 34 / 480) / 1.1, abs=0.01)


@pytest.mark.parametrize(
    "points",
    [
        torch.zeros(3, 2),
        torch.empty(0, 2),
        torch.full((2, 2), math.nan),
        torch.tensor([[1e30, 0.0]]),
        torch.ones(1, 2),
    ],
    ids=["one place", "none", "nan", "huge", "one"],
)
def test_odd_points_are_drawn_or_left_out_without_an_error(points: Tensor) -> None:
    assert scatter(points).size == (480, 480)
    assert scatter(points, torch.randn(10, 2)).size == (480, 480)


def test_points_outside_the_frame_are_counted_and_not_drawn() -> None:
    frame = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    inside = scatter(torch.zeros(1, 2), frame)
    far = scatter(torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, math.nan]]), frame)
    differing = pixels(inside) != pixels(far)
    assert differing[:34].any()  # the note above the frame
    assert not differing[34:].any()


@pytest.mark.parametrize("shape", [(3, 3), (3,), (3, 1, 2)])
def test_only_pairs_make_a_scatter(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"points \(n, 2\)"):
        scatter(torch.zeros(shape))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((4, 1, 8, 8), (22, 22)),
        ((4, 3, 8, 8), (22, 22)),
        ((9, 2), (480, 480)),
        ((9, 3), None),
        ((9, 5, 8, 8), None),
    ],
)
def test_the_shape_decides_the_picture(shape: tuple[int, ...], size: tuple[int, int] | None) -> None:
    picture = picture_of(torch.zeros(shape))
    assert (picture.size if picture else None) == size


def test_the_manifold_is_a_grid_of_quantiles_with_the_second_latent_upwards() -> None:
    asked: list[Tensor] = []

    def decode(z: Tensor) -> Tensor:
        asked.append(z)
        shares = 0.5 * (1 + torch.erf(z / math.sqrt(2)))  # the normal's distribution function
        return (0.75 * shares[:, 0] + 0.25 * shares[:, 1]).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2)

    image = manifold(decode, side=5, margin=0.1)
    (z,) = asked
    assert z.shape == (25, 2)
    assert not z.requires_grad
    assert image.size == (10, 10)
    for row in range(5):
        for column in range(5):
            share = 0.75 * (0.1 + 0.2 * column) + 0.25 * (0.1 + 0.2 * (4 - row))
            assert pixels(image)[2 * row, 2 * column] == pytest.approx(share * 255, abs=1)


def test_a_saved_picture_is_the_picture(tmp_path: Path) -> None:
    image = grid(flat(4, 3))
    path = tmp_path / "samples" / "grid.png"
    save_png(image, path)
    save_png(image, path)
    assert (pixels(Image.open(path)) == pixels(image)).all()
    assert [entry.name for entry in path.parent.iterdir()] == ["grid.png"]
