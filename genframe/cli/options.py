"""Options and arguments that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genframe.cli import completion
from genframe.registry import Registry

if TYPE_CHECKING:
    from genframe.api import Model
    from genframe.errors import Problem

Command = TypeVar("Command", bound=Callable[..., Any])


def plugins(command: Command) -> Command:
    """`-p FILE`: local plugin files."""
    return click.option(
        "-p", "--plugin-file", "files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
        help="A Python file with components of your own; may be given several times.",
    )(command)  # fmt: skip


def no_report(command: Command) -> Command:
    """`--no-report`."""
    return click.option(
        "--no-report", "report", flag_value=False, default=True, type=bool,
        help="End without the page RUN/report.html.",
    )(command)  # fmt: skip


def as_json(command: Command) -> Command:
    """`--json`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, for scripts.")(command)


def overrides(command: Command) -> Command:
    """`key.path=value ...`."""
    return click.argument("overrides", nargs=-1, metavar="[KEY.PATH=VALUE]...")(command)


def plain(command: Command) -> Command:
    """`--plain`."""
    return click.option("--plain", is_flag=True, help="Print lines, also in a terminal.")(command)


def preview(command: Command) -> Command:
    """`--preview`."""
    return click.option(
        "--preview", is_flag=True, help="Show the newest samples in the terminal, where it has the colours."
    )(command)


def recipe(command: Command) -> Command:
    """`RECIPE`, a file or the name of a recipe that a plugin ships."""
    return click.argument("recipe", shell_complete=completion.recipes)(command)


def trackers(command: Command) -> Command:
    """`--track NAME` and `--wandb`; `tracked` makes settings of them."""
    short = click.option("--wandb", is_flag=True, help="The same as --track wandb.")
    named = click.option(
        "--track", "track", metavar="NAME", multiple=True,
        help="Follow the run with this tracker too (genframe list tracker); options: track.NAME.KEY=VALUE.",
    )  # fmt: skip
    return named(short(command))


def tracked(track: tuple[str, ...], wandb: bool) -> list[str]:
    """The settings that add trackers to a recipe."""
    names = dict.fromkeys([*track, *(["wandb"] if wandb else [])])
    return [f"track={{{name.rpartition('/')[2].replace('-', '_')}: {{use: {name}}}}}" for name in names]


def run(command: Command) -> Command:
    """`RUN`, a run folder or a packed file."""
    return click.argument("run", metavar="RUN", type=click.Path(path_type=Path))(command)


def target(command: Command) -> Command:
    """`-o FILE` and `--force`."""
    command = click.option("--force", is_flag=True, help="Overwrite FILE.")(command)
    return click.option(
        "-o", "target", metavar="FILE", required=True, type=click.Path(path_type=Path, dir_okay=False),
        help="The file to write: .png, .npy or .npz; of what moves also .gif.",
    )(command)  # fmt: skip


def titles(command: Command) -> Command:
    """`--no-titles`."""
    return click.option(
        "--no-titles", "titles", flag_value=False, default=True, help="The bare picture, without words around it."
    )(command)  # fmt: skip


def conditions(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--given NAME=VALUE` and `--class C`, handed on as `conditions`."""

    @wraps(command)
    def called(given: tuple[str, ...], label: str | None, **rest: Any) -> Any:
        return command(conditions=Conditions(given, label), **rest)

    label = click.option(
        "--class", "label", metavar="CLASS", help="Ask a conditional model for this class: 7, or all in turn."
    )
    named = click.option(
        "--given", "given", metavar="NAME=VALUE", multiple=True,
        help="A condition of a conditional model, by its field of the data: y=7; y=0,1,2 in turn.",
    )  # fmt: skip
    return named(label(called))


@dataclass(frozen=True, slots=True)
class Conditions:
    """What `--given` and `--class` ask for."""

    given: tuple[str, ...]
    label: str | None

    def __bool__(self) -> bool:
        return bool(self.given) or self.label is not None

    def of(self, model: Model, *outputs: str) -> dict[str, Any]:
        """By field, checked against what these outputs of a model take."""
        if not self:
            return {}
        from genframe import conditions

        found = conditions.read(self.given, model, *outputs, label=self.label)
        conditions.checked(model, found, *outputs)
        return found


def numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """`0,1,2` as numbers that are not negative."""
    if value is None:
        return None
    try:
        found = tuple(int(word) for word in value.split(","))
        if min(found) >= 0:
            return found
    except ValueError:
        pass
    raise click.BadParameter(f"numbers from 0 with commas between, 0,1,2, not {value!r}")


def split(command: Command) -> Command:
    """`--split S`."""
    return click.option(
        "--split", metavar="SPLIT", help="test, validation or train; the first of these that the data have."
    )(command)


def weights(command: Command) -> Command:
    """`--raw`, `--step N` and `--device D`: which weights of a run, and where to compute."""
    device = click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1; else as in training.")
    step = click.option(
        "--step", metavar="N", type=int, help="Of the checkpoint at this step; else the newest."
    )
    raw = click.option("--raw", is_flag=True, help="The weights themselves, not the players' averages.")
    trust = click.option(
        "--trust-code", is_flag=True, expose_value=False, callback=_note_trust,
        help="Run the plugin files that a packed file brings.",
    )  # fmt: skip
    return raw(step(device(trust(command))))


def _note_trust(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    context.meta[_TRUST] = value
    return value


_TRUST = "genframe.trust_code"


def model(run: Path, *, raw: bool, step: int | None, device: str | None, files: tuple[Path, ...]) -> Model:
    """The model in a run folder or a packed file; what is remarkable of it is said on stderr."""
    from genframe.api import Model
    from genframe.errors import RunError
    from genframe.rendering import print_remarks

    trusted = bool(click.get_current_context().meta.get(_TRUST))
    try:
        found = Model(run, raw=raw, step=step, device=device, registry=registry(files), trust_code=trusted)
    except RunError as error:
        raise RunError(*(with_list(problem, run) for problem in error.problems)) from None
    if found.remarks:
        print_remarks(found.remarks)
    return found


def with_list(problem: Problem, run: Path) -> Problem:
    """Of what is no run, with the command that lists those there are: in the folder, if it is one."""
    if problem.code != "GF713" or problem.command or problem.nearest:
        return problem
    return replace(problem, command=f"genframe runs {run}" if run.is_dir() else "genframe runs")


@dataclass(frozen=True, slots=True)
class Opening:
    """A run, and which weights of it are to be opened."""

    run: Path
    raw: bool
    step: int | None
    device: str | None
    files: tuple[Path, ...]

    def model(self) -> Model:
        """As `model` says."""
        return model(self.run, raw=self.raw, step=self.step, device=self.device, files=self.files)


def opening(command: Callable[..., Any]) -> Callable[..., Any]:
    """`RUN` and the options of `weights` and `plugins`, handed on as `opening`."""

    @wraps(command)
    def called(
        run: Path, raw: bool, step: int | None, device: str | None, files: tuple[Path, ...], **rest: Any
    ) -> Any:
        return command(opening=Opening(run, raw, step, device, files), **rest)

    return run(weights(plugins(called)))


def registry(files: tuple[Path, ...]) -> Registry:
    """What is installed, with the local files of the command line."""
    from genframe.discovery import discover

    return discover(files=files, blocked=completion.blocked(click.get_current_context()))


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
