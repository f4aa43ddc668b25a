"""The distributions that a run was trained with, as lines for pip: from its lock alone, whatever is installed now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from genframe.requirements import plugins_of


def pins(lock: Mapping[str, Any]) -> list[str]:
    """Comments, then a pin a distribution, sorted: `pip install -r` takes them.

    What is no release is pinned by version with its commit as a comment, or by the URL that it was installed
    from; a plugin file, which pip knows nothing of, is named with its digest.
    """
    versions, plugins = lock.get("versions", {}), plugins_of(lock)
    named = {p["distribution"]: p.get("version") or "" for p in plugins.values() if p.get("distribution")}
    named["genframe"] = versions.get("genframe", named.get("genframe", ""))
    origins = lock.get("origins", {})
    found = [_pin(name, version, origins.get(name)) for name, version in sorted(named.items())]
    return [*_comments(versions, plugins), *found]


def _comments(versions: Mapping[str, Any], plugins: Mapping[str, Any]) -> Iterator[str]:
    others = [f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions]
    if others:
        yield f"# trained with {', '.join(others)}"
    for name, facts in sorted(plugins.items()):
        if facts.get("file"):
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
