"""What a report shows that only the model can draw: traversals, ways between codes, planes of codes; and the plan.

They are drawn once, at the end of a training while its model is at hand, into the run's `samples/`; a run that ended
otherwise, or was trained without a report, has them drawn when a report is asked for.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from genframe import durable, report
from genframe.errors import GenframeError
from genframe.registry import Registry
from genframe.run import PLAN, Run

if TYPE_CHECKING:
    from genframe.api import Model
    from genframe.engine.loop import Training
    from genframe.engine.progress import Progress

STEPS, SIDE = 9, 14
"""Pictures in a row of a traversal or a way, and on a side of a plane."""

Tell = Callable[[str], None]


def at_the_end(run: Run, training: Training | None, progress: Progress) -> None:
    """Write a run's report after its training; what goes wrong is a warning, and stops nothing."""
    try:
        missing: list[str] = []
        if training is not None:
            from genframe.api import Model

            with _noted("pictures of codes", missing):
                draw(Model.of_training(training, run), run.folder, missing)
        report.write([run.folder], run.folder / report.FILE, missing, ours=True)
    except Exception as error:
        why = _why(error)
        progress.message(f"warning: no report was written: {why}")
        with suppress(GenframeError):  # the disk that had no room for the report may have none for the log
            run.log(f"warning: no report was written: {why}\n{traceback.format_exc()}")


def again(folder: Path, registry: Registry, tell: Tell) -> None:
    """Write a run's report anew, with what was measured since; what goes wrong is told, and stops nothing."""
    try:
        report.write([folder], folder / report.FILE, complete(folder, registry))
    except Exception as error:
        tell(f"warning: the report was not written anew: {_why(error)}")


def _why(error: Exception) -> str:
    return (
        error.problems[0].message if isinstance(error, GenframeError) else f"{type(error).__name__}: {error}"
    )


def complete(
    folder: Path, registry: Registry, *, audit: bool = False, tell: Tell = lambda text: None
) -> list[str]:
    """Draw into a run's folder what is not there of its newest checkpoint; says what could not be, and why."""
    missing: list[str] = []
    wanted = _absent(folder)
    if not wanted and not audit:
        return missing
    with _noted(", ".join(wanted) or "the audit", missing):
        from genframe.api import Model
        from genframe.stored import run_folder

        if PLAN in wanted:
            from genframe.engine.metrics_log import standard
            from genframe.explain import explain

            facts = explain(run_folder(folder).recipe(registry=registry))
            durable.write_bytes(folder / PLAN, durable.as_json(standard(facts)).encode())
            wanted = _absent(folder)
        if wanted or audit:
            model = Model(folder, registry=registry)
            if wanted:
                draw(model, folder, missing)
            if audit:
                from genframe import audit as audits

                audits.write(audits.audit(model, tell=tell), folder / "audit")
    return missing


def draw(model: Model, folder: Path, missing: list[str]) -> None:
    """Traversal, interpolation and plane, each as far as the recipe's outputs serve it."""
    from genframe import abilities, conditions, exports, latents
    from genframe.interpolation import interpolate
    from genframe.manifold import manifold
    from genframe.traversal import traverse

    asked = conditions.asked(model, "decode")  # a conditional model is asked for what the first example is
    first = latents.examples(model, (0,)) if asked else {}
    given = {name: first[name] for name in asked if name in first}
    encodes = "encode" in model.outputs  # then the examples' own conditions hold
    beside = {} if encodes else given

    def traversal(path: Path) -> None:
        start, example = ("example 0", 0) if encodes else ("the prior's mean", None)
        exports.traversal(model, traverse(model, steps=STEPS, example=example, given=beside), path, start)

    def interpolation(path: Path) -> None:
        exports.interpolation(model, interpolate(model, steps=STEPS, given=beside), path)

    def plane(path: Path) -> None:
        exports.manifold(model, manifold(model, side=SIDE, given=given), path)

    verbs: dict[str, tuple[str, Callable[[Path], None]]] = {
        "traverse": ("traversal", traversal),
        "interpolate": ("interpolation", interpolation),
        "manifold": ("manifold", plane),
    }
    for verb, (name, write) in verbs.items():
        path = folder / "samples" / f"{name}-{model.step:08d}.png"
        if abilities.serves(model, verb) and not path.exists():
            with _noted(name, missing):
                write(path)


@contextmanager
def _noted(what: str, missing: list[str]) -> Iterator[None]:
    """What goes wrong within is something that is not there."""
    try:
        yield
    except GenframeError as error:
        missing.append(f"{what}: {'; '.join(problem.message for problem in error.problems)}")
    except Exception as error:
        missing.append(f"{what}: {type(error).__name__}: {error}")


def _absent(folder: Path) -> list[str]:
    """What has to be drawn: the plan of a run that has none, and pictures of the newest checkpoint's codes."""
    if not (folder / PLAN).is_file():
        return [PLAN]
    from genframe.report.facts import read

    told = read(folder)
    outputs = {str(output["name"]).partition("(")[0] for output in told.plan.get("outputs", ())}
    steps = [int(path.name) for path in (folder / "checkpoints").glob("[0-9]*") if path.name.isdigit()]
    if "decode" not in outputs or not steps:
        return []
    names = ("traversal", "interpolation", "manifold")
    drawn = [(folder / "samples" / f"{name}-{max(steps):08d}.png").exists() for name in names]
    return [] if any(drawn) else ["traversals and interpolations"]
