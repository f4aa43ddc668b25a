"""`genframe schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe schema -o genframe.schema.json
  genframe schema -p ./my_parts.py -o genframe.schema.json

\b
An editor with a YAML language server completes and checks a recipe that starts with the line
  # yaml-language-server: $schema=genframe.schema.json"""


@click.command("schema", epilog=EPILOG)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write; else it is printed."
)
@options.plugins
def command(output: Path | None, files: tuple[Path, ...]) -> None:
    """Write the JSON Schema of recipes, with every component that is installed."""
    from genframe import durable
    from genframe.recipe.schema import json_schema

    text = json.dumps(json_schema(options.registry(files)), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    with durable.reported(output.name, output.parent):
        durable.write_bytes(output, text.encode())
    click.echo(f"{output}")
