"""`genframe export RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe export runs/vae-digits-20260101-120000 --what sample -o sample.onnx
  genframe export runs/vae-digits-20260101-120000 --what encode -o encode.onnx
  genframe export runs/unet-mnist-20260101-120000 --what denoise --to torch.export -o denoise.pt2

\b
sample        takes the noise: the graph is `decode`, and its input z a draw of p(z), which the metadata describe
decode        takes a code, and the class of a conditional model
encode        gives what the recipe's output does: of a VAE the mean of q(z|x)
reconstruct, denoise, or any other output of the recipe that takes and gives tensors and draws nothing

The batch may be of any size. The weights are the players' averages where the recipe keeps some; --raw takes the
weights themselves. The file is run on fresh inputs, of batches of 1 and 7, and compared with the model before it is put
in place: by onnxruntime, or torch.export.load. What goes in, its shape, its range, the recipe's digest and the step
stand in the metadata: `genframe.*` of an ONNX file, the extra file genframe.json of the other.

ONNX needs: pip install 'genframe[onnx]' onnxruntime"""


@click.command("export", epilog=EPILOG)
@options.run
@click.option("--what", metavar="OUTPUT", default="sample", show_default=True, help="sample, or an output.")
@click.option(
    "--to", type=click.Choice(["onnx", "torch.export"]),
    help="The form; by default what FILE's name says: .onnx, .pt2.",
)  # fmt: skip
@click.option(
    "-o", "target", metavar="FILE", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--unchecked", is_flag=True, help="Do not run the file: where onnxruntime is not installed.")
@options.weights
@options.as_json
@options.plugins
def command(
    run: Path,
    what: str,
    to: str | None,
    target: Path,
    force: bool,
    unchecked: bool,
    raw: bool,
    step: int | None,
    device: str | None,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Write an output as a graph that serves elsewhere."""
    if device not in (None, "cpu"):
        raise click.UsageError("a graph is traced on the CPU, and runs anywhere: leave out --device")
    form = to or {".onnx": "onnx", ".pt2": "torch.export"}.get(target.suffix)
    if form is None:
        raise click.UsageError(f"the name {target.name!r} says no form: end it in .onnx or .pt2, or add --to")
    model = options.model(run, raw=raw, step=step, device="cpu", files=files)
    made = model.export(what, target, form, unchecked=unchecked, force=force)
    if json_:
        options.print_json(
            {**made.metadata, "path": str(made.path), "to": made.to, "difference": made.difference}
        )
        return
    taken = ", ".join(
        f"{each['name']} ({', '.join(map(str, each['shape']))})" for each in made.metadata["inputs"]
    )
    checked = "not checked" if made.difference is None else f"differs by {made.difference:.1e} at most"
    click.echo(f"{target}: {what} of {taken}, {made.bytes / 1e6:.1f} MB, {checked}, after step {model.step}")
