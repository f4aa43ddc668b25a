"""`genframe denoise RUN PICTURE...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe denoise runs/unet-mnist-20260101-120000 scan.png -o restored.png
  genframe denoise runs/unet-mnist-20260101-120000 photo.jpg --noise gaussian:0.3 -o out.png --strip
  genframe denoise runs/unet-mnist-20260101-120000 scans/ -o restored/
  genframe denoise runs/unet-mnist-20260101-120000 a.png --noise '{use: masking, share: 0.5}' -o out.png
  genframe denoise runs/unet-level-mnist-20260101-120000 scan.png --level 0.2 -o out.png

\b
--noise NAME:LEVEL   puts that noise on the picture first, and says how much of it was undone (genframe list noise)
-o out.png           one picture; .png, .jpg, .tif, .webp or .bmp
-o folder            several pictures, or those of a folder, as .png of the same names

The recipe's output `denoise` is called. A picture larger than those trained on is restored in patches that overlap.
Transparency, 16 bits and the colour profile stay; what a camera noted on which side is up is heeded. A picture that
can't be read is told at the end, and the others are done. A picture takes 2 bytes of memory for each value of its
channels, with --noise up to 36 more: 43 GB for 20,000x20,000 in colour, refused where so much is not free."""


@click.command("denoise", epilog=EPILOG)
@options.run
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...", type=click.Path(path_type=Path))
@click.option(
    "-o", "target", metavar="FILE|FOLDER", required=True, type=click.Path(path_type=Path),
    help="The file to write, or the folder for several.",
)  # fmt: skip
@click.option("--noise", metavar="NAME:LEVEL", help="Put this noise on the picture first.")
@click.option("--level", type=float, help="How much noise there is, for a model that is told.")
@click.option("--seed", default=0, show_default=True, help="Of the noise.")
@click.option("--strip", is_flag=True, help="Also write NAME-strip.png: clean, noised, restored.")
@options.titles
@click.option("--huge", is_flag=True, help="Take pictures of more than 178 million pixels.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@options.weights
@options.as_json
@options.plugins
def command(
    run: Path,
    pictures: tuple[Path, ...],
    target: Path,
    noise: str | None,
    level: float | None,
    seed: int,
    strip: bool,
    titles: bool,
    huge: bool,
    force: bool,
    raw: bool,
    step: int | None,
    device: str | None,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Restore pictures by a run."""
    from genframe import denoising
    from genframe.errors import GenframeError, RecipeError

    listed = denoising.tasks(pictures, target, strip=strip, force=force)
    model = options.model(run, raw=raw, step=step, device=device, files=files)
    denoiser = denoising.Denoiser(model, noise, level, seed, huge, titles)
    done: list[dict[str, Any]] = []
    failed: list[GenframeError] = []
    for place, task in enumerate(listed):
        with _bar(f"{place + 1}/{len(listed)} {task.source.name}", json_) as bar:
            try:
                done.append(denoiser.run(task, lambda share, bar=bar: _move(bar, share)))  # type: ignore[misc]
            except GenframeError as error:
                failed.append(error)
                continue
        if not json_:
            click.echo(_line(done[-1]))
    problems = [problem for error in failed for problem in error.problems]
    if json_:
        told = [{"code": problem.code, "message": problem.message} for problem in problems]
        options.print_json({"pictures": done, "failed": told})
    if len(listed) == 1 and failed:
        raise failed[0]
    if problems:
        click.echo(f"{len(done)} of {len(listed)} pictures were restored", err=True)
        raise RecipeError(*problems)


def _bar(label: str, quiet: bool) -> Any:
    """A bar on a terminal; elsewhere nothing, as a line for each picture is printed anyway."""
    shown = sys.stderr.isatty() and not quiet
    return click.progressbar(length=1000, label=label, file=sys.stderr, hidden=not shown)


def _move(bar: Any, share: float) -> None:
    bar.update(round(1000 * share) - bar.pos)


def _line(report: dict[str, Any]) -> str:
    told = f"{report['target']}: {report['width']}x{report['height']} {report['mode']}"
    if "psnr" in report:
        told += f", {report['noise']}, PSNR {report['psnr_noised']:.2f} -> {report['psnr']:.2f} dB"
    return "; ".join([told, *report["remarks"]])
