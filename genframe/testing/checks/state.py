"""The process: building and calling a component leave it as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.distributions import Distribution

from genframe import process_state
from genframe.testing.kit import Failure, check
from genframe.testing.runs import (
    RUNNING,
    built,
    first,
    listed,
    result,
)
from genframe.testing.subject import Subject
from genframe.testing.surroundings import preserved
from genframe.testing.toys import Case


@check(*RUNNING)
def changes_no_global_state(subject: Subject) -> None:
    """Building and calling leave the process as it was: defaults of torch, folder, environment, filters, handlers."""
    with preserved():
        case, _ = first(subject)  # what importing leaves is not asked here
    for _ in range(2):  # the first pass may still import; what is undone before the second one comes back
        with preserved():
            before = _snapshot()
            _build_and_call(subject, case)
            found = _changed(before, _snapshot())
    if found:
        raise Failure(
            "building and calling it changes nothing that others share",
            came=listed(found),
            hint="give dtype= and device= to the calls that need them; torch.no_grad() as a context",
        )


def _build_and_call(subject: Subject, case: Case) -> None:
    part = built(subject, case)
    for entry in subject.entries():
        result(subject, part, case, entry)


def _snapshot() -> dict[str, Any]:
    return {**process_state.snapshot(), "more": {name: str(read()) for name, read in _MORE.items()}}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs, in words; the generators have checks of their own."""
    changes = [c for c in process_state.changes(before, after) if not c.what.startswith(_GENERATORS)]
    more = [f"{k}: {v} -> {after['more'][k]}" for k, v in before["more"].items() if v != after["more"][k]]
    return [*map(str, changes), *more]


_GENERATORS = ("torch's generator", "the state of random", "the state of numpy.random")

_MORE: Mapping[str, Callable[[], Any]] = {
    "autocast": lambda: torch.is_autocast_enabled("cpu"),
    "anomaly detection": torch.is_anomaly_enabled,
    "inference mode": torch.is_inference_mode_enabled,
    "the default of validate_args": lambda: Distribution._validate_args,
    "torch's print options": lambda: vars(torch._tensor_str.PRINT_OPTS),
}
