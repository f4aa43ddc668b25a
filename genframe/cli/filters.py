"""`genframe filters RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe filters runs/deep-mnist-20260101-120000 -o filters.png
  genframe filters runs/unet-digits-20260101-120000 --component decoder -o filters.png

Grey is a weight of 0; each filter has a scale of its own."""


@click.command("filters", epilog=EPILOG)
@click.option("--component", metavar="NAME", help="Of this component; else of the first that has filters.")
@options.target
@options.titles
@options.opening
def command(
    opening: options.Opening,
    component: str | None,
    target: Path,
    force: bool,
    titles: bool,
) -> None:
    """Draw the filters of a first layer."""
    from genframe import exports

    exports.check_target(target, force)
    model = opening.model()
    name = exports.filters(model, target, component, titles)
    click.echo(f"{target}: the first layer of {name}, after step {model.step}")
