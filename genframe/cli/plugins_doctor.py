"""`genframe plugins doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genframe.cli import completion, options

EPILOG = """\b
Examples:
  genframe plugins doctor
  genframe plugins doctor salt
  genframe plugins doctor -p ./my_parts.py --json
  genframe plugins doctor slow-one --timeout 300

Each plugin is loaded in a process of its own, so that one which crashes, exits or hangs is reported like any other;
what --no-plugins keeps out is examined too. A plugin that passes here is loaded again by the other verbs.
The exit code is 3 when something is broken."""

_COLOURS = {"error": "red", "warning": "yellow", "remark": "bright_black"}


@click.command("doctor", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.plugins)
@click.option("--all", "everything", is_flag=True, help="genframe's own plugins too.")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0.1), default=60.0, show_default=True,
    help="For each plugin.",
)  # fmt: skip
@options.as_json
@options.plugins
def command(
    names: tuple[str, ...], everything: bool, timeout: float, json_: bool, files: tuple[Path, ...]
) -> None:
    """Load each plugin in a process of its own, and say what it does there."""
    from genframe import plugin_doctor

    some = plugin_doctor.subjects(names, files, everything)
    reports: list[dict[str, Any]] = []
    for report in plugin_doctor.examine(some, timeout):
        reports.append(report)
        if not json_:
            _print(report)
    if json_:
        options.print_json(sorted(reports, key=lambda report: str(report["name"])))
    elif not reports:
        from genframe.cli.tables import say

        say("no plugin is installed beside genframe's own; --all examines those")
    else:
        _print_sum(reports)
    if not all(report["ok"] for report in reports):
        raise SystemExit(3)


def _print(report: dict[str, Any]) -> None:
    """One plugin: a heading, what it offers, and what was found, the worst first."""
    from genframe.cli.tables import count

    state = "sound" if report["ok"] else "faulty" if report["state"] == "ok" else report["state"]
    name = click.style(report["name"], bold=True)
    whence = f"{report['distribution']} {report['version']}".strip() or report["source"]
    click.echo(f"{name}  {click.style(state, fg='green' if report['ok'] else 'red')}  {whence}")
    if report["state"] == "ok":
        rows = [*((row["kind"], row["name"]) for row in report["components"])]
        rows += [("recipe", name) for name in report["recipes"]]
        parts = [
            f"{kind} {', '.join(name for other, name in rows if other == kind)}"
            for kind in dict.fromkeys(kind for kind, _ in rows)
        ]
        offers = (
            count(len(report["components"]), "component") + ", " + count(len(report["recipes"]), "recipe")
        )
        click.echo(f"  API {report['api']}, declared in {report['milliseconds']:.1f} ms: {offers}")
        click.echo(f"  {'; '.join(parts)}" if parts else "  nothing")
    if report.get("packages"):
        click.echo(f"  imports {', '.join(report['packages'])} when it is declared")
    for severity, colour in _COLOURS.items():
        for finding in report["findings"]:
            if finding["severity"] == severity:
                _print_finding(finding, colour)
    if report.get("death") and report["last_words"]:
        click.echo("  the last it said:")
        click.echo("".join(f"    {line}\n" for line in report["last_words"].splitlines()), nl=False)


def _print_finding(finding: dict[str, Any], colour: str) -> None:
    click.echo(f"  {click.style(finding['severity'], fg=colour)}: {finding['what']}")
    if finding["place"]:
        click.echo(f"    at {finding['place']}")
    if finding["command"]:
        click.echo(f"    {finding['command']}")


def _print_sum(reports: list[dict[str, Any]]) -> None:
    from genframe.cli.tables import count

    bad = sum(not report["ok"] for report in reports)
    told = f"{bad} of {count(len(reports), 'plugin')} not in order" if bad else "nothing is broken"
    click.secho(told, fg="red" if bad else "green")
