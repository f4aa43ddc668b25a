"""Samplers: ways to draw from a trained run beside its outputs; some are fitted to the training data first.

A fit is stored beside the run, and never used for another model, component or options than its own: see `fits`.
"""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from genframe.binding import required_parameters
from genframe.data.feed import Split
from genframe.engine import fits
from genframe.engine.evaluation import output_for
from genframe.engine.outputs import Outputs
from genframe.errors import GenframeError, Problem, RecipeError, RunError
from genframe.recipe.model import Instance
from genframe.run import Run

TELLING_SECONDS = 5.0
"""How often a long fit says how far it has come."""

Tell = Callable[[str], None]


@dataclass
class Trained:
    """The trained model that samplers draw from.

    `data` opens the training split, which is asked for where a sampler needs it and nowhere else; `weights` says
    which weights these are (the digests of a checkpoint's files); `run` is the folder that fits are stored in, and
    `fit` reads one by its file's name, None where it is not there. `overrides` are the settings that the model was
    opened with: other data, say, to which an earlier fit does not belong.
    """

    outputs: Outputs
    data: Callable[[], Split]
    step: int
    weights: Mapping[str, Any]
    device: torch.device
    run: Run | None = None
    fit: Callable[[str], Mapping[str, Tensor] | None] = lambda file: None
    overrides: Sequence[str] = ()
    ready: dict[str, Any] = field(default_factory=dict)  # by key, built and fitted

    @property
    def facts(self) -> dict[str, Any]:
        """What a fit to this model follows from. Its recipe and data are those of a run, whose weights are named."""
        return {
            "seed": self.outputs.plan.recipe.seed,
            "averaged": bool(self.outputs.averages),
            "weights": dict(self.weights),
            "step": self.step,
            "overrides": list(self.overrides),
        }


def draw(trained: Trained, sampler: Instance, n: int, words: Sequence[object], tell: Tell) -> Tensor:
    """`n` draws (n, ...) by a sampler, a function of the seed and `words`; it is fitted first where it need be.

    Raises RecipeError for an output that the recipe has not or a sampler that is none, RunError for one that
    fails or gives something else than n draws.
    """
    key = fits.key(sampler, trained.facts)
    if key not in trained.ready:
        trained.ready[key] = _ready(trained, sampler, key, tell)
    part = trained.ready[key]
    function = part.sample if inspect.isclass(sampler.offer.load()) else part
    with trained.outputs.evaluating("sampler", sampler.name, *words), torch.no_grad(), _placed(sampler):
        drawn = function(*_arguments(trained, sampler, function, trained.data, n))
    if not isinstance(drawn, Tensor) or drawn.ndim == 0 or len(drawn) != n:
        came = f"a tensor {tuple(drawn.shape)}" if isinstance(drawn, Tensor) else f"a {type(drawn).__name__}"
        raise _failure(sampler, f"was to give {n} draws ({n}, ...), and {came} came")
    return drawn


def fit(trained: Trained, sampler: Instance, tell: Tell) -> str:
    """Fit a sampler, or find its fit, and keep what its name means beside the run; the fit's file, in the folder.

    Raises RecipeError for one that has nothing to fit or a model that is in no run's folder, RunError for one that
    fails or can't be stored.
    """
    path = f"{fits.FOLDER}.{sampler.name}"
    if not hasattr(sampler.offer.load(), "fit"):
        message = f"the sampler {sampler.name!r} ({sampler.offer.name}) has nothing to fit: it draws as it is"
        command = f"genframe sample RUN --sampler {sampler.name}"
        raise RecipeError(Problem("GF539", message, sampler.mark, path, command=command))
    if trained.run is None:
        message = "a packed file stays as it is: a sampler is fitted beside a run's folder"
        raise RecipeError(Problem("GF539", message, sampler.mark, path))
    key = fits.key(sampler, trained.facts)
    fits.require_writable(trained.run)
    trained.ready[key] = _ready(trained, sampler, key, tell)
    fits.keep(trained.run, sampler)  # of a fit that failed no name is left
    return f"{fits.FOLDER}/{fits.file_name(sampler, trained.step, key)}"


def _ready(trained: Trained, sampler: Instance, key: str, tell: Tell) -> Any:
    """The sampler, built; its fit read from beside the run, or made and stored there."""
    target = sampler.offer.load()
    options = trained.outputs.plan.parts.options_beside(sampler)
    if not inspect.isclass(target):
        return _Bound(target, options)
    with trained.outputs.evaluating("sampler", sampler.name, "fit"):
        part = _built(sampler, target, options)
        if not hasattr(part, "fit"):
            return part.to(trained.device) if isinstance(part, nn.Module) else part
        if not _restored(trained, part, sampler, key, tell):
            seconds = _fit(trained, part, sampler, tell)
            where = _stored(trained, part, sampler, key, tell)
            tell(f"fitted in {seconds:.1f} s{where}")
        return part.to(trained.device).eval()


