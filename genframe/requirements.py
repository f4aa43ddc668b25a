"""What has to be installed to open a trained model, for pip: from its lock alone, whatever is installed now."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any


def plugins_of(lock: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The plugins that a lock names; of a lock that has no `plugins`, those that its components are from."""
    if "plugins" in lock:
        return dict(lock["plugins"])
    facts = lock.get("components", {}).values()
    return {f["name"].partition("/")[0]: {k: f.get(k) for k in ("distribution", "version")} for f in facts}


def pip_command(facts: Mapping[str, Any], lock: Mapping[str, Any]) -> str | None:
    """How to get the distribution of a plugin as it was in training; None for one that has none."""
    name = str(facts.get("distribution") or "")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        return None
    pin, _ = _pin(name, facts.get("version"), lock.get("origins", {}).get(name))
    return f"pip install {shlex.quote(pin)}"


def pins(lock: Mapping[str, Any]) -> list[str]:
    """Comments, then a pin a distribution, sorted: `pip install -r` takes them.

    What is no release is pinned by version with its commit as a comment, or by the URL that it was installed
    from; a plugin file, which pip knows nothing of, is named with its digest.
    """
    versions, origins = lock.get("versions", {}), lock.get("origins", {})
    named = _distributions(lock) | {"genframe": versions.get("genframe", "")}
    found = [_pin(name, version, origins.get(name)) for name, version in sorted(named.items())]
    return [*_comments(lock), *(f"{pin}  # {remark}" if remark else pin for pin, remark in found)]


def requirements(lock: Mapping[str, Any]) -> list[str]:
    """The pins alone, and those of torch and numpy: for a reader, who chooses a build of torch."""
    versions = lock.get("versions", {})
    named = _distributions(lock) | {n: versions[n] for n in ("genframe", "torch", "numpy") if n in versions}
    origins = lock.get("origins", {})
    return [_pin(name, v.partition("+")[0], origins.get(name))[0] for name, v in sorted(named.items())]


def install_command(lock: Mapping[str, Any]) -> str:
    """What opens a model, for the shell: genframe and the plugins, as they were in training."""
    named = {"genframe": lock.get("versions", {}).get("genframe", "")} | _distributions(lock)
    origins = lock.get("origins", {})
    found = [_pin(name, version.partition("+")[0], origins.get(name))[0] for name, version in named.items()]
    return f"pip install {shlex.join(found)}"


def _distributions(lock: Mapping[str, Any]) -> dict[str, str]:
    """The distributions of the plugins, with their versions."""
    facts = plugins_of(lock).values()
    return {f["distribution"]: str(f.get("version") or "") for f in facts if f.get("distribution")}


def _comments(lock: Mapping[str, Any]) -> Iterator[str]:
    versions = lock.get("versions", {})
    others = [f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions]
    if others:
        yield f"# trained with {', '.join(others)}"
    for name, facts in sorted(plugins_of(lock).items()):
        if facts.get("file"):
            yield f"# plugin file {facts['file']} ({name}), sha256 {facts.get('plugin_sha256')}"


def _pin(name: str, version: str | None, origin: Any) -> tuple[str, str]:
    """`name==version`, or where it came from; and a remark for what is no release."""
    pin = f"{name}=={version}" if version else name
    if not isinstance(origin, Mapping):
        return pin, ""
    made = origin.get("commit") or {}
    if "://" in str(origin.get("url")) and made.get("id"):
        return f"{name} @ {origin.get('vcs', 'git')}+{origin['url']}@{made['id']}", ""
    changed = ", changed since" if made.get("changed") else ""
    at = f", commit {made['id']}{changed}" if made.get("id") else ""
    if "editable" in origin:
        return pin, f"{'an editable install' if origin['editable'] else 'from a folder'}{at}"
    return pin, f"from {origin.get('archive') or origin.get('url')}{at}"
