"""`genframe watch [RUN]`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import click

from genframe.cli import options

if TYPE_CHECKING:
    from genframe.engine.progress import Progress
    from genframe.live.state import Outlook, State
    from genframe.runs import RunFacts

EPILOG = """\b
Examples:
  genframe watch
  genframe watch runs/vae-digits-20260101-120000 --preview
  genframe watch runs/vae-digits-20260101-120000 --once
  genframe watch runs/vae-digits-20260101-120000 --once --json

Without RUN the newest in runs/. Ctrl-C leaves the training alone. What is seen is read from the run's files
(metrics.jsonl, log.txt, samples/): a run can be watched by many, from another machine where they are shared, and after
its end. With --json each new row is a line, and the last line says how the run stands; with --once that alone."""

_GOES_ON = ("stopped", "failed", "killed")


@click.command("watch", epilog=EPILOG)
@click.argument("run", required=False, metavar="[RUN]", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Show how it stands, and leave.")
@click.option("--wait", is_flag=True, help="For a run that is not there yet.")
@options.preview
@options.plain
@options.as_json
def command(run: Path | None, once: bool, wait: bool, preview: bool, plain: bool, json_: bool) -> None:
    """Watch a run that another process trains, or look at one that has ended."""
    from genframe.live.follow import follow

    folder = run if run is not None else _newest()
    shown = _shown(once=once, preview=preview, plain=plain, json_=json_)
    with _leaving(shown):
        facts = follow(folder, shown, once=once, wait=wait)
        if isinstance(shown, _AsJson):
            options.print_json(shown.summary(facts)) if once else shown.last(facts)
        else:
            _tell(facts, shown)


def _newest() -> Path:
    from genframe.runs import found

    runs = found([Path("runs")])
    if not runs:
        raise click.UsageError("there is no run in runs/: name one, genframe watch RUN")
    return runs[0].folder


def _shown(*, once: bool, preview: bool, plain: bool, json_: bool) -> Progress:
    from genframe.engine.progress import progress_for

    if json_:
        return _AsJson(sys.stdout, rows=not once)
    if once:
        from genframe.live.terminal import Frame

        return Frame.on(sys.stdout, preview=preview)
    return progress_for(sys.stdout, plain=plain, preview=preview)


@contextmanager
def _leaving(shown: Progress) -> Iterator[None]:
    """Within, Ctrl-C leaves a clean terminal behind, and is no fault."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        shown.finish()
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(run: RunFacts, shown: Progress) -> None:
    """How a run stands, where it was not seen, and how it goes on."""
    from genframe.engine.progress import PlainProgress, line

    if isinstance(shown, PlainProgress):
        if shown.state.row and not shown.said:  # nothing has happened since we looked
            click.echo(line(shown.state))
        total = f" of {run.total:,}" if run.total and run.total != run.step else ""
        click.echo(f"{run.state} at step {run.step:,}{total}")
    if run.state in _GOES_ON:
        click.echo(f"next      genframe resume {run.folder}")


class _AsJson:
    """A line for each row as it comes."""

    def __init__(self, stream: TextIO, *, rows: bool) -> None:
        from genframe.live.state import State

        self.state: State = State()
        self._stream, self._rows = stream, rows

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self.state.start(outlook, past)

    def tick(self, step: int) -> None:
        pass

    def update(self, row: Mapping[str, Any]) -> None:
        self.state.update(row)
        if self._rows:
            self._line(row)

    def message(self, text: str) -> None:
        pass

    def picture(self, name: str, step: int, path: Path) -> None:
        self.state.picture(name, step, path)

    def finish(self, how: str = "") -> None:
        pass

    def last(self, run: RunFacts) -> None:
        self._line(self.summary(run))

    def summary(self, run: RunFacts) -> dict[str, Any]:
        """How a run stands."""
        state, row = self.state, self.state.row
        shown = state.preview
        running = run.state == "running"
        return {
            "run": str(run.folder),
            "recipe": run.recipe,
            "state": run.state,
            "step": state.step,
            "total": state.outlook.total,
            "epoch": state.epoch,
            "epochs": state.outlook.epochs,
            "images_per_second": state.speed,
            "remaining_seconds": state.remaining if running else None,
            **{key: row.get(key, {}) for key in ("terms", "weighted", "lr", "alarms")},
            "validation": state.validation,
            "picture": str(shown[2]) if shown else None,
            "resume": f"genframe resume {run.folder}" if run.state in _GOES_ON else None,
        }

    def _line(self, data: Mapping[str, Any]) -> None:
        import json

        from genframe.engine.metrics_log import standard

        print(json.dumps(standard(data), ensure_ascii=False, default=str), file=self._stream, flush=True)
