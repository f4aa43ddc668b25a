"""`genframe pack`: a trained model as one file to hand on. The same run gives the same bytes.

What is left out: optimizers, trackers and their settings, the data, and the folders of the machine that it was
trained on. A file that the recipe names (data, statistics) is named without its folder, to be looked for in the
working directory; `init` weights are superseded by those that are packed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from genframe import __version__, card, durable, packed
from genframe.engine import checkpoint
from genframe.errors import Problem, RecipeError
from genframe.lock import is_secret, paths, read_spec, recipe_facts, renamed, spec_facts
from genframe.packed import (
    CARD,
    EVALUATIONS,
    LOCK,
    MANIFEST,
    PICTURE,
    PLUGINS,
    RECIPE,
    RESOLVED,
    SAMPLERS,
    WEIGHTS,
)
from genframe.recipe.dump import dump
from genframe.recipe.environment import refers
from genframe.recipe.load import load
from genframe.recipe.model import Recipe
from genframe.recipe.resolve import resolved
from genframe.registry import Registry
from genframe.requirements import plugins_of
from genframe.run import RECIPE as WRITTEN
from genframe.run import RESOLVED as STORED
from genframe.run import Run
from genframe.stored import RunFolder, other_code, run_folder

_AVERAGED = ".ema"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip knows, for every member
_LEFT_OUT = "***"
_SHORTEST_SECRET = 6  # characters; a shorter text stands in too many other places to be struck out there


@dataclass(frozen=True, slots=True)
class Result:
    """The file, what stands in it, and what is worth saying of it."""

    path: Path
    step: int
    members: Mapping[str, int]  # with their bytes, unpacked
    remarks: tuple[Problem, ...] = ()

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def as_dict(self) -> dict[str, Any]:
        remarks = [remark.as_dict() for remark in self.remarks]
        return {
            "file": str(self.path), "bytes": self.size, "step": self.step, "members": dict(self.members),
            "remarks": remarks,
        }  # fmt: skip


def pack(
    run: str | Path,
    target: str | Path | None = None,
    *,
    step: int | None = None,
    raw: bool = False,
    force: bool = False,
    registry: Registry | None = None,
) -> Result:
    """Write a run's model to `target` (NAME.genframe in the working directory).

    step: of an older checkpoint than the newest. raw: the weights themselves alone, without the averages.
    Raises RecipeError for a file that is there already (unless `force`), RunError for a run without a checkpoint.
    """
    stored = run_folder(Path(run))
    recipe = stored.recipe((), registry)
    path = Path(target) if target is not None else Path(_file_name(recipe))
    if path.is_dir() or (path.exists() and not force):
        message = (
            f"{path} is a folder" if path.is_dir() else f"{path} is there already; --force overwrites it"
        )
        raise RecipeError(Problem("GF801", message))
    found = stored.checkpoint(step)
    members = _members(stored, recipe, found, raw)
    members[MANIFEST] = _manifest(stored, recipe, found, members)
    with durable.reported("the packed file", path.absolute().parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, _zipped(members))
    sizes = {name: len(members[name]) for name in sorted(members)}
    return Result(path, found.step, sizes, tuple(other_code(stored.lock, recipe)))


def _members(stored: RunFolder, recipe: Recipe, found: checkpoint.Checkpoint, raw: bool) -> dict[str, bytes]:
    """Everything in the file but its manifest."""
    scrub = _Scrub.of(stored, recipe)
    settings, lock = _settings(recipe, scrub), _lock(stored.lock, recipe, scrub)
    measured = json.loads(scrub.text(json.dumps(stored.evaluations())))
    members = dict(_weights(found, raw))
    members |= {f"{SAMPLERS}{file.name}": file.read_bytes() for file in _fits(stored.run, found.step)}
    members |= _code(stored.lock, recipe) | _picture(stored.run, found.step)
    members[RECIPE] = scrub.text((stored.path / WRITTEN).read_text(encoding="utf-8")).encode()
    members[RESOLVED] = dump(settings).encode()
    members[LOCK] = durable.as_json(lock).encode()
    members[EVALUATIONS] = durable.as_json(measured).encode()
    seconds = _seconds(stored.run, found.step)
    facts = card.Facts(recipe, _file_name(recipe), lock, settings, found.step, members, measured, seconds)
    members[CARD] = scrub.text(card.card(facts)).encode()
    return members


def _manifest(
    stored: RunFolder, recipe: Recipe, found: checkpoint.Checkpoint, members: Mapping[str, bytes]
) -> bytes:
    manifest = {
        "format": packed.FORMAT,
        "genframe": __version__,
        "name": recipe.name,
        "step": found.step,
        "epoch": found.epoch,
        "trained": stored.lock.get("created"),
        "checkpoint": stored.trained(found.step).digests,
        "files": {name: hashlib.sha256(members[name]).hexdigest() for name in sorted(members)},
    }
    return durable.as_json({**manifest, "sha256": packed.seal(manifest)}).encode()


def _file_name(recipe: Recipe) -> str:
    return (re.sub(r"[^\w.-]+", "-", recipe.name)[:80].strip(".-") or "model") + packed.SUFFIX


def _zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of the members in the order of their names, the manifest first; nothing of time or place in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members, key=lambda name: (name != MANIFEST, name)):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(info, members[name], compresslevel=6)
    return buffer.getvalue()


def _weights(found: checkpoint.Checkpoint, raw: bool) -> Iterator[tuple[str, bytes]]:
    """Each component's weights; its average where that differs, and is wanted."""
    content = {name: (found.path / f"{name}{packed.TENSORS}").read_bytes() for name in found.names}
    for name, tensors in content.items():
        averaged = name.endswith(_AVERAGED)
        if not averaged or not (raw or tensors == content.get(name.removesuffix(_AVERAGED))):
            yield f"{WEIGHTS}{name}{packed.TENSORS}", tensors