class _Bound:
    """A function with its options; what asks for its parameters sees the function's."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.__wrapped__, self.options = function, options

    def __call__(self, *arguments: Any) -> Any:
        return self.__wrapped__(*arguments, **self.options)


def _built(sampler: Instance, target: Any, options: Mapping[str, Any]) -> Any:
    path = f"{fits.FOLDER}.{sampler.name}"
    if not callable(getattr(target, "sample", None)):
        message = (
            f"a sampler is a function, or a class with sample(..., n), and {sampler.offer.name} is neither"
        )
        raise RecipeError(Problem("GF535", message, sampler.mark, path))
    if hasattr(target, "fit") and not issubclass(target, nn.Module):
        message = f"{sampler.offer.name} has fit(), so it must be a torch.nn.Module: its state_dict is stored"
        raise RecipeError(Problem("GF535", message, sampler.mark, path))
    try:
        return target(**options)
    except Exception as error:
        message = f"{sampler.offer.name} could not be built: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF501", message, sampler.mark, path)) from error


def _arguments(
    trained: Trained,
    sampler: Instance,
    function: Any,
    data: Callable[[], Any],
    n: int | None = None,
    tell: Tell | None = None,
) -> list[Any]:
    """What a sampler's function asks for by name: `n`, `data`, in a fit `tell`, and outputs of the recipe."""
    engine: dict[str, Callable[[], Any]] = {"data": data} | ({} if n is None else {"n": lambda: n})
    engine |= {} if tell is None else {"tell": lambda: tell}
    return [
        engine[name]() if name in engine else output_for(trained.outputs, sampler, name, fits.FOLDER)
        for name in required_parameters(function)
    ]


def _fit(trained: Trained, part: Any, sampler: Instance, tell: Tell) -> float:
    """Fit to the training split; the seconds that it took."""
    split = trained.data()
    tell(f"fitting the sampler {sampler.name!r} to {len(split):,} examples of the {split.name} split")
    started = time.perf_counter()
    arguments = _arguments(trained, sampler, part.fit, lambda: _Watched(split, tell), tell=_Seldom(tell))
    with torch.enable_grad(), _placed(sampler):
        part.to(trained.device).train().fit(*arguments)
    return time.perf_counter() - started


class _Seldom:
    """What a fit tells of itself, every few seconds at most."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told = tell, time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._told >= TELLING_SECONDS:
            self._told = time.monotonic()
            self._tell(text)


class _Watched:
    """A split that tells, during a long fit, how far it has been read."""

    def __init__(self, split: Split, tell: Tell) -> None:
        self._split, self._tell = split, _Seldom(tell)
        self._passes = 0

    def __len__(self) -> int:
        return len(self._split)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._split, name)

    def batches(self, batch_size: int) -> Iterator[dict[str, Tensor]]:
        self._passes, done = self._passes + 1, 0
        for batch in self._split.batches(batch_size):
            yield batch
            done += len(batch["index"])
            self._tell(f"pass {self._passes}: {done:,} of {len(self):,} examples")


def _restored(trained: Trained, part: nn.Module, sampler: Instance, key: str, tell: Tell) -> bool:
    """Whether a stored fit was found and put into `part`."""
    try:
        state = trained.fit(fits.file_name(sampler, trained.step, key))
        if state is None:
            return False
        fits.restore(part, state)
    except (RunError, OSError, SafetensorError, ValueError, RuntimeError) as error:
        tell(f"the stored fit of the sampler {sampler.name!r} can't be used and is made anew: {error}")
        return False
    return True


def _stored(trained: Trained, part: nn.Module, sampler: Instance, key: str, tell: Tell) -> str:
    """Store a fit beside the run; where that was, in words. A run that can't be written to keeps none."""
    if trained.run is None:
        return ""
    file = fits.file_name(sampler, trained.step, key)
    try:
        fits.store(trained.run, file, part)
    except RunError as error:
        tell(f"remark: the fit is not stored, and will be made again: {error.problems[0].message}")
        return ""
    return f", stored as {fits.FOLDER}/{file}"


@contextmanager
def _placed(sampler: Instance) -> Iterator[None]:
    """What a sampler raises becomes an error that names it and its line."""
    try:
        yield
    except GenframeError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise _failure(
            sampler, f"raised {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
        ) from error


def _failure(sampler: Instance, what: str) -> RunError:
    message = f"the sampler {sampler.name!r} ({sampler.offer.name}) {what}"
    command = f"genframe show sampler {sampler.offer.name}"
    return RunError(Problem("GF536", message, sampler.mark, f"{fits.FOLDER}.{sampler.name}", command=command))
