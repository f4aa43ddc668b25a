"""Terms: what a loss says of toy models, and whether its gradient is that of its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from genframe.testing.kit import NotApplicable
from genframe.testing.runs import first
from genframe.testing.subject import Entry, Subject
from genframe.testing.toys import Case, Toys
from genframe.values import Terms

SEEDS = 32
"""Draws of a loss that draws: comparisons of means are t-tests with 31 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Term:
    """A loss called in one way in one case."""

    subject: Subject
    case: Case
    entry: Entry

    def __str__(self) -> str:
        return f"{self.entry} for {self.case}"

    def toys(self, **more: Any) -> Toys:
        """Toys of the case: a batch of four, of a model that is half trained."""
        return Toys(self.case, **more)

    def outcome(self, toys: Toys, *, seed: int = 2, **options: Any) -> Any:
        """What comes of a call: the loss is built anew, so that what it remembers (a running mean) starts anew."""
        part = self.subject.build(self.case, toys=toys, **options)
        arguments = self.subject.arguments(self.case, self.entry, toys=toys)
        return self.subject.call(part, arguments, entry=self.entry.name, seed=seed)

    def total(self, toys: Toys, *, seed: int = 2, **options: Any) -> Tensor:
        """What is minimised: 0-dim or (batch,)."""
        return total(self.outcome(toys, seed=seed, **options))

    def mean(self, toys: Toys, *, seed: int = 2, **options: Any) -> float:
        """The same as a number, as the engine averages it."""
        return float(self.total(toys, seed=seed, **options).detach().mean())

    def means(self, toys: Toys, count: int) -> Tensor:
        """`mean` under each of `count` seeds: (count,), float64."""
        values = [self.mean(replace(toys), seed=seed) for seed in range(2, 2 + count)]
        return torch.tensor(values, dtype=torch.float64)

    def draws(self) -> bool:
        """Whether the value depends on the seed."""
        return self.mean(self.toys()) != self.mean(self.toys(), seed=3)

    def remembers(self) -> bool:
        """Whether a second call of the same object gives another value: it holds running means, or a queue."""
        toys = self.toys()
        part = self.subject.build(self.case, toys=toys)
        arguments = self.subject.arguments(self.case, self.entry, toys=toys)
        one, two = (total(self.subject.call(part, arguments, entry=self.entry.name)) for _ in range(2))
        return not torch.equal(one, two)

    def surrogate(self) -> bool:
        """Whether it says that its value and its gradient differ."""
        value = self.outcome(self.toys())
        return isinstance(value, Terms) and value.surrogate


def total(value: Any) -> Tensor:
    """What is minimised of what a loss returned."""
    return value.total if isinstance(value, Terms) else value


def is_term(value: Any) -> bool:
    """Whether a loss's method returned a loss; one may also return what other wires need."""
    return isinstance(value, (Tensor, Terms))


def terms(subject: Subject) -> list[Term]:
    """Every entry of a loss in the first case that it takes. Raises NotApplicable where none returns a loss."""
    case, _ = first(subject)
    found = [Term(subject, case, entry) for entry in subject.entries()]
    kept = [term for term in found if is_term(term.outcome(term.toys()))]
    if not kept:
        raise NotApplicable("none of its entries returns a tensor or Terms")
    return kept


@contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Toys, components and what they compute are of `dtype` inside."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True, slots=True)
class Slopes:
    """How the value changes with one group of leaves, by finite differences and by the gradient.

    The gradient may be a multiple of the differences (a straight-through commitment weighs one side by beta), or
    nothing (a side that is held fixed on purpose); `scale` is that multiple. `measured` and `foretold` are changes
    along random directions, the latter by the gradient times the scale.
    """

    name: str
    stopped: bool = False
    scale: float = 1.0
    measured: tuple[float, ...] = ()
    foretold: tuple[float, ...] = ()
    tolerance: float = 0.0

    @property
    def agree(self) -> bool:
        pairs = zip(self.measured, self.foretold, strict=True)
        return self.scale > 0 and all(abs(one - other) <= self.tolerance for one, other in pairs)


