"""`genframe fit-sampler RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options
from genframe.cli.working import working

EPILOG = """\b
Examples:
  genframe fit-sampler runs/vae-digits-20260101-120000 --use gmm
  genframe fit-sampler runs/vae-digits-20260101-120000 --use mixture --name many components=50
  genframe fit-sampler runs/vae-digits-20260101-120000 --use flow couplings=12 epochs=200
  genframe fit-sampler runs/vae-digits-20260101-120000 --use flow --name spread 'given={encode: draw_code}'
  genframe sample runs/vae-digits-20260101-120000 --sampler spread -o spread.png

\b
mixture           a Gaussian mixture over the codes (gmm)
flow              a RealNVP over the codes
neighbours        codes between nearest neighbours, or a kernel density (kind=around)
two-stage         a second VAE, over sampled codes
resampled         a Gaussian, accepted or rejected by a learned function
latent-langevin   Langevin dynamics on an energy over codes

The fit, to the training data, is stored in the run's samplers/; weights that are trained on are fitted anew when they
are drawn from. `genframe audit RUN` says whether the prior needs any of this."""


@click.command("fit-sampler", epilog=EPILOG)
@options.run
@click.argument("settings", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--use", metavar="SAMPLER", required=True, help="Which (genframe list sampler).")
@click.option("--name", metavar="NAME", help="What to call it; else as the sampler.")
@options.weights
@options.plugins
def command(
    run: Path,
    settings: tuple[str, ...],
    use: str,
    name: str | None,
    raw: bool,
    step: int | None,
    device: str | None,
    files: tuple[Path, ...],
) -> None:
    """Fit a sampler to the codes of the training data, and keep it beside the run."""
    block = [f"use: {use}"]
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{setting!r} is not KEY=VALUE", param_hint="[KEY=VALUE]...")
        block.append(f"{key.strip()}: {value}")
    model = options.model(run, raw=raw, step=step, device=device, files=files)
    called = name or use.rpartition("/")[2]
    with working(f"fitting {called}"):
        file = model.fit_sampler(
            "\n".join(block) if settings else use, name, tell=lambda text: click.echo(text, err=True)
        )
    click.echo(f"{run / file}\ngenframe sample {run} --sampler {called} -o samples.png")
