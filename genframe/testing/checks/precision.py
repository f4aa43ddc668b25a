"""How the engine may call a component: in bfloat16, compiled, with sample dimensions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe.kinds import KINDS
from genframe.parts import autocast
from genframe.testing.kit import Failure, NotApplicable, check, told
from genframe.testing.runs import built, difference, first, not_finite, result
from genframe.testing.subject import Entry, Subject, tensors
from genframe.testing.toys import Case

FOLDING = tuple(name for name, kind in KINDS.items() if kind.folds)
"""The kinds that the engine compiles and runs under autocast, where they are modules."""


@check(*FOLDING)
def runs_in_bf16(subject: Subject) -> None:
    """Under autocast to bfloat16, as the engine has it, it gives finite float32 near to what it gives without.

    Near: the difference has at most a quarter of the norm. bfloat16 keeps 8 bits, and an error of 0.4 % grows with
    the depth of a net.
    """
    case, part = _net(subject)
    (entry,) = subject.entries()
    arguments = subject.arguments(case, entry)
    try:
        with torch.no_grad():
            exact = dict(tensors(subject.call(part, arguments)))
            rough = dict(tensors(subject.call(autocast(part, part), arguments)))
    except Exception as error:
        raise Failure(
            f"it runs under torch.autocast(dtype=torch.bfloat16) for {case}",
            came=told(error),
            hint="cast at the place: x.float(), or `with torch.autocast(x.device.type, enabled=False)`",
        ) from error
    for name, tensor in rough.items():
        if tensor.dtype != exact[name].dtype or not_finite(name, tensor):
            came = f"{tensor.dtype}, {'finite' if not not_finite(name, tensor) else 'not finite'}"
            raise Failure(f"{name} under autocast is finite and of {exact[name].dtype}", came=came)
        if tensor.is_floating_point():
            off = float((tensor - exact[name]).norm() / exact[name].norm().clamp(min=1e-3))
            if off > 0.25:
                raise Failure(
                    f"{name} under bfloat16 is near to that of float32 for {case}",
                    came=f"a difference of {off:.0%} of its norm",
                    hint="large numbers that are subtracted lose all their bits: keep that part in float32",
                )


@check(*FOLDING)
def compiles(subject: Subject) -> None:
    """torch.compile takes it, graph breaks and all, and it gives the same, with its gradients.

    By the backend aot_eager, unless GENFRAME_COMPILE_BACKEND names another one. To 1e-4, since a compiler may add
    up in another order. What draws in training mode is run there and compared in eval mode.
    """
    case, _ = _net(subject)
    (entry,) = subject.entries()
    with _compiling() as compiled:
        for evaluating in _modes(subject, case, entry):
            part, twin = (built(subject, case, evaluating=evaluating) for _ in range(2))
            expected = result(subject, part, case, entry)
            try:
                call = compiled(twin)
                arguments = subject.arguments(case, entry)
                came = dict(tensors(subject.call(call, arguments)))
            except Exception as error:
                raise Failure(f"torch.compile takes it for {case}", came=told(error)) from error
            _require_near(expected, came, case)


@check("posterior", "likelihood")
def accepts_sample_dimensions(subject: Subject) -> None:
    """Dimensions in front of the batch stay in front: (samples, batch, ...) is each sample on its own."""
    case, part = first(subject, evaluating=True)
    (entry,) = subject.entries()
    inputs = [subject.arguments(case, entry, seed=seed) for seed in (1, 2, 3)]
    stacked = [
        torch.stack(sorts) if isinstance(sorts[0], Tensor) else sorts[0]
        for sorts in zip(*inputs, strict=True)
    ]
    try:
        whole = subject.call(part, stacked)
    except Exception as error:
        raise Failure(
            f"it takes {tuple(stacked[0].shape)}: three samples of a batch ({case})",
            came=told(error),
            hint="count dimensions from the end: x.flatten(-n), chunk(2, -1), unflatten(-1, shape)",
        ) from error
    for number, arguments in enumerate(inputs):
        _require_same_sample(whole, subject.call(part, arguments), number, case)


def _net(subject: Subject) -> tuple[Case, nn.Module]:
    if not subject.is_module:
        raise NotApplicable("it is no torch module: the engine compiles and casts modules alone")
    case, part = first(subject, evaluating=True)
    assert isinstance(part, nn.Module)
    return case, part


def _modes(subject: Subject, case: Case, entry: Entry) -> tuple[bool, ...]:
    """Training mode where that draws nothing, else eval mode; as `evaluating`."""
    one, other = (result(subject, built(subject, case), case, entry, seed=seed) for seed in (2, 3))
    return (bool(difference(one, other)),)


@contextmanager
def _compiling() -> Iterator[Callable[[nn.Module], Callable[..., Any]]]:
    """torch.compile with the backend of the environment, its caches empty before and after."""
    backend = os.environ.get("GENFRAME_COMPILE_BACKEND", "aot_eager")
    torch._dynamo.reset()
    try:
        yield lambda module: torch.compile(module, backend=backend)
    finally:
        torch._dynamo.reset()


def _require_near(expected: Mapping[str, Tensor], came: Mapping[str, Tensor], case: Case) -> None:
    for name, tensor in expected.items():
        if not torch.allclose(came[name], tensor, rtol=1e-4, atol=1e-5):
            raise Failure(
                f"{name} is the same compiled and not, for {case}",
                came=f"a difference of up to {float((came[name] - tensor).detach().abs().max()):.3g}",
                hint="a value that was read once, by .item() or a Python `if`, is frozen into the compiled graph",
            )


def _require_same_sample(whole: Distribution, one: Distribution, number: int, case: Case) -> None:
    """The distribution of all samples, at `number`, is that of this sample."""
    for name, mine, theirs in _comparable(whole, one, number):
        if mine.shape != theirs.shape or not torch.allclose(
            mine, theirs, rtol=1e-4, atol=1e-5, equal_nan=True
        ):
            shapes = f"shapes {tuple(mine.shape)} and {tuple(theirs.shape)}"
            off = (
                f"a difference of up to {float((mine - theirs).abs().max()):.3g}"
                if mine.shape == theirs.shape
                else shapes
            )
            raise Failure(
                f"{name} of sample {number} among three is that of the sample alone, for {case}",
                came=off,
                hint="count dimensions from the end, and add up over the event alone",
            )


def _comparable(whole: Distribution, one: Distribution, number: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    names = [("mean", "mean"), ("stddev", "stddev")]
    own = dict(tensors(one))
    for attribute, name in names:
        if f"result.{name}" in own:
            yield attribute, getattr(whole, attribute)[number], own[f"result.{name}"]
    if "result.log_prob" in own:
        value = whole.sample()
        yield "log_prob", whole.log_prob(value)[number], one.log_prob(value[number])
