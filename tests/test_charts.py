"""Curves of figures against levels, and filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from genframe import charts, exports
from genframe.errors import RecipeError


def test_figures_become_curves_by_their_names() -> None:
    figures = {"psnr_0.3": 20.0, "psnr_0.1": 28.0, "psnr_median_0.1": 22.0, "ssim_0.1": 0.9, "elbo": -100.0}
    assert charts.curves_of(figures) == {
        "psnr": {"psnr": [(0.1, 28.0), (0.3, 20.0)], "psnr_median": [(0.1, 22.0)]},
        "ssim": {"ssim": [(0.1, 0.9)]},
    }


def test_a_chart_has_a_panel_for_each_group_and_a_line_that_falls_where_the_figure_does(
    tmp_path: Path,
) -> None:
    figures = {f"psnr_{level}": 30 - 20 * level for level in (0.1, 0.2, 0.5)} | {
        "ssim_0.1": 0.9,
        "ssim_0.5": 0.5,
    }
    exports.curves(figures, tmp_path / "c.png")
    pixels = np.asarray(Image.open(tmp_path / "c.png")).astype(int)
    assert pixels.shape == (800, 640, 3)
    blue = (pixels[:400] == charts._COLOURS[0]).all(2)[:, :470]
    columns = np.flatnonzero(blue.any(0))
    heights = [np.flatnonzero(blue[:, column]).mean() for column in columns]
    assert np.all(np.diff(heights) > -1.5) and heights[-1] - heights[0] > 300
    with pytest.raises(RecipeError, match="several levels"):
        exports.curves({"elbo": -100.0}, tmp_path / "d.png")


def test_filters_are_grey_at_0_and_reach_white_or_black() -> None:
    weight = torch.zeros(4, 1 * 5 * 5)
    weight[0, 12], weight[1, 0] = 3.0, -0.1
    pixels = np.asarray(charts.filters(weight, (1, 5, 5)))
    assert {255, 0, 128} <= set(pixels.flatten().tolist())
    assert pixels.shape == (2 * 27 + 2, 2 * 27 + 2)  # five pixels, each five wide
    assert charts.filters(torch.randn(9, 3, 3, 3), (3, 28, 28)).mode == "RGB"
    with pytest.raises(ValueError, match="no filters"):
        charts.filters(torch.randn(9, 7), (1, 5, 5))


def test_the_first_layer_is_the_first_with_weights() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    found = charts.first_layer(net)
    assert found is not None and found.shape == (3, 4)
    assert charts.first_layer(nn.ReLU()) is None


def test_a_component_may_say_itself_what_its_filters_are() -> None:
    class Machine(nn.Module):
        def filters(self) -> torch.Tensor:
            return torch.ones(2, 1, 3, 3)

    found = charts.first_layer(Machine())
    assert found is not None and found.shape == (2, 1, 3, 3)
