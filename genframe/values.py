"""The vocabulary of wires: what components take and give.

Images are float tensors (batch, channels, height, width) in [0, 1]; vectors (batch, features); labels int64
(batch,). Sample dimensions stand in front: (samples, batch, ...).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

Shape = tuple[int, ...]
"""The shape of one example, without the batch: `(1, 28, 28)`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a discriminator says: `score` (batch, ...), logits, high for real; `features` (batch, d) for side tasks."""

    score: Tensor
    features: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """A loss whose value and gradient differ, or whose parts are worth logging.

    `total` (0-dim or (batch,)) is minimised; `logged` are named parts that are written to the metrics.
    surrogate: `total` is made for its gradient, which is not that of its value (a score function's, a doubly
    reparametrised one): the conformance kit then compares neither.
    """

    total: Tensor
    logged: Mapping[str, Tensor] = field(default_factory=dict)
    surrogate: bool = False


class Figures(dict[str, float]):
    """What a metric found, by name, and what else its protocol is to say: `provenance`, texts and numbers by name.

    A metric that needs no such thing gives a plain dictionary.
    """

    def __init__(self, figures: Mapping[str, float], provenance: Mapping[str, Any] | None = None) -> None:
        super().__init__(figures)
        self.provenance = dict(provenance or {})


@dataclass(frozen=True, slots=True)
class Levels:
    """The level of a noise for each example: `table` (batch, columns) and the columns' `names`.

    A column is an attribute: `levels.angle` is a tensor (batch,).
    """

    table: Tensor
    names: tuple[str, ...]

    def __getattr__(self, name: str) -> Tensor:
        if name in self.names:
            return self.table[..., self.names.index(name)]
        raise AttributeError(f"this noise has the levels {', '.join(self.names)}, not {name!r}")


class Noise:
    """Base of the noise injectors: an author writes `draw` and `apply`.

    `noise(x)` draws a level for each example and applies it; `noise(x, level=0.3)` applies the given one. Both
    return the noised value (shape of x) and the `Levels` (batch, columns), so that noise can be a target.
    """

    columns: tuple[str, ...] = ("level",)

    def draw(self, x: Tensor) -> Tensor:
        """A level for each example of x: (batch,) or (batch, columns)."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(x) -> level")

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        """x noised at `level` (batch, columns); the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(x, level) -> noised x")

    def __call__(self, x: Tensor, level: Tensor | Levels | float | None = None) -> tuple[Tensor, Levels]:
        """x (batch, ...) -> (noised x, levels)."""
        table = self._table(x, self.draw(x) if level is None else level)
        return self.apply(x, table), Levels(table, self.columns)

    def noised(self, x: Tensor, level: Tensor | Levels | float | None = None) -> Tensor:
        """x noised at a drawn level, or at the given one, alone: for outputs, which can't unpack."""
        return self.apply(x, self._table(x, self.draw(x) if level is None else level))

    def _table(self, x: Tensor, level: Tensor | Levels | float) -> Tensor:
        if isinstance(level, Levels):
            return level.table
        table = torch.as_tensor(level, dtype=torch.float32, device=x.device)
        if table.ndim == 1 and table.shape[0] == x.shape[0]:
            table = table.unsqueeze(1)  # (batch, 1)
        one = table.ndim == 0 or table.shape[-1] != len(self.columns)
        if one and len(self.columns) > 1 and bool(table.any()):  # 0 is no noise, whatever is meant by it
            names = ", ".join(self.columns)
            raise ValueError(
                f"this noise has the levels {names}, and one number does not say them all: "
                f"give (batch, {len(self.columns)})"
            )
        return table.expand(x.shape[0], len(self.columns))


def draw_level(option: Any, x: Tensor) -> Tensor:
    """The value of a `Level` option for each example of x: (batch,); a range is drawn uniformly."""
    if isinstance(option, (int, float)):
        return torch.full((x.shape[0],), float(option), device=x.device)
    low, high = option
    return torch.empty(x.shape[0], device=x.device).uniform_(low, high)


def per_example(level: Tensor, x: Tensor) -> Tensor:
    """`level` (batch,) shaped to multiply x: (batch, 1, ..., 1), of the type of x where both are real."""
    shaped = level.reshape(-1, *[1] * (x.ndim - 1))
    return shaped.to(x.dtype) if x.is_floating_point() and level.is_floating_point() else shaped


def detached(value: Any) -> Any:
    """A value without its gradient: tensors, tuples, verdicts, levels, terms and torch's distributions.

    Of a distribution it is the same law with its parameters stopped: a sample drawn before still carries its own
    gradient through `log_prob`. Nets that a distribution holds are stopped too, their buffers shared. Raises
    TypeError for what it can't copy.
    """
    match value:
        case Tensor():
            return value.detach()
        case None | bool() | int() | float() | str() | torch.Size() | torch.dtype() | torch.device():
            return value
        case tuple() | list():
            return type(value)(map(detached, value))
        case dict():
            return {key: detached(inner) for key, inner in value.items()}
        case Verdict(score=score, features=features):
            return Verdict(score.detach(), None if features is None else features.detach())
        case Levels(table=table):
            return replace(value, table=table.detach())
        case Terms(total=total, logged=logged):
            return Terms(total.detach(), {key: tensor.detach() for key, tensor in logged.items()})
        case Distribution():
            copied = object.__new__(type(value))
            copied.__dict__.update({key: detached(inner) for key, inner in vars(value).items()})
            return copied
        case nn.Module():
            return _stopped(value)
    raise TypeError(f"a {type(value).__name__} can't be detached")


def detachable(value: Any) -> bool:
    """Whether a copy of the value without gradient can be made."""
    try:
        detached(value)
    except TypeError:
        return False
    return True


def _stopped(net: nn.Module) -> nn.Module:
    """The same net over the same numbers, of which no parameter asks for gradient; its buffers are those of `net`."""
    copied = copy.copy(net)
    stopped = {key: None if p is None else p.detach() for key, p in net._parameters.items()}
    inside = {key: None if m is None else _stopped(m) for key, m in net._modules.items()}
    copied.__dict__.update(_parameters=stopped, _modules=inside)
    return copied
