"""How much memory there is, and how to say so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""A container's limit and what it uses of it, of either version of control groups."""


def available(device: torch.device | None = None) -> int | None:
    """Bytes that are free on a device, by default for the processor; None where nothing tells.

    Of the processor: what the system could give without swapping, and no more than is left of a container's limit.
    """
    if device is not None and device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    if device is not None and device.type != "cpu":
        return None
    known = [free for free in (_of_system(), *map(_left, _CGROUPS)) if free is not None]
    return min(known) if known else None


def shown(count: float) -> str:
    """Bytes in words: 900 MB, 12.3 GB, 1,560 GB."""
    if count < 1e9:
        return f"{count / 1e6:,.0f} MB"
    return f"{count / 1e9:,.1f} GB" if count < 1e11 else f"{count / 1e9:,.0f} GB"


def _of_system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):  # free pages and what caches would give back
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _left(files: tuple[str, str]) -> int | None:
    try:
        limit, used = (int(Path(file).read_text()) for file in files)  # "max" is no number: no limit
    except (OSError, ValueError):
        return None
    return max(limit - used, 0)
