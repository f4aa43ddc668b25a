"""The folder of a run: what it is called, who may write to it, and what was used to make it.

    NAME-YYYYMMDD-HHMMSS/
      recipe.yaml  resolved.yaml  lock.json  plan.json  resumes.jsonl  metrics.jsonl  log.txt
      checkpoints/00004690/  samples/  report.html

Torch-free, so that a run can be listed and checked without it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from genframe import durable
from genframe.errors import Problem, RunError, nearest
from genframe.lock import FORMAT, now, versions, without_secrets

RECIPE, RESOLVED, FACTS = "recipe.yaml", "resolved.yaml", "lock.json"
"""A run is there when these three are; they are written in this order."""

PLAN = "plan.json"
"""What the recipe computes and who teaches whom, as `genframe explain --json` has it, without the FLOPs."""

_WRITERS: weakref.WeakSet[Run] = weakref.WeakSet()


class Run:
    """A run folder, open for reading or, under its lock, for writing. A context manager."""

    def __init__(self, folder: Path, lock: int | None = None) -> None:
        """Use `Run.create` or `Run.open`. `lock` is the descriptor of the locked `.lock` or None."""
        self.folder = folder
        self._lock = lock
        if lock is not None:
            _WRITERS.add(self)

    @classmethod
    def create(cls, folder: Path | None, name: str, root: Path = Path("runs")) -> Run:
        """A new run, locked for writing: in `folder`, or in `root/NAME-YYYYMMDD-HHMMSS`.

        What of a recipe's `name` could leave `root` is taken out. Raises RunError for a folder that is taken
        (GF711), written to by another process (GF712) or can't be made (GF716).
        """
        with durable.reported("a run", folder or root):
            folder = _new_folder(root, name) if folder is None else _empty_folder(folder)
            run = cls(folder.resolve(), _locked(folder))
            try:
                _refuse_taken(run.folder)  # someone may have filled it before the lock was ours
                for part in (run.checkpoints, run.samples):
                    part.mkdir()
                durable.sync(run.folder)
                durable.sync(run.folder.parent)
            except BaseException:
                run.close()
                raise
        return run

    @classmethod
    def open(cls, folder: Path, writable: bool = False) -> Run:
        """An existing run. Raises RunError: locked (GF712), no run (GF713), half there or too new (GF714)."""
        _refuse_no_run(folder)
        if not writable:
            return cls(folder.resolve())
        with durable.reported("the lock of the run", folder):
            return cls(folder.resolve(), _locked(folder))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def writable(self) -> bool:
        return self._lock is not None

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    def begin(self, written: str, resolved: str, facts: Mapping[str, Any]) -> None:
        """Write the recipe as written, the resolved one and `lock_facts`; then the run can be opened."""
        self.write_text(RECIPE, written)
        self.write_text(RESOLVED, resolved)
        self.write_json(FACTS, facts)

    def facts(self) -> dict[str, Any]:
        """What `lock.json` says."""
        return _read_facts(self.folder)

    def path(self, *parts: str) -> Path:
        """A path inside the folder. Raises RunError (GF715) for one that leaves it, by `..` or by a link."""
        path = self.folder.joinpath(*parts).resolve()
        if not path.is_relative_to(self.folder):
            raise RunError(
                Problem("GF715", f"{'/'.join(parts)!r} leads out of the run's folder {self.folder}")
            )
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write the file `name` (`samples/notes.txt`) atomically, in place of one that is there."""
        self._require_lock()
        path = self.path(name)
        with durable.reported(name, self.folder, self._resume_command):
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.write_bytes(path, text.encode())
        return path

    def write_json(self, name: str, data: Any) -> Path:
        """Write `data` as standard JSON, atomically. Raises ValueError for NaN and infinities."""
        return self.write_text(name, durable.as_json(data))

    def log(self, line: str) -> None:
        """Add a line to `log.txt`, with the time; further lines of the text are indented."""
        self._require_lock()
        text = f"{now()} {line.rstrip()}".replace("\n", "\n    ")
        with (
            durable.reported("log.txt", self.folder, self._resume_command),
            self.path("log.txt").open("a", encoding="utf-8") as log,
        ):
            log.write(text + "\n")

    def record_resume(self, overrides: Sequence[str], step: int = 0, differences: Sequence[str] = ()) -> None:
        """Add to `resumes.jsonl` from which step the run goes on, and with which settings and code changed."""
        self._require_lock()
        row = {"time": now(), "step": step, "overrides": without_secrets(overrides), "versions": versions()}
        row |= {"differences": list(differences)} if differences else {}
        with durable.reported("resumes.jsonl", self.folder, self._resume_command):
            durable.append(self.path("resumes.jsonl"), (json.dumps(row) + "\n").encode())

    def close(self) -> None:
        """Let the lock go; the folder can be read on."""
        _WRITERS.discard(self)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, writable={self.writable})"

    @property
    def _resume_command(self) -> str:
        return f"genframe resume {self.folder}"

    def _require_lock(self) -> None:
        if not self.writable:
            raise RunError(Problem("GF712", f"the run {self.folder} was opened for reading only"))


