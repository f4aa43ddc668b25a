"""What the samplers over codes share: the codes of a split, their whitening, a small net, and its training."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

ROWS = 1000
"""Examples that are encoded or decoded at once."""

HELD_OUT = 0.1
"""The share of the codes by which a training of `trained` is judged."""


def codes_of(encode: Callable[[Tensor], Tensor], data: Any, least: int = 2) -> Tensor:
    """The codes (n, ...) of all `data`. Raises ValueError for fewer than `least`, for
    whole numbers, and for what is not finite.
    """
    codes = torch.cat([encode(batch["x"]).detach() for batch in data.batches(ROWS)])
    if len(codes) < least:
        raise ValueError(f"{least} codes are needed at least, and there are {len(codes)}")
    if not codes.is_floating_point():
        raise ValueError(f"codes must be real numbers, and are {codes.dtype}: discrete ones need another law")
    if not codes.isfinite().all():
        raise ValueError(
            f"{int((~codes.isfinite()).sum()):,} of {codes.numel():,} numbers in codes are not finite"
        )
    return codes.float()


def decoded(decode: Callable[[Tensor], Tensor], codes: Tensor) -> Tensor:
    """decode(codes), some rows at once."""
    return torch.cat([decode(part) for part in torch.split(codes, ROWS)])


class Whitening(nn.Module):
    """Codes (n, ...) <-> points (n, dim) of mean zero and unit covariance; it is fitted, and stored with its owner."""

    mean: Tensor  # (dim,)
    root: Tensor  # (dim, dim), lower triangular
    code_shape: Tensor  # int64: the shape of one code

    def __init__(self) -> None:
        super().__init__()
        for name in ("mean", "root", "code_shape"):
            self.register_buffer(name, None)

    @property
    def dim(self) -> int:
        return len(self.mean)

    def fit(self, codes: Tensor, ridge: float = 1e-6) -> Tensor:
        """The codes as points (n, dim). ridge: of the mean variance, so much is added to each: some never move."""
        flat = codes.flatten(1).double()
        centred = flat - flat.mean(0)
        covariance = centred.T @ centred / len(flat)
        covariance.diagonal().add_(ridge * covariance.diagonal().mean().clamp_min(1e-12))
        self.mean, self.root = flat.mean(0).float(), torch.linalg.cholesky(covariance).float()
        self.code_shape = torch.tensor(codes.shape[1:], dtype=torch.int64)
        points: Tensor = torch.linalg.solve_triangular(self.root.double(), centred.T, upper=False).T
        return points.float()

    def codes(self, points: Tensor) -> Tensor:
        """Points (n, dim) -> codes (n, *code_shape)."""
        flat = self.mean + points @ self.root.T
        return flat.reshape(len(points), *self.code_shape.tolist())


def net(inputs: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Layers of smooth units, the last of which begins at zero: a correction that is none before it is learnt."""
    layers: list[nn.Module] = []
    for before, after in pairwise((inputs, *hidden)):
        layers += [nn.Linear(before, after), nn.SiLU()]
    last = nn.Linear((inputs, *hidden)[-1], outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def trained(
    module: nn.Module,
    loss: Callable[[Tensor], Tensor],
    points: Tensor,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    tell: Callable[[str], None],
) -> None:
    """Minimise loss(points (rows, dim)) -> 0-dim by Adam, at a rate that falls to zero as a cosine.

    A tenth of the points is held out, and the weights are in the end those of the epoch (or of the beginning) whose
    loss on these was the least: a few thousand codes are soon learnt by heart.
    """
    order = torch.randperm(len(points), device=points.device)
    held, seen = (
        points[order[: max(1, int(HELD_OUT * len(points)))]],
        points[order[max(1, int(HELD_OUT * len(points))) :]],
    )
    steps = epochs * max(1, math.ceil(len(seen) / batch_size))
    optimizer = torch.optim.Adam(module.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    best, kept = _judged(loss, held), copy.deepcopy(module.state_dict())
    for epoch in range(epochs):
        for batch in _batches(seen, batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(batch).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(module.parameters(), 10.0)
            optimizer.step()
            schedule.step()
        judged = _judged(loss, held)
        if judged < best:
            best, kept = judged, copy.deepcopy(module.state_dict())
        tell(f"epoch {epoch + 1} of {epochs}: held-out loss {judged:.4f}, the best {best:.4f}")
    module.load_state_dict(kept)


def _judged(loss: Callable[[Tensor], Tensor], held: Tensor) -> float:
    with torch.no_grad():
        return float(loss(held))


def _batches(points: Tensor, batch_size: int) -> Iterator[Tensor]:
    yield from torch.split(points[torch.randperm(len(points), device=points.device)], batch_size)
