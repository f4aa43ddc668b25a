"""`genframe list [KIND]`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click

from genframe.cli import completion, options

EPILOG = """\b
Examples:
  genframe list
  genframe list encoder
  genframe list --plugin vae
  genframe list loss --json

A recipe writes first-party components by their bare names (conv), those of other plugins by their owned
names (mine/conv) or, once the plugin stands under its `plugins:`, by their bare ones.
genframe show KIND NAME tells more of one."""


@click.command("list", epilog=EPILOG)
@click.argument("kind", required=False, shell_complete=completion.kinds)
@click.option(
    "--plugin", "owner", metavar="NAME", shell_complete=completion.plugins, help="Only this plugin's."
)
@options.as_json
@options.plugins
def command(kind: str | None, owner: str | None, json_: bool, files: tuple[Path, ...]) -> None:
    """List the components that are installed, by kind."""
    from genframe import catalogue
    from genframe.cli.tables import print_table

    rows = catalogue.components(options.registry(files), kind, owner)
    if json_:
        options.print_json(rows)
        return
    for number, (name, group) in enumerate(groupby(rows, key=lambda row: str(row["kind"]))):
        if number:
            click.echo()
        print_table(("", ""), [(row["name"], row["summary"]) for row in group], title=name)
    if not rows:
        click.echo("nothing of that kind is installed")
