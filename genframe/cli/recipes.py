"""`genframe recipes list | cat | copy | diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import completion, options
from genframe.cli.verbs import Verbs

if TYPE_CHECKING:
    from genframe.recipe.sources import Source
    from genframe.registry import Registry

EPILOG = """\b
Examples:
  genframe recipes list
  genframe recipes cat vae/digits
  genframe recipes copy vae/digits my.yaml"""

LIST_EPILOG = """\b
Examples:
  genframe recipes list
  genframe recipes list --json"""

CAT_EPILOG = """\b
Examples:
  genframe recipes cat vae/digits
  genframe recipes cat vae                       a pipeline
  genframe recipes cat my.yaml --resolved        merged, by full names, every default in"""

COPY_EPILOG = """\b
Examples:
  genframe recipes copy vae/digits my.yaml
  genframe recipes copy gan/ring experiments/    into a folder, as ring.yaml"""

DIFF_EPILOG = """\b
Examples:
  genframe recipes diff vae/digits vae/mnist
  genframe recipes diff vae/digits my.yaml --json
  genframe recipes diff runs/one/resolved.yaml runs/two/resolved.yaml

Compared is what the recipes mean: merged onto their pipelines, with every default. Two that differ only in how
they are written do not differ. The exit code is 0 either way."""


@click.group("recipes", cls=Verbs, epilog=EPILOG)
def command() -> None:
    """List, print, copy and compare recipes. A recipe is a file, or the name of one that a plugin ships."""


@command.command("list", epilog=LIST_EPILOG)
@options.as_json
def listing(json_: bool) -> None:
    """List the recipes that are installed, and the pipelines that they stand on."""
    from genframe import catalogue
    from genframe.cli.tables import print_table

    rows = catalogue.recipes(options.registry(()))
    if json_:
        options.print_json(rows)
        return
    for pipeline, title in ((True, "pipelines (a recipe's `pipeline:`)"), (False, "recipes")):
        cells = [(row["name"], row["summary"]) for row in rows if row["pipeline"] == pipeline]
        print_table(("", ""), cells, title=title)


@command.command("cat", epilog=CAT_EPILOG)
@click.argument("name", shell_complete=completion.recipes)
@click.option("--resolved", is_flag=True, help="Merged onto its bases, by full names, with every default.")
@options.plugins
def cat(name: str, resolved: bool, files: tuple[Path, ...]) -> None:
    """Print a recipe or a pipeline: as it is written, or as it is understood."""
    registry = options.registry(files)
    if not resolved:
        click.echo(_source(name, registry).text, nl=False)
        return
    from genframe.recipe import load_recipe
    from genframe.recipe.resolve import resolved_yaml

    click.echo(resolved_yaml(load_recipe(name, registry=registry)), nl=False)


@command.command("copy", epilog=COPY_EPILOG)
@click.argument("name", shell_complete=completion.recipes)
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
def copy(name: str, destination: Path) -> None:
    """Copy a recipe or a pipeline to a file of yours. Nothing is overwritten."""
    source = _source(name, options.registry(()))
    target = destination / f"{source.stem}.yaml" if destination.is_dir() else destination
    _write_new(target, source.text)
    click.echo(f"{target}")
    for text in _relative_paths(source):
        click.echo(f"note: {text!r} in it is looked for beside the copy now", err=True)


@command.command("diff", epilog=DIFF_EPILOG)
@click.argument("before", metavar="A", shell_complete=completion.recipes)
@click.argument("after", metavar="B", shell_complete=completion.recipes)
@options.as_json
@options.plugins
def diff(before: str, after: str, json_: bool, files: tuple[Path, ...]) -> None:
    """Compare two recipes by what they mean, path by path."""
    from genframe.recipe import load_recipe
    from genframe.recipe.differences import ABSENT, differences

    registry = options.registry(files)
    found = differences(load_recipe(before, registry=registry), load_recipe(after, registry=registry))
    if json_:
        options.print_json([difference.as_dict() for difference in found])
        return
    width = max((len(difference.path) for difference in found), default=0)
    for difference in found:
        old, new = _text(difference.before), _text(difference.after)
        if difference.before is ABSENT:
            click.echo(f"+ {difference.path:<{width}}  {new}")
        elif difference.after is ABSENT:
            click.echo(f"- {difference.path:<{width}}  {old}")
        else:
            click.echo(f"  {difference.path:<{width}}  {old} -> {new}")
    if not found:
        click.echo("no difference")


def _text(value: Any) -> str:
    from genframe.recipe.words import shown

    return shown(value, 200)


def _source(name: str, registry: Registry) -> Source:
    """A recipe's text, or a pipeline's. Raises RecipeError or LookupProblem."""
    from genframe.errors import Mark
    from genframe.recipe.sources import SUFFIXES, read_source
    from genframe.registry import LookupProblem

    cited = Mark(name, 1, 1)
    if name.endswith(SUFFIXES):
        return read_source(Path(name), cited)
    try:
        found = registry.find_recipe(name)
    except LookupProblem as problem:
        try:
            found = registry.find_recipe(name, pipeline=True)
        except LookupProblem:
            raise problem from None
    return read_source(found.path, cited)


def _write_new(target: Path, text: str) -> None:
    from genframe.errors import Problem, RecipeError

    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        message = f"{target} is there already, and nothing is overwritten"
        raise RecipeError(Problem("GF801", message)) from None
    except OSError as error:
        message = f"{target} can't be written: {error.strerror or error}"
        raise RecipeError(Problem("GF802", message)) from error


def _relative_paths(source: Source) -> list[str]:
    """The base and the plugin files that a recipe names relative to itself."""
    from genframe.recipe.load import load
    from genframe.recipe.sources import SUFFIXES

    written = load(source.text, source.file).plain()
    named = [written.get("extends"), *(written.get("plugins") or [])]
    return [text for text in named if isinstance(text, str) and text.endswith((*SUFFIXES, ".py"))]
