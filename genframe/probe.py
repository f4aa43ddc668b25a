"""Inside the process that plugins are tried in: load them, look around, and report each step before the next.

A report is a line of JSON, written and flushed before anything can happen, so that what a dead process said last
is what it was about to do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TextIO

from genframe.discovery import GROUP
from genframe.loading import load_entry_point, load_file
from genframe.registry import Plugin, PluginStatus

Report = Callable[..., None]


def main(request_file: str) -> None:
    """Do what the request says, and leave at once: what runs at an interpreter's exit is nobody's question here."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    with Path(request["report"]).open("w", encoding="utf-8") as file:

        def report(record: str, **facts: Any) -> None:
            file.write(json.dumps({"record": record, **facts}, default=str) + "\n")
            file.flush()

        TASKS[request["task"]](request["plugins"], report)
        report("end")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def loaded(plugin: Mapping[str, Any], out: TextIO | None = None) -> Plugin:
    """A plugin of a request, loaded as `discover` would load it."""
    if "file" in plugin:
        return load_file(Path(plugin["file"]), out)
    status = PluginStatus(plugin["name"], plugin["value"], "ok", plugin["distribution"], plugin["version"])
    return load_entry_point(EntryPoint(plugin["name"], plugin["value"], GROUP), status, out)


def _load(plugins: list[dict[str, Any]], report: Report) -> None:
    for plugin in plugins:
        report("begin", name=plugin["name"])
        loaded(plugin)


def _examine(plugins: list[dict[str, Any]], report: Report) -> None:
    from genframe.examination import examine

    for plugin in plugins:
        examine(partial(loaded, plugin), report)


TASKS: Mapping[str, Callable[[list[dict[str, Any]], Report], None]] = {"load": _load, "examine": _examine}