def _fits(run: Run, step: int) -> list[Path]:
    """Samplers that were fitted to these weights, and what the names of samplers that were kept mean."""
    folder = run.folder / "samplers"
    return sorted([*folder.glob(f"*-{step:08d}-*{packed.TENSORS}"), *folder.glob("*.json")])


def _code(lock: Mapping[str, Any], recipe: Recipe) -> dict[str, bytes]:
    """The local plugin files that the recipe uses, as text."""
    used = plugins_of(lock)
    files = [Path(s.source) for s in recipe.registry.plugins if s.source.endswith(".py") and s.name in used]
    return {f"{PLUGINS}{file.name}": file.read_bytes() for file in files}


def _settings(recipe: Recipe, scrub: _Scrub) -> dict[str, Any]:
    """The resolved recipe as it is packed: it is read where the run's folders are not."""
    settings = {
        key: value for key, value in resolved(recipe).items() if key not in ("device", "track", "watch")
    }
    settings = renamed(_without_init(settings), {**scrub.names, **scrub.plugins})
    for section in ("data", "datasets", "evaluate", "samplers"):
        if section in settings:
            settings[section] = _without_secrets(settings[section])
    return dict(settings)


def _without_init(value: Any) -> Any:
    """Blocks of components without their `init`: what it named has been trained on."""
    if isinstance(value, dict):
        kept = {key: inside for key, inside in value.items() if not ("use" in value and key == "init")}
        return {key: _without_init(inside) for key, inside in kept.items()}
    return value


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _LEFT_OUT if _holds_secret(key, inside) else _without_secrets(inside)
            for key, inside in value.items()
        }
    return [_without_secrets(inside) for inside in value] if isinstance(value, list) else value


def _holds_secret(key: str, value: Any) -> bool:
    """Whether a setting is a secret that stands there in clear; a reference to the environment is none."""
    return isinstance(value, str) and key != "key" and is_secret(key) and not refers(value)


def _lock(lock: Mapping[str, Any], recipe: Recipe, scrub: _Scrub) -> dict[str, Any]:
    """The run's lock, with what older ones lack, and without this machine's folders."""
    whole = {**lock}
    whole.setdefault("recipe", recipe_facts(recipe))
    if set(lock.get("specs", {})) != set(recipe.datasets):
        whole["specs"] = _specs(recipe)
    whole["command"] = [_without_folder(word) for word in lock.get("command", ())]
    plugins = lock.get("plugins", {}).items()
    whole["plugins"] = {
        name: {**facts, "file": Path(facts["file"]).name if facts.get("file") else None}
        for name, facts in plugins
    }
    return dict(json.loads(scrub.text(json.dumps(whole))))


def _specs(recipe: Recipe) -> dict[str, Any]:
    """What the datasets hold, asked of them: for runs of an earlier genframe, which did not write it down."""
    from genframe.engine.loop import Training

    feeds = Training.prepared(recipe).feeds
    specs = {name: spec_facts(feed.promised) for name, feed in feeds.items()}
    assert all(read_spec(facts) for facts in specs.values())
    return specs


def _without_folder(word: str) -> str:
    """A word of a command line without the folders of an absolute path."""
    return re.sub(r"(^|=|:)/(?:[^/=]*/)*", r"\1", word)


def _picture(run: Run, step: int) -> dict[str, bytes]:
    """The picture of samples that the run drew after that step, else of another output; none where it drew none."""
    drawn = sorted(
        run.samples.glob(f"*-{step:08d}.png"), key=lambda p: (not p.name.startswith("sample-"), p.name)
    )
    return {PICTURE: drawn[0].read_bytes()} if drawn else {}


def _seconds(run: Run, step: int) -> float | None:
    """How long the training took, from its rows; None where it was resumed, since it stood still between."""
    from genframe.engine.metrics_log import rows

    if not run.metrics.exists() or (run.folder / "resumes.jsonl").exists():
        return None
    read = [row for row in rows(run.metrics) if row["step"] <= step]
    try:
        began = datetime.strptime(str(run.facts()["created"]), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except (KeyError, ValueError):
        return None
    return max(float(read[-1]["time"]) - began, 0.0) if read else None


@dataclass(frozen=True, slots=True)
class _Scrub:
    """What is struck out of texts: folders of this machine, and secrets."""

    names: Mapping[str, str]  # of files that the recipe names, by their paths
    plugins: Mapping[str, str]
    folders: Sequence[str]
    secrets: Sequence[str]

    @classmethod
    def of(cls, stored: RunFolder, recipe: Recipe) -> _Scrub:
        named = {path: Path(path).name for path in paths(recipe)}
        plugins = {path: f"./{PLUGINS}{name}" for path, name in named.items() if path.endswith(".py")}
        known = {str(stored.path.parent), str(Path.home()), str(recipe.folder.absolute())} - {"/"}
        folders = sorted(known, key=len, reverse=True)
        whole = load((stored.path / STORED).read_text(encoding="utf-8"), STORED).plain()
        secrets = {text for text in _secrets(whole) if len(text) >= _SHORTEST_SECRET}
        return cls(named, plugins, folders, sorted(secrets, key=len, reverse=True))

    def text(self, text: str) -> str:
        for path in sorted(self.names, key=len, reverse=True):
            text = text.replace(path, self.names[path])
        for folder in self.folders:
            text = text.replace(f"{folder}/", "").replace(folder, "~" if folder == str(Path.home()) else ".")
        for secret in self.secrets:
            text = text.replace(secret, _LEFT_OUT)
        return text


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inside in value.items():
            if _holds_secret(key, inside):
                yield str(inside)
            yield from _secrets(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _secrets(inside)
