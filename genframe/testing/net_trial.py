"""A net under trial: its weights moved by noise, its inputs without graph, what it gives by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from genframe.testing.subject import Subject, tensors
from genframe.testing.toys import Case, Toys


def parameters(part: Any) -> Iterator[nn.Parameter]:
    if isinstance(part, nn.Module):
        yield from part.parameters()


def shaken(part: Any, amount: float, seed: int = 0) -> Any:
    """The part, its parameters moved by `amount` times standard normal noise."""
    generator = torch.Generator().manual_seed(seed + 17)
    with torch.no_grad():
        for parameter in parameters(part):
            if parameter.is_floating_point():
                parameter.add_(amount * torch.randn(parameter.shape, generator=generator))
    return part


def inputs(
    subject: Subject, case: Case, *, batch: int = 4, seed: int = 1, wide: bool = False
) -> list[Tensor]:
    """What it is called with, without graph; `wide`: the first three times as large."""
    first, *more = subject.arguments(case, toys=Toys(case, seed, batch))
    rest = [value.detach() if isinstance(value, Tensor) else value for value in more]
    return [first.detach() * (3 if wide else 1), *rest]


def results(
    subject: Subject, part: Any, inputs: list[Any], graph: bool = False
) -> Iterator[tuple[str, Tensor]]:
    with torch.set_grad_enabled(graph):
        yield from tensors(subject.call(part, inputs))
