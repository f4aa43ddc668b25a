"""`genframe plugins check`."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import completion, options

if TYPE_CHECKING:
    from genframe.registry import PluginStatus, Registry
    from genframe.testing import Result

EPILOG = """\b
Examples:
  genframe plugins check
  genframe plugins check salt -v
  genframe plugins check -p ./my_parts.py
  genframe plugins check salt --only noise/salt --only '*:runs_in_bf16'
  genframe plugins check salt --expect noise/salt:runs_in_bf16
  genframe plugins check --all --json
  genframe plugins check --list

This is the conformance kit, genframe.testing, which a plugin's own tests run by
  test_plugin = conformance("salt", level=1)
The exit code is 3 when a check fails, or passes that was expected to fail."""

OUTCOMES: Mapping[str, str] = {
    "failed": "red",
    "unexpected": "red",
    "expected": "yellow",
    "skipped": "bright_black",
    "passed": "green",
}
"""What may come of a check, the worst first, and its colour."""

BAD = ("failed", "unexpected")


@click.command("check", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.plugins)
@click.option("--all", "everything", is_flag=True, help="genframe's own plugins too.")
@click.option("--level", metavar="N", type=int, default=1, show_default=True, help="Of the kit.")
@click.option(
    "--only", metavar="PATTERN", multiple=True,
    help="Only these checks: runs_in_bf16, noise/salt, 'noise/*:draw*'; may be given several times.",
)  # fmt: skip
@click.option(
    "--expect", metavar="ID", multiple=True, help="A check that is known to fail; may be given several times."
)
@click.option("--list", "listed", is_flag=True, help="Print every check and what it asks, and make none.")
@click.option("-v", "--verbose", is_flag=True, help="A line a check, rather than failures alone.")
@options.as_json
@options.plugins
def command(
    names: tuple[str, ...],
    everything: bool,
    level: int,
    only: tuple[str, ...],
    expect: tuple[str, ...],
    listed: bool,
    verbose: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Run the conformance kit on plugins, by default on all but genframe's own."""
    if listed:
        _list(level, json_)
        return
    registry = options.registry(files)
    done: dict[str, list[Result]] = {}
    statuses: dict[str, PluginStatus] = {}
    for name in _wanted(registry, names, files, everything):
        status = _status(registry, name)
        told = [id_ for id_ in expect if id_.partition(":")[0] in _subjects(registry, status)]
        with _progress(status.name) as step, _quiet():
            results = list(_checked(name, registry, level, _patterns(only), told, step))
        done[status.name], statuses[status.name] = results, status
        if not json_ and (results or not only):
            _print(status, results, verbose)
    sound = all(status.ok for status in statuses.values())
    if only and sound and done and not any(done.values()):
        raise click.BadParameter("no check has an id like that; -v lists them", param_hint="--only")
    if json_:
        options.print_json(_facts(done, statuses, level))
    else:
        _print_sum(done)
    if not sound or any(result.outcome in BAD for results in done.values() for result in results):
        raise SystemExit(3)


def _list(level: int, json_: bool) -> None:
    """Every check of a level: its name, the kinds that it asks, and what."""
    from genframe.cli.tables import print_table
    from genframe.testing.kit import EVERY, checks

    rows = [
        {"check": c.name, "level": c.level, "kinds": sorted(c.kinds), "asks": c.summary}
        for c in checks(level)
    ]
    if json_:
        options.print_json(rows)
        return
    cells = [
        (str(row["check"]), ", ".join(c.kinds).replace(EVERY, "every kind"), str(row["asks"]))
        for row, c in zip(rows, checks(level), strict=True)
    ]
    print_table(("check", "of", "asks"), cells)


def _wanted(
    registry: Registry, names: Sequence[str], files: Sequence[Path], everything: bool
) -> list[str | Path]:
    """Names and files as given; where there are none, every plugin that is no one's of genframe."""
    if names or (files and not everything):
        return [*names, *files]
    asked = [s for s in registry.plugins if everything or not s.first_party]
    installed = dict.fromkeys(s.name for s in asked if s.distribution and s.state != "blocked")
    return [*installed, *files]


def _status(registry: Registry, name: str | Path) -> PluginStatus:
    """The status of a plugin, usable or not. Raises LookupProblem."""
    if isinstance(name, Path):
        return next(s for s in registry.plugins if s.source == str(name.expanduser().resolve()))
    plain = name.replace("_", "-")
    found = [s for s in registry.plugins if s.name.replace("_", "-") == plain]
    return min(found, key=lambda s: not s.ok) if found else registry.plugin(name)


def _subjects(registry: Registry, status: PluginStatus) -> set[str]:
    """What the ids of a plugin's checks start with."""
    offers = {f"{o.kind}/{o.bare}" for o in registry.offers() if o.plugin == status.name}
    recipes = {f"recipe/{r.name}" for r in registry.recipes() if r.plugin == status.name}
    return {"plugin"} | offers | recipes


def _patterns(only: Sequence[str]) -> list[str]:
    """`runs_in_bf16` means a check, `noise` a kind, `salt` and `noise/salt` a component; what has a colon is an id."""
    found: list[str] = []
    for word in only:
        if ":" in word:
            found.append(word)
        elif "/" in word:
            found.append(f"{word}:*")
        else:
            found += [f"*:{word}", f"{word}/*:*", f"*/{word}:*", f"{word}:*"]
    return found


