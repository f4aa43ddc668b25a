"""Whose code a component is: digests of its source, and where its distribution was installed from. Torch-free."""

from __future__ import annotations

import hashlib
import inspect
import json
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from genframe.registry import Offer, PluginStatus
from genframe.source import SignatureError, module_file


def file_digest(path: Path) -> str | None:
    """sha256 of a file's bytes; None where it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def source_digest(offer: Offer) -> str | None:
    """sha256 of the file that the target stands in; None for one that was defined at a prompt."""
    try:
        if offer.live is not None:
            return file_digest(Path(inspect.getfile(offer.live)))
        local = {offer.local.stem: offer.local.path} if offer.local else None
        return file_digest(module_file(offer.component.target.partition(":")[0], local))
    except (SignatureError, OSError, TypeError):
        return None


def plugin_digest(status: PluginStatus) -> str | None:
    """sha256 of every `.py` file of a plugin: what a component imports from beside it counts too.

    The files are those below the top-level package of the entry point (of a first-party plugin: below the
    plugin's own package), or the one file that the plugin is. None for what `register` was given.
    """
    if status.source.endswith(".py"):
        return folder_digest(Path(status.source))
    module = status.source.partition(":")[0]
    try:
        path = module_file(module if status.first_party else module.partition(".")[0])
    except SignatureError:
        return None
    return folder_digest(path.parent if path.name == "__init__.py" else path)


def folder_digest(path: Path) -> str | None:
    """sha256 over the names and the bytes of the `.py` files below a folder, or of one file alone."""
    if path.is_file():
        return file_digest(path)
    lines = [
        f"{file.relative_to(path).as_posix()} {file_digest(file)}\n"
        for file in sorted(path.rglob("*.py"))
        if "__pycache__" not in file.parts
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def origin(name: str) -> dict[str, Any] | None:
    """Where a distribution that is no release of an index came from (PEP 610's `direct_url.json`).

    `editable` with the commit of its working copy, `vcs` with the URL and the commit, or `archive`. Names and
    passwords in URLs, and the folders of this machine, are left out.
    """
    try:
        record = json.loads(distribution(name).read_text("direct_url.json") or "null")
        return _origin(record, urlsplit(str(record["url"])))
    except (PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _origin(record: dict[str, Any], parts: SplitResult) -> dict[str, Any] | None:
    folder = Path(unquote(parts.path))
    if "vcs_info" in record:
        address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        info = record["vcs_info"]
        shown = address if parts.scheme != "file" else folder.name
        return {"vcs": info["vcs"], "url": shown, "commit": {"id": info["commit_id"], "changed": False}}
    if "dir_info" in record:
        return {"editable": bool(record["dir_info"].get("editable")), "commit": commit(folder)}
    return {"archive": folder.name} if "archive_info" in record else None


def commit(folder: Path) -> dict[str, Any] | None:
    """The git commit of a folder, and whether tracked files differ; None outside a repository."""
    found = _git(folder, "rev-parse", "HEAD")
    if not found:
        return None
    return {"id": found, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    # core.fsmonitor may name a program: a repository that is only read must not run it
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
