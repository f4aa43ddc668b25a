"""What a component may change around itself, put back: one component's fault is not the next one's."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.distributions import Distribution


@contextmanager
def preserved() -> Iterator[None]:
    """Put back what a component may have changed, so that nothing else runs under it."""
    undo: list[tuple[Callable[..., Any], Any]] = [
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
