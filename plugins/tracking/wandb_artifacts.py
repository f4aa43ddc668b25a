"""What a run was made of and what came of it, as artifacts of Weights & Biases with their lineage.

    data -> run -> checkpoint -> fitted sampler -> evaluation

wandb itself draws what a run used and what it logged. Which checkpoint a sampler was fitted to and which of both an
evaluation is of stands in the metadata of each, under `from`, as names that wandb resolves (`run-1a2b-model:step-500`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FIT = re.compile(r"(.+)-(\d{8,})-[0-9a-f]+\.safetensors")


def log_artifacts(run: Any, folder: Path) -> None:
    """The data as used by wandb's `run`; the newest checkpoint, fitted samplers and evaluations as made by it."""
    data = [
        _use_data(run, name, digest)
        for name, digest in _read(folder / "lock.json", {}).get("data", {}).items()
    ]
    newest = max((folder / "checkpoints").glob("[0-9]*"), default=None)
    if newest is None:
        return
    model = f"run-{run.id}-model"
    said = [folder / name for name in ("recipe.yaml", "resolved.yaml", "lock.json")]
    step = int(newest.name)
    _log(run, model, "model", [*sorted(newest.iterdir()), *said], {"step": step, "from": data}, step)
    for path, name, fitted in _fits(folder / "samplers"):
        source = [f"{model}:step-{fitted}", *data]
        _log(run, f"run-{run.id}-sampler-{name}", "sampler", [path], {"step": fitted, "from": source}, fitted)
    evaluations = folder / "evaluations.json"
    measured = _read(evaluations, [])
    if measured:
        _log(run, f"run-{run.id}-evaluation", "evaluation", [evaluations], _of(measured, run.id, data))


def _use_data(run: Any, name: str, digest: str) -> str:
    """A data set by its digest: the same artifact for every run that used the same data. Gives its name."""
    import wandb

    title = _writable(f"{name or 'data'}-{digest.rpartition(':')[2][:12]}")
    data = wandb.Artifact(title, type="dataset", metadata={"digest": digest})
    with data.new_file("digest.txt") as file:
        file.write(f"{digest}\n")
    # `use_artifact` refuses offline, though what it does then, to log one as used, is synced like anything else.
    log = getattr(run, "_log_artifact", None)
    if not run.offline:
        run.use_artifact(data)
    elif log is not None:
        log(data, is_user_created=True, use_after_commit=True)
    else:
        run.log_artifact(data)
    return title


def _fits(folder: Path) -> list[tuple[Path, str, int]]:
    """Path, name and step of the fits of samplers."""
    named = ((path, _FIT.fullmatch(path.name)) for path in sorted(folder.glob("*.safetensors")))
    return [(path, _writable(match[1]), int(match[2])) for path, match in named if match]


def _of(measured: list[Mapping[str, Any]], identity: str, data: list[str]) -> dict[str, Any]:
    """Figures, and what they are figures of: checkpoints and samplers."""
    protocols = [row.get("protocol", {}) for row in measured]
    models = {f"run-{identity}-model:step-{p['step']}": None for p in protocols if "step" in p}
    drawn = {str(p[key]): None for p in protocols for key in ("sampler",) if p.get(key)}
    samplers = [f"run-{identity}-sampler-{_writable(name)}" for name in drawn]
    figures = {f"{row['metric']}/{name}": value for row in measured for name, value in row["figures"].items()}
    return {"from": [*models, *samplers, *data], "figures": figures}


def _log(
    run: Any, name: str, kind: str, paths: list[Path], metadata: Mapping[str, Any], step: int | None = None
) -> None:
    import wandb

    artifact = wandb.Artifact(name, type=kind, metadata=dict(metadata))
    for path in paths:  # as they stand in the run's folder: no copy of them in a cache of wandb's
        artifact.add_file(str(path), policy="immutable", skip_cache=True)
    run.log_artifact(artifact, aliases=["latest", *([f"step-{step}"] if step is not None else [])])


def _writable(name: str) -> str:
    """A name with the letters alone that wandb allows in one."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else otherwise
