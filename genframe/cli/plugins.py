"""`genframe plugins`, and `genframe plugins list`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options
from genframe.cli.verbs import Verbs

# Verb -> what the help says of it. `genframe.cli.plugins_VERB` holds the command, but for `list`, which stands here.
TABLE = {
    "list": "List the plugins: state, version, what they offer.",
    "new": "Write the project of a new plugin.",
    "check": "Run the conformance kit on plugins.",
    "doctor": "Load each plugin in a process of its own, and say what it does there.",
}

EPILOG = """\b
Examples:
  genframe plugins list
  genframe plugins new genframe-salt --kind noise
  genframe plugins check salt
  genframe plugins doctor salt"""

LIST_EPILOG = """\b
Examples:
  genframe plugins list
  genframe plugins list --json
  genframe --no-plugins plugins list
  genframe --no-plugins=wandb plugins list

A plugin that is broken costs nobody anything until a recipe uses it."""

_STYLES = {"ok": "", "blocked": "dim"}


@click.group("plugins", cls=Verbs, table=TABLE, module="genframe.cli.plugins_{}", epilog=EPILOG)
def command() -> None:
    """List, write, check and examine plugins."""


@command.command("list", epilog=LIST_EPILOG)
@options.as_json
@options.plugins
def listing(json_: bool, files: tuple[Path, ...]) -> None:
    """List the plugins: state, version, what they offer, how long they took to load; why not, where they didn't."""
    from genframe import catalogue
    from genframe.cli.tables import print_table

    rows = catalogue.plugins(options.registry(files))
    if json_:
        options.print_json(rows)
        return
    cells = [
        (
            row["name"],
            row["state"],
            f"{row['distribution']} {row['version']}".strip() or row["source"],
            str(row["api"] or ""),
            f"{row['milliseconds']:.1f} ms",
            ", ".join(f"{count} {kind}" for kind, count in row["offers"].items()),
        )
        for row in rows
    ]
    styles = {number: _STYLES.get(row["state"], "red") for number, row in enumerate(rows)}
    print_table(("plugin", "state", "from", "api", "load", "offers"), cells, styles=styles)
    for row in rows:
        if row["cause"]:
            click.echo(f"\n{row['name']} is {row['state']}: {row['cause']}\n  {row['source']}")
