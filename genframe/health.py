"""What this machine offers a training, and what of it is broken, as plain data: `genframe doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genframe.data.fetch import data_root
from genframe.registry import Registry

PACKAGES = (
    "genframe",
    "torch",
    "numpy",
    "pluggy",
    "pyyaml",
    "pydantic",
    "click",
    "rich",
    "safetensors",
    "pillow",
    "wandb",
)

_HARMLESS = ("ok", "blocked")


def report(registry: Registry) -> dict[str, Any]:
    """Versions, devices, threads, process settings, plugins, folders; and `problems`, in words."""
    from genframe.engine import process

    settings = process.tune()  # before the first tensor work
    facts: dict[str, Any] = {
        "versions": _versions(),
        "platform": platform.platform(),
        "devices": list(_devices()),
        "threads": _threads(),
        "settings": settings,
        "plugins": [
            {
                "name": s.name,
                "state": s.state,
                "distribution": s.distribution,
                "version": s.version,
                "cause": s.cause,
            }
            for s in registry.plugins
        ],
        "folders": [_folder("runs", Path("runs")), _folder("data", data_root())],
    }
    facts["problems"] = list(_problems(facts))
    return facts | {"ok": not facts["problems"]}


def _versions() -> dict[str, str | None]:
    """Installed versions; None for what is missing."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _devices() -> Iterator[dict[str, Any]]:
    """The CPU and every CUDA device; `fault` is why one can't be computed on."""
    import torch

    yield {"name": "cpu", "model": _processor(), "memory": _memory(), "bf16": _has_amx(), "fault": ""}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield {
            "name": f"cuda:{index}",
            "model": properties.name,
            "memory": properties.total_memory,
            "bf16": properties.major >= 8,
            "fault": _device_fault(f"cuda:{index}"),
        }


def _device_fault(name: str) -> str:
    import torch

    try:
        torch.ones(2, 2, device=name).matmul(torch.ones(2, 2, device=name)).sum().item()
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    return ""


def _threads() -> dict[str, int | None]:
    """Threads that torch computes with, and processors that this process may use."""
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"torch": torch.get_num_threads(), "processors": allowed}


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _has_amx() -> bool:
    """Whether the processor multiplies matrices in bfloat16 by itself (AMX), where `precision: bf16` pays."""
    return "amx_bf16" in _cpuinfo("flags").split()


def _cpuinfo(key: str) -> str:
    """A line of Linux's /proc/cpuinfo; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next(
        (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), ""
    )


def _memory() -> int | None:
    """Bytes of main memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _folder(what: str, path: Path) -> dict[str, Any]:
    """A folder that is written to: whether that works, tried where it or its nearest parent stands, and the room."""
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    row: dict[str, Any] = {"for": what, "path": str(path.absolute()), "fault": "", "free": None}
    try:
        with tempfile.TemporaryFile(dir=there):
            row["free"] = shutil.disk_usage(there).free
    except OSError as error:
        row["fault"] = error.strerror or str(error)
    return row


def _problems(facts: dict[str, Any]) -> Iterable[str]:
    for name in PACKAGES:
        if facts["versions"][name] is None:
            yield f"the package {name} is not installed"
    for device in facts["devices"]:
        if device["fault"]:
            yield f"{device['name']} can't be computed on: {device['fault']}"
    for plugin in facts["plugins"]:
        if plugin["state"] not in _HARMLESS:
            yield f"the plugin {plugin['name']} is {plugin['state']}: {plugin['cause']}"
    for folder in facts["folders"]:
        if folder["fault"]:
            yield f"the folder for {folder['for']}, {folder['path']}, can't be written: {folder['fault']}"
