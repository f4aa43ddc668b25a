"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from pictures import REPEATS, mnist_file

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def has_amx() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in hardware."""
    return "amx_bf16" in _flags()


def described() -> list[str]:
    """Lines for the head of a report."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    flags = [flag for flag in _FLAGS if flag in _flags()]
    data = "MNIST" if mnist_file("train") else f"5,000 digits, {REPEATS} times over"
    return [
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {gigabytes:.0f} GB; {' '.join(flags)}.",
        f"Python {platform.python_version()}, torch {version('torch')}; data: {data}.",
        f"Load before: {os.getloadavg()[0]:.2f}. Ratios are of one round each, speeds medians of rounds.",
    ]


def _processor() -> str:
    names = [line for line in _cpuinfo() if line.startswith("model name")]
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def _flags() -> set[str]:
    lines = [line for line in _cpuinfo() if line.startswith("flags")]
    return set(lines[0].split()) if lines else set()


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()
