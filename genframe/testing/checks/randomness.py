"""Randomness: torch's default generator and no other, so that a seed, a resume and a fork mean what they say."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from genframe.testing import toys
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.runs import NETS, RUNNING, built, difference, first, result
from genframe.testing.subject import Subject
from genframe.testing.toys import Case, Toys

_TORCHS = "draw with torch.rand, torch.randn, tensor.uniform_() ... and without generator="


@check(*RUNNING)
def same_seed_same_result(subject: Subject) -> None:
    """Built and called twice under the same seeds it gives the same, bit for bit."""
    case, _ = first(subject)
    one, other = _results(subject, case), _results(subject, case)
    differing = difference(one, other)
    if differing:
        raise Failure(
            f"two builds and calls under the same seeds are the same to the bit for {case}",
            came=differing,
            hint=f"it draws from another generator, or reads a clock: {_TORCHS}",
        )


@check(*RUNNING)
def draws_from_torchs_default_generator(subject: Subject) -> None:
    """It draws from torch's default generator alone: this is what a checkpoint holds and a resume restores."""
    case, part = first(subject)
    _refuse_own_generators(subject, case, part)
    with _others_seeded(1) as untouched:
        one = _results(subject, case)
        touched = untouched()
    with _others_seeded(2):
        other = _results(subject, case)
    differing = difference(one, other)
    if differing or touched:
        raise Failure(
            "neither what it gives depends on Python's random or numpy.random, nor do these move",
            came=differing or f"a draw from {touched}",
            hint=_TORCHS,
        )


@check(*RUNNING)
def never_seeds(subject: Subject) -> None:
    """It leaves the seed of torch's generators alone, when it is built and when it is called."""
    case, part = first(subject)
    make = subject.maker(case, Toys(case))
    calls: list[tuple[str, Callable[[], Any]]] = [("built", make)]
    for entry in subject.entries():
        arguments = subject.arguments(case, entry)
        function = getattr(part, entry.name) if entry.name else part
        calls.append((f"called as {entry}", lambda f=function, a=arguments: f(*a)))  # type: ignore[misc]
    for what, call in calls:
        one, other = _state_after(call, 11), _state_after(call, 12)
        if torch.equal(one, other):
            raise Failure(
                f"after it is {what}, torch's generator goes on from the seed that it had",
                came="the same state of the generator whatever the seed was before",
                hint="no torch.manual_seed: constants that are to look random belong into a buffer, drawn from a "
                "torch.Generator in the constructor",
            )


@check(*NETS)
def eval_is_deterministic(subject: Subject) -> None:
    """In eval mode a net draws nothing: a picture of a latent is the same twice."""
    if not subject.is_module:
        raise NotApplicable("it is no module, so it has no eval mode")
    case, part = first(subject, evaluating=True)
    if getattr(part, "sample_ndim", 0):
        raise NotApplicable("it says that it gives samples (sample_ndim)")
    (entry,) = subject.entries()
    with torch.no_grad():
        one, other = (result(subject, part, case, entry, seed=seed) for seed in (2, 3))
    differing = difference(one, other)
    if differing:
        raise Failure(
            f"two calls in eval mode under different seeds are the same for {case}",
            came=differing,
            hint="draw only `if self.training`; F.dropout takes training=self.training",
        )


def _results(subject: Subject, case: Case) -> dict[str, Tensor]:
    """Everything that a fresh build gives by all its entries, and its own tensors."""
    part = built(subject, case)
    found: dict[str, Tensor] = {}
    for entry in subject.entries():
        values = result(subject, part, case, entry)
        found |= {f"{name} of {entry}": tensor for name, tensor in values.items()}
    if isinstance(part, nn.Module):
        found |= {f"the parameter {name}": tensor for name, tensor in part.named_parameters()}
    return found


def _state_after(call: Callable[[], Any], seed: int) -> Tensor:
    """The state of the default generator after seeding it and calling."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        call()
        return torch.get_rng_state()


@contextmanager
def _others_seeded(seed: int) -> Iterator[Callable[[], str]]:
    """Python's and numpy's generators seeded, and afterwards as before; gives a function that names what moved."""
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    own = random.getstate()
    numbers = _numbers()

    def moved() -> str:
        if random.getstate() != own:
            return "Python's random"
        return "" if _numbers() == numbers else "numpy.random"

    try:
        yield moved
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _numbers() -> tuple[str, ...]:
    """The state of numpy's generator, comparable."""
    return tuple(np.asarray(part).tobytes().hex() for part in np.random.get_state(legacy=True))


class _Generators(TorchFunctionMode):
    """Notes the functions that are called with a generator of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        own = (kwargs or {}).get("generator")
        caller = sys._getframe(1)
        if own not in (None, torch.default_generator) and caller.f_globals["__name__"] != toys.__name__:
            name = getattr(func, "__name__", str(func))
            self.found.append(f"{name}(..., generator=...) at {caller.f_code.co_filename}:{caller.f_lineno}")
        return func(*args, **(kwargs or {}))


def _refuse_own_generators(subject: Subject, case: Case, part: Any) -> None:
    for entry in subject.entries():
        arguments = subject.arguments(case, entry)
        with _Generators() as noted:
            subject.call(part, arguments, entry=entry.name)
        if noted.found:
            raise Failure(
                f"{entry} draws from torch's default generator",
                came=f"another generator: {noted.found[0]}",
                hint=f"a resume could not restore it, and a seed of the recipe would not reach it: {_TORCHS}",
            )
