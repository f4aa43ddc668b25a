"""Convolutional encoder and decoder for pictures of any size: each mirrors the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from genframe import Count, Shape

from .layers import ACTIVATIONS, Shapes, beside, halved, joined
from .norms import normalisation
from .spectral import normalise_spectrally


class ConvEncoder(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> (batch, features), or a map (batch, channels, height, width).

    Conditions (batch, ...) are further channels: pictures of the same size as they are, a vector as constant ones.
    `depth` convolutions of kernel 4 and stride 2 halve height and width, rounded down, and double the
    channels from `width` on. `ends: vector` adds a linear layer to `features`; `ends: map` gives the last
    map.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 32,
        depth: Count = 2,
        ends: Literal["vector", "map"] = "vector",
        features: Count = 128,
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        norm: Literal["none", "batch", "group"] = "none",
    ) -> None:
        super().__init__()
        shape = joined(in_shape)
        height, breadth = halved(shape, depth, "the conv encoder")
        channels = [shape[0], *(width << level for level in range(depth))]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(channels):
            layers += [
                nn.Conv2d(fan_in, fan_out, 4, 2, 1),
                *normalisation(norm, fan_out),
                ACTIVATIONS[activation](),
            ]
        if ends == "vector":
            layers += [
                nn.Flatten(),
                nn.Linear(channels[-1] * height * breadth, features),
                ACTIVATIONS[activation](),
            ]
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor, *conditions: Tensor) -> Tensor:
        features: Tensor = self.net(beside(x, conditions))
        return features


class ConvDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape) exactly, whatever the size; no activation at the end.

    The mirror of the conv encoder: `depth` transposed convolutions double height and width (and add the row
    and the column that rounding down took) and halve the channels, down to `width`. A vector goes through
    linear layers (`features` wide, then the first map); a map of the encoder's last size goes through a
    convolution. `spectral_norm` divides each weight by its largest singular value (RAE-SN, Ghosh et al. 2020).
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        width: Count = 32,
        depth: Count = 2,
        features: Count = 128,
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        norm: Literal["none", "batch", "group"] = "none",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        start = (width << (depth - 1), *halved(out_shape, depth, "the conv decoder"))
        layers = [*_entrance(joined(in_shape), start, features, activation), ACTIVATIONS[activation]()]
        for level in reversed(range(depth)):  # level 0 is the last, and gives the picture
            fan_in, fan_out = width << level, width << (level - 1) if level else out_shape[0]
            odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)
            layers.append(nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1, output_padding=odd))
            if level:
                layers += [*normalisation(norm, fan_out), ACTIVATIONS[activation]()]
        self.net = nn.Sequential(*layers)
        normalise_spectrally(self, spectral_norm)

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.net(beside(z, conditions))
        return out


def _entrance(in_shape: Shape, start: Shape, features: int, activation: str) -> list[nn.Module]:
    """Layers from the latent to the first map `start`. Raises ValueError where a map has another size."""
    if len(in_shape) == 3:
        if tuple(in_shape[1:]) != tuple(start[1:]):
            given, wanted = "x".join(map(str, in_shape[1:])), "x".join(map(str, start[1:]))
            raise ValueError(f"the conv decoder got a map of {given} where its depth needs {wanted}")
        return [nn.Conv2d(in_shape[0], start[0], 3, 1, 1)]
    (latent,) = in_shape
    size = start[0] * start[1] * start[2]
    wide = [nn.Linear(latent, features), ACTIVATIONS[activation](), nn.Linear(features, size)]
    return [*wide, nn.Unflatten(1, start)]
