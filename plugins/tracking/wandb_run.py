"""A run in Weights & Biases."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from .rows import numbers, pictures, rows
from .wandb_artifacts import log_artifacts

FILE = "wandb.json"
"""In the run's folder: which run of wandb it is. A resumed run goes on with that one."""

_OPEN: dict[str, Any] = {}
"""Runs of wandb that this process has not finished, by id: wandb opens none of them twice."""

CONNECTING = 30.0
"""Seconds for an attempt to reach the server, of several; $WANDB_INIT_TIMEOUT says otherwise."""

_EXIT = {"finished": 0, "stopped": 130}

Mode = Literal["online", "offline", "disabled"]


class WandbTracker:
    """Every number of every row, every picture, the resolved recipe, figures and checkpoints, as one run of wandb.

    mode        `offline` writes into the run's folder, for `wandb sync` later. Without one, $WANDB_MODE or online
    project     without one, that of the run so far, $WANDB_PROJECT or `genframe`; `entity` and `notes` are wandb's
    name        without one, $WANDB_NAME or the name of the run's folder
    tags        without any, $WANDB_TAGS or the recipe's name
    group       without one, $WANDB_RUN_GROUP or the recipe's name and a digest of what it says, its seed and device
                aside: seeds of one recipe stand together
    job_type    without one, $WANDB_JOB_TYPE or `train`
    artifacts   data, checkpoint, fitted samplers and evaluations, with what each was made from

    Steps are genframe's. A resumed run is the same run of wandb, by the id in `wandb.json`, and no step stands in it
    twice: online, steps that wandb has are left out (a resumed run repeats them to the bit); offline, where wandb
    can't append, what the run's folder holds is written anew and the part that it replaces removed. The same is how a
    run is sent that was trained without wandb, or while it could not be reached: `genframe track RUN --to wandb`.

    Beside the numbers of the rows stand pictures, on fixed latents and examples, and, where the recipe asks for them by
    `train.log: {gradients: true, latents: true}`, the terms' shares of the gradient and histograms of the latents.

    An alarm of `watch:` that begins to ring is an alert. Figures of `genframe evaluate` stand in the summary
    (`evaluation/elbo/elbo`) and, with their protocol, in the table `evaluations`. wandb's other variables
    ($WANDB_API_KEY, $WANDB_BASE_URL, ...) are its own; no key is written.
    """

    def __init__(
        self,
        *,
        mode: Mode | None = None,
        project: str | None = None,
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        tags: tuple[str, ...] = (),
        job_type: str | None = None,
        notes: str | None = None,
        artifacts: bool = True,
    ) -> None:
        self._mode = mode
        self._named = {
            "project": project,
            "entity": entity,
            "name": name or os.environ.get("WANDB_NAME"),
            "group": group or os.environ.get("WANDB_RUN_GROUP"),
            "job_type": job_type or os.environ.get("WANDB_JOB_TYPE") or "train",
            "notes": notes,
        }
        said = os.environ.get("WANDB_TAGS", "").split(",")
        self._tags = [*tags] or [tag for tag in said if tag]
        self._artifacts = artifacts
        self._folder = Path()
        self._run: Any = None
        self._step = 0
        self._times: dict[int, float] = {}
        self._ringing: set[str] = set()

    def start(self, run: Path, resolved: Mapping[str, Any], resumed_step: int) -> None:
        """Open the run of wandb that is this run's, or a new one, and bring it to `resumed_step`."""
        self._folder = run
        with _without_secrets():
            if self._run is None:  # unless this is another attempt
                self._open(resolved)
            self._catch_up(resumed_step)

    def log(self, row: Mapping[str, Any]) -> None:
        step = int(row["step"])
        if self._is_new(step):
            with _without_secrets():
                self._times = {step: float(row["time"])} if "time" in row else {}
                self._run.log({**dict(numbers(row)), **_histograms(row), **self._at(step)}, step=step)
                self._alert(row)

    def picture(self, name: str, step: int, path: Path) -> None:
        if self._is_new(step):
            import wandb

            with _without_secrets():
                at = self._at(step) or {"_timestamp": path.stat().st_mtime}
                self._run.log({"step": step, f"samples/{name}": wandb.Image(str(path)), **at}, step=step)

    def _at(self, step: int) -> dict[str, float]:
        """When a step's row was written, which is earlier than now for what is sent afterwards."""
        return {"_timestamp": self._times[step]} if step in self._times else {}

    def _is_new(self, step: int) -> bool:
        """Whether wandb has not gone past a step. Counted here: to ask wandb is a round trip to another process."""
        new = step >= self._step
        self._step = max(step, self._step)
        return new

    def finish(self, state: str) -> str | None:
        """Gives the command that sends a run which lies in a folder."""
        with _without_secrets():
            self._evaluations()
            if self._artifacts and state == "finished":
                log_artifacts(self._run, self._folder)
            self._run.finish(exit_code=_EXIT.get(state, 1))
        run, self._run = self._run, None
        _OPEN.pop(run.id, None)
        written = self._written() if run.offline else []
        return f"to send it: wandb sync {shlex.quote(str(written[-1]))}" if written else None

    def _written(self) -> list[Path]:
        """Where wandb has written this run, offline: `-1` stands behind the second of a second."""
        folder = Path(os.environ.get("WANDB_DIR") or self._folder)
        name = f"*wandb/offline-run-*-{self._known().get('id')}"
        return sorted([*folder.glob(name), *folder.glob(f"{name}-[0-9]*")])

    def _open(self, resolved: Mapping[str, Any]) -> None:
        import wandb

        mode: Any = self._mode or os.environ.get("WANDB_MODE") or "online"
        known = self._known()
        identity = known.get("id") or os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)
        recipe = dict(resolved)
        named: dict[str, Any] = dict(self._named)
        named["project"] = (  # an option wins; without one a run stays where it is
            named["project"] or known.get("project") or os.environ.get("WANDB_PROJECT") or "genframe"
        )
        named["entity"] = named["entity"] or known.get("entity")
        named["name"] = named["name"] or self._folder.name
        named["group"] = named["group"] or _group(recipe)
        self._keep({**known, "id": identity, "mode": mode})  # a kill from here on makes no other run of it
        stale = self._written()
        if identity in _OPEN:  # followed by a tracker that never came to its end
            _OPEN.pop(identity).finish(exit_code=1)
        # Offline now: wandb names a folder by the second, and would write into one that is there.
        if mode == "offline":
            _remove(stale)
        if (
            wandb.run is None
        ):  # nobody else's is talked over: what it says while it logs in would tear a live table
            wandb.setup(settings=wandb.Settings(silent=True))
        settings: dict[str, Any] = {"console": "off", "silent": True, "disable_git": True, "save_code": False}
        if "WANDB_INIT_TIMEOUT" not in os.environ:
            settings["init_timeout"] = CONNECTING
        try:
            self._run = wandb.init(
                **named,
                id=identity,
                mode=mode,
                dir=os.environ.get("WANDB_DIR") or str(self._folder),
                config=recipe,
                tags=self._tags or [str(recipe[key]) for key in ("name",) if key in recipe],
                resume="allow" if known and mode == "online" else None,
                settings=wandb.Settings(**settings, reinit="create_new"),
            )
        except Exception as error:
            if not _OPEN:  # else another attempt would find the id taken by this one
                wandb.teardown()
            if isinstance(error, wandb.errors.UsageError) and "No API key" in str(error):
                advice = "`wandb login` asks for one; mode=offline keeps it in the run's folder"
                raise RuntimeError(f"no API key: {advice}") from None
            raise
        _OPEN[identity] = self._run
        self._keep({"id": identity, "project": named["project"], "entity": named["entity"], "mode": mode})
        if mode != "offline":
            _remove(stale)
        self._step = self._run.starting_step
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def _known(self) -> dict[str, Any]:
        path = self._folder / FILE
        found = json.loads(path.read_text()) if path.exists() else {}
        return found if isinstance(found, dict) else {}

    def _keep(self, identity: Mapping[str, Any]) -> None:
        aside = self._folder / f".tmp-{FILE}"
        aside.write_text(json.dumps(identity, indent=2) + "\n")
        aside.replace(self._folder / FILE)

    def _catch_up(self, last: int) -> None:
        """Log what the run's folder holds up to the step `last`, and wandb does not have."""
        drawn = pictures(self._folder / "samples", last) if last else []
        for row in rows(self._folder / "metrics.jsonl", last):
            while drawn and drawn[0][0] < row["step"]:
                step, name, path = drawn.pop(0)
                self.picture(name, step, path)
            self.log(row)
        for step, name, path in drawn:
            self.picture(name, step, path)

    def _alert(self, row: Mapping[str, Any]) -> None:
        """An alert for each alarm that begins to ring."""
        ringing = row.get("alarms", {})
        for name in ringing.keys() - self._ringing:
            self._run.alert(title=f"{name} at step {row['step']}", text=str(ringing[name]), level="WARN")
        self._ringing = set(ringing)

    def _evaluations(self) -> None:
        import wandb

        path = self._folder / "evaluations.json"
        measured = json.loads(path.read_text()) if path.exists() else []
        table = wandb.Table(columns=["time", "metric", "figure", "value", "protocol"])
        for row in measured:
            protocol = json.dumps(row.get("protocol", {}), sort_keys=True)
            for figure, value in row["figures"].items():
                self._run.summary[f"evaluation/{row['metric']}/{figure}"] = value
                table.add_data(row.get("time", ""), row["metric"], figure, value, protocol)
        if measured:
            self._run.log({"evaluations": table, **self._at(self._step)})


def _histograms(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's histograms as wandb's: counts between edges, made where the latents were."""
    found = row.get("histograms") or {}
    if not found:
        return {}
    import wandb

    return {
        f"histograms/{name}": wandb.Histogram(np_histogram=(told["counts"], told["edges"]))
        for name, told in found.items()
    }


def _remove(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _group(recipe: Mapping[str, Any]) -> str:
    """Of runs that differ in nothing but seed, device and trackers."""
    said = {key: value for key, value in recipe.items() if key not in ("seed", "device", "track")}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    return f"{recipe.get('name', 'run')}-{digest[:8]}"


@contextmanager
def _without_secrets() -> Iterator[None]:
    """An error that quotes $WANDB_API_KEY is told without it, and without what led to it."""
    try:
        yield
    except Exception as error:
        key = os.environ.get("WANDB_API_KEY")
        if not key or key not in f"{error!r} {error}":
            raise
        hidden = RuntimeError(f"{type(error).__name__}: {str(error).replace(key, '***')}")
        raise hidden from None
