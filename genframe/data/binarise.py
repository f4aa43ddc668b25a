"""Stored pictures as wires: floats in [0, 1], bits with the pixels as their probabilities, or spread over a level."""

from __future__ import annotations

import torch
from torch import Tensor

from genframe.data.order import seeded

DRAWN_ONCE = ("threshold", "static")
"""The ways by which an example is the same bits at every step."""


def scaled(stored: Tensor) -> Tensor:
    """Stored pictures (bytes, bits, or floats already in [0, 1]) as float32 in [0, 1]."""
    if stored.dtype == torch.uint8:
        return stored.div(255)
    return stored.to(torch.float32)


def threshold(pixels: Tensor) -> Tensor:
    """1 where a pixel is above 0.5, else 0; float32, the shape of `pixels`."""
    return pixels.gt(0.5).to(torch.float32)


def draw(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Bits with `pixels` as probabilities, drawn from `generator`; float32, the shape of `pixels`."""
    # Four times as fast as torch.bernoulli on a CPU.
    return torch.rand(pixels.shape, generator=generator, device=pixels.device).lt_(pixels)


def draw_for_rows(pixels: Tensor, rows: Tensor, seed: int) -> Tensor:
    """Bits for the examples at positions `rows` (batch,) of a split: each a function of (seed, position).

    So they are the same in any order and batch, on any device. Takes some 5 microseconds for a MNIST picture.
    """
    return _uniform(pixels, rows, seed).lt_(pixels)


def dequantised(pixels: Tensor, uniform: Tensor) -> Tensor:
    """(255 x + u)/256 of pixels x = k/255 and u in [0, 1): a level's mass spread evenly over its cell of 1/256.

    Then a density's log-likelihood in bits per dimension, less the 8 bits of a cell, is a lower bound of a law of the
    levels (Theis, van den Oord & Bethge 2016, section 3.1); without, it has no bound. float32, the shape of `pixels`.
    """
    return torch.add(uniform, pixels, alpha=255).div_(256)


def dequantised_rows(pixels: Tensor, rows: Tensor, seed: int) -> Tensor:
    """As `dequantised`, u of each example a function of (seed, position)."""
    return dequantised(pixels, _uniform(pixels, rows, seed))


def _uniform(pixels: Tensor, rows: Tensor, seed: int) -> Tensor:
    uniform = torch.empty(pixels.shape)  # (batch, channels, height, width)
    generator = torch.Generator()
    for example, position in zip(uniform, rows.tolist(), strict=True):
        torch.rand(example.shape, generator=generator.manual_seed(seed + position), out=example)
    return uniform.to(pixels.device)


class Pictures:
    """How a dataset's pictures become wires: `way` is none, threshold, static, dynamic or dequantise.

    static: bits drawn once for each example, a function of (seed, dataset, split, example).
    dynamic: drawn anew at each step, a function of (seed, dataset, step); for evaluation drawn as static ones
    are, so that a figure can be had again.
    dequantise: floats with noise within a grey level, drawn as dynamic bits are.
    """

    def __init__(self, way: str, seed: int, dataset: str, device: torch.device) -> None:
        self.way = way
        self.seed = seed
        self.dataset = dataset
        self._generator = torch.Generator(device)

    def at_step(self, field: str, stored: Tensor, rows: Tensor, step: int) -> Tensor:
        """A training batch (batch, channels, height, width), float32."""
        if self.way not in ("dynamic", "dequantise"):
            return self.repeatable(field, stored, rows, "train")
        self._generator.manual_seed(seeded(self.seed, self.way, self.dataset, field, step))
        pixels = scaled(stored)
        if self.way == "dynamic":
            return draw(pixels, self._generator)
        noise = torch.rand(pixels.shape, generator=self._generator, device=pixels.device)
        return dequantised(pixels, noise)

    def repeatable(self, field: str, stored: Tensor, rows: Tensor, split: str) -> Tensor:
        """The examples at positions `rows` of a split, float32; the same whenever they are asked for."""
        pixels = scaled(stored)
        if self.way == "none" or stored.dtype == torch.bool:  # bits since they were loaded
            return pixels
        if self.way == "threshold":
            return threshold(pixels)
        if self.way == "dequantise":
            return dequantised_rows(pixels, rows, seeded(self.seed, self.way, self.dataset, field, split))
        return draw_for_rows(pixels, rows, seeded(self.seed, self.way, self.dataset, field, split))

    def bits(self, field: str, stored: Tensor, split: str) -> Tensor:
        """A whole split's pictures as bits (bool), some thousands at a time."""
        bits = torch.empty_like(stored, dtype=torch.bool)
        for rows in torch.split(torch.arange(len(stored)), 4096):
            first, end = int(rows[0]), int(rows[-1]) + 1
            bits[first:end] = self.repeatable(field, stored[first:end], rows, split)
        return bits
