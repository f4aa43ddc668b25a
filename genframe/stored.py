"""A trained model as it is kept, in the folder of its run or packed into one file: its recipe, lock and weights."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from genframe import evaluations, packed
from genframe.errors import GenframeError, PluginError, Problem, RecipeError, RunError
from genframe.lock import read_spec, used_code
from genframe.locked import Lock, code_changes, read_lock
from genframe.packed import Packed
from genframe.recipe import load_recipe
from genframe.recipe.load import load
from genframe.recipe.model import Instance, Recipe
from genframe.registry import Registry
from genframe.run import RESOLVED, Run

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
        """The resolved recipe under the overrides, without its trackers. Raises RecipeError or PluginError."""

    def trained(self, step: int | None = None) -> Trained:
        """The weights after a step, the newest by default. Raises RunError."""

    def fit(self, file: str) -> dict[str, Tensor] | None:
        """The state of a sampler that was fitted, by its file's name; None where it is not there."""

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

    def recipe(
        self, overrides: Sequence[str] = (), registry: Registry | None = None, trust_code: bool = False
    ) -> Recipe:
        return self.whole_recipe([*overrides, "track=null"], registry)

    def whole_recipe(self, overrides: Sequence[str], registry: Registry | None = None) -> Recipe:
        """The recipe with its trackers, as a resumed training needs it."""
        known = _known(registry)
        source: Path | Mapping[str, Any] = self.path / RESOLVED
        moved = _given(self.lock, known)
        if moved:
            settings = _settings((self.path / RESOLVED).read_text(encoding="utf-8"), str(source))
            source = _with_files(settings, moved)
        return _loaded(source, overrides, known, self.lock, self.path)

    def trained(self, step: int | None = None) -> Trained:
        found = self._checkpoint(step)
        files = {name: str(digest) for name, digest in found.manifest["files"].items()}
        return Trained(found.step, found, {n: d for n, d in files.items() if n.endswith(packed.TENSORS)})

    def fit(self, file: str) -> dict[str, Tensor] | None:
        from safetensors.torch import load

        path = self.run.path("samplers", file)
        return load(path.read_bytes()) if path.exists() else None

    def _checkpoint(self, step: int | None) -> Checkpoint:
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

    def evaluations(self) -> list[dict[str, Any]]:
        return self.file.evaluations()

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
        raise hinted(error, lock, registry, path) from error


def hinted(error: GenframeError, lock: Mapping[str, Any], registry: Registry, path: Path) -> GenframeError:
    """The error with the way to the plugins that the lock names and that are missing, or of another version."""
    missing = list(_missing(lock, registry, path))
    if missing:
        return PluginError(*missing)
    better = type(error)(*(_with_version(p, lock, registry) for p in error.problems))
    better.texts = error.texts
    return better


def plugins_of(lock: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The plugins that a lock names; of a lock that has no `plugins`, those that its components are from."""
    if "plugins" in lock:
        return dict(lock["plugins"])
    facts = lock.get("components", {}).values()
    return {f["name"].partition("/")[0]: {k: f.get(k) for k in ("distribution", "version")} for f in facts}


def pip_command(facts: Mapping[str, Any], lock: Mapping[str, Any]) -> str | None:
    """How to get the distribution of a plugin as it was in training; None for one that has none."""
    name, version = facts.get("distribution"), facts.get("version")
    if not name or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", str(name)):
        return None
    origin = lock.get("origins", {}).get(name) or {}
    url, commit = str(origin.get("url")), (origin.get("commit") or {}).get("id")
    if origin.get("vcs") and "://" in url and commit:
        return f"pip install {shlex.quote(str(name) + ' @ ' + origin['vcs'] + '+' + url + '@' + commit)}"
    return f"pip install {shlex.quote(f'{name}=={version}' if version else str(name))}"


def _missing(lock: Mapping[str, Any], registry: Registry, path: Path) -> Iterator[Problem]:
    there = {status.name.replace("_", "-") for status in registry.plugins}
    for name, facts in plugins_of(lock).items():
        file = facts.get("file")
        if name.replace("_", "-") in there or (file and Path(file).is_file()):
            continue
        if file:
            digest = str(facts.get("plugin_sha256"))[:12]
            message = (
                f"{path} needs the plugin file {Path(file).name}, which stood at {file} (sha256 {digest}...)"
            )
            yield Problem("GF313", f"{message}; give a copy of it with -p {Path(file).name}")
            continue
        command = pip_command(facts, lock)
        if command:
            whence = f" ({facts['distribution']} {facts.get('version') or ''})".replace(" )", ")")
            message = f"{path} needs the plugin {name!r}{whence}, which is not installed"
            yield Problem("GF310", f"{message}{_copied(facts, lock)}", command=command)
        elif name == "local":
            message = f"{path} needs components that were registered in the process that trained it"
            yield Problem("GF310", f"{message}: call genframe.register again before opening it")


def _copied(facts: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    origin = lock.get("origins", {}).get(facts.get("distribution")) or {}
    if not origin.get("editable") and "archive" not in origin:
        return ""
    commit = (origin.get("commit") or {}).get("id")
    return f"; it was installed from {'a working copy' if 'editable' in origin else origin['archive']}" + (
        f" at commit {commit[:12]}" if commit else ""
    )


def _with_version(problem: Problem, lock: Mapping[str, Any], registry: Registry) -> Problem:
    """A problem of a plugin that is there in another version than in training says so."""
    if not problem.code.startswith("GF3"):
        return problem
    installed = {status.name: status for status in registry.plugins}
    for name, facts in plugins_of(lock).items():
        named = f"{name!r}" in problem.message or f"'{name}/" in problem.message
        status = installed.get(name)
        if named and status and facts.get("version") not in (None, status.version):
            message = f"{problem.message}; the training had {facts['distribution']} {facts['version']}"
            return replace(problem, message=message, command=pip_command(facts, lock))
    return problem


def requirements(lock: Mapping[str, Any]) -> Iterable[str]:
    """The pip pins of the distributions that a lock names, and of torch."""
    pins = {f["distribution"]: f["version"] for f in plugins_of(lock).values() if f.get("distribution")}
    versions = lock.get("versions", {})
    pins |= {name: versions[name] for name in ("genframe", "torch", "numpy") if name in versions}
    return [f"{name}=={str(version).partition('+')[0]}" for name, version in sorted(pins.items())]