def slopes(term: Term) -> list[Slopes]:
    """The slopes of every group of leaves that the value depends on, in float64 where the loss takes it.

    Gradients that are exactly zero where the value moves are `stopped`. Draws are held by the seed.
    """
    try:
        with precision(torch.float64):
            if term.total(term.toys()).dtype == torch.float64:
                return _slopes(term, step=1e-6, error=0.02, noise=1e-8)
    except (RuntimeError, ValueError, TypeError):
        pass  # its constants are of float32: so are the differences
    return _slopes(term, step=1e-2, error=0.2, noise=1e-3)


def _slopes(term: Term, *, step: float, error: float, noise: float) -> list[Slopes]:
    """step: of each coordinate; error: what is taken as agreement; noise: of a difference, relative to the value."""
    toys = term.toys()
    value = term.total(toys).mean()
    groups = leaves(toys)
    flat = [parameter for group in groups.values() for parameter in group]
    gradients = iter(_gradients(value, flat))
    floor = noise * (1 + abs(float(value.detach())))
    found = []
    for name, group in groups.items():
        gradient = [next(gradients) for _ in group]

        def change(direction: Sequence[Tensor], group: list[nn.Parameter] = group) -> float:
            return difference(lambda: term.mean(replace(toys)), group, direction, step)

        slope = _slope(name, gradient, change, error, floor)
        if slope is not None:
            found.append(slope)
    return found


def leaves(toys: Toys) -> dict[str, list[nn.Parameter]]:
    """What a loss may be minimised by: each leaf of the toys that were used, and the parameters of each component."""
    single = {name: [leaf] for name, leaf in toys.leaves.items()}
    return {**single, **{name: list(module.parameters()) for name, module in toys.modules.items()}}


def _gradients(value: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradient of each parameter; zeros where there is none."""
    if not value.requires_grad or not parameters:
        return [torch.zeros_like(parameter) for parameter in parameters]
    found = torch.autograd.grad(value, list(parameters), allow_unused=True)
    return [
        torch.zeros_like(p) if gradient is None else gradient
        for p, gradient in zip(parameters, found, strict=True)
    ]


def _slope(
    name: str,
    gradient: Sequence[Tensor],
    change: Callable[[Sequence[Tensor]], float],
    error: float,
    floor: float,
) -> Slopes | None:
    """The slopes of one group; None where the value does not depend on it, or only through a straight-through."""
    norm = _dot(gradient, gradient) ** 0.5
    generator = torch.Generator().manual_seed(11)
    random = [[torch.randn(g.shape, generator=generator) for g in gradient] for _ in range(4)]
    measured = tuple(map(change, random))
    if max(map(abs, measured)) <= floor:
        return None
    if norm == 0:
        return Slopes(name, stopped=True)
    count = sum(g.numel() for g in gradient)
    uphill = [g * (count**0.5 / norm) for g in gradient]
    scale = change(uphill) / _dot(gradient, uphill)
    foretold = tuple(scale * _dot(gradient, direction) for direction in random)
    return Slopes(name, False, scale, measured, foretold, error * abs(scale) * norm + floor)


def _dot(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    return sum(float((a * b).sum()) for a, b in zip(one, other, strict=True))


def difference(
    value: Callable[[], float], group: Sequence[nn.Parameter], direction: Sequence[Tensor], step: float
) -> float:
    """The central difference of the value along a direction."""
    before = [parameter.detach().clone() for parameter in group]
    sides = []
    for side in (step, -step):
        _set(group, [kept + side * way for kept, way in zip(before, direction, strict=True)])
        sides.append(value())
    _set(group, before)
    return (sides[0] - sides[1]) / (2 * step)


def _set(group: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(group, values, strict=True):
            parameter.copy_(value)
