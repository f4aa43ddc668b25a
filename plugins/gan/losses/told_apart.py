"""A critic's side task: which of several kinds a picture is of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def told_apart(tensors: Sequence[Tensor]) -> Tensor:
    """Logits (batch, classes) for pictures of each kind in turn: those of the k-th must say the class k. (batch,).

        -1/K sum_k log softmax(tensors[k])_k

    `told_apart([kind(real_verdict.features).logits, kind(fake_verdict.features).logits, ...])`: real pictures are class
    0, so that for the generator `told_apart([kind(fake_verdict.features).logits])` says that its own are real. Raises
    ValueError for other shapes, and for more kinds than classes.
    """
    shapes = {tuple(logits.shape) for logits in tensors}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"told_apart takes logits (batch, classes), alike in shape, not {sorted(shapes)}")
    if len(tensors) > tensors[0].shape[1]:
        raise ValueError(f"told_apart got {len(tensors)} kinds, but logits for {tensors[0].shape[1]} classes")
    said = [logits.float().log_softmax(1)[:, kind] for kind, logits in enumerate(tensors)]
    return -torch.stack(said).mean(0)
