"""What discriminators end with: a score, and what a condition or the rest of the batch has to say in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genframe import Verdict

from .layers import Shapes, inputs, size, told


class Score(nn.Linear):
    """features (batch, d)[, conditions] -> Verdict(score (batch,), features).

    With a `condition` of so many numbers the score is psi(phi) + y.V phi: how well the features go with the
    condition beside how real they are (Miyato & Koyama 2018, eq. 5, psi and V linear).
    """

    def __init__(self, features: int, condition: int = 0) -> None:
        super().__init__(features, 1)
        self.embed = nn.Linear(condition, features, bias=False) if condition else None

    def forward(  # type: ignore[override]
        self, features: Tensor, conditions: Sequence[Tensor] = ()
    ) -> Verdict:
        score: Tensor = super().forward(features).squeeze(1)
        if self.embed is not None:
            score = score + (self.embed(told(conditions, features.dtype)) * features).sum(1)
        return Verdict(score, features)


def trunk(in_shape: Shapes, conditions: str) -> tuple[Shapes, int]:
    """The shapes that stand before the features, and how many numbers are projected onto them.

    Raises ValueError where nothing is there to be projected.
    """
    if conditions == "beside":
        return in_shape, 0
    first, *others = inputs(in_shape)
    if not others:
        raise ValueError(
            "conditions: projected is for a discriminator that is given one: discriminator(x, c)"
        )
    return first, size(tuple(others))


class MinibatchDeviation(nn.Module):
    """features (batch, channels, ...) with one channel more: how much the examples of a group differ.

    The standard deviation over each group of `group` neighbours, averaged over channels and places (Karras et al.
    2018, section 3): fakes that are all alike give themselves away. A smaller batch is one group. Raises ValueError
    for a batch that does not divide into groups.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        batch, group = len(features), min(self.group, len(features))
        if batch % group:
            raise ValueError(f"minibatch_std: a batch of {batch} does not divide into groups of {group}")
        groups = features.reshape(-1, group, *features.shape[1:])  # (groups, group, channels, ...)
        spread = (groups.var(1, correction=0) + 1e-8).sqrt().flatten(1).mean(1)  # (groups,)
        column = spread.repeat_interleave(group, output_size=batch).reshape(-1, *[1] * (features.ndim - 1))
        return torch.cat([features, column.expand(-1, 1, *features.shape[2:])], 1)


def deviation(group: int) -> list[nn.Module]:
    """No module, or one."""
    return [MinibatchDeviation(group)] if group else []
