"""The file of a sweep for Weights & Biases: what `wandb sweep` registers and `wandb agent` runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genframe.recipe.dump import dump
from genframe.sweep_space import Axis, Range


def content(
    recipe: str,
    axes: Sequence[Axis],
    *,
    name: str,
    draws: int | None,
    metric: str | None,
    goal: str,
    more: Sequence[str],
) -> dict[str, Any]:
    """A grid, or `draws` of its space. `metric` is a key as the tracker logs it, `more` are words of the command."""
    settings = [f"{axis.key}={axis.fixed}" for axis in axes if axis.fixed is not None]
    file: dict[str, Any] = {
        "name": name,
        "project": os.environ.get("WANDB_PROJECT") or "genframe",  # which is the tracker's too
        "program": "genframe",
        "method": "grid" if draws is None else "random",
        "parameters": {axis.key: _parameter(axis, draws) for axis in axes if axis.fixed is None},
        # The agent writes each parameter as KEY=VALUE, which is how genframe takes settings.
        "command": [
            "${env}",
            "genframe",
            "train",
            _found(recipe),
            *settings,
            "${args_no_hyphens}",
            "--wandb",
            *more,
        ],
    }
    if metric is not None:
        file["metric"] = {"name": metric, "goal": goal}
    if draws is not None:
        file["run_cap"] = draws
    return file


def logged(metric: str, measured: Sequence[str]) -> str | None:
    """What the tracker calls METRIC/FIGURE, or a metric's own figure; None for what is none of those `measured`."""
    name, _, figure = metric.removeprefix("evaluation/").partition("/")
    return f"evaluation/{name}/{figure or name}" if name in measured else None


def text(file: dict[str, Any]) -> str:
    """As YAML, with how it is used on top."""
    return f"# wandb sweep THIS_FILE, and then what it says: wandb agent ENTITY/PROJECT/ID\n{dump(file)}"


def _parameter(axis: Axis, draws: int | None) -> dict[str, Any]:
    if draws is None or not isinstance(axis.takes, Range):
        return {"values": [_typed(value) for value in axis.values()]}
    bounds = axis.takes
    low, high = (int(bounds.low), int(bounds.high)) if bounds.whole else (bounds.low, bounds.high)
    if bounds.log:
        law = "q_log_uniform_values" if bounds.whole else "log_uniform_values"
    else:
        law = "int_uniform" if bounds.whole else "uniform"
    return {"distribution": law, "min": low, "max": high}


def _typed(value: str) -> Any:
    """Numbers as numbers; all else stays the text that the recipe reads."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _found(recipe: str) -> str:
    """A file by its whole path, since an agent may stand elsewhere; an installed recipe by its name."""
    return str(Path(recipe).resolve()) if Path(recipe).is_file() else recipe
