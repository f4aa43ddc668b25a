"""`genframe sweep RECIPE KEY=A,B ...`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import options

if TYPE_CHECKING:
    from genframe.sweep import Trial

EPILOG = """\b
Examples:
  genframe sweep vae/digits prior.dim=2,8,32
  genframe sweep vae/digits prior.dim=2,8 seed=0,1,2 train.epochs=5
  genframe sweep my.yaml optimizer.lr=1e-4..1e-2:log:5 --jobs 2
  genframe sweep my.yaml optimizer.lr=1e-4..1e-2:log decoder.hidden=[200],[400,400] --random 20
  genframe sweep my.yaml prior.dim=2,8,32 --metric elbo/elbo --goal maximize
  genframe sweep my.yaml optimizer.lr=1e-4..1e-2:log --random 20 --wandb

\b
KEY=A,B,C      these values; commas inside brackets and quotes part nothing
KEY=LOW..HIGH  a range: in a grid each whole number, or as many as `:5` says; `:log` goes by orders of magnitude
KEY=VALUE      a setting of every trial

Without --random, every combination is tried. Each trial is a run of its own in the sweep's folder, trained and then
measured by the recipe's metrics. The same command again goes on: it leaves out what is finished, resumes what was
interrupted, tries again what failed; with a greater --random it adds to the draws. Trials that differ in `seed` alone
are one line of the table, with the 95 % interval of their mean.

With --wandb nothing is trained: the sweep's file is written, to be registered by `wandb sweep` and run by
`wandb agent`: Bayesian search and early stopping (edit `method:`), on as many machines as there are agents.
--metric is then a figure of the recipe's metrics, which each agent measures, or a number of the rows, such as
validation/total."""


@click.command("sweep", epilog=EPILOG)
@options.recipe
@click.argument("settings", nargs=-1, metavar="[KEY=VALUES]...")
@click.option(
    "--random", "draws", metavar="N", type=click.IntRange(1), help="Draw N points rather than try all."
)
@click.option("--draw-seed", metavar="S", type=int, default=0, help="Another seed, other draws.")
@click.option("--jobs", metavar="K", type=click.IntRange(1), default=1, help="So many trials at once.")
@click.option("--dir", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The sweep's folder.")
@click.option("--metric", metavar="FIGURE", help="Order the table by this figure, as METRIC/FIGURE.")
@click.option(
    "--goal",
    type=click.Choice(["maximize", "minimize"]),
    default="maximize",
    help="What is better: (maximize).",
)
@click.option(
    "--evaluate", "metrics", metavar="METRIC", multiple=True, help="Measure by this; else by the recipe's."
)
@click.option("--no-evaluate", is_flag=True, help="Train only.")
@click.option("--wandb", is_flag=True, help="Write the sweep's file for wandb agent, and train nothing.")
@options.as_json
@options.plugins
def command(
    recipe: str,
    settings: tuple[str, ...],
    draws: int | None,
    draw_seed: int,
    jobs: int,
    folder: Path | None,
    metric: str | None,
    goal: str,
    metrics: tuple[str, ...],
    no_evaluate: bool,
    wandb: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Train a recipe under several settings: a grid of values, or draws."""
    from genframe.sweep import Sweep, folder_for, threads
    from genframe.sweep_space import axes, drawn, grid

    try:
        found = axes(settings)
        trials = grid(found) if draws is None else drawn(found, draws, draw_seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="KEY=VALUES") from None
    checked = _checked(recipe, trials, files)
    method = "grid" if draws is None else f"random {draw_seed}"
    where = folder or folder_for(checked.name, recipe, method, sorted(settings))
    own = [] if no_evaluate else [instance.name for instance in checked.evaluate]
    if wandb:
        if metrics:
            message = (
                "agents measure by the recipe's own metrics: rather than --evaluate, say evaluate=[METRIC]"
            )
            raise click.UsageError(message)
        _write(where, recipe, found, draws, metric, goal, own, files)
        return
    measured = bool(own) or (bool(metrics) and not no_evaluate)
    threads(jobs)
    sweep = Sweep.of(
        recipe, where, trials, files=[str(file.resolve()) for file in files], evaluate=measured, metrics=metrics,
        told=lambda line: click.echo(line, err=True),
    )  # fmt: skip
    if metric is not None:
        metric = _column(metric)
        if metric.partition("/")[0] not in own and (no_evaluate or not metrics):
            _require(metric, sweep.trials, own)
    sweep.begin()
    click.echo(f"{len(trials)} trials in {where}", err=True)
    try:
        sweep.run(jobs)
    finally:
        _show([trial.facts() for trial in sweep.trials], metric, goal, json_)
    if any(trial.facts()["state"] != "finished" for trial in sweep.trials):
        raise SystemExit(1)
    if metric is not None:
        _require(metric, sweep.trials, ())


def _column(metric: str) -> str:
    """A figure as the table names it, where a metric's own is called as the metric is: elbo/elbo is elbo."""
    name, _, figure = metric.partition("/")
    return name if figure == name else metric


