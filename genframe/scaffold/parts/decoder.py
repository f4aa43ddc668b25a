"""A decoder whose every layer sees the latent."""

from __future__ import annotations

import math

import torch
from genframe import Count, Shape
from torch import Tensor, nn


class MyDecoder(nn.Module):
    """z (batch, *in_shape) -> (batch, *out_shape), what the likelihood takes; no activation at the end.

    Fully connected layers of the widths `hidden`, each of which gets z beside the result of the one before: a
    decoder that can't forget the latent loses it later (Dieng et al. 2019, "Avoiding latent variable collapse").
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, *, hidden: tuple[Count, ...] = (128, 128)) -> None:
        super().__init__()
        latent = math.prod(in_shape)
        widths = (0, *hidden)
        self.layers = nn.ModuleList(
            nn.Linear(latent + before, after) for before, after in zip(widths, hidden, strict=False)
        )
        self.last = nn.Linear(latent + widths[-1], math.prod(out_shape))
        self.out_shape = tuple(out_shape)

    def forward(self, z: Tensor) -> Tensor:
        z = z.flatten(1)  # (batch, latent)
        seen = z
        for layer in self.layers:
            seen = torch.cat([z, torch.relu(layer(seen))], dim=1)  # (batch, latent + width)
        out: Tensor = self.last(seen)
        return out.view(-1, *self.out_shape)
