"""Samples of a generative stochastic network's chain: genframe's sampler, and the same written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from pictures import pictures
from safetensors.torch import load_file
from torch import Tensor

BURN_IN, AT_ONCE = 10, 1000  # as recipes/gsn.yaml says, and as the sampler `chain` has it

Draw = Callable[[int], float]
"""Draws so many samples, and tells the mean of their values."""


def by_hand(run: Path) -> Draw:
    """Bengio et al. 2014, section 4: salt-and-pepper on x, noise in the second layer alone, x sampled."""
    weights = load_file(max((run / "checkpoints").iterdir()) / "decoder.safetensors")
    w1, w2 = weights["weights.0"], weights["weights.1"]  # (400, 784), (400, 400)
    b0, b1, b2 = (weights[f"biases.{i}"] for i in range(3))
    data = torch.from_numpy(pictures()).flatten(1)

    @torch.no_grad()
    def block(count: int) -> Tensor:
        x = data[torch.randint(len(data), (count,))].ge(128).float()
        above: Tensor | None = None
        for _ in range(BURN_IN + 1):
            chance = torch.rand_like(x)
            x = torch.where(chance < 0.4, (chance < 0.2).float(), x)
            into = torch.addmm(b1, x, w1.T)
            h1 = torch.tanh(into if above is None else torch.addmm(into, above, w2))
            mean = torch.addmm(b0, h1, w1).sigmoid()
            into = torch.addmm(b2, h1, w2.T)
            above = torch.tanh(into + 2 * torch.randn_like(into))
            above = above + 2 * torch.randn_like(above)
            x = torch.bernoulli(mean)
        return mean

    return lambda n: float(torch.cat([block(min(AT_ONCE, n - i)) for i in range(0, n, AT_ONCE)]).mean())


def by_genframe(run: Path) -> Draw:
    """`genframe sample --sampler chain`."""
    import genframe

    model = genframe.load(run, device="cpu")
    return lambda n: float(model.draw("chain", n).mean())
