"""Pictures in colour and grey."""

from __future__ import annotations

import torch
from torch import Tensor


def grey(pictures: Tensor) -> Tensor:
    """0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601): (n, 3, height, width) -> (n, 1, height, width), of its type.

    Pictures of another number of channels stay as they are.
    """
    if pictures.shape[1] != 3:
        return pictures
    shares = torch.tensor([0.299, 0.587, 0.114], device=pictures.device)
    mixed: Tensor = torch.einsum("nchw,c->nhw", pictures.float(), shares).unsqueeze(1)
    return (mixed if pictures.is_floating_point() else mixed.round()).to(pictures.dtype)
