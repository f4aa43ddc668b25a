"""The distributions that a run was trained with, as lines for pip: from its lock alone, whatever is installed now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genframe.errors import Problem, RunError

LOCK = "lock.json"


def requirements(run: Path) -> list[str]:
    """Comments, then a pin a distribution, sorted: `pip install -r` takes them. Torch-free.

    run: a run's folder or its lock. What is no release is pinned by version with its commit as a comment, or by
    the URL that it was installed from; a plugin file, which pip knows nothing of, is named with its digest.
    Raises RunError (GF713, GF714).
    """
    lock = _read(run)
    versions, plugins = _section(lock, "versions"), _section(lock, "plugins")
    rows = [
        row for row in (*plugins.values(), *_section(lock, "components").values()) if isinstance(row, dict)
    ]
    named = {r["distribution"]: r.get("version") or "" for r in rows if r.get("distribution")}
    named["genframe"] = versions.get("genframe", named.get("genframe", ""))
    origins = _section(lock, "origins")
    pins = [_pin(name, version, origins.get(name)) for name, version in sorted(named.items())]
    return [*_comments(versions, plugins), *pins]


def _comments(versions: Mapping[str, Any], plugins: Mapping[str, Any]) -> Iterator[str]:
    others = [f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions]
    if others:
        yield f"# trained with {', '.join(others)}"
    for name, facts in sorted(plugins.items()):
        if isinstance(facts, dict) and facts.get("file"):
            yield f"# plugin file {facts['file']} ({name}), sha256 {facts.get('plugin_sha256')}"


def _pin(name: str, version: str, origin: Any) -> str:
    """`name==version`, or where it came from."""
    pin = f"{name}=={version}" if version else name
    if not isinstance(origin, dict):
        return pin
    made = origin.get("commit") or {}
    changed = ", changed since" if made.get("changed") else ""
    at = f", commit {made['id']}{changed}" if made.get("id") else ""
    if "://" in str(origin.get("url")) and made.get("id"):
        return f"{name} @ {origin.get('vcs', 'git')}+{origin['url']}@{made['id']}"
    if "editable" in origin:
        return f"{pin}  # {'an editable install' if origin['editable'] else 'from a folder'}{at}"
    return f"{pin}  # from {origin.get('archive') or origin.get('url')}{at}"


def _read(run: Path) -> dict[str, Any]:
    path = run / LOCK if run.is_dir() else run
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{run} is no run: {LOCK} is not there"
        raise RunError(Problem("GF713", message)) from None
    except (OSError, ValueError) as error:
        raise RunError(Problem("GF714", f"{path} can't be read: {error}")) from error
    if not isinstance(lock, dict):
        raise RunError(Problem("GF714", f"{path} holds no lock"))
    return lock


def _section(lock: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = lock.get(name)
    return section if isinstance(section, dict) else {}
