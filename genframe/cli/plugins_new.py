"""`genframe plugins new DISTRIBUTION --kind KIND`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import completion, options
from genframe.kinds import KINDS

EPILOG = f"""\b
Examples:
  genframe plugins new genframe-salt --kind noise
  genframe plugins new genframe-vq --kind encoder --kind loss --author "Ada Lovelace"
  genframe plugins new genframe-salt --kind noise --into ~/code --json

\b
Kinds: {", ".join([*KINDS][:8])},
       {", ".join([*KINDS][8:])}

The project is complete: it installs, passes its tests, trains its recipe and builds. What follows `genframe-` is the
plugin's name, which owns its components: a recipe says `use: salt/salt`."""


@click.command("new", epilog=EPILOG)
@click.argument("distribution", metavar="genframe-NAME")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", shell_complete=completion.kinds,
    help="What it offers: a component of this kind; may be given several times.",
)  # fmt: skip
@click.option(
    "--into", metavar="DIR", default=".", type=click.Path(path_type=Path),
    help="Where the project's folder is made; else the working directory.",
)  # fmt: skip
@click.option("--author", metavar="NAME", default="", help="For pyproject.toml and LICENSE.")
@options.as_json
def command(distribution: str, kinds: tuple[str, ...], into: Path, author: str, json_: bool) -> None:
    """Write the project of a new plugin: package, component, recipe, tests, CI."""
    from genframe.scaffold import create

    project = create(distribution, kinds, into, author)
    if json_:
        options.print_json(project.as_dict())
        return
    click.echo(f"{project.folder}: the plugin {project.plugin!r} with {', '.join(project.components)}\n")
    for file in project.files:
        click.echo(f"  {file}")
    click.echo("\nNext:\n")
    for line in project.next:
        click.echo(f"  {line}")
