"""How many modes of a known mixture samples reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Figures, Positive

from .recognition import divergence
from .sides import drawn_of, rows_of

LEAST_GOOD = 0.5
"""Share of the data's own examples that has to be good, for the count to mean anything."""


def modes(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    samples: Count = 2500,
    within: Positive = 3.0,
    batch_size: Count = 2500,
) -> Figures:
    """Modes found, good samples and reverse KL, for data whose label `y` is the mode that they were drawn from.

    By the protocol of PacGAN (Lin et al. 2018), on 2,500 samples: a sample is good within 3 standard deviations of the
    nearest mode, a mode is found that has a good sample, and reverse KL, in nats, is that of the good samples' modes
    from the data's. Means and standard deviations (one of all directions) of the modes are those of the split's
    examples. A perfect sampler has 98.9 % good in the plane, 1 - exp(-9/2); `..._of_data` are the figures of as many
    training examples. Raises ValueError for data without labels, with a mode of two examples or no width, or
    of whose own examples less than half are good: their labels are no modes of one width.
    """
    first = data.first(len(data))
    if "y" not in first or first["y"].is_floating_point() or first["y"].ndim != 1:
        raise ValueError(
            "modes are counted by labels: the data have no `y` that says the mode of each example"
        )
    centres, spreads, due = mixture(first["x"], first["y"])
    drawn = torch.cat(list(drawn_of(sample, samples, batch_size, tell)))
    places = torch.randperm(len(train_data))[:samples].sort().values
    others = torch.cat([batch["x"] for batch in rows_of(train_data, places, batch_size)])
    figures = counted(drawn, centres, spreads, due, within)
    theirs = counted(others, centres, spreads, due, within)
    if theirs["good"] < LEAST_GOOD:
        message = f"of training examples {100 * theirs['good']:.0f} % lie within {within:g} std of a mode: "
        raise ValueError(
            message + "the labels of these data are no modes that one deviation describes (ring, grid)"
        )
    figures |= {f"{name}_of_data": value for name, value in theirs.items()}
    facts = {"modes there are": len(centres), "samples": len(drawn), "training examples": len(others)}
    return Figures(
        figures, facts | {"modes from": f"{len(first['x']):,} examples", "within": f"{within:g} std"}
    )


def mixture(x: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean (modes, d), the standard deviation (modes,) and the share (modes,) of the examples of each label."""
    groups = [x[label == mode].flatten(1).double() for mode in torch.unique(label)]
    if min(map(len, groups)) < 3:
        raise ValueError(
            f"a mode has {min(map(len, groups))} examples, too few to tell its width: take more data"
        )
    spreads = torch.stack([group.var(0).mean().sqrt() for group in groups])
    if not bool((spreads > 0).all()):
        raise ValueError(
            "a mode of the data has no width, in which nothing can be counted as near: give it a std"
        )
    sizes = torch.tensor([len(group) for group in groups], dtype=torch.float64, device=x.device)
    return torch.stack([group.mean(0) for group in groups]), spreads, sizes / sizes.sum()


def counted(x: Tensor, centres: Tensor, spreads: Tensor, due: Tensor, within: float) -> dict[str, float]:
    """The figures of x (n, ...): modes found, the share of good ones, KL of their modes from `due`."""
    away = torch.cdist(x.flatten(1).double(), centres) / spreads  # (n, modes), in standard deviations
    least, mode = away.min(1)
    hits = mode[least < within].bincount(minlength=len(centres)).double()
    return {
        "modes": float((hits > 0).sum()),
        "good": float((least < within).double().mean()),
        "reverse_kl": divergence(hits / hits.sum().clamp_min(1), due)
        if hits.sum()
        else float(-due.min().log()),
    }
