"""Tensors as a page draws them: pixels in base64 for pictures, numbers for points and lines."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Look = Literal["pictures", "points", "lines"]

MOST_NUMBERS = 200_000
"""Numbers of points and lines in one answer at most; pictures are a byte each."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How examples of a shape are shown: what they look like, and the values `low` to `high` that fill the scale."""

    look: Look
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, shape: tuple[int, ...], image: bool, rows: Tensor | None) -> Frame:
        """For examples of a shape. Pictures of other values than [0, 1], points and lines are framed by `rows`."""
        look: Look = "pictures" if len(shape) in (2, 3) else "points" if shape == (2,) else "lines"
        if image or rows is None or rows.numel() == 0:
            return cls(look)
        low, high = (float(end) for end in rows.float().nan_to_num().aminmax())
        room = 0.05 * (high - low) if look != "pictures" else 0.0
        return cls(look, low - room, max(high + room, low - room + 1e-6))


def shown(x: Tensor, frame: Frame) -> dict[str, Any]:
    """Examples x (n, ...) for the page: `kind`, and pixels (n, height, width, channels) or numbers (n, ...)."""
    x = x.detach().float().cpu()
    if frame.look == "pictures":
        return _pictures(x, frame)
    if x.numel() > MOST_NUMBERS:
        x = x[: max(1, MOST_NUMBERS // x[0].numel())]
    values = x.flatten(1).nan_to_num(0.0, 1e6, -1e6)
    digits = (values * 1e5).round() / 1e5
    return {"kind": frame.look, "values": digits.tolist(), "low": frame.low, "high": frame.high}


def _pictures(x: Tensor, frame: Frame) -> dict[str, Any]:
    """One and three channels are grey and colour; of any others each is a grey picture, side by side."""
    x = x.unsqueeze(1) if x.ndim == 3 else x  # (n, channels, height, width)
    n, channels, height, width = x.shape
    note = ""
    if channels not in (1, 3):
        note = f"{channels} channels, each in grey, side by side"
        x = x.permute(0, 2, 1, 3).reshape(n, 1, height, channels * width)
    scaled = (x - frame.low) / (frame.high - frame.low)
    pixels = (scaled.nan_to_num(0.0, 1.0, 0.0).clamp(0, 1) * 255).round().to(torch.uint8)
    data = pixels.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
    return {
        "kind": "pictures",
        "count": n,
        "height": height,
        "width": x.shape[3],
        "channels": x.shape[1],
        "pixels": base64.b64encode(data).decode("ascii"),
        **({"note": note} if note else {}),
    }
