"""Where a run computes: what `device:` says, else CUDA when there is one, else the CPU."""

from __future__ import annotations

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