def _require(metric: str, trials: Sequence[Trial], measured: Sequence[str]) -> None:
    """Raises UsageError for a figure that no trial has, nor will have of what is to be measured."""
    from genframe.errors import nearest

    known = list(dict.fromkeys([*(name for trial in trials for name in trial.facts()["figures"]), *measured]))
    if metric in known:
        return
    near = nearest(metric, known)
    hint = f"; did you mean {near}?" if near else f"; there are: {', '.join(known)}" if known else ""
    message = (
        f"no trial has the figure {metric!r}{hint or ', and none is measured: name metrics with --evaluate'}"
    )
    raise click.BadParameter(message, param_hint="--metric")


def _checked(recipe: str, trials: Sequence[Any], files: tuple[Path, ...]) -> Any:
    """The recipe of the first trial; each other's is read too, so that a mistake is told before anything starts."""
    from genframe.recipe import load_recipe

    registry = options.registry(files)
    seen: set[tuple[str, str]] = set()
    first = None
    for trial in trials:
        if first is None or len(trials) <= 50 or not seen.issuperset(trial):  # each value at least once
            read = load_recipe(recipe, [f"{key}={value}" for key, value in trial], registry=registry)
            first = first or read
            seen |= set(trial)
    return first


def _write(
    folder: Path,
    recipe: str,
    axes: Any,
    draws: int | None,
    metric: str | None,
    goal: str,
    measured: Sequence[str],
    files: tuple[Path, ...],
) -> None:
    """The file for wandb, whose agents train and, where the metric is one of those `measured`, measure."""
    from genframe import durable
    from genframe.sweep_file import content, logged, text

    figure = logged(metric, measured) if metric is not None else None
    more = ["--evaluate"] if figure else []
    more += [word for file in files for word in ("-p", str(file.resolve()))]
    key = figure or metric
    told = content(recipe, axes, name=folder.name, draws=draws, metric=key, goal=goal, more=more)
    if not told["parameters"]:
        raise click.BadParameter(
            "nothing varies: give a setting several values or a range", param_hint="KEY=VALUES"
        )
    path = folder / "wandb.yaml"
    with durable.reported("a sweep", folder.parent):
        folder.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, text(told).encode())
    if figure:
        click.echo(f"metric    {figure}, measured after each training")
    elif metric is not None:
        click.echo(
            f"metric    {metric}, a number of the rows; measured would be: {', '.join(measured) or 'nothing'}"
        )
    click.echo(f"wrote     {path}\nnext      wandb sweep {path}\n          wandb agent ENTITY/PROJECT/ID")


def _show(trials: Sequence[dict[str, Any]], metric: str | None, goal: str, json_: bool) -> None:
    """The table, a line for the repetitions of a point; what failed says why below it."""
    from genframe.cli.tables import print_table
    from genframe.sweep import repetitions

    points = [_point(facts) for facts in repetitions(trials)]
    if metric is not None:
        sign = -1 if goal == "maximize" else 1
        points.sort(key=lambda point: sign * point["figures"].get(metric, {}).get("mean", sign * math.inf))
    if json_:
        options.print_json({"trials": list(trials), "points": points})
        return
    keys = list(dict.fromkeys(key for point in points for key in point["settings"]))
    figures = list(dict.fromkeys(name for point in points for name in point["figures"]))
    figures = ([metric] if metric in figures else []) + [name for name in figures if name != metric]
    shown = figures[:4]
    rows = [
        [
            *(point["settings"].get(key, "") for key in keys),
            *(_figure(point["figures"].get(name)) for name in shown),
            ", ".join(f"{count} {state}" for state, count in point["states"].items()),
            " ".join(str(number) for number in point["trials"]),
        ]
        for point in points
    ]
    print_table([*keys, *shown, "state", "trials"], rows)
    if left := figures[4:]:
        click.echo(f"more with --json: {', '.join(left)}")
    for facts in trials:
        if facts["state"] == "failed":
            click.echo(f"trial {facts['trial']} failed: {facts['error']} ({facts['run']}.log)", err=True)


def _point(repeated: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for facts in repeated for name in facts["figures"])
    states = [facts["state"] for facts in repeated]
    return {
        "settings": {key: value for key, value in repeated[0]["settings"].items() if key != "seed"},
        "trials": [facts["trial"] for facts in repeated],
        "states": {state: states.count(state) for state in dict.fromkeys(states)},
        "figures": {
            name: _mean([facts["figures"][name] for facts in repeated if name in facts["figures"]])
            for name in names
        },
    }


def _mean(values: Sequence[float]) -> dict[str, Any]:
    """The mean, and the half width of its 95 % interval where there are several."""
    from genframe.report.compared import student

    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return {"mean": fmean(values), "half": half, "n": len(values)}


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    half = f" ± {found['half']:.2g}" if found["half"] is not None else ""
    return f"{found['mean']:.5g}{half}"
