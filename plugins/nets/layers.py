"""What the nets are stacked from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from genframe import Shape

Shapes = Shape | tuple[Shape, ...]
"""The shape of one input; of an input and its conditions, those of each."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def stack(widths: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers between neighbouring `widths`, each followed by the activation."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def draw_weights(net: nn.Module, std: float | None, glorot: bool = False) -> None:
    """Draw all matrices and kernels from N(0, std^2), or as Glorot & Bengio (2010); biases zero; else torch's.

    Raises ValueError where both are asked for.
    """
    if std is None and not glorot:
        return
    if std is not None and glorot:
        raise ValueError(f"weights are drawn by init_std ({std}) or as glorot has them: one of them")
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            if std is None:
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def logit_of_marginals(data: Any, shape: Shape) -> Tensor:
    """The logit of the mean training example, which is kept within 0.001 and 0.999: (*shape).

    data: `data.batches(n)` gives mappings with `x` (n, ...). Raises ValueError for examples of another shape.
    """
    total = torch.zeros(shape, dtype=torch.float64)
    for batch in data.batches(1000):
        if tuple(batch["x"].shape[1:]) != tuple(shape):
            raise ValueError(
                f"marginals: {tuple(batch['x'].shape[1:])} values of x, and {tuple(shape)} numbers to start at their "
                "logits: for likelihoods of one logit a value, such as bernoulli"
            )
        total += batch["x"].double().sum(0).cpu()
    return (total / len(data)).clamp(0.001, 0.999).logit().float()


def halved(shape: Shape, depth: int, what: str) -> tuple[int, int]:
    """Height and width of a picture (channels, height, width) after `depth` halvings, rounded down.

    Raises ValueError where `shape` is no picture, or too small.
    """
    if len(shape) != 3:
        raise ValueError(f"{what} takes pictures (channels, height, width), not {tuple(shape)}")
    height, width = shape[1] >> depth, shape[2] >> depth
    if min(height, width) < 1:
        deepest = min(shape[1:]).bit_length() - 1
        raise ValueError(f"{what}: depth {depth} halves {shape[1]}x{shape[2]} to nothing; at most {deepest}")
    return height, width


def halvings(shape: Shape, what: str) -> int:
    """How often height and width of a picture can be halved and stay at least 4 (at least once).

    As Radford et al. (2016) have it at 64x64: 16x the base map of 4x4. Raises ValueError where `shape` is no picture.
    """
    halved(shape, 1, what)
    return max(1, (min(shape[1:]) // 4).bit_length() - 1)


def inputs(in_shape: Shapes) -> tuple[Shape, ...]:
    """The shapes of an input and of its conditions; of an input alone, that one."""
    several = tuple(shape for shape in in_shape if isinstance(shape, tuple))
    return several or (tuple(length for length in in_shape if isinstance(length, int)),)


def size(in_shape: Shapes) -> int:
    """How many numbers an input and its conditions have."""
    return sum(map(math.prod, inputs(in_shape)))


def flat(x: Tensor, conditions: Sequence[Tensor]) -> Tensor:
    """x (batch, ...) and its conditions (batch, ...) as vectors (batch, size)."""
    if not conditions:
        return x.flatten(1)
    return torch.cat([x.flatten(1), *(_numbers(c).flatten(1).to(x.dtype) for c in conditions)], 1)


def joined(in_shape: Shapes) -> Shape:
    """The shape of what `beside` makes of an input and its conditions.

    Beside a picture (channels, height, width) a picture of the same size adds its channels, anything else a channel
    for each of its numbers; beside a vector everything is a vector. Raises ValueError for pictures of different sizes.
    """
    first, *others = inputs(in_shape)
    if len(first) != 3:
        return (size(in_shape),) if others else first
    channels = first[0]
    for other in others:
        if len(other) == 3 and other[1:] != first[1:]:
            raise ValueError(
                f"a condition of the shape {other} beside a picture {first}: the sizes must agree"
            )
        channels += other[0] if len(other) == 3 else math.prod(other)
    return (channels, *first[1:])


def beside(x: Tensor, conditions: Sequence[Tensor]) -> Tensor:
    """x (batch, ...) with its conditions (batch, ...) as further channels, or further numbers: see `joined`."""
    if not conditions or x.ndim != 4:
        return flat(x, conditions) if conditions else x
    planes = [
        c if c.ndim == 4 else c.flatten(1)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        for c in map(_numbers, conditions)
    ]
    return torch.cat([x, *(plane.to(x.dtype) for plane in planes)], 1)


def told(conditions: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The conditions (batch, ...) as one vector each (batch, size)."""
    return torch.cat([_numbers(c).flatten(1).to(dtype) for c in conditions], 1)


def _numbers(condition: Tensor) -> Tensor:
    """A condition. Raises TypeError for labels: 3 is not thrice 1."""
    if condition.dtype == torch.int64:
        raise TypeError(
            "a net is told a class by a vector, and here is a label, int64: function: {use: one-hot, classes: ...} "
            "makes it one"
        )
    return condition
