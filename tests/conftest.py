"""What every test may count on: that no other has changed the process."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
def seeded() -> None:
    """What a test draws without a seed of its own is the same in every run, whatever ran before it."""
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def untuned() -> Iterator[None]:
    """A training flushes denormals for its whole process; a test that follows has them back."""
    yield
    process = sys.modules.get("genframe.engine.process")
    if process is not None and process._made:
        import torch

        torch.set_flush_denormal(False)
        process._made.clear()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many of the bugs that were put into components the conformance kit saw, by kind."""
    reports = [r for group in ("passed", "failed") for r in terminalreporter.getreports(group)]
    mutants = [facts for r in reports for key, facts in getattr(r, "user_properties", ()) if key == "mutant"]
    if not mutants:
        return
    made, killed = (Counter(m["kind"] for m in mutants if m["killed"] >= least) for least in (False, True))
    pointed = sum(m["pointed"] for m in mutants)
    kinds = ", ".join(f"{kind} {killed[kind]}/{count}" for kind, count in sorted(made.items()))
    rate = f"{sum(killed.values())} of {len(mutants)} seen ({sum(killed.values()) / len(mutants):.0%})"
    terminalreporter.section("mutants of the conformance kit")
    terminalreporter.write_line(f"{rate}, {pointed} with a message that points at the bug: {kinds}")
