"""What a checkpoint holds of a training, and how it is put back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genframe.engine import checkpoint
from genframe.engine.checkpoint import Checkpoint
from genframe.engine.step import Stepper
from genframe.errors import Problem, RunError

_AVERAGED = ".ema"


def save(folder: Path, stepper: Stepper, step: int, extra: Mapping[str, Any]) -> Path:
    """Write a checkpoint after `step` steps: components, averages, optimizers by parameter name."""
    tensors: dict[str, Mapping[str, Tensor]] = {name: m.state_dict() for name, m in stepper.modules.items()}
    for side in stepper.sides:
        if side.averages is not None:
            tensors.update({f"{name}{_AVERAGED}": state for name, state in side.averages.state().items()})
    state = {"optimizers": {side.name: side.state() for side in stepper.sides}}
    stored = {name: content for name, content in tensors.items() if content}
    return checkpoint.save(folder, step, stored, state, {"epoch": step // stepper.steps_per_epoch, **extra})


def load(found: Checkpoint, stepper: Stepper) -> None:
    """Put a checkpoint back, in place. Raises RunError where the recipe no longer fits it."""
    try:
        for name, module in stepper.modules.items():
            if module.state_dict():
                module.load_state_dict(found.tensors(name))
        state = found.state()
        for side in stepper.sides:
            side.load(state["optimizers"].get(side.name, {}))
            for name in side.trains if side.averages is not None else ():
                if f"{name}{_AVERAGED}" in found.names:
                    side.averages.load(name, found.tensors(f"{name}{_AVERAGED}"))  # type: ignore[union-attr]
    except (KeyError, RuntimeError, ValueError, FileNotFoundError) as error:
        message = f"the checkpoint {found.path} does not fit the recipe: {_first_line(error)}"
        raise RunError(Problem("GF720", message)) from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
