"""What wires rely on: a component is built and called in every case, and what comes is finite float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe.testing.kit import Failure, check
from genframe.testing.runs import (
    ONLY_PICTURES,
    ROWS,
    RUNNING,
    Run,
    first,
    not_finite,
    promised,
    runs,
)
from genframe.testing.subject import BATCH, Subject, tensors
from genframe.values import Levels, Verdict


@check(*RUNNING)
def builds_and_runs(subject: Subject) -> None:
    """In every case it is built and called, and gives finite tensors of float32."""
    seen = set()
    for run in runs(subject, required=True):
        seen.add(run.case.is_image)
        found = list(run.tensors())
        if not found:
            raise Failure(f"{run} gives tensors or a distribution", came=f"a {type(run.value).__name__}")
        for name, tensor in found:
            _require_float32(run, name, tensor)
            _require_finite(run, name, tensor)
    if "image" not in subject.needs and seen == {True}:
        raise Failure(
            "it takes vectors (batch, features), as what it declares does not say otherwise",
            came="it refuses them",
            hint=ONLY_PICTURES,
        )


@check(*ROWS)
def batch_of_one(subject: Subject) -> None:
    """A batch of one example is a batch: its dimension stays, and what comes is finite (in eval mode).

    In training mode a net may need two: batch normalisation does.
    """
    for batch in (BATCH, 1):
        for run in runs(subject, batch=batch, evaluating=True):
            for name, tensor in run.tensors():
                if not name.endswith((".mean", ".stddev")):  # may be shared by the batch
                    _require_rows(run, name, tensor, batch)
                if batch == 1:
                    _require_finite(run, name, tensor)


_EXTREMES: Mapping[str, tuple[float, ...]] = {
    "picture": (0, 1),
    "vector": (0, 1, 100, -100),
    "net": (0, 10, -10),
}
"""What inputs are filled with: data as they may be before anybody scales them, and what a net may give early on.

Not more than that: an exponential of a net's result is common and right.
"""


@check(*ROWS)
def extreme_inputs_stay_finite(subject: Subject) -> None:
    """Empty, white and large inputs give finite results (in eval mode)."""
    for run in runs(subject, evaluating=True):
        sort = "picture" if run.case.is_image else "vector"
        sort = "net" if subject.kind in ("decoder", "posterior", "likelihood") else sort
        for fill in (0.0, 1.0) if run.case.bits else _EXTREMES[sort]:
            _try_extreme(subject, run, fill)


@check(*RUNNING)
def input_is_not_changed(subject: Subject) -> None:
    """What it is called with stays as it was: other wires read the same tensors."""
    case, part = first(subject)
    for entry in subject.entries():
        arguments = subject.arguments(case, entry)
        before = {name: tensor.detach().clone() for name, tensor in _held(entry.parameters, arguments)}
        subject.call(part, arguments, entry=entry.name)
        for name, tensor in _held(entry.parameters, arguments):
            if not torch.equal(before[name], tensor):
                raise Failure(
                    f"{entry} leaves {name} as it was",
                    came=f"a change of up to {float((before[name] - tensor).abs().max()):.3g}",
                    hint="operate on a copy: x + y for x += y, torch.f(x) for x.f_()",
                )


def _try_extreme(subject: Subject, run: Run, fill: float) -> None:
    """Call with a first argument that is `fill` everywhere."""
    arguments = subject.arguments(run.case, run.entry)
    arguments[0] = torch.full_like(arguments[0], fill)
    with promised(f"it can be called with {fill:g} everywhere for {run.case}"):
        value = subject.call(run.part, arguments, entry=run.entry.name)
        found = [pair for pair in tensors(value) if not pair[0].endswith((".log_prob", ".stddev"))]
    for name, tensor in found:
        if not_finite(name, tensor):
            raise Failure(
                f"{name} is finite for an input that is {fill:g} everywhere ({run.case})",
                came=_spoilt(tensor),
                hint="a division by a norm or a deviation that is 0, or an exponential without bound?",
            )


def _require_float32(run: Run, name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() and tensor.dtype != torch.float32:
        raise Failure(
            f"{name} of {run} is of float32, as its arguments are",
            came=str(tensor.dtype),
            hint="a number from numpy, or a tensor made of one, is of float64: give dtype=x.dtype",
        )


def _require_finite(run: Run, name: str, tensor: Tensor) -> None:
    if not_finite(name, tensor):
        raise Failure(f"{name} of {run} is finite for arguments of ordinary size", came=_spoilt(tensor))


def _count(tensor: Tensor) -> str:
    """How many values, in words."""
    return f"{tensor.numel()} value{'s' if tensor.numel() != 1 else ''}"


def _require_rows(run: Run, name: str, tensor: Tensor, batch: int) -> None:
    if tensor.shape[:1] != (batch,):
        raise Failure(
            f"{name} of {run} has a row for each of {batch} example(s): ({batch}, ...)",
            came=f"shape {tuple(tensor.shape)}",
            hint="squeeze(dim) with its dimension: a bare squeeze() takes a batch of one away"
            if batch == 1
            else "keep the first dimension: x.flatten(1), x.mean(1)",
        )


def _spoilt(tensor: Tensor) -> str:
    bad = int((~tensor.isfinite()).sum())
    what = "NaN" if bool(tensor.isnan().any()) else "infinite"
    return f"{bad} of {_count(tensor)} {what if what == 'infinite' else 'not finite, with NaN'}"


def _held(names: tuple[str, ...], arguments: list[Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in what an entry is called with, by name."""
    for name, argument in zip(names, arguments, strict=True):
        yield from _inside(name, argument)


def _inside(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Distribution):
        for key, item in vars(value).items():
            yield from _inside(f"{name}.{key}", item)
    elif isinstance(value, (Verdict, Levels)):
        yield from tensors(value, name)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _inside(f"{name}[{number}]", item)
