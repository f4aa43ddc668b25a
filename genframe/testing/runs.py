"""Runs of a component: built in every case that it takes, called in every way, with errors told as failures."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genframe.errors import GenframeError
from genframe.kinds import KINDS
from genframe.recipe.words import shown
from genframe.testing.examples import edges
from genframe.testing.kit import Failure, NotApplicable, told
from genframe.testing.subject import BATCH, Entry, Subject, tensors
from genframe.testing.toys import Case, Toys, image, vector

RUNNING = tuple(name for name, kind in KINDS.items() if kind.slotted)
"""The kinds whose components are called by wires."""

NETS = ("encoder", "decoder", "discriminator")

ROWS = (*NETS, "noise", "posterior", "likelihood")
"""The kinds whose results have a row for each example of the batch."""

ONLY_PICTURES = "if it takes pictures alone, declare it as Component(..., needs=('image',))"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of calling a component, built in a case, by one of its entries."""

    case: Case
    entry: Entry
    part: Any
    value: Any

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor in the result, by name."""
        return tensors(self.value)

    def __str__(self) -> str:
        return f"{self.entry} for {self.case}"


ELSEWHERE = (
    *(vector(6, latent_shape=shape) for shape in ((3,), (1,), (4,), (8,), (2, 4, 4))),
    *(image(*shape, latent_shape=(8,)) for shape in ((1, 32, 32), (3, 32, 32), (3, 64, 64))),
    vector(6, latent_shape=(6,)),
    image(3, 27, 22, latent_shape=(3, 27, 22)),
    vector(6, samples=(2, 3)),
    image(1, 28, 28, samples=(2, 3)),
)
"""Where a component is tried that refuses all the usual cases.

A sphere lies in space, a net takes one size, what restores takes a latent of the data's shape, a bound of several
samples takes several.
"""


def runs(
    subject: Subject, *, batch: int = BATCH, evaluating: bool = False, required: bool = False
) -> Iterator[Run]:
    """A run of each entry in each case. A case that the author refuses, by a ValueError, is left out.

    Where all are refused, one elsewhere that is not. Raises Failure for whatever else is raised, and
    NotApplicable (or a Failure, where `required`) where nothing is accepted.
    """
    refusals: dict[str, str] = {}
    accepted = 0
    for place, case in enumerate((*subject.cases, *ELSEWHERE)):
        if accepted and place >= len(subject.cases):
            return
        try:
            for run in _runs(subject, case, batch, evaluating):
                accepted += 1
                yield run
        except Refusal as refusal:
            refusals[f"{case} (latent {case.latent_shape})"] = str(refusal)
    if not accepted:
        told = "; ".join(f"{name}: {text}" for name, text in list(refusals.items())[:3])
        if required:
            hint = "raise ValueError only for what it can't do"
            raise Failure(f"it takes one of {len(refusals)} shapes of data and latents", came=told, hint=hint)
        raise NotApplicable(f"it refuses every shape that the kit tries: {told}")


def first(subject: Subject, *, evaluating: bool = False) -> tuple[Case, Any]:
    """The first case that the component takes, and the component built in it."""
    for run in runs(subject, evaluating=evaluating):
        return run.case, built(subject, run.case, evaluating=evaluating)
    raise NotApplicable("it has nothing that could be called")


def built(subject: Subject, case: Case, *, seed: int = 0, evaluating: bool = False, **changed: Any) -> Any:
    """The component of a case, its partners the same whatever the seed of its own weights."""
    part = subject.build(case, seed=seed, toys=Toys(case), **changed)
    if isinstance(part, nn.Module):
        part.train(not evaluating)
    return part


def variants(subject: Subject) -> Iterator[dict[str, Any]]:
    """Options, one changed at a time: none; every other choice, truth value. Parameters may hang on these."""
    yield {}
    for name, option in subject.signature.options.items():
        default = subject.options().get(name, option.default)
        others = (value for value in edges(option.annotation) if isinstance(value, (bool, str)))
        yield from ({name: value} for value in others if value != default)


def written(options: Mapping[str, Any]) -> str:
    """Changed options in a message: ` with learned: true`; nothing of none."""
    return "".join(f" with {name}: {shown(value)}" for name, value in options.items())


def result(
    subject: Subject, part: Any, case: Case, entry: Entry, *, seed: int = 2, batch: int = BATCH
) -> dict[str, Tensor]:
    """The tensors, by name, that a call with toy values gives under a seed."""
    arguments = subject.arguments(case, entry, batch=batch, part=part)
    return dict(tensors(subject.call(part, arguments, entry=entry.name, seed=seed)))


class Refusal(Exception):
    """The component's author refuses a case or a value, and says so."""


def refused(error: BaseException) -> bool:
    """Whether an error is a deliberate one: a ValueError of a `raise` outside torch, or a problem of genframe's."""
    if isinstance(error, GenframeError):
        return True
    steps = traceback.extract_tb(error.__traceback__)
    last = steps[-1] if steps else None
    own = last is not None and "/torch/" not in last.filename and (last.line or "").startswith("raise")
    return isinstance(error, ValueError) and own


@contextmanager
def promised(expected: str, hint: str = "") -> Iterator[None]:
    """Whatever is raised inside breaks the promise, but for a refusal, which is raised as one."""
    try:
        yield
    except (Failure, NotApplicable, Refusal):
        raise
    except Exception as error:
        if refused(error):
            raise Refusal(str(error)) from error
        raise Failure(expected, came=told(error), hint=hint) from error


def difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    """The first tensor that differs between two results, and by how much; empty where they are the same."""
    for name, tensor in one.items():
        twin = other.get(name)
        if twin is None or twin.shape != tensor.shape:
            shape = "nothing" if twin is None else f"shape {tuple(twin.shape)}"
            return f"{name} has shape {tuple(tensor.shape)} in one and {shape} in the other"
        if not torch.equal(tensor.nan_to_num(), twin.nan_to_num()):
            largest = float((tensor.detach().double() - twin.detach().double()).abs().max())
            return f"{name} differs by up to {largest:.3g}"
    return ""


def not_finite(name: str, tensor: Tensor) -> bool:
    """Whether NaN or infinities stand where they should not.

    A mean may be undefined (a Cauchy distribution's is), and then is so everywhere; a deviation may be infinite.
    """
    if not tensor.is_floating_point() or name.endswith(".stddev") or bool(tensor.isfinite().all()):
        return False
    return not name.endswith(".mean") or bool(tensor.isfinite().any())


def partners(toys: Toys) -> set[int]:
    """The ids of the parameters of toy components: what a component was given is not its own."""
    modules = [value for value in vars(toys).values() if isinstance(value, nn.Module)]
    return {id(parameter) for module in modules for parameter in module.parameters()}


def _runs(subject: Subject, case: Case, batch: int, evaluating: bool) -> Iterator[Run]:
    pictures = not case.is_image and "image" not in subject.needs
    hint = ONLY_PICTURES if pictures and subject.kind not in ("posterior", "prior") else ""
    with promised(f"it can be built for {case}", hint):
        part = built(subject, case, evaluating=evaluating)
    entries = subject.entries()
    if not entries:
        raise Failure(
            "it can be called",
            came=f"{subject.target.__name__} has neither forward nor __call__",
            hint="a loss may have public methods in their place",
        )
    for entry in entries:
        with promised(f"it can be called as {entry} for {case}", hint):
            arguments = subject.arguments(case, entry, batch=batch)
            value = subject.call(part, arguments, entry=entry.name)
        yield Run(case, entry, part, value)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a message: the first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