def _checked(
    name: str | Path,
    registry: Registry,
    level: int,
    only: Sequence[str],
    told: Sequence[str],
    step: Callable[[str], None],
) -> Iterator[Result]:
    from genframe.testing import check_plugin

    expected = dict.fromkeys(told, "by --expect")
    for result in check_plugin(name, level=level, expected_failures=expected, only=only, registry=registry):
        step(result.id)
        yield result


@contextmanager
def _progress(plugin: str) -> Iterator[Callable[[str], None]]:
    """On a terminal, the check that was done last; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda check: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(f"checking {plugin}") as line:
        numbers = iter(range(1, sys.maxsize))
        yield lambda check: line.update(f"checking {plugin}: {next(numbers)} done, {escape(check)}")


@contextmanager
def _quiet() -> Iterator[None]:
    """No warning of torch's or numpy's between the lines of the report, unless python -W asks for them.

    A deprecation stays what it was: genframe's own is for the plugin's author.
    """
    with warnings.catch_warnings():
        for category in () if sys.warnoptions else (UserWarning, RuntimeWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _facts(
    done: Mapping[str, list[Result]], statuses: Mapping[str, PluginStatus], level: int
) -> dict[str, Any]:
    every = [result for results in done.values() for result in results]
    sound = all(status.ok for status in statuses.values())
    return {
        "ok": sound and not any(result.outcome in BAD for result in every),
        "level": level,
        "plugins": {
            name: {"state": s.state, "cause": s.cause, "warnings": s.warnings, **_summary(done[name])}
            for name, s in statuses.items()
        },
        "results": [
            {"plugin": name, **asdict(result)} for name, results in done.items() for result in results
        ],
    }


def _summary(results: Sequence[Result]) -> dict[str, Any]:
    counts = Counter(result.outcome for result in results)
    seconds = round(sum(result.seconds for result in results), 3)
    return {**{outcome: counts[outcome] for outcome in OUTCOMES}, "seconds": seconds}


def _print(status: PluginStatus, results: Sequence[Result], verbose: bool) -> None:
    """A plugin: a row a component, then what failed."""
    from genframe.cli.tables import print_table

    whence = f"{status.distribution} {status.version}".strip() or status.source
    api = f", plugin API {status.api or 'not stated'}" if status.ok or status.api else ""
    click.echo(f"{click.style(status.name, bold=True)}  {whence}{api}")
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.id.rpartition(":")[0], []).append(result)
    rows = [
        (head, *_counts(group), f"{sum(r.seconds for r in group):.1f} s") for head, group in groups.items()
    ]
    styles = {n: "red" for n, group in enumerate(groups.values()) if any(r.outcome in BAD for r in group)}
    print_table(("component", "passed", "failed", "skipped", "time"), rows, styles=styles)
    for same in [[result] for result in results] if verbose else _folded(results):
        _print_result(same[0], [result.check for result in same[1:]])
    if not status.ok and (verbose or not any(status.cause in r.message for r in results if r.outcome in BAD)):
        click.echo(f"{click.style(status.state, fg='red')}  {status.cause}\n            {status.place}")
    for warning in status.warnings:
        click.echo(f"{click.style('deprecated', fg='yellow')}  {warning}")
    click.echo()


def _folded(results: Sequence[Result]) -> list[list[Result]]:
    """What went wrong; failures of one component that say the same but for a shape are together, the first first."""
    found: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        if result.outcome in BAD:
            head, _, name = result.id.rpartition(":")
            alike = (_SHAPE.sub("()", result.message),) if result.outcome == "failed" else (name, "")
            found.setdefault((head, *alike), []).append(result)
    return list(found.values())


_SHAPE = re.compile(r"\([\d, ]*\)|\b\d+(?:x\d+)+\b")


def _counts(group: Sequence[Result]) -> tuple[str, str, str]:
    """Passed (as foretold, that is, with the expected failures), failed, skipped; blank for none."""
    good = sum(result.outcome in ("passed", "expected") for result in group)
    bad = sum(result.outcome in BAD for result in group)
    skipped = len(group) - good - bad
    return str(good or ""), str(bad or ""), str(skipped or "")


def _print_result(result: Result, others: Sequence[str] = ()) -> None:
    """A result and its message; `others` are the checks that said the same."""
    outcome = click.style(f"{result.outcome:10}", fg=OUTCOMES[result.outcome])
    click.echo(f"{outcome}  {result.id}  {result.summary}")
    if result.outcome != "passed":
        for line in result.message.splitlines():
            click.echo(f"            {line}")
    if others:
        checks = f"{len(others)} other check{'s' * (len(others) > 1)}"
        click.echo(f"            the same in {checks}: {', '.join(others)}")


def _print_sum(done: Mapping[str, list[Result]]) -> None:
    if not done:
        click.echo("no plugin is installed beside genframe's own; --all checks those")
        return
    summary = _summary([result for results in done.values() for result in results])
    parts = [f"{summary[outcome]} {outcome}" for outcome in OUTCOMES if summary[outcome]]
    bad = any(summary[outcome] for outcome in BAD)
    click.secho(
        f"{', '.join(parts) or 'no checks'} in {summary['seconds']:.1f} s", fg="red" if bad else "green"
    )
