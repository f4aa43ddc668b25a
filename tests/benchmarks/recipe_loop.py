"""genframe's arm: its own loop trains a recipe of this folder, and is only held between turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pictures import dataset
from turns import Turns

from genframe.engine.progress import QuietProgress
from genframe.live.state import Outlook

RECIPES = Path(__file__).parent / "recipes"
LOG_EVERY = 50
"""Steps between two rows of the metrics: genframe's default."""


def train(
    turns: Turns,
    model: str,
    number: int,
    steps: int,
    folder: Path,
    *,
    bf16: bool,
    more: Sequence[str] = (),
    log_every: int = LOG_EVERY,
) -> None:
    """`number` turns of `steps` steps each, with the metrics written; saved after the last turn only."""
    from genframe.engine import process

    process.tune()
    from genframe.engine.loop import Training
    from genframe.recipe import load_recipe
    from genframe.run import Run
    from genframe.tracking import Trackers

    every, total = min(steps, log_every), number * steps
    if steps % every:
        raise ValueError(f"a turn of {steps} steps does not end with a row of the metrics")
    overrides = [
        "device=cpu",
        f"data.use={dataset()}",
        f"train.steps={total}",
        f"train.log.every={every}",
        f"train.checkpoint.every={total}",
        f"train.precision={'bf16' if bf16 else 'fp32'}",
        *more,
    ]
    training = Training.prepared(load_recipe(RECIPES / f"{model}.yaml", overrides))
    training.trackers = Trackers.of(training.plan.recipe.track)
    batch_size = training.plan.recipe.datasets[""].batch_size
    turns.ready(sum(tensor.numel() for side in training.stepper.sides for tensor in side.tensors))
    with Run.create(folder, model) as run:
        training.run_from(run, Held(turns, steps, batch_size), None)


class Held(QuietProgress):
    """A progress display that shows nothing, and holds the training until it is its turn again."""

    def __init__(self, turns: Turns, steps: int, batch_size: int) -> None:
        self._turns, self._steps, self._batch_size = turns, steps, batch_size
        self._total = 0
        self._losses: list[float] = []

    def start(self, outlook: Outlook, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._total = outlook.total
        self._turns.wait()

    def update(self, row: Mapping[str, Any]) -> None:
        self._losses.append(sum(value for name, value in row["terms"].items() if "/" not in name))
        if row["step"] % self._steps == 0:
            self._turns.done(self._steps * self._batch_size, sum(self._losses) / len(self._losses))
            self._losses = []
            if row["step"] < self._total:
                self._turns.wait()
