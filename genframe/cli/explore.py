"""`genframe explore RUN`."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe explore runs/vae-digits-20260101-120000
  genframe explore runs/vae-digits-20260101-120000 runs/vae-2d-manifold-20260101-130000
  genframe explore mine.genframe --port 8600 --no-browser

\b
A page of this machine alone (127.0.0.1, a token in its address) to play with the model: latents under sliders, the
principal axes of q(z) first, their map under the mouse, a digit drawn by hand and its reconstruction, noise put on and
taken off step by step, the way between two pictures, samples by seed. Several runs stand side by side under the same
controls. What the outputs of a recipe don't allow is left out, and why is said. Ctrl-C ends it."""


@click.command("explore", epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port to serve at; else any that is free."
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@options.weights
@options.plugins
def command(
    runs: tuple[Path, ...],
    port: int,
    no_browser: bool,
    raw: bool,
    step: int | None,
    device: str | None,
    files: tuple[Path, ...],
) -> None:
    """Play with a model in the browser."""
    if len(runs) > MOST:
        raise click.UsageError(f"{len(runs)} runs don't fit side by side: {MOST} at most")
    from genframe.explorer import server
    from genframe.explorer.explored import Explored

    def opened(address: str) -> None:
        click.echo(f"{address}\nCtrl-C ends it.")
        sys.stdout.flush()
        if not no_browser:  # in a thread, as some wait until the browser is shut
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with server.bound(port) as listening:  # first, as a model may take long to load
        models = [
            Explored(options.model(run, raw=raw, step=step, device=device, files=files), run.resolve().name)
            for run in runs
        ]
        server.serve(models, listening, opened)
    click.echo("ended")


MOST = 4
"""Runs side by side."""
