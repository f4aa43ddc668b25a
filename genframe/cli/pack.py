"""`genframe pack RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe pack runs/vae-digits-20260101-120000
  genframe pack runs/vae-digits-20260101-120000 -o digits.genframe --step 4000
  genframe sample vae-digits.genframe -n 64 -o samples.png

\b
The file holds the recipe, the lock, the weights as safetensors, what was measured, and a model card: no pickle, no
optimizer, no data, no folder of this machine. Plugin files of your own go along as text, and run at the other end
only for who says --trust-code. In Python: genframe.load("vae-digits.genframe")."""


@click.command("pack", epilog=EPILOG)
@options.run
@click.option(
    "-o", "target", metavar="FILE", type=click.Path(path_type=Path),
    help="The file to write; else NAME.genframe here.",
)  # fmt: skip
@click.option("--step", metavar="N", type=int, help="Of the checkpoint at this step; else the newest.")
@click.option("--raw", is_flag=True, help="Without the players' averages.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@options.as_json
@options.plugins
def command(
    run: Path,
    target: Path | None,
    step: int | None,
    raw: bool,
    force: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Make one file of a run, to hand on: recipe, lock, weights, model card."""
    found = options.registry(files)
    from genframe.pack import pack

    made = pack(run, target, step=step, raw=raw, force=force, registry=found)
    if json_:
        options.print_json(made.as_dict())
        return
    from genframe.cli.tables import print_table
    from genframe.rendering import print_remarks

    if made.remarks:
        print_remarks(made.remarks)
    print_table(("", ""), [(name, f"{size:,} bytes") for name, size in made.members.items()])
    click.echo(f"\n{made.path}: {made.size:,} bytes, the model after step {made.step}")
    for name in (name for name in made.members if name.startswith("plugins/")):
        click.echo(f"note: {name} goes along as text, and runs elsewhere only where it is trusted", err=True)
