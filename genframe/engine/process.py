"""Settings of the process, made once before the first tensor work; `genframe doctor` lists them.

Keeping freed blocks in the heap spares the page faults of every large tensor (glibc's `mallopt`: 1.38 times the
images per second of a convolutional VAE on two cores). Flushing denormals spares the slow arithmetic of Adam's
moments of weights that no longer get a gradient (1.25 times for an MLP VAE); the flag is inherited by threads when
they are made, so it must be set before torch's thread pool exists. What each gains depends on the processor: on one
that computes denormals at full speed and has cheap page faults it is little, and huge pages gain 5 to 10 %.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_ONE_GIB = 1 << 30

_made: dict[str, bool] = {}


def tune() -> dict[str, bool]:
    """Make the settings; a second call changes nothing. Returns which of them took effect."""
    if not _made:
        # Read by torch at its first allocation: large tensors ask for huge pages (fewer misses of the TLB).
        huge = os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1") == "1" and _huge_pages_on_request()
        import torch

        _made["huge pages for large tensors"] = huge
        _made["keep freed memory (mallopt)"] = _keep_freed_memory()
        _made["flush denormals"] = bool(torch.set_flush_denormal(True))
    return dict(_made)


def _huge_pages_on_request() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return setting.is_file() and "[never]" not in setting.read_text()


def _keep_freed_memory() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6", use_errno=True)
        return bool(libc.mallopt(_M_MMAP_THRESHOLD, _ONE_GIB)) and bool(
            libc.mallopt(_M_TRIM_THRESHOLD, _ONE_GIB)
        )
    except (OSError, AttributeError):  # another libc, such as musl
        return False
