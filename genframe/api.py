"""genframe from Python: train a recipe, resume a run, load one and use its outputs."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe import conditions, latents, stored
from genframe.data.feed import Feed, Split
from genframe.engine import evaluation, fits, loop, process, samplers, state
from genframe.engine.outputs import Outputs
from genframe.engine.progress import Progress, progress_for
from genframe.errors import Problem, RecipeError, RunError
from genframe.recipe import load_recipe
from genframe.recipe.model import Instance
from genframe.recipe.samplers import sampler_of
from genframe.registry import Registry
from genframe.report import drawn
from genframe.run import Run

if TYPE_CHECKING:
    from genframe.graphs import Exported


def train(
    recipe: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    run_dir: str | Path | None = None,
    quiet: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
    locked: str | Path | None = None,
    report: bool = True,
) -> Path:
    """Train a recipe (a file, a name such as `vae/digits`, or a mapping) and return the run's folder.

    overrides: `key.path=value` settings, merged last. locked: a lock.json, a run or a packed file; a training that
    would differ from it is refused with LockError, before anything is written. report: whether the run ends with a
    page about it, `report.html`. Raises RecipeError, PluginError, RunError or Stopped.
    """
    lock = stored.lock_of(Path(locked)) if locked is not None else None
    checked = load_recipe(recipe, overrides, registry=registry)
    folder = Path(run_dir) if run_dir is not None else None
    shown = progress or progress_for(sys.stderr, quiet=quiet)
    ended = drawn.at_the_end if report else None
    return loop.train(checked, folder, progress=shown, command=sys.argv, locked=lock, ended=ended)


def resume(
    run: str | Path,
    overrides: Sequence[str] = (),
    *,
    quiet: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
    report: bool = True,
) -> Path:
    """Go on with a run from its newest whole checkpoint; overrides such as `train.epochs=40` train it for longer.

    report: as of `train`.
    """
    folder = Path(run)
    checked = stored.run_folder(folder).whole_recipe(overrides, registry)
    shown = progress or progress_for(sys.stderr, quiet=quiet)
    ended = drawn.at_the_end if report else None
    return loop.resume(checked, folder, overrides, progress=shown, ended=ended)


def load(
    run: str | Path,
    *,
    raw: bool = False,
    step: int | None = None,
    device: str | None = None,
    trust_code: bool = False,
    overrides: Sequence[str] = (),
) -> Model:
    """Open a run, or a packed file (`genframe pack`), to use its outputs.

    raw: the weights themselves instead of the players' averages. step: of an older checkpoint. device: where to
    compute, else as in training. trust_code: run the plugin files that a packed file brings; without it such a
    file is refused. overrides: settings of the recipe, `data.path=mine.npz` where the data are somewhere else.
    No data are read until they are asked for. Warns where the code is another than in training. Raises RunError
    when there is no run, no whole checkpoint or no sound packed file, PluginError where a plugin is missing.
    """
    model = Model(Path(run), raw=raw, step=step, device=device, trust_code=trust_code, overrides=overrides)
    for remark in model.remarks:
        warnings.warn(f"{remark.code}: {model.stored.path} was {remark.message}", stacklevel=2)
    return model


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
        trust_code: bool = False,
        overrides: Sequence[str] = (),
    ) -> None:
        process.tune()
        self.stored = stored.opened(folder)
        chosen = [*overrides, *([f"device={device}"] if device else [])]
        self.recipe = self.stored.recipe(chosen, registry, trust_code)
        specs = stored.specs(self.stored.lock, overrides)
        self._training = loop.Training.prepared(self.recipe, specs)
        found = self.stored.trained(step)
        state.load_weights(found.weights, self._training.stepper)
        self._training.stepper.schedule(found.step, rates=False)
        self._open(found.step, found.digests, raw, overrides)

    @classmethod
    def of_training(cls, training: loop.Training, run: Run) -> Model:
        """The model of a training that came to its end and is still at hand: nothing is read, no weights are copied."""
        model = cls.__new__(cls)
        model.stored, model.recipe, model._training = stored.RunFolder(run), training.plan.recipe, training
        model._open(training.total, {}, False, ())
        return model

    def _open(self, step: int, digests: Mapping[str, str], raw: bool, overrides: Sequence[str]) -> None:
        self.step = step
        self.digests: Mapping[str, str] = dict(digests)  # of each component's weights, sha256
        instances = self._training.plan.wiring.instances
        self.remarks: Sequence[Problem] = stored.other_code(self.stored.lock, self.recipe, instances)
        outputs = self._training.outputs
        self.outputs = Outputs(outputs.plan, () if raw else outputs.averages)
        self.device: torch.device = self._training.device
        self._calls = 0
        self._samplers = samplers.Trained(
            self.outputs,
            self._training_data,
            self.step,
            self.digests,
            self.device,
            self.run,
            self.stored.fit,
            overrides,
        )

    def __repr__(self) -> str:
        name, outputs = self.recipe.name, ", ".join(self.outputs)
        return f"<genframe model {name!r}, step {self.step}, on {self.device}, outputs: {outputs or 'none'}>"

    @property
    def run(self) -> Run | None:
        """The run's folder; None for a model from a packed file."""
        return self.stored.run if isinstance(self.stored, stored.RunFolder) else None

    @property
    def feeds(self) -> Mapping[str, Feed]:
        """The run's data."""
        return self._training.feeds

    def sample(
        self, n: int = 64, seed: int | None = None, *, given: Mapping[str, Any] | None = None
    ) -> Tensor:
        """n samples (n, ...). The same seed draws the same; without one, each call draws anew.

        given: what a conditional model is asked for, `{"y": 7}`; several values, `{"y": [0, 1]}`, are taken in turn.
        Then draws of the prior are decoded under it. Raises RecipeError (GF807) for what the model does not take.
        """
        if given:
            self._calls += 1
            return latents.sample(self, n, self._calls if seed is None else seed, given)
        return self.call("sample", n, seed=seed)  # type: ignore[no-any-return]

    def encode(self, x: Tensor, given: Mapping[str, Any] | None = None) -> Tensor:
        """Codes (batch, latent) of x (batch, ...); given: the conditions of a conditional model, as of `sample`."""
        return self.call("encode", *self._with(x, given, "encode"))  # type: ignore[no-any-return]

    def reconstruct(self, x: Tensor, given: Mapping[str, Any] | None = None) -> Tensor:
        """Reconstructions of x (batch, ...); given: the conditions of a conditional model, as of `sample`."""
        return self.call("reconstruct", *self._with(x, given, "reconstruct"))  # type: ignore[no-any-return]

    def _with(self, x: Tensor, given: Mapping[str, Any] | None, output: str) -> tuple[Any, ...]:
        """What an output of x and conditions is called with."""
        rows = conditions.repeated(conditions.checked(self, given or {}, output), len(x))
        return (rows, x) if rows else (x,)

    def call(self, output: str, *args: Any, seed: int | None = None) -> Any:
        """Any output of the recipe by its name.

        Raises RecipeError for one it has not, RunError where it fails on an `x` of another shape than the data's.
        """
        function = self.outputs[output]
        words = ("seeded", seed) if seed is not None else ("call", self._calls)
        self._calls += 1
        with self.outputs.evaluating(output, *words):
            try:
                return function(*[arg.to(self.device) if isinstance(arg, Tensor) else arg for arg in args])
            except (RuntimeError, ValueError, IndexError) as error:
                problems = list(self._misshapen(output, args))
                if not problems:
                    raise
                raise RunError(*problems) from error

    def _misshapen(self, output: str, args: Sequence[Any]) -> Iterator[Problem]:
        """Tensors for a field of the one dataset that are not (batch, *its shape).

        Asked only where the output failed: one of convolutions alone may take pictures of any size.
        """
        specs = list(self._training.plan.parts.specs.values())
        fields = specs[0].fields if len(specs) == 1 else {}
        for name, arg in zip(self.outputs.arguments(output), args, strict=False):
            if name not in fields or not isinstance(arg, Tensor):
                continue
            shape, came = tuple(fields[name].shape), tuple(arg.shape)
            if came[1:] != shape or arg.dim() != len(shape) + 1:
                expected = ", ".join(map(str, ("batch", *shape)))
                message = f"{output}({name}) takes {name} of shape ({expected}), and gets {came}"
                yield Problem("GF538", message, path=f"outputs.{output}")

    def export(
        self, what: str, path: str | Path, to: str = "onnx", *, unchecked: bool = False, force: bool = False
    ) -> Exported:
        """Write an output as a graph that serves elsewhere, of any batch size: see `genframe.graphs.export`.

        what: `sample` (the noise z is its input), `decode`, `encode`, `reconstruct`, `denoise` or another output of
        tensors. to: `onnx` or `torch.export`. The file is run and compared with the model before it is put in place;
        `unchecked` leaves that out. Raises RecipeError (GF831, GF833, GF801), RunError (GF832).
        """
        from genframe import graphs

        return graphs.export(self, what, Path(path), to, unchecked=unchecked, force=force)

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
        instance = sampler_of(self.recipe, sampler, self._kept)
        words = ("seeded", seed) if seed is not None else ("call", self._calls)
        self._calls += 1
        return samplers.draw(self._samplers, instance, n, words, tell or _to_stderr)

    def fit_sampler(
        self,
        sampler: str | Mapping[str, Any],
        name: str | None = None,
        *,
        tell: Callable[[str], None] | None = None,
    ) -> str:
        """Fit a sampler to the training data now, and keep it beside the run: then `draw(name)` draws by it.

        sampler: as of `draw`, a component's name or a block. name: what it is to be called, else as its component.
        A name that was given before is given anew. The fit's file in the run's folder is returned. Raises
        RecipeError for a sampler that is none or has nothing to fit and for a name that the recipe has, RunError
        where the fit fails.
        """
        instance = sampler_of(self.recipe, sampler, name=name)
        if instance in self.recipe.samplers:
            return samplers.fit(self._samplers, instance, tell or _to_stderr)
        if not re.fullmatch(r"[A-Za-z]\w*(-\w+)*", instance.name) or len(instance.name) > 100:
            message = f"{instance.name!r} is no name for a sampler: letters, digits, _ and -, a letter first"
            raise RecipeError(Problem("GF539", message, path="name"))
        if instance.name in {known.name for known in self.recipe.samplers}:
            message = f"the recipe has a sampler {instance.name!r} of its own: give this one another name"
            raise RecipeError(Problem("GF539", message, path="name"))
        return samplers.fit(self._samplers, instance, tell or _to_stderr)

    @property
    def _kept(self) -> dict[str, dict[str, Any]]:
        return fits.kept(self.stored.kept_samplers())

    def _training_data(self) -> Split:
        return next(iter(self.feeds.values())).split("train")

    def evaluate(
        self,
        *metrics: str,
        split: str | None = None,
        told: Callable[[str, int, int], None] = lambda name, place, count: None,
        tell: Callable[[str], None] = lambda text: None,
        show: Callable[[str, Tensor], None] = lambda name, pictures: None,
    ) -> list[dict[str, Any]]:
        """The recipe's metrics (all, or those named, installed ones too), each with its figures and protocol.

        split: `test`, `validation` or `train`; by default the first of these that the data have. told: hears the name
        of each metric before it is measured, which one it is, from 1, and of how many. tell, show: of what a metric
        says meanwhile, and the pictures (rows, columns, channels, height, width) that it has, with its name.
        """
        feed = next(iter(self.feeds.values()))
        name = split or next(s for s in ("test", "validation", "train") if s in feed.spec.lengths)
        data, listed = feed.split(name), self.recipe.evaluate
        draws = {sampler.name: partial(self._drawn, sampler) for sampler in self.recipe.samplers}
        return evaluation.evaluate(
            self.outputs, listed, data, self.step, metrics, train=self._training_data, draws=draws,
            told=told, tell=tell, show=show,
        )  # fmt: skip

    def _drawn(self, sampler: Instance, n: int) -> Tensor:
        """n draws for a metric: others at each of its calls, which its own generator tells apart."""
        call = int(torch.randint(1 << 62, ()))
        return samplers.draw(self._samplers, sampler, n, ("metric", call), _to_stderr)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
