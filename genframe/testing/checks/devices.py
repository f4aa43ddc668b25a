"""Devices: moved to another one, a component works there."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe.testing.kit import Failure, NotApplicable, check, told
from genframe.testing.runs import RUNNING, first, listed
from genframe.testing.subject import Subject, tensors
from genframe.testing.toys import Toys
from genframe.values import Levels, Terms, Verdict


@check(*RUNNING)
def moves_to_device(subject: Subject) -> None:
    """Moved to another device it works there: nothing that it holds or makes stays behind.

    The device is CUDA where there is one, else `meta`: its tensors have no values, and complain of company from the
    CPU as those of CUDA would.
    """
    device = "cuda" if torch.cuda.is_available() else "meta"
    case, _ = first(subject)
    toys = Toys(case)
    part = subject.build(case, toys=toys)
    _require_modules(toys, subject.signature.givens)
    if isinstance(part, nn.Module):
        part.to(device)
        left = [name for name, tensor in _plain_tensors(part) if tensor.device.type != device]
        if left:
            raise Failure(
                "part.to(device) moves every tensor that it holds",
                came=f"{listed(left)} stayed on the CPU",
                hint="register_buffer, with persistent=False if it need not be stored",
            )
    for entry in subject.entries():
        arguments = [_moved(argument, device) for argument in subject.arguments(case, entry)]
        with _elsewhere(f"{entry} works on another device than the CPU for {case}"):
            found = list(tensors(subject.call(part, arguments, entry=entry.name)))
        for name, tensor in found:
            if tensor.device.type != device and tensor.ndim:
                raise Failure(
                    f"{name} of {entry} is on the device of its arguments",
                    came=f"it is on {tensor.device.type}, they are on {device}",
                    hint=_DEVICE,
                )


_DEVICE = "make tensors with device=x.device, or as torch.zeros_like(x); keep constants by register_buffer"


def _require_modules(toys: Toys, givens: Sequence[str]) -> None:
    """A toy partner that is no module can't be moved."""
    for name in givens:
        partner = vars(toys).get(name)
        if callable(partner) and not isinstance(partner, nn.Module):
            raise NotApplicable(f"the kit's toy for the given {name!r} can't be moved to another device")


def _plain_tensors(part: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The tensors that are attributes of a module or its parts, and no buffers."""
    for place, module in part.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and value.ndim and value.is_floating_point():
                yield f"{place}.{name}".lstrip("."), value


def _moved(value: Any, device: str) -> Any:
    """What a component is called with, on another device. Raises NotApplicable for a function."""
    match value:
        case nn.Module():
            return copy.deepcopy(value).to(device)
        case Tensor():
            return value.detach().to(device).requires_grad_(value.requires_grad)
        case Verdict():
            features = None if value.features is None else _moved(value.features, device)
            return Verdict(_moved(value.score, device), features)
        case Levels():
            return replace(value, table=_moved(value.table, device))
        case Terms():
            return replace(value, total=_moved(value.total, device))
        case Distribution():
            other = object.__new__(type(value))
            other.__dict__.update({key: _moved(inner, device) for key, inner in vars(value).items()})
            return other
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(_moved(item, device) for item in value)
        case _ if callable(value):
            raise NotApplicable(
                "it is called with a function of the kit's, which can't be moved to another device"
            )
    return value


@contextmanager
def _elsewhere(expected: str) -> Iterator[None]:
    """A device without values: what reads them can't be tried, and distributions don't check theirs."""
    checked = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    except Exception as error:
        if any(
            words in str(error) for words in ("item()", "Cannot copy out of meta", "data-dependent", "Meta")
        ):
            raise NotApplicable(
                "it reads the values of tensors, and so is tried on another device only with CUDA"
            ) from error
        if isinstance(error, NotApplicable):
            raise
        raise Failure(expected, came=told(error), hint=_DEVICE) from error
    finally:
        Distribution.set_default_validate_args(checked)
