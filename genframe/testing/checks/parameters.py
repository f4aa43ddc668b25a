"""Parameters: they are found, every one learns, and a checkpoint brings all that matters back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe.binding import public_methods
from genframe.testing.kit import Failure, NotApplicable, check, told
from genframe.testing.runs import (
    RUNNING,
    Refusal,
    built,
    difference,
    first,
    listed,
    partners,
    promised,
    result,
    variants,
    written,
)
from genframe.testing.subject import Subject, tensors
from genframe.testing.toys import Case, Toys


@check(*RUNNING)
def gradients_reach_every_parameter(subject: Subject) -> None:
    """Every parameter gets a gradient from what the component gives; one that gets none never learns.

    Parameters that the author fixed are left out, and so are those of partners. Weights are shaken first: a layer
    may start at zero, and then hides what stands before it.
    """
    case, _ = _module(subject)
    trained = [_try_gradients(subject, case, changed) for changed in variants(subject)]
    if not any(trained):
        raise NotApplicable("it has no parameters to train")


@check(*RUNNING)
def every_parameter_is_registered(subject: Subject) -> None:
    """What is to be trained stands among parameters(), where optimizers and checkpoints find it."""
    if not subject.is_class:
        raise NotApplicable("a function holds nothing")
    case, _ = first(subject)
    toys = Toys(case)
    part = subject.build(case, toys=toys)
    known = partners(toys)
    if isinstance(part, nn.Module):
        known |= {id(p) for p in part.parameters()}
    for place, parameter in _hidden(part, "self", 0):
        if parameter.requires_grad and id(parameter) not in known:
            raise Failure(
                "every nn.Parameter that it holds is among its parameters()",
                came=f"{place} is not",
                hint="keep modules in nn.ModuleList or nn.ModuleDict, parameters in nn.ParameterList, and derive "
                "from torch.nn.Module",
            )


@check(*RUNNING)
def state_dict_round_trip(subject: Subject) -> None:
    """A checkpoint holds all that matters: with another one's state_dict it gives what that one gives."""
    case, _ = _module(subject)
    for changed in variants(subject):
        with suppress(Refusal), promised(f"it can be built{written(changed)}"):
            _try_round_trip(subject, case, changed)


_CALLED = {"forward", "takes", "extra_repr", "reset_parameters"}


def _module(subject: Subject) -> tuple[Case, Any]:
    if not subject.is_module:
        raise NotApplicable("it is no torch module, so it has no parameters")
    return first(subject)


def _try_gradients(subject: Subject, case: Case, changed: Mapping[str, Any]) -> bool:
    """Whether there are parameters to train under some changed options; each gets a gradient."""
    toys = Toys(case)
    try:
        part = subject.build(case, toys=toys, **changed)
    except Exception:  # options have a check of their own
        return False
    others = partners(toys)
    own = {name: p for name, p in part.named_parameters() if p.requires_grad and id(p) not in others}
    _shake(own)
    for seed in range(1, 4) if own else ():
        for entry in subject.entries():
            arguments = subject.arguments(case, entry, seed=seed)
            _backward(subject.call(part, arguments, entry=entry.name, seed=seed), seed)
    deaf = [name for name, p in own.items() if p.grad is None or not bool(p.grad.any())]
    if deaf:
        further = sorted({*public_methods(subject.target)} - _CALLED)
        if further:
            message = f"{listed(deaf)} may learn by its methods {listed(further)}, which no wire need call"
            raise NotApplicable(message)
        raise Failure(
            f"a gradient reaches every parameter{written(changed)} for {case}",
            came=f"none reaches {listed(deaf)}",
            hint="detach(), .item(), .data or no_grad() on the way, a layer that forward never calls, or a parameter "
            "that is to be fixed: then requires_grad_(False), or a buffer",
        )
    return bool(own)


def _try_round_trip(subject: Subject, case: Case, changed: Mapping[str, Any]) -> None:
    part, other = (built(subject, case, seed=seed, **changed) for seed in (0, 1))
    for entry in subject.entries():
        result(subject, part, case, entry)  # in training mode, so that buffers move
    part.eval()
    other.eval()
    _load(other, _stored(part))
    for entry in subject.entries():
        with torch.no_grad():
            mine, theirs = (result(subject, one, case, entry) for one in (part, other))
        differing = difference(mine, theirs)
        if differing:
            raise Failure(
                f"one built with other weights{written(changed)} gives the same for {case}, once it has loaded the "
                "state_dict",
                came=differing,
                hint="something that was drawn or learned stands outside it: an attribute that is a plain tensor "
                "(register_buffer) or a buffer with persistent=False",
            )


def _shake(parameters: Mapping[str, nn.Parameter]) -> None:
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in parameters.values():
            if parameter.is_floating_point():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def _backward(value: Any, seed: int) -> None:
    """Backward from a random projection of all that a call gave, and of what its distributions are made of."""
    generator = torch.Generator().manual_seed(seed)
    found = [*(t for _, t in tensors(value)), *_made_of(value, 0)]
    parts = [t for t in found if t.requires_grad and t.is_floating_point()]
    if parts:
        total = sum((t * torch.randn(t.shape, generator=generator)).sum() for t in parts)
        assert isinstance(total, Tensor)
        total.backward()  # type: ignore[no-untyped-call]


def _made_of(value: Any, depth: int) -> Iterator[Tensor]:
    """The tensors that a distribution holds: a straight-through one learns by what a loss reads of it."""
    if isinstance(value, Tensor):
        if depth:
            yield value
    elif isinstance(value, Distribution) and depth < 4:
        for inner in vars(value).values():
            yield from _made_of(inner, depth + 1)
    elif isinstance(value, (tuple, list)) and depth < 4:
        for inner in value:
            yield from _made_of(inner, depth + isinstance(inner, Distribution))


def _hidden(value: Any, place: str, depth: int) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that an object holds in its attributes, lists and dictionaries, registered or not."""
    if isinstance(value, nn.Parameter):
        yield place, value
    elif isinstance(value, nn.Module) and depth:
        yield from ((f"{place}.{name}", p) for name, p in value.named_parameters())
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _hidden(item, f"{place}[{number}]", depth + 1)
    elif isinstance(value, Mapping) and depth < 4:
        for key, item in value.items():
            yield from _hidden(item, f"{place}[{key!r}]", depth + 1)
    elif depth == 0:
        for key, item in getattr(value, "__dict__", {}).items():
            if key not in ("_parameters", "_buffers", "_modules"):
                yield from _hidden(item, f"{place}.{key}", 1)


def _stored(part: nn.Module) -> dict[str, Tensor]:
    """The state_dict by way of a file's bytes, as a checkpoint has it: tied tensors are written twice."""
    state = part.state_dict()
    odd = sorted(key for key, value in state.items() if not isinstance(value, Tensor))
    if odd:
        raise Failure(
            "the state_dict holds tensors alone, as a checkpoint does",
            came=f"{odd[0]} is a {type(state[odd[0]]).__name__}",
            hint="no get_extra_state: make it a tensor and register_buffer it",
        )
    own = {key: value.detach().clone().contiguous() for key, value in state.items()}
    return load(save(own))


def _load(part: nn.Module, state: Mapping[str, Tensor]) -> None:
    try:
        part.load_state_dict(dict(state))
    except Exception as error:
        raise Failure(
            "load_state_dict takes the state_dict of another one, built from the same options",
            came=told(error),
            hint="what is registered must not depend on what happened before: a lazy layer, a buffer that grows",
        ) from error
