"""`genframe plugins`, and `genframe plugins list`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genframe.cli import options
from genframe.cli.verbs import Verbs

# Verb -> what the help says of it. `genframe.cli.plugins_VERB` holds the command, but for `list`, which stands here.
TABLE = {
    "list": "List the plugins: state, version, what they offer.",
    "new": "Write the project of a new plugin.",
    "check": "Run the conformance kit on plugins.",
    "doctor": "Load each plugin in a process of its own, and say what it does there.",
}

EPILOG = """\b
Examples:
  genframe plugins list
  genframe plugins new genframe-salt --kind noise
  genframe plugins check salt
  genframe plugins doctor salt"""

LIST_EPILOG = """\b
Examples:
  genframe plugins list
  genframe plugins list --broken
  genframe plugins list --hook genframe_noises --json
  genframe plugins list --requirements runs/vae-digits-20260101-120000 > requirements.txt
  genframe --no-plugins plugins list
  genframe --no-plugins=wandb plugins list

A plugin that is broken costs nobody anything until a recipe uses it."""

_STYLES = {"ok": "", "blocked": "dim"}
_SOUND = ("ok", "blocked")


@click.group("plugins", cls=Verbs, table=TABLE, module="genframe.cli.plugins_{}", epilog=EPILOG)
def command() -> None:
    """List, write, check and examine plugins."""


@command.command("list", epilog=LIST_EPILOG)
@click.option("--broken", is_flag=True, help="Only those that can't be used.")
@click.option("--hook", metavar="HOOK", help="Only those that implement this hook, such as genframe_noises.")
@click.option(
    "--requirements", "run", metavar="RUN", type=click.Path(path_type=Path),
    help="Print the pip pins of this run, folder or packed file, instead.",
)  # fmt: skip
@options.as_json
@options.plugins
def listing(broken: bool, hook: str | None, run: Path | None, json_: bool, files: tuple[Path, ...]) -> None:
    """List the plugins: state, version, what they offer, how long they took to load; why not, where they didn't."""
    if run is not None:
        _print_requirements(run, json_)
        return
    from genframe import catalogue

    if hook is not None:
        _require_hook(hook)
    rows = catalogue.plugins(options.registry(files))
    rows = [r for r in rows if not broken or r["state"] not in _SOUND]
    rows = [r for r in rows if hook is None or hook in r["hooks"]]
    if json_:
        options.print_json(rows)
        return
    _print(rows)


def _require_hook(hook: str) -> None:
    from genframe.kinds import KINDS

    known = [*(kind.hook for kind in KINDS.values()), "genframe_recipes"]
    if hook not in known:
        from genframe.errors import nearest

        near = nearest(f"genframe_{hook.removeprefix('genframe_')}", known)
        hint = f" Did you mean {near!r}?" if near else f" There are {', '.join(known)}."
        raise click.BadParameter(f"there is no hook {hook!r}.{hint}", param_hint="--hook")


def _print_requirements(run: Path, json_: bool) -> None:
    from genframe.requirements import pins
    from genframe.stored import lock_of

    lines = pins(lock_of(run).facts)
    if json_:
        options.print_json(lines)
        return
    for line in lines:
        click.echo(line)


def _print(rows: list[dict[str, Any]]) -> None:
    """A table; then what is wrong, and what can be done."""
    from genframe.cli.tables import print_table

    cells = [
        (
            row["name"],
            row["state"],
            f"{row['distribution']} {row['version']}".strip() or row["source"],
            str(row["api"] or ""),
            f"{row['milliseconds']:.1f} ms",
            _offered(row),
        )
        for row in rows
    ]
    styles = {number: _STYLES.get(row["state"], "red") for number, row in enumerate(rows)}
    print_table(("plugin", "state", "from", "api", "load", "offers"), cells, styles=styles)
    for row in rows:
        _print_cause(row)
        for package in row["imported"]:
            click.echo(
                f"\n{row['name']}: declaring it imports {package}, which every start of genframe waits for"
            )
        for warning in row["warnings"]:
            click.echo(f"\n{row['name']}: {warning}")


def _offered(row: dict[str, Any]) -> str:
    """Each hook with the names that it gave: `encoders conv, mlp`."""
    from genframe.kinds import KINDS

    kinds = {kind.hook: kind.name for kind in KINDS.values()}
    parts = []
    for hook in row["hooks"]:
        names = [c["name"] for c in row["components"] if c["kind"] == kinds.get(hook)]
        names = names if hook in kinds else row["recipes"]
        parts.append(f"{hook.removeprefix('genframe_')} {', '.join(names)}".strip())
    return "; ".join(parts)


def _print_cause(row: dict[str, Any]) -> None:
    if not row["cause"]:
        return
    from genframe.registry import condition

    click.echo(f"\n{row['name']} is {condition(row['state'])}: {row['cause']}")
    if at := row["place"] or (row["source"] if row["source"].endswith(".py") else ""):  # not a module's name
        click.echo(f"  at {at}")
    for command in row["remedies"]:
        click.echo(f"  {command}")
