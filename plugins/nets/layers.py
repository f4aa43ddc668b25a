"""What the nets are stacked from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from torch import nn

from genframe import Shape

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


def draw_weights(net: nn.Module, std: float | None) -> None:
    """Draw the weights of all linear layers from N(0, std^2), biases zero; with None they stay torch's own."""
    if std is None:
        return
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            nn.init.zeros_(layer.bias)


def normalisation(name: str, channels: int) -> list[nn.Module]:
    """No layer, or one: `batch`, or `group` with the most groups, at most 8, that divide `channels`."""
    if name == "batch":
        return [nn.BatchNorm2d(channels)]
    if name == "group":
        return [nn.GroupNorm(next(groups for groups in range(8, 0, -1) if channels % groups == 0), channels)]
    return []


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
