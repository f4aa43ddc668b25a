"""`genframe audit RUN`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genframe.cli import options
from genframe.cli.tables import print_table, say
from genframe.cli.working import working

if TYPE_CHECKING:
    from genframe.audit import Audit

EPILOG = """\b
Examples:
  genframe audit runs/vae-digits-20260101-120000
  genframe audit runs/vae-digits-20260101-120000 --sampler mixture --sampler flow
  genframe audit runs/vae-digits-20260101-120000 --json --out audit/
  genframe audit runs/ladder-20260101-120000 --posterior q_top --prior p_top

\b
holds       at most 5 % of prior draws fall where q(z) has no mass (below the 1 % quantile of log q(z) of held-out
            codes), at most 5 % of codes where p(z) has none, and a classifier's AUC may be as low as 0.60
nearly      at most 25 % of either, and an AUC of at most 0.75
collapsed   no active unit, and a rate below 0.01 nats a dimension

q(z) is the mean of q(z|x) over all training data, summed exactly: of a posterior that is inverted (planar, IAF) that
takes long, and fewer --samples less. Figures and pictures go into the run's audit/, or
into --out. What an audit finds lacking `genframe fit-sampler` may repair."""


@click.command("audit", epilog=EPILOG)
@options.run
@click.option(
    "--samples",
    default=2000,
    show_default=True,
    type=click.IntRange(min=100),
    help="Codes and prior draws to compare.",
)
@click.option(
    "--sampler",
    "samplers",
    metavar="NAME",
    multiple=True,
    default=("mixture",),
    show_default=True,
    help="Measure its draws too; may be given several times, or as none.",
)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    default=("two-sample",),
    show_default=True,
    help="Of draws against data; may be given several times, or as none.",
)
@click.option(
    "--posterior", metavar="WIRE", default="q_z", show_default=True, help="The wire that is q(z|x)."
)
@click.option("--prior", metavar="WIRE", default="p_z", show_default=True, help="The wire that is p(z).")
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where figures and pictures go; else into RUN/audit.",
)
@click.option("--dimensions", is_flag=True, help="Print a row for each dimension too.")
@options.weights
@options.as_json
@options.plugins
def command(
    run: Path,
    samples: int,
    samplers: tuple[str, ...],
    metrics: tuple[str, ...],
    posterior: str,
    prior: str,
    out: Path | None,
    dimensions: bool,
    raw: bool,
    step: int | None,
    device: str | None,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Say whether the prior holds: the codes of the data beside draws of p(z), in figures, pictures and words."""
    from genframe import audit
    from genframe.packed import is_packed

    if out is None and is_packed(run):
        raise click.UsageError(
            "a packed file stays as it is: say where figures and pictures go, --out FOLDER"
        )
    model = options.model(run, raw=raw, step=step, device=device, files=files)
    with working("the audit", shown=not json_ and sys.stderr.isatty()) as work:
        found = audit.audit(
            model,
            samples=samples,
            posterior=posterior,
            prior=prior,
            samplers=_names(samplers),
            metrics=_names(metrics),
            tell=work.tell,
        )
    written = audit.write(found, out if out is not None else run / "audit")
    if json_:
        options.print_json(found.as_json())
        return
    _print(found, dimensions)
    say(f"\nwritten to {written[0].parent}: {', '.join(path.name for path in written)}")


def _names(given: tuple[str, ...]) -> list[str]:
    return [name for name in given if name != "none"]


def _print(found: Audit, dimensions: bool) -> None:
    from genframe.verdict import MEANINGS

    rows = [
        (name, _shown(found, name), meaning) for name, meaning in MEANINGS.items() if name in found.figures
    ]
    rows += [(name, f"{value:.4g}", "") for name, value in found.figures.items() if "[" in name]
    print_table(("figure", "value", "meaning"), rows)
    if dimensions:
        names = list(dict.fromkeys(name for row in found.dimensions for name in row))
        table = [
            (str(j), *(f"{row.get(name, float('nan')):.3f}" for name in names))
            for j, row in enumerate(found.dimensions)
        ]
        say()
        print_table(("dimension", *names), table)
    protocol = found.protocol
    say(
        f"\nq(z) of {protocol['examples']:,} examples, {protocol['held_out']:,} held out ({protocol['held_out_split']} "
        f"split), {protocol['samples']:,} codes, step {protocol['step']}, seed {protocol['seed']}"
    )
    for remark in found.remarks:
        say(f"remark: {remark}")
    say(f"\nverdict: {found.holds}")
    for statement in found.statements:
        say(f"- {statement.text}.\n  ({statement.because})")


def _shown(found: Audit, name: str) -> str:
    value = f"{found.figures[name]:.4g}"
    if name == "auc":
        return f"{value} ({found.figures['auc_low']:.3f} to {found.figures['auc_high']:.3f})"
    return f"{value} ± {found.errors[name]:.2g}" if name in found.errors else value
