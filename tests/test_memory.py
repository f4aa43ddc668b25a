"""How much memory there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genframe import memory


def test_what_is_free_lies_below_what_there_is() -> None:
    free = memory.available()
    assert free is not None
    text = Path("/proc/meminfo").read_text() if Path("/proc/meminfo").exists() else ""
    total = next(
        (int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemTotal:")), 1 << 50
    )
    assert 0 < free <= total
    assert memory.available(torch.device("cpu")) == pytest.approx(free, rel=0.2)
    assert memory.available(torch.device("meta")) is None


def test_a_containers_limit_counts_where_it_is_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "_CGROUPS", ((str(limit), str(used)),))
    limit.write_text("5000\n")
    used.write_text("3800\n")
    assert memory.available() == 1200
    used.write_text("6000\n")
    assert memory.available() == 0
    limit.write_text("max\n")
    assert (memory.available() or 0) > 10_000


@pytest.mark.parametrize(
    ("count", "words"), [(13e6, "13 MB"), (999e6, "999 MB"), (1.26e9, "1.3 GB"), (1.5e12, "1,500 GB")]
)
def test_bytes_in_words(count: float, words: str) -> None:
    assert memory.shown(count) == words
