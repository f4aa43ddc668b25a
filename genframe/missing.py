"""A trained model whose plugin is missing, or there in another version: the error says how to get what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genframe.errors import GenframeError, PluginError, Problem
from genframe.registry import Registry
from genframe.requirements import pip_command, plugins_of


def hinted(error: GenframeError, lock: Mapping[str, Any], registry: Registry, path: Path) -> GenframeError:
    """The error with the way to the plugins that the lock names and that are missing, or of another version."""
    missing = list(_missing(lock, registry, path))
    if missing:
        return PluginError(*missing)
    better = type(error)(*(_with_version(p, lock, registry) for p in error.problems))
    better.texts = error.texts
    return better


def _missing(lock: Mapping[str, Any], registry: Registry, path: Path) -> Iterator[Problem]:
    there = {status.name.replace("_", "-") for status in registry.plugins}
    for name, facts in plugins_of(lock).items():
        file = facts.get("file")
        if name.replace("_", "-") in there or (file and Path(file).is_file()):
            continue
        if file:
            digest = str(facts.get("plugin_sha256"))[:12]
            message = (
                f"{path} needs the plugin file {Path(file).name}, which stood at {file} (sha256 {digest}...)"
            )
            yield Problem("GF313", f"{message}; give a copy of it with -p {Path(file).name}")
            continue
        command = pip_command(facts, lock)
        if command:
            whence = f" ({facts['distribution']} {facts.get('version') or ''})".replace(" )", ")")
            message = f"{path} needs the plugin {name!r}{whence}, which is not installed"
            yield Problem("GF310", f"{message}{_copied(facts, lock)}", command=command)
        elif name == "local":
            message = f"{path} needs components that were registered in the process that trained it"
            yield Problem("GF310", f"{message}: call genframe.register again before opening it")


def _copied(facts: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    origin = lock.get("origins", {}).get(facts.get("distribution")) or {}
    if not origin.get("editable") and "archive" not in origin:
        return ""
    commit = (origin.get("commit") or {}).get("id")
    return f"; it was installed from {'a working copy' if 'editable' in origin else origin['archive']}" + (
        f" at commit {commit[:12]}" if commit else ""
    )


def _with_version(problem: Problem, lock: Mapping[str, Any], registry: Registry) -> Problem:
    """A problem of a plugin that is there in another version than in training says so."""
    if not problem.code.startswith("GF3"):
        return problem
    installed = {status.name: status for status in registry.plugins}
    for name, facts in plugins_of(lock).items():
        named = f"{name!r}" in problem.message or f"'{name}/" in problem.message
        status = installed.get(name)
        if named and status and facts.get("version") not in (None, status.version):
            message = f"{problem.message}; the training had {facts['distribution']} {facts['version']}"
            return replace(problem, message=message, command=pip_command(facts, lock))
    return problem
