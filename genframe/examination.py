"""Looking at one plugin, inside a process of its own: declare it, read its signatures, import its targets."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from time import perf_counter
from typing import Any, TextIO

from genframe import places, process_state
from genframe.errors import PluginError
from genframe.registry import Offer, Plugin
from genframe.signature import SignatureError

Report = Callable[..., None]
_OWN = ("genframe", "genframe_plugins", "genframe_recipes")


def examine(load: Callable[[TextIO], Plugin], report: Report) -> None:
    """Report a plugin's declaration, then each component, then what importing them changed."""
    report("begin", stage="it is declared")
    plugin = _declare(load, report)
    for offer in plugin.offers:
        report("signature", kind=offer.kind, name=offer.name, **_signature(offer))
    if plugin.offers:
        _import_targets(plugin, report)


def _declare(load: Callable[[TextIO], Plugin], report: Report) -> Plugin:
    printed = io.StringIO()
    modules, before = set(sys.modules), _look()
    plugin = load(printed)
    after = _look()
    status = asdict(plugin.status)
    report(
        "declared",
        **status,
        components=[_facts(offer) for offer in plugin.offers],
        recipes=[recipe.written for recipe in plugin.recipes],
        printed=printed.getvalue(),
        packages=_packages(modules),
        **_left(before, after),
    )
    return plugin


def _import_targets(plugin: Plugin, report: Report) -> None:
    """Import every target; torch comes first, so that what it changes is nobody else's doing."""
    with suppress(ImportError):
        import_module("torch")
    before = _look()
    for offer in plugin.offers:
        report("begin", stage=f"{offer.kind} {offer.name} is imported")
        start = perf_counter()
        fault = _import(offer)
        report("imported", kind=offer.kind, name=offer.name, seconds=perf_counter() - start, **fault)
    report("left", **_left(before, _look()))


def _facts(offer: Offer) -> dict[str, Any]:
    return {"kind": offer.kind, "name": offer.name, "target": offer.component.target}


def _signature(offer: Offer) -> dict[str, str]:
    """Why a signature can't be read, and where; empty where it can."""
    try:
        offer.signature()
    except SignatureError as error:
        problem = error.problems[0]
        return {"fault": problem.message, "place": str(problem.mark or "")}
    return {"fault": "", "place": ""}


def _import(offer: Offer) -> dict[str, str]:
    try:
        offer.load()
    except PluginError as error:
        module = offer.component.target.partition(":")[0]
        files = (offer.local.path,) if offer.local else places.files_of(module)
        cause = error.__cause__ or error
        return {"fault": f"{type(cause).__name__}: {cause}", "place": places.culprit(cause, files)}
    return {"fault": "", "place": ""}


def _packages(before: set[str]) -> list[str]:
    """The packages that came in, the standard library and genframe apart."""
    tops = {name.partition(".")[0] for name in sys.modules.keys() - before}
    return sorted(t for t in tops if t not in sys.stdlib_module_names and t not in _OWN and t[:1] != "_")


def _look() -> dict[str, Any]:
    look = process_state
    return {"state": look.snapshot(), "threads": look.threads(), "children": look.children()}


def _left(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as it was, and what runs that did not."""
    changes = process_state.changes(before["state"], after["state"])
    return {
        "changes": [{"what": str(change), "severity": change.severity} for change in changes],
        "threads": [name for name in after["threads"] if name not in before["threads"]],
        "children": [name for name in after["children"] if name not in before["children"]],
    }
