"""Where a run computes: what `device:` says, else CUDA when there is one, else the CPU."""

from __future__ import annotations

import resource
import sys

import torch

from genframe.errors import Problem, RecipeError


def choose_device(wanted: str | None) -> torch.device:
    """The device of a run. Raises RecipeError for one that is not there or not a device."""
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        message = f"device: {wanted!r} can't be used here: {reason}"
        raise RecipeError(Problem("GF530", message, path="device", command="genframe doctor")) from error
    return device


def peak_memory(device: torch.device) -> dict[str, float]:
    """The most that this process held so far, in MB: `process`, and `device` of a GPU's. Waits for nothing."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # of ru_maxrss: bytes there, KiB elsewhere
    held = {"process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)}
    if device.type == "cuda":
        held["device"] = round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    return held
