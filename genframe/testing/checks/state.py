"""The process: building and calling a component leave it as it was."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
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
from genframe.testing.toys import Case


@check(*RUNNING)
def changes_no_global_state(subject: Subject) -> None:
    """Building and calling leave the process as it was: defaults of torch, folder, environment, filters, handlers."""
    case, _ = first(subject)  # what importing leaves is not asked here
    for _ in range(2):  # the first pass may still import; what is undone before the second one comes back
        with _preserved():
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


@contextmanager
def _preserved() -> Iterator[None]:
    """Put back what a component may have changed, so that nothing else is checked under it."""
    undo = [
        (torch.set_default_dtype, torch.get_default_dtype()),
        (torch.set_grad_enabled, torch.is_grad_enabled()),
        (torch.set_num_threads, torch.get_num_threads()),
        (torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled()),
        (torch.set_float32_matmul_precision, torch.get_float32_matmul_precision()),
        (torch.set_anomaly_enabled, torch.is_anomaly_enabled()),
        (torch.set_autocast_enabled, torch.is_autocast_enabled()),
        (Distribution.set_default_validate_args, Distribution._validate_args),
        (os.chdir, Path.cwd()),
        (sys.setrecursionlimit, sys.getrecursionlimit()),
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),
    ]
    device, environment, path = torch.get_default_device(), dict(os.environ), list(sys.path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for function, value in undo:
                function(value)
            if torch.get_default_device() != device:
                torch.set_default_device(device)
            for key in os.environ.keys() - environment.keys():
                del os.environ[key]
            os.environ.update(environment)
            sys.path[:] = path
            with suppress(ValueError):  # not in the main thread
                for number, handler in handlers.items():
                    signal.signal(number, handler)
