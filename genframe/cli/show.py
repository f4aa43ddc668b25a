"""`genframe show KIND NAME`, and `genframe show FILE.genframe`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genframe.cli import completion, options

EPILOG = """\b
Examples:
  genframe show encoder conv
  genframe show loss elbo
  genframe show encoder mine/conv -p ./mine.py
  genframe show schedule linear --json
  genframe show vae-digits.genframe          what a packed file is and holds

All of it is read from the component's source, without importing it."""


@click.command("show", epilog=EPILOG)
@click.argument("kind", shell_complete=completion.kinds)
@click.argument("name", shell_complete=completion.names, required=False)
@options.as_json
@options.plugins
def command(kind: str, name: str | None, json_: bool, files: tuple[Path, ...]) -> None:
    """Show a component: what it is, its options, where it comes from, and YAML to copy. Or a packed file."""
    from genframe import catalogue

    if name is None:
        _show_packed(kind, json_)
        return

    offer = options.registry(files).find(kind, name)
    facts = catalogue.component(offer)
    if json_:
        options.print_json(facts)
        return
    for note in filter(None, (offer.alias_note(name), offer.deprecation_note())):
        click.echo(f"note: {note}", err=True)
    _print(facts)


def _show_packed(file: str, json_: bool) -> None:
    """A packed file's manifest as JSON, else its model card; none of its code is run."""
    from genframe.packed import CARD, SUFFIX, Packed

    if not file.endswith(SUFFIX) and not Path(file).is_file():
        raise click.UsageError("Missing argument 'NAME'.")
    packed = Packed.open(Path(file))
    if json_:
        options.print_json(packed.manifest)
        return
    text = packed.text(CARD)
    body = text.split("\n---\n", 1)[-1].strip()
    click.echo("".join(letter for letter in body if letter.isprintable() or letter == "\n"))


def _print(facts: dict[str, Any]) -> None:
    from genframe.catalogue import default_text
    from genframe.cli.tables import print_table, say

    say(f"{facts['kind']} {facts['name']}: {facts['summary'] or '(no summary)'}\n")
    if facts["doc"]:
        say(f"{facts['doc']}\n")
    if facts["options"]:
        rows = [(option["name"], option["type"], default_text(option)) for option in facts["options"]]
        print_table(("option", "takes", "default"), rows)
    else:
        click.echo("no options")
    click.echo()
    print_table(("", ""), _facts(facts))
    click.echo(f"\n{facts['snippet']}", nl=False)


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    optional = [f"[{given}]" for given in facts["optional_givens"]]
    source = f"{facts['distribution']} {facts['version']}".strip()
    rows = [
        ("givens", ", ".join([*facts["givens"], *optional])),
        ("needs", ", ".join(facts["needs"])),
        ("formerly", ", ".join(facts["aliases"])),
        ("plugin", f"{facts['plugin']} ({source})" if source else facts["plugin"]),
        ("revision", str(facts["revision"])),
        ("source", f"{facts['file']}:{facts['line']}" if facts["file"] else facts["target"]),
    ]
    return [row for row in rows if row[1]]
