"""What every test may count on: that no other has changed the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genframe import vetting


@pytest.fixture(autouse=True, scope="session")
def notes_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is noted of plugins that were tried stands in no user's cache folder."""
    folder = tmp_path_factory.mktemp("tried-plugins")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vetting, "_folder", lambda: folder)
        yield folder


@pytest.fixture(autouse=True)
def untuned() -> Iterator[None]:
    """A training flushes denormals for its whole process; a test that follows has them back."""
    yield
    process = sys.modules.get("genframe.engine.process")
    if process is not None and process._made:
        import torch

        torch.set_flush_denormal(False)
        process._made.clear()
