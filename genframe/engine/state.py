"""What a checkpoint holds of a training, and how it is put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from genframe.engine import checkpoint
from genframe.engine.checkpoint import Checkpoint
from genframe.engine.side import Side
from genframe.engine.step import Stepper
from genframe.errors import Problem, RunError

_AVERAGED = ".ema"


def save(folder: Path, stepper: Stepper, step: int, extra: Mapping[str, Any]) -> Path:
    """Write a checkpoint after `step` steps: components, averages and their counts, optimizers by parameter name."""
    tensors: dict[str, Mapping[str, Tensor]] = {name: m.state_dict() for name, m in stepper.modules.items()}
    for side in stepper.sides:
        if side.averages is not None:
            for name, averaged in side.averages.state().items():
                others, own = tensors.get(f"{name}{_AVERAGED}"), side.averages.averaged(name)
                more = averaged if others is None else {key: averaged[key] for key in own}
                tensors[f"{name}{_AVERAGED}"] = {**(others or {}), **more}
    state = {
        "optimizers": {side.name: side.state() for side in stepper.sides},
        "param_groups": {side.name: side.counted() for side in stepper.sides},
        "averages": {side.name: side.averages.moves for side in stepper.sides if side.averages is not None},
    }
    stored = {name: content for name, content in tensors.items() if content}
    return checkpoint.save(folder, step, stored, state, {"epoch": step // stepper.steps_per_epoch, **extra})


class Weights(Protocol):
    """The tensors of some components, `encoder.ema` those of the averaged copy of `encoder`: a checkpoint, say."""

    @property
    def path(self) -> Path: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    def tensors(self, name: str) -> dict[str, Tensor]: ...


def load(found: Checkpoint, stepper: Stepper) -> None:
    """Put a checkpoint back, in place. Raises RunError where the recipe no longer fits it."""
    load_weights(found, stepper)
    with _fitting(found.path):
        stored = found.state()
        for side in stepper.sides:
            counted = stored.get("param_groups", {}).get(side.name, [])  # older checkpoints have none
            side.load(stored["optimizers"].get(side.name, {}), counted)
            if side.averages is not None:
                side.averages.moves = _moves(found, side, stored.get("averages", {}))


def _moves(found: Checkpoint, side: Side, counts: Mapping[str, int | None]) -> int | None:
    """After how many moves of a player its averages were stored.

    0 where they begin now: the checkpoint has none. None where an older genframe made them, with the full decay from
    the start and no count: they go on so.
    """
    averaged = any(f"{name}{_AVERAGED}" in found.names for name in side.trains)
    return counts.get(side.name) if averaged else 0


def load_weights(found: Weights, stepper: Stepper) -> None:
    """Put the components' weights and averages back, in place: all that outputs need. Raises RunError.

    A component without an averaged copy of its own in `found` has the average of weights that never moved.
    """
    with _fitting(found.path):
        for name, module in stepper.modules.items():
            if module.state_dict():
                module.load_state_dict(found.tensors(name))
        for side in stepper.sides:
            for name in side.trains if side.averages is not None else ():
                averaged = f"{name}{_AVERAGED}"
                side.averages.load(  # type: ignore[union-attr]
                    name, found.tensors(averaged if averaged in found.names else name)
                )


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, RuntimeError, ValueError, FileNotFoundError) as error:
        message = f"the checkpoint {path} does not fit the recipe: {_first_line(error)}"
        raise RunError(Problem("GF720", message)) from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
