"""What every test may count on: that no other has changed the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def untuned() -> Iterator[None]:
    """A training flushes denormals for its whole process; a test that follows has them back."""
    yield
    process = sys.modules.get("genframe.engine.process")
    if process is not None and process._made:
        import torch

        torch.set_flush_denormal(False)
        process._made.clear()
