"""Random draws as a function of (seed, wire, step): nothing about randomness needs saving."""

from __future__ import annotations

import torch

from genframe.data.order import seeded

_MASK = (1 << 64) - 1


class Draws:
    """Seeds torch's default generators before each wire of a step."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed = seed
        self._others: list[torch.Generator] = []
        self._seed_default = torch.default_generator.manual_seed
        if device.type == "cuda":
            torch.cuda.init()  # type: ignore[no-untyped-call]
            self._others.append(torch.cuda.default_generators[device.index or 0])

    def base(self, *words: object) -> int:
        """What a wire's seeds are derived from; made once a wire."""
        return seeded(self.seed, *words)

    def seed_step(self, base: int, step: int) -> None:
        """Seed for one wire at one step: SplitMix64 of its base and the step (Steele et al. 2014, fig. 16)."""
        z = (base + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        z ^= z >> 31
        self._seed_default(z)
        for generator in self._others:
            generator.manual_seed(z)
