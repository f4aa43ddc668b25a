"""A trained model as it is kept, in the folder of its run or packed into one file: its recipe, lock and weights."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from genframe import evaluations, packed
from genframe.errors import PluginError, Problem, RecipeError, RunError
from genframe.lock import read_spec, used_code
from genframe.locked import Lock, code_changes, malformed, read_lock
from genframe.missing import hinted
from genframe.packed import Packed
from genframe.recipe import load_recipe
from genframe.recipe.load import load
from genframe.recipe.model import Instance, Recipe
from genframe.registry import Registry
from genframe.requirements import plugins_of
from genframe.run import FACTS, RESOLVED, Run

if TYPE_CHECKING:
    from torch import Tensor

    from genframe.data.spec import DataSpec
    from genframe.engine.checkpoint import Checkpoint
    from genframe.engine.state import Weights

_MOST_CHANGES = 5  # that are told of one by one when a run is opened with other code


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights, the step after which they were so, and the digest of each component's file."""

    step: int
    weights: Weights
    digests: Mapping[str, str]


class Stored(Protocol):
    """What a model is opened from."""

    path: Path
    lock: Mapping[str, Any]

    def recipe(
        self, overrides: Sequence[str] = (), registry: Registry | None = None, trust_code: bool = False
    ) -> Recipe:
        """The resolved recipe under overrides, without trackers and alarms. Raises RecipeError or PluginError."""

    def trained(self, step: int | None = None) -> Trained:
        """The weights after a step, the newest by default. Raises RunError."""

    def fit(self, file: str) -> dict[str, Tensor] | None:
        """The state of a sampler that was fitted, by its file's name; None where it is not there."""

    def kept_samplers(self) -> dict[str, bytes]:
        """The files `NAME.json` that say what the name of a sampler that was fitted means."""

    def evaluations(self) -> list[dict[str, Any]]:
        """The figures that were measured, oldest first."""


def opened(path: Path) -> Stored:
    """A run's folder or a packed file. Raises RunError for what is neither."""
    return _PackedModel(Packed.open(path)) if packed.is_packed(path) else RunFolder(Run.open(path))


def run_folder(path: Path) -> RunFolder:
    """A run's folder, for what a packed file can't do. Raises RunError (GF745) for a packed file."""
    if packed.is_packed(path):
        message = (
            f"{path} is a packed file, which holds no optimizers to go on with: this takes the run's folder"
        )
        raise RunError(Problem("GF745", message, command="genframe resume RUN"))
    return RunFolder(Run.open(path))


def lock_of(path: Path) -> Lock:
    """The lock in a `lock.json`, a run's folder or a packed file. Raises LockError or RunError."""
    if path.is_file() and (path.suffix == packed.SUFFIX or path.read_bytes()[:2] == b"PK"):
        return Packed.open(path).lock
    if path.is_dir():
        Run.open(path)
    return read_lock(path)


