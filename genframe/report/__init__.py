"""The report of a run, or of several beside each other: one HTML file that holds all it shows. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genframe import durable

FILE = "report.html"

LARGEST = 5_000_000
"""Bytes of a page at most."""


def html(folders: Sequence[Path], missing: Sequence[str] = (), ours: bool = False) -> str:
    """The page of one run, or the comparison of several; `missing` is what else is to be said as not there.
    ours: the lock of the one run is held by who asks, its training being over.

    Raises RunError for a folder that is no run.
    """
    from genframe.report import facts, several, single  # templates and pictures, for those who write a page

    runs = [facts.read(folder, ours) for folder in dict.fromkeys(folders)]
    runs[0].missing += missing
    share, page = 1.0, ""
    while share > 0.05:
        page = single.html(runs[0], share) if len(runs) == 1 else several.html(runs, share)
        if len(page.encode()) <= LARGEST:
            break
        share /= 2
    return page


def write(folders: Sequence[Path], target: Path, missing: Sequence[str] = (), ours: bool = False) -> Path:
    """Write the page to a file, whole or not at all. Raises RunError: GF713 for no run, GF716 for a full disk."""
    page = html(folders, missing, ours).encode()
    with durable.reported(target.name, target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(target, page)
    return target