def _new_folder(root: Path, name: str) -> Path:
    """Make `root/NAME-YYYYMMDD-HHMMSS`, with `-2`, `-3` … behind it while that is taken."""
    root.mkdir(parents=True, exist_ok=True)
    base = f"{_plain_name(name)}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in count(1):
        folder = root / (base if number == 1 else f"{base}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")


def _plain_name(name: str) -> str:
    """`name` as one part of a path: letters, digits, `_`, `.` and `-`, at most 48, no dot in front."""
    return re.sub(r"[^\w.-]+", "-", name)[:48].strip(".-") or "run"


def _empty_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _taken(folder, "a file stands there") from error
    _refuse_taken(folder)
    return folder


def _refuse_taken(folder: Path) -> None:
    if any(entry.name != ".lock" for entry in folder.iterdir()):
        raise _taken(folder, "it holds a run" if (folder / FACTS).exists() else "it is not empty")


def _taken(folder: Path, why: str) -> RunError:
    message = f"the folder {folder} is taken: {why}. Resume that run, or choose another folder with --run-dir"
    return RunError(Problem("GF711", message, command=f"genframe resume {folder}"))


def _refuse_no_run(folder: Path) -> None:
    if not folder.is_dir():
        raise RunError(
            Problem("GF713", f"there is no run {folder}: no such folder", nearest=_sibling(folder))
        )
    missing = [name for name in (RECIPE, RESOLVED, FACTS) if not (folder / name).is_file()]
    if len(missing) == 3 and not (folder / "checkpoints").is_dir():
        raise RunError(Problem("GF713", f"{folder} is no run: it has none of {RECIPE}, {RESOLVED}, {FACTS}"))
    if missing:
        message = (
            f"the run {folder} is only half there: {', '.join(missing)} missing. Remove it and train anew"
        )
        raise RunError(Problem("GF714", message, command=f"rm -r {folder}"))
    made_for = _read_facts(folder).get("format")
    if made_for != FORMAT:
        message = f"the run {folder} has format {made_for!r}; this genframe reads format {FORMAT}"
        raise RunError(Problem("GF714", message, command="pip install --upgrade genframe"))


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / FACTS).read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(Problem("GF714", f"{folder / FACTS} can't be read: {error}")) from error
    if not isinstance(facts, dict):
        raise RunError(Problem("GF714", f"{folder / FACTS} holds no mapping"))
    return facts


def _sibling(folder: Path) -> str | None:
    """The run beside `folder` whose name is nearest to it."""
    parent = folder.parent
    names = [entry.name for entry in parent.iterdir() if entry.is_dir()] if parent.is_dir() else []
    near = nearest(folder.name, names)
    return str(parent / near) if near else None


def _locked(folder: Path) -> int:
    """Take the folder's lock and write our process id into it; the system frees it however we end."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        message = f"the run {folder} is being written by another process (pid {holder or 'unknown'})"
        raise RunError(Problem("GF712", message)) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _leave_locks_to_the_parent() -> None:
    # A forked data worker shares the lock and would hold it after the trainer was killed. Closing the
    # descriptor in the child does not free the lock for the parent.
    for run in list(_WRITERS):
        run.close()


os.register_at_fork(after_in_child=_leave_locks_to_the_parent)
