"""Each noise against the best way to write it in plain torch, in turns, in one thread.

The plain expressions draw a level for each example too, where the operation has one. Ratios are of times: 1.2 is a
fifth slower than plain torch. Both run in a process tuned as that of a training is, which keeps freed memory.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from genframe.engine import process

SHAPES = ((128, 1, 28, 28), (128, 3, 32, 32))
Noised = Callable[[Tensor], object]


def level(x: Tensor, low: float, high: float) -> Tensor:
    return torch.empty(len(x), 1, 1, 1).uniform_(low, high)


def salt_and_pepper(x: Tensor) -> Tensor:
    share, chance = level(x, 0.1, 0.4), torch.rand_like(x)
    return torch.where(chance < share, (chance < share / 2).to(x), x)


def poisson(x: Tensor) -> Tensor:
    gain = level(x, 0.05, 0.2)
    return torch.poisson(x / gain) * gain


def blur(x: Tensor) -> Tensor:
    """A depthwise convolution with a kernel for each example."""
    batch, channels, height, width = x.shape
    steps, std = torch.arange(-8.0, 9), torch.empty(batch, 1).uniform_(0.5, 2)
    kernel = torch.exp(-0.5 * (steps / std).square())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    rows = F.pad(x.reshape(1, batch * channels, height, width), (8, 8, 8, 8), mode="reflect")
    rows = F.conv2d(rows, kernel[:, None, None, :], groups=batch * channels)
    return F.conv2d(rows, kernel[:, None, :, None], groups=batch * channels).reshape(x.shape)


def block_dropout(x: Tensor) -> Tensor:
    """Blocks that lie alike in all examples."""
    height, width = x.shape[-2:]
    kept = (torch.rand(len(x), 1, -(-height // 4), -(-width // 4)) >= level(x, 0.1, 0.4)).to(x)
    return x * F.interpolate(kept, scale_factor=4)[..., :height, :width]


def cutout(x: Tensor) -> Tensor:
    side = torch.empty(len(x), 1).uniform_(0.3, 0.6)
    start = torch.rand(2, len(x), 1) * (1 - side)
    inside = []
    for place, count in zip(start, x.shape[-2:], strict=True):
        pixel = (torch.arange(count) + 0.5) / count
        inside.append((pixel >= place) & (pixel < place + side))
    return x.masked_fill((inside[0][:, :, None] & inside[1][:, None])[:, None], 0)


def downsample(x: Tensor) -> Tensor:
    """By the same factor for all examples."""
    return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")


def cosines() -> Tensor:
    waves = [[math.cos(math.pi * k * (2 * j + 1) / 16) / 2 for j in range(8)] for k in range(8)]
    waves[0] = [8**-0.5] * 8
    return torch.tensor(waves)


WAVES, TABLE, COLOURS = cosines(), torch.linspace(10, 100, 64).reshape(8, 8), torch.eye(3) + 0.1
BACK = torch.linalg.inv(COLOURS)


def jpeg(x: Tensor) -> Tensor:
    """Cosine transforms of blocks as pairs of products of 8 x 8 matrices."""
    batch, channels, height, width = x.shape
    coarseness = torch.empty(batch, 1, 1, 1, 1, 1).uniform_(0.5, 4)
    values = 255 * x - 128
    if channels == 3:
        values = torch.einsum("ij,bjhw->bihw", COLOURS, values)
    values = F.pad(values, (0, -width % 8, 0, -height % 8), mode="replicate")
    tall, wide = values.shape[-2:]
    blocks = values.reshape(batch, channels, tall // 8, 8, wide // 8, 8).transpose(3, 4)
    step = (coarseness * TABLE).clamp(1, 255)
    blocks = WAVES.T @ ((WAVES @ blocks @ WAVES.T / step).round() * step) @ WAVES
    values = blocks.transpose(3, 4).reshape(batch, channels, tall, wide)[..., :height, :width]
    if channels == 3:
        values = torch.einsum("ij,bjhw->bihw", BACK, values)
    return ((values + 128) / 255).clamp(0, 1)


def rotation(x: Tensor) -> Tensor:
    """Of the whole picture: `affine_grid` and `grid_sample`."""
    angle = torch.empty(len(x)).uniform_(-math.pi, math.pi)
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros(len(x))
    turn = torch.stack([torch.stack([cos, -sin, none], 1), torch.stack([sin, cos, none], 1)], 1)
    grid = F.affine_grid(turn, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def noise_then_mask(x: Tensor) -> Tensor:
    noised = x + level(x, 0.1, 0.5) * torch.randn_like(x)
    return noised * (torch.rand_like(x) >= level(x, 0.1, 0.4))


def blend(x: Tensor) -> Tensor:
    return torch.lerp(x, torch.rand_like(x), level(x, 0, 1))


def one_of(x: Tensor) -> Tensor:
    first = torch.rand(len(x)) < 0.5
    noised = x.clone()
    grain, holes = x[first], x[~first]
    noised[first] = grain + level(grain, 0.1, 0.5) * torch.randn_like(grain)
    noised[~first] = holes * (torch.rand_like(holes) >= level(holes, 0.1, 0.4))
    return noised


Row = tuple[dict[str, object], Noised, float]

_GRAIN, _HOLES = {"use": "gaussian", "std": (0.1, 0.5)}, {"use": "masking", "share": (0.1, 0.4)}
_PARTS = {"parts": {"grain": _GRAIN, "holes": _HOLES}}

ROWS: dict[str, Row] = {
    "gaussian": ({"std": (0.1, 0.5)}, lambda x: x + level(x, 0.1, 0.5) * torch.randn_like(x), 1.5),
    "masking": ({"share": (0.1, 0.4)}, lambda x: x * (torch.rand_like(x) >= level(x, 0.1, 0.4)), 1.5),
    "salt-and-pepper": ({"share": (0.1, 0.4)}, salt_and_pepper, 1.5),
    "gaussian-masking": ({"std": (0.1, 0.5), "share": (0.1, 0.4)}, noise_then_mask, 1.5),
    "speckle": ({"std": (0.1, 0.5)}, lambda x: x * (1 + level(x, 0.1, 0.5) * torch.randn_like(x)), 1.5),
    "poisson": ({"gain": (0.05, 0.2)}, poisson, 1.5),
    "uniform": ({"width": (0.1, 0.5)}, lambda x: x + level(x, 0.1, 0.5) * (2 * torch.rand_like(x) - 1), 1.5),
    "blend": ({}, blend, 1.5),
    "blur": ({"std": (0.5, 2.0)}, blur, 1.5),
    "block-dropout": ({"share": (0.1, 0.4)}, block_dropout, 1.5),
    "cutout": ({"share": (0.1, 0.4)}, cutout, 1.5),
    "downsample": ({"factor": 2.0}, downsample, 1.5),
    "jpeg": ({"quality": (10.0, 90.0)}, jpeg, 1.5),
    "rotate-crop": ({}, rotation, 3.0),
    "compose": (_PARTS, noise_then_mask, 1.5),
    "one-of": (_PARTS, one_of, 1.5),
}
"""Noise -> its options, the same in plain torch, and how many times as long it may take."""


def built(name: str, options: dict[str, object]) -> Noised:
    """The noise as the engine has it, by its options in a recipe."""
    from genframe.discovery import discover
    from genframe.testing.subject import Subject
    from genframe.testing.toys import image

    registry = discover()
    noise: Noised = Subject(registry.find("noise", name), registry).build(image(1, 28, 28), **options)
    return noise


def ratios(name: str, shape: tuple[int, ...], rounds: int) -> dict[str, list[float]]:
    """Of each round: the time of the noise through that of plain torch, and both in milliseconds."""
    options, plain, _ = ROWS[name]
    noise, x = built(name, options), torch.rand(shape)
    taken: dict[str, list[float]] = {"ratio": [], "noise": [], "plain": []}
    with torch.no_grad():
        for turn in range(-max(rounds // 10, 1), rounds):
            pair = [_milliseconds(one, x) for one in ((noise, plain) if turn % 2 else (plain, noise))]
            ours, theirs = pair if turn % 2 else pair[::-1]
            if turn >= 0:
                for key, value in (("ratio", ours / theirs), ("noise", ours), ("plain", theirs)):
                    taken[key].append(value)
    return taken


def _milliseconds(noised: Noised, x: Tensor) -> float:
    """Of the processor: with one thread that is the time it takes, but for what other programs take."""
    start = time.process_time()
    noised(x)
    return 1000 * (time.process_time() - start)


def main() -> None:
    """Prints a JSON object: noise -> shape -> figures of every round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    process.tune()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {
        name: {"x".join(map(str, shape[1:])): ratios(name, shape, options.rounds) for shape in SHAPES}
        for name in ROWS
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
