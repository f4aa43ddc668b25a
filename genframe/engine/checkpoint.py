"""Checkpoints: folders that are whole or not there.

    checkpoints/00004690/
      encoder.safetensors  encoder.ema.safetensors   one for each component, one for each averaged copy
      state.pt                                       optimizers and counters; loaded with weights_only=True
      manifest.json                                  step, epoch, sha256 of each file and of itself

A checkpoint is written aside, synced and renamed, so the newest whole folder is the latest one and no pointer
can be wrong. Removal renames first. Names that start with a dot are never read.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor

from genframe import durable
from genframe.errors import Problem, RunError

FORMAT = 1
MANIFEST = "manifest.json"
STATE = "state.pt"
SUFFIX = ".safetensors"

_REPLACED, _REMOVED, _DAMAGED = ".old-", ".gone-", ".damaged-"
_COMPONENT = re.compile(r"\w[\w.-]*")
_PLAIN = (int, float, bool, str, type(None))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint: every file of it had its digest when it was read."""

    path: Path
    step: int
    manifest: Mapping[str, Any]

    @property
    def epoch(self) -> int:
        return int(self.manifest.get("epoch", 0))

    @property
    def names(self) -> tuple[str, ...]:
        """The components whose tensors it holds; `encoder.ema` is the averaged copy of `encoder`."""
        return tuple(name.removesuffix(SUFFIX) for name in self.manifest["files"] if name.endswith(SUFFIX))

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of a component, on the CPU."""
        return load_file(self.path / f"{name}{SUFFIX}")

    def state(self) -> dict[str, Any]:
        """What was given to `save` as state; its tensors on the CPU."""
        state: dict[str, Any] = torch.load(self.path / STATE, map_location="cpu", weights_only=True)
        return state


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write the checkpoint of `step` below `folder` and return its path; one of the same step is replaced.

    `tensors` holds, for each component (and each `NAME.ema`), its tensors by name: on any device, views and
    tied ones too. `state` is a dict of tensors, numbers, strings, lists and dicts; `extra` (`epoch`, …) goes
    to the manifest. Raises RunError (GF716) when the disk is full; the checkpoints before stay as they are.
    """
    _require_plain(state, "state")
    target = folder / f"{step:08d}"
    aside = folder / f"{durable.ASIDE}{target.name}"
    with durable.reported(f"the checkpoint of step {step}", folder, f"genframe resume {folder.parent}"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            _fill(aside, step, tensors, state, extra or {})
            _put(aside, target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return target


def latest(folder: Path, warn: Callable[[str], None] = warnings.warn) -> Checkpoint | None:
    """The newest whole checkpoint, or None. `warn` is told of each newer one that is damaged, by its file."""
    found, damages = None, []
    for path in reversed(_paths(folder)):
        try:
            found = read(path)
            break
        except RunError as error:
            damages.append(error.problems[0].message)
    instead = f"the checkpoint of step {found.step} is used" if found else "no whole checkpoint is left"
    for damage in damages:
        warn(f"{damage}; {instead}")
    return found


def recover(folder: Path, warn: Callable[[str], None] = warnings.warn) -> Checkpoint | None:
    """`latest`, for the one who will write: clears what a kill left behind, sets damaged checkpoints aside.

    A damaged checkpoint newer than the one that is used would otherwise count as the newest when pruning.
    """
    with durable.reported("the checkpoints", folder):
        for path in sorted(folder.glob(".*")):
            whole = path.with_name(path.name.removeprefix(_REPLACED))
            if path.name.startswith(_REPLACED) and not whole.exists():
                path.rename(whole)  # killed between the two renames of a replacement
            elif path.name.startswith((durable.ASIDE, _REPLACED, _REMOVED)):
                shutil.rmtree(path)
        found = latest(folder, warn)
        for path in _paths(folder):
            if found is None or int(path.name) > found.step:
                _move_away(path, _DAMAGED)
    return found


def read(path: Path) -> Checkpoint:
    """The checkpoint in `path`, its files checked. Raises RunError (GF717) that names a damaged file."""
    manifest = _manifest(path)
    for name, digest in manifest["files"].items():
        if _digest_of_file(path / name) != digest:
            raise _damage(path, name, "is truncated or altered")
    return Checkpoint(path, int(manifest["step"]), manifest)


def steps(folder: Path) -> list[int]:
    """The steps of the checkpoints that are there, in order, whole or not."""
    return [int(path.name) for path in _paths(folder)]


def prune(folder: Path, keep: int, best: int | None = None) -> None:
    """Remove all but the newest `keep` (at least one) and the checkpoint of the step `best`."""
    doomed = [path for path in _paths(folder)[: -max(keep, 1)] if int(path.name) != best]
    moved = [_move_away(path, _REMOVED) for path in doomed]
    if moved:
        durable.sync(folder)
    for path in [*moved, *folder.glob(f"{_DAMAGED}*")]:
        shutil.rmtree(path, ignore_errors=True)


def _fill(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    extra: Mapping[str, Any],
) -> None:
    """Write and sync the files of a checkpoint, the manifest last."""
    files = {}
    for name, named in tensors.items():
        if not _COMPONENT.fullmatch(name):
            raise ValueError(f"{name!r} can't name a component's file")
        files[f"{name}{SUFFIX}"] = _write(folder / f"{name}{SUFFIX}", serialised(_own_memory(named)))
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    files[STATE] = _write(folder / STATE, buffer.getbuffer())
    manifest = {**extra, "format": FORMAT, "step": step, "files": files}
    _write(folder / MANIFEST, durable.as_json({**manifest, "sha256": _seal(manifest)}).encode())
    for path in (*folder.iterdir(), folder):
        durable.sync(path)  # all were written before: the first flush carries most of them


def _put(aside: Path, target: Path) -> None:
    """Give a finished folder its name. One that has it steps back; `recover` undoes that after a kill."""
    replaced = _move_away(target, _REPLACED) if target.exists() else None
    aside.rename(target)
    durable.sync(target.parent)
    if replaced:
        shutil.rmtree(replaced, ignore_errors=True)


def _move_away(path: Path, prefix: str) -> Path:
    away = path.with_name(prefix + path.name)
    shutil.rmtree(away, ignore_errors=True)
    return path.rename(away)


def _paths(folder: Path) -> list[Path]:
    """Checkpoint folders in the order of their steps."""
    found = [path for path in folder.glob("[0-9]*") if path.name.isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def _own_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies on the CPU: safetensors refuses memory that is shared, as that of tied weights is."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def _write(path: Path, data: bytes | memoryview) -> str:
    """Write a file of a folder that is still aside; its sha256."""
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        seal = manifest.pop("sha256")
        fits = seal == _seal(manifest) and manifest["step"] == int(path.name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _damage(path, MANIFEST, "is missing or can't be read") from error
    if not fits:
        raise _damage(path, MANIFEST, "is altered")
    if manifest["format"] != FORMAT:
        raise _damage(path, MANIFEST, f"has format {manifest['format']!r}, and this genframe reads {FORMAT}")
    return dict(manifest)


def _seal(manifest: Mapping[str, Any]) -> str:
    """sha256 of a manifest's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _digest_of_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _damage(path: Path, name: str, what: str) -> RunError:
    return RunError(Problem("GF717", f"the checkpoint {path} is damaged: {name} {what}"))


def _require_plain(value: Any, place: str) -> None:
    """Refuse now what `torch.load(weights_only=True)` would refuse when the run is resumed."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _require_plain(key, f"a key of {place}")
            _require_plain(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _require_plain(item, f"{place}.{number}")
    elif not isinstance(value, Tensor) and type(value) not in _PLAIN:
        raise TypeError(
            f"{place} is a {type(value).__name__}; a checkpoint holds tensors, numbers, strings, lists, dicts"
        )
