"""`genframe doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe doctor
  genframe doctor --json

The exit code is 1 when something is broken."""


@click.command("doctor", epilog=EPILOG)
@options.as_json
@options.plugins
def command(json_: bool, files: tuple[Path, ...]) -> None:
    """Check versions, devices, process settings, plugins and folders."""
    from genframe import health

    facts = health.report(options.registry(files))
    if json_:
        options.print_json(facts)
    else:
        _print(facts)
    if not facts["ok"]:
        raise SystemExit(1)


def _print(facts: dict[str, Any]) -> None:
    from genframe.cli.tables import print_table

    versions = [(name, text or "missing") for name, text in facts["versions"].items()]
    print_table(("", ""), [*versions, ("platform", facts["platform"])], title="versions")
    print_table(("", "", "", ""), [_device(device) for device in facts["devices"]], title="devices")
    threads = facts["threads"]
    settings = [(name, "yes" if made else "not here") for name, made in facts["settings"].items()]
    rows = [("threads", f"{threads['torch']} of {threads['processors']} processors"), *settings]
    print_table(("", ""), rows, title="process")
    plugins = [(p["name"], p["state"], f"{p['distribution']} {p['version']}") for p in facts["plugins"]]
    styles = {n: "red" for n, p in enumerate(facts["plugins"]) if p["state"] not in ("ok", "blocked")}
    print_table(("", "", ""), plugins, title="plugins", styles=styles)
    folders = [(f["for"], f["path"], f["fault"] or f"{_size(f['free'])} free") for f in facts["folders"]]
    print_table(("", "", ""), folders, title="folders")
    for problem in facts["problems"]:
        click.secho(f"broken: {problem}", fg="red")
    if facts["ok"]:
        click.secho("nothing is broken", fg="green")


def _device(device: dict[str, Any]) -> tuple[str, str, str, str]:
    state = device["fault"] or ("fast bf16" if device["bf16"] else "")
    return device["name"], device["model"], _size(device["memory"]), state


def _size(count: int | None) -> str:
    return f"{count / 2**30:,.1f} GiB" if count is not None else "?"