def specs(lock: Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, DataSpec]:
    """What the lock says that the datasets hold; nothing where an override may have chosen other data."""
    if any(text.lstrip().startswith(("data.", "data=", "datasets")) for text in overrides):
        return {}
    try:
        return {name: read_spec(facts) for name, facts in lock.get("specs", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def other_code(
    lock: Mapping[str, Any], recipe: Recipe, instances: Mapping[str, Instance] | None = None
) -> list[Problem]:
    """A remark where components are of other versions, revisions or sources than in training."""
    changes = [str(change) for change in code_changes(lock, used_code(recipe, instances))]
    if not changes:
        return []
    more = [f"{len(changes) - _MOST_CHANGES} more"] if len(changes) > _MOST_CHANGES else []
    message = f"trained with other code than is installed: {'; '.join([*changes[:_MOST_CHANGES], *more])}"
    return [Problem("GF733", message, severity="remark")]


class RunFolder:
    """A model in its run's folder."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.path = run.folder
        self.lock: Mapping[str, Any] = run.facts()
        fault = malformed(self.lock)
        if fault:
            raise RunError(Problem("GF714", f"{self.path / FACTS} can't be read: {fault}"))

    def recipe(
        self, overrides: Sequence[str] = (), registry: Registry | None = None, trust_code: bool = False
    ) -> Recipe:
        return self.whole_recipe([*overrides, "track=null", "watch=null"], registry)

    def whole_recipe(self, overrides: Sequence[str], registry: Registry | None = None) -> Recipe:
        """The recipe with its trackers and alarms, as a resumed training needs it."""
        known = _known(registry)
        source: Path | Mapping[str, Any] = self.path / RESOLVED
        moved = _given(self.lock, known)
        if moved:
            settings = _settings((self.path / RESOLVED).read_text(encoding="utf-8"), str(source))
            source = _with_files(settings, moved)
        return _loaded(source, overrides, known, self.lock, self.path)

    def trained(self, step: int | None = None) -> Trained:
        found = self.checkpoint(step)
        files = {name: str(digest) for name, digest in found.manifest["files"].items()}
        return Trained(found.step, found, {n: d for n, d in files.items() if n.endswith(packed.TENSORS)})

    def fit(self, file: str) -> dict[str, Tensor] | None:
        from safetensors.torch import load

        path = self.run.path("samplers", file)
        return load(path.read_bytes()) if path.exists() else None

    def kept_samplers(self) -> dict[str, bytes]:
        try:
            folder = self.run.path("samplers")
        except RunError:  # a link that leads out of the run: nothing was kept there
            return {}
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The checkpoint of a step, the newest whole one by default. Raises RunError."""
        from genframe.engine import checkpoint

        if step is not None:
            there = checkpoint.steps(self.run.checkpoints)
            if step not in there:
                known = ", ".join(map(str, there)) or "none"
                raise RunError(
                    Problem("GF722", f"{self.path} has no checkpoint of step {step}; it has {known}")
                )
            return checkpoint.read(self.run.checkpoints / f"{step:08d}")
        newest = checkpoint.latest(self.run.checkpoints)
        if newest is None:
            message = f"{self.path} has no whole checkpoint yet"
            raise RunError(Problem("GF721", message, command=f"genframe resume {self.path}"))
        return newest

    def evaluations(self) -> list[dict[str, Any]]:
        return evaluations.read(self.run)


class _PackedModel:
    """A model in a packed file. Code that it brings is written to a private folder, which goes when this does."""

    def __init__(self, file: Packed) -> None:
        self.file = file
        self.path = file.path
        self.lock: Mapping[str, Any] = file.lock.facts
        self._code: tempfile.TemporaryDirectory[str] | None = None

    def recipe(
        self, overrides: Sequence[str] = (), registry: Registry | None = None, trust_code: bool = False
    ) -> Recipe:
        known = _known(registry)
        text = self.file.text(packed.RESOLVED)
        settings = _settings(text, f"{self.path}:{packed.RESOLVED}")
        settings.pop("track", None)
        settings.pop("watch", None)
        self._refuse_strangers(settings)
        files = dict(_local_files(known))
        brought = [name for name in self.file.code if Path(name).stem not in files]
        if brought and not trust_code:
            raise self._untrusted(brought)
        files |= {Path(name).stem: self._written(name) for name in brought}
        return _loaded(_with_files(settings, files), overrides, known, self.lock, self.path)

    def trained(self, step: int | None = None) -> Trained:
        if step not in (None, self.file.step):
            message = f"{self.path} has no checkpoint of step {step}; it has {self.file.step}"
            raise RunError(Problem("GF722", message))
        return Trained(self.file.step, self.file, self.file.manifest["checkpoint"])

    def fit(self, file: str) -> dict[str, Tensor] | None:
        member = f"{packed.SAMPLERS}{file}"
        return self.file.tensors_of(member) if member in self.file.members else None

    def kept_samplers(self) -> dict[str, bytes]:
        names = [n for n in self.file.members if n.startswith(packed.SAMPLERS) and n.endswith(".json")]
        return {name.removeprefix(packed.SAMPLERS): self.file.read(name) for name in names}

    def evaluations(self) -> list[dict[str, Any]]:
        return self.file.evaluations()

    def _refuse_strangers(self, settings: Mapping[str, Any]) -> None:
        """Raise RunError where the recipe would have code run, or recipes read, that are not in the file."""
        listed = settings.get("plugins") or []
        files = [str(e) for e in listed if str(e).endswith(".py")] if isinstance(listed, list) else []
        brought = {f"./{packed.PLUGINS}{name}" for name in self.file.code}
        strange = [file for file in files if file not in brought]
        strange += [key for key in ("extends", "pipeline") if settings.get(key) is not None]
        if strange:
            message = f"its recipe refers to what is not in it: {', '.join(strange)}"
            raise RunError(Problem("GF743", f"the packed file {self.path} is not read: {message}"))

    def _written(self, name: str) -> Path:
        if self._code is None:
            self._code = tempfile.TemporaryDirectory(prefix="genframe-code-")
        path = Path(self._code.name, name)
        path.write_bytes(self.file.read(f"{packed.PLUGINS}{name}"))
        return path

    def _untrusted(self, names: Sequence[str]) -> PluginError:
        message = (
            f"the packed file {self.path} brings code of its own, {', '.join(names)}, and opening it would run that "
            f"code. Read it first; if you trust it, say so: --trust-code, or "
            f"genframe.load({str(self.path.name)!r}, trust_code=True). Or give a copy of your own with -p"
        )
        command = f"unzip -p {shlex.quote(str(self.path))} '{packed.PLUGINS}*'"
        return PluginError(Problem("GF744", message, command=command))


def _known(registry: Registry | None) -> Registry:
    if registry is not None:
        return registry
    from genframe.discovery import discover

    return discover()


def _local_files(registry: Registry) -> Iterator[tuple[str, Path]]:
    """The plugin files that are loaded already, by their stems."""
    for status in registry.plugins:
        if status.source.endswith(".py"):
            yield Path(status.source).stem, Path(status.source)


def _given(lock: Mapping[str, Any], registry: Registry) -> dict[str, Path]:
    """The plugin files of a run that are no more where they stood, and that the user has given instead."""
    here = dict(_local_files(registry))
    stood = (Path(facts["file"]) for facts in plugins_of(lock).values() if facts.get("file"))
    return {path.stem: here[path.stem] for path in stood if path.stem in here and not path.is_file()}


def _settings(text: str, file: str) -> dict[str, Any]:
    """A resolved recipe as plain data. Raises RecipeError."""
    return dict(load(text, file).plain())


def _with_files(settings: dict[str, Any], files: Mapping[str, Path]) -> dict[str, Any]:
    """Settings whose `plugins:` name these files by where they are now."""
    listed = settings.get("plugins") or []
    moved = [str(files.get(_stem(e), e)) if str(e).endswith(".py") else e for e in listed]
    return {**settings, "plugins": moved} if moved else settings


def _stem(entry: object) -> str:
    return Path(str(entry)).stem


def _loaded(
    source: Path | Mapping[str, Any],
    overrides: Sequence[str],
    registry: Registry,
    lock: Mapping[str, Any],
    path: Path,
) -> Recipe:
    try:
        return load_recipe(source, overrides, registry=registry)
    except (RecipeError, PluginError) as error:
        raise hinted(error, lock, registry, path) from error.__cause__  # all that the first one says
