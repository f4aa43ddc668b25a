"""Pictures with words: what stands where, for pictures of any channels, points and vectors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from genframe import figures, pictures, plots, sheets
from genframe.errors import RecipeError
from genframe.interpolation import Interpolation
from genframe.manifold import Manifold
from genframe.traversal import Traversal
from genframe.walk import Walk


def pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("channels", "width"), [(1, 5), (3, 5), (2, 11), (4, 23), (40, 95)])
def test_pictures_of_other_channels_show_these_side_by_side(channels: int, width: int) -> None:
    images = torch.rand(2, channels, 4, 5)
    shown = sheets.viewable(images)
    assert shown.shape == (2, channels if channels in (1, 3) else 1, 4, width)
    if channels == 2:
        assert torch.equal(shown[1, 0, :, 6:], images[1, 1])


def test_a_matrix_is_a_grey_picture_and_a_vector_none() -> None:
    assert sheets.drawable(torch.rand(2, 4, 5)) and sheets.viewable(torch.rand(2, 4, 5)).shape == (2, 1, 4, 5)
    assert not sheets.drawable(torch.rand(2, 5)) and not sheets.drawable(torch.rand(2, 3, 1, 5))


def test_small_pictures_are_enlarged_by_a_whole_number() -> None:
    one = torch.arange(4.0).reshape(1, 1, 2, 2) / 4
    large = sheets.enlarged(one, 5)
    assert large.shape == (1, 1, 6, 6) and torch.equal(large[:, :, ::3, ::3], one)


def test_words_stand_beside_the_cells_and_leave_them_as_they_are() -> None:
    x = torch.rand(6, 1, 50, 50)
    plain = pixels(sheets.sheet(x, 3))
    made = pixels(
        sheets.sheet(x, 3, title="A title", above=["a", "b", "c"], left=["one", "other"], right=["r", "s"])
    )
    top, height = made.shape[0] - plain.shape[0], plain.shape[0]
    left = next(k for k in range(made.shape[1]) if (made[top : top + height, k] == plain[:, 0]).all())
    assert np.array_equal(made[top:, left : left + plain.shape[1]], plain)
    for band in (made[:20], made[20:top], made[top:, :left]):
        assert (band < 128).any() and (band == 255).any()


def test_words_that_would_run_into_each_other_are_left_out() -> None:
    cells = Image.new("RGB", (100, 10))
    some = pixels(sheets.labelled(cells, (10, 10), above=[f"{k}.00" for k in range(10)]))
    dark = (some[:-10] < 200).any((0, 2))
    gaps = np.diff(np.flatnonzero(dark))
    assert dark.any() and (gaps > 3).sum() >= 2  # white between the words that stand


def test_a_long_title_is_wrapped_and_frames_share_a_size(tmp_path: Path) -> None:
    tall = sheets.labelled(Image.new("RGB", (10, 10)), title="word " * 60)
    assert tall.width <= 420 and tall.height > 10 + 3 * 14
    pictures.save_frames([tall, Image.new("L", (5, 5))], tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 2 and image.size == tall.size  # type: ignore[attr-defined]


WAY = {"z": torch.zeros(2, 3, 4), "at": torch.linspace(0, 1, 3), "method": "linear", "names": ("a", "b", "c")}
PLANE: Any = SimpleNamespace(names=("z[0]", "z[1]"), of="the plane")


def made_of(x: Tensor) -> list[tuple[Any, Any]]:
    """Everything that can be drawn of examples (6, ...), with what draws it."""
    row = x.reshape(2, 3, *x.shape[1:])
    side = torch.linspace(-1, 1, 2)
    square = x[:4].reshape(2, 2, *x.shape[1:])
    return [
        (figures.samples, x),
        (figures.traversal, Traversal((0, 3), torch.linspace(-1, 1, 3), torch.zeros(2, 3, 4), row)),
        (figures.interpolation, Interpolation(x=row, **WAY)),  # type: ignore[arg-type]
        (figures.manifold, Manifold(square, square, side, side, PLANE)),
        (figures.walk, Walk(row, (0, 5), "a chain", "gibbs", "noise")),
    ]


@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (3, 8, 8), (2, 8, 8), (8, 8), (2,), (1,), (7,), (30,)],
    ids=lambda s: "x".join(map(str, s)),
)
@pytest.mark.parametrize("title", ["what it is", None], ids=["titled", "bare"])
def test_whatever_an_example_is_it_can_be_drawn(shape: tuple[int, ...], title: str | None) -> None:
    x = torch.rand(6, *shape)
    x[0, ..., 0] = float("nan")
    for draw, found in made_of(x):
        image = draw(found, title)
        assert min(image.size) > 10 and len(np.unique(pixels(image))) > 1
    both = figures.beside(x, 1 - x, title)
    assert min(both.size) > 10


def test_examples_stand_at_the_ends_of_the_ways_between_their_codes() -> None:
    ends = torch.stack([torch.full((1, 40, 40), value) for value in (0.2, 0.6, 1.0)])
    found = Interpolation(x=torch.zeros(2, 3, 1, 40, 40), ends=ends, **WAY)  # type: ignore[arg-type]
    image = pixels(figures.interpolation(found, None))[:, :, 0] / 255
    cells = [
        [float(image[2 + 42 * row + 20, 2 + 42 * column + 20]) for column in (0, 1, 4)] for row in (0, 1)
    ]
    assert np.allclose(cells, [[0.2, 0, 0.6], [0.6, 0, 1.0]], atol=0.01)


def test_a_way_is_gone_forth_and_back() -> None:
    x = torch.linspace(0, 1, 6).reshape(2, 3, 1, 1, 1).expand(2, 3, 1, 50, 50)
    frames = figures.interpolation_frames(Interpolation(x=x, **WAY), None)  # type: ignore[arg-type]
    shown = [float(pixels(frame).mean()) / 255 for frame in frames]
    assert np.allclose(shown, [0, 0.2, 0.4, 0.6, 0.8, 1, 0.8, 0.6, 0.4, 0.2], atol=0.01)


def test_what_is_no_picture_does_not_move() -> None:
    with pytest.raises(RecipeError, match=r"of which a \.gif") as raised:
        figures.sample_frames(torch.zeros(3, 2), "title")
    assert raised.value.problems[0].code == "GF803"


def test_maps_of_a_plane_are_each_number_from_black_to_white() -> None:
    x = torch.stack([torch.arange(4.0).reshape(2, 2), torch.ones(2, 2)], 2)
    assert torch.allclose(plots.maps(x)[0, 0], torch.arange(4.0).reshape(2, 2) / 3)
    assert torch.equal(plots.maps(x)[1, 0], torch.full((2, 2), 0.5))


def test_vectors_are_lines_over_those_of_the_data() -> None:
    image = pixels(plots.vectors(torch.zeros(1, 3), torch.ones(2, 3)))
    blue = np.argwhere((image == (31, 95, 180)).all(2))[:, 0]
    grey = np.argwhere((image == (205, 205, 205)).all(2))[:, 0]
    assert len(blue) > 100 and len(grey) > 100 and grey.max() < blue.min()  # 1 above 0
