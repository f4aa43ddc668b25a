"""genframe from Python: train a recipe, resume a run, load one and use its outputs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genframe.data.feed import Feed, Split
from genframe.engine import checkpoint, evaluation, loop, process, samplers, state
from genframe.engine.outputs import Outputs
from genframe.engine.progress import Progress, progress_for
from genframe.errors import Problem, RunError
from genframe.recipe import load_recipe
from genframe.recipe.samplers import sampler_of
from genframe.registry import Registry
from genframe.run import RESOLVED, Run


def train(
    recipe: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    run_dir: str | Path | None = None,
    quiet: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Path:
    """Train a recipe (a file, a name such as `vae/digits`, or a mapping) and return the run's folder.

    overrides: `key.path=value` settings, merged last. Raises RecipeError, PluginError, RunError or Stopped.
    """
    checked = load_recipe(recipe, overrides, registry=registry)
    folder = Path(run_dir) if run_dir is not None else None
    return loop.train(
        checked, folder, progress=progress or progress_for(sys.stderr, quiet=quiet), command=sys.argv
    )


def resume(
    run: str | Path,
    overrides: Sequence[str] = (),
    *,
    quiet: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Path:
    """Go on with a run from its newest whole checkpoint; overrides such as `train.epochs=40` train it for longer."""
    folder = Path(run)
    checked = load_recipe(_resolved(folder), overrides, registry=registry)
    return loop.resume(checked, folder, overrides, progress=progress or progress_for(sys.stderr, quiet=quiet))


def load(run: str | Path, *, raw: bool = False, step: int | None = None, device: str | None = None) -> Model:
    """Open a run to use its outputs.

    raw: the weights themselves instead of the players' averages. step: of an older checkpoint. device: where to
    compute, else as in training. Raises RunError when the folder is no run or has no whole checkpoint.
    """
    return Model(Path(run), raw=raw, step=step, device=device)


class Model:
    """A trained run: `sample(n)`, `encode(x)`, `reconstruct(x)`, `evaluate()`, and any output of its recipe."""

    def __init__(
        self,
        folder: Path,
        *,
        raw: bool = False,
        step: int | None = None,
        device: str | None = None,
        registry: Registry | None = None,
    ) -> None:
        process.tune()
        self.run = Run.open(folder)
        overrides = [f"device={device}"] if device else []
        self.recipe = load_recipe(_resolved(folder), overrides, registry=registry)
        self._training = loop.Training.prepared(self.recipe)
        found = self._checkpoint(step)
        state.load(found, self._training.stepper)
        self.step = found.step
        outputs = self._training.outputs
        self.outputs = Outputs(outputs.plan, () if raw else outputs.averages)
        self.device: torch.device = self._training.device
        self._calls = 0
        self._samplers = samplers.Trained(
            self.outputs, self._training_data, self.step, found.manifest["files"], self.device, self.run
        )

    @property
    def feeds(self) -> Mapping[str, Feed]:
        """The run's data."""
        return self._training.feeds

    def sample(self, n: int = 64, seed: int | None = None) -> Tensor:
        """n samples (n, ...). The same seed draws the same; without one, each call draws anew."""
        return self.call("sample", n, seed=seed)  # type: ignore[no-any-return]

    def encode(self, x: Tensor) -> Tensor:
        """Codes (batch, latent) of x (batch, ...)."""
        return self.call("encode", x)  # type: ignore[no-any-return]

    def reconstruct(self, x: Tensor) -> Tensor:
        """Reconstructions of x (batch, ...)."""
        return self.call("reconstruct", x)  # type: ignore[no-any-return]

    def call(self, output: str, *args: Any, seed: int | None = None) -> Any:
        """Any output of the recipe by its name. Raises RecipeError for one it has not."""
        function = self.outputs[output]
        words = ("seeded", seed) if seed is not None else ("call", self._calls)
        self._calls += 1
        with self.outputs.evaluating(output, *words):
            return function(*[arg.to(self.device) if isinstance(arg, Tensor) else arg for arg in args])

    def draw(
        self,
        sampler: str | Mapping[str, Any],
        n: int = 64,
        seed: int | None = None,
        *,
        tell: Callable[[str], None] | None = None,
    ) -> Tensor:
        """n samples (n, ...) by a sampler: one of the recipe's, or any that is installed.

        sampler: its name, or a block with options, `{"use": "mixture", "components": 20}`. One that must be fitted
        is, once, to the training data; the fit is stored beside the run. seed: as of `sample`. tell: is told what
        takes long, else stderr. Raises RecipeError for an unknown sampler or one that the recipe does not suit.
        """
        instance = sampler_of(self.recipe, sampler)
        words = ("seeded", seed) if seed is not None else ("call", self._calls)
        self._calls += 1
        return samplers.draw(self._samplers, instance, n, words, tell or _to_stderr)

    def _training_data(self) -> Split:
        return next(iter(self.feeds.values())).split("train")

    def evaluate(self, *metrics: str, split: str | None = None) -> list[dict[str, Any]]:
        """The recipe's metrics (all, or those named), each with its figures and protocol.

        split: `test`, `validation` or `train`; by default the first of these that the data have.
        """
        feed = next(iter(self.feeds.values()))
        name = split or next(s for s in ("test", "validation", "train") if s in feed.spec.lengths)
        return evaluation.evaluate(self.outputs, self.recipe.evaluate, feed.split(name), self.step, metrics)

    def _checkpoint(self, step: int | None) -> checkpoint.Checkpoint:
        if step is not None:
            there = checkpoint.steps(self.run.checkpoints)
            if step not in there:
                known = ", ".join(map(str, there)) or "none"
                message = f"{self.run.folder} has no checkpoint of step {step}; it has {known}"
                raise RunError(Problem("GF722", message))
            return checkpoint.read(self.run.checkpoints / f"{step:08d}")
        found = checkpoint.latest(self.run.checkpoints)
        if found is None:
            message = f"{self.run.folder} has no whole checkpoint yet"
            raise RunError(Problem("GF721", message, command=f"genframe resume {self.run.folder}"))
        return found


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _resolved(folder: Path) -> Path:
    Run.open(folder)  # says what is wrong with a folder that is no run
    return folder / RESOLVED
