"""What a noise can be put on, asked before torch stumbles over it."""

from __future__ import annotations

from torch import Tensor


def require_real(x: Tensor, noise: str) -> None:
    """Raises TypeError unless x is a floating-point tensor."""
    if not x.is_floating_point():
        raise TypeError(
            f"{noise} takes real values, got {x.dtype} of the shape {tuple(x.shape)}: for labels there is `flip`"
        )


def require_picture(x: Tensor, noise: str) -> None:
    """Raises TypeError or ValueError unless x is a batch of pictures (batch, channels, height, width)."""
    require_real(x, noise)
    if x.ndim != 4:
        raise ValueError(
            f"{noise} takes pictures (batch, channels, height, width), got the shape {tuple(x.shape)}: vectors have "
            "no neighbouring pixels; gaussian, uniform, masking or salt-and-pepper take any shape"
        )
