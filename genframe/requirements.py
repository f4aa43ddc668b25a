"""What has to be installed to open a trained model: read from its lock."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any


def plugins_of(lock: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The plugins that a lock names; of a lock that has no `plugins`, those that its components are from."""
    if "plugins" in lock:
        return dict(lock["plugins"])
    facts = lock.get("components", {}).values()
    return {f["name"].partition("/")[0]: {k: f.get(k) for k in ("distribution", "version")} for f in facts}


def pip_command(facts: Mapping[str, Any], lock: Mapping[str, Any]) -> str | None:
    """How to get the distribution of a plugin as it was in training; None for one that has none."""
    name, version = facts.get("distribution"), facts.get("version")
    if not name or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", str(name)):
        return None
    origin = lock.get("origins", {}).get(name) or {}
    url, commit = str(origin.get("url")), (origin.get("commit") or {}).get("id")
    if origin.get("vcs") and "://" in url and commit:
        return f"pip install {shlex.quote(str(name) + ' @ ' + origin['vcs'] + '+' + url + '@' + commit)}"
    return f"pip install {shlex.quote(f'{name}=={version}' if version else str(name))}"


def requirements(lock: Mapping[str, Any]) -> Iterable[str]:
    """The pip pins of the distributions that a lock names, and of torch."""
    pins = {f["distribution"]: f["version"] for f in plugins_of(lock).values() if f.get("distribution")}
    versions = lock.get("versions", {})
    pins |= {name: versions[name] for name in ("genframe", "torch", "numpy") if name in versions}
    return [f"{name}=={str(version).partition('+')[0]}" for name, version in sorted(pins.items())]
