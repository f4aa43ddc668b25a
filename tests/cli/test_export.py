"""export: an output as a graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Genframe


def test_a_graph_is_written_and_its_difference_told(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("export", run, "-o", tmp_path / "a.pt2")
    assert told.code == 0, told.err
    assert "sample of z (batch, 4)" in told.out and "differs by" in told.out and "after step 4" in told.out
    facts = genframe("export", run, "--what", "encode", "-o", tmp_path / "a.pt2", "--force", "--json").json
    assert facts["what"] == "encode" and facts["weights"] == "averaged" and facts["difference"] < 1e-5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-o", "a.xyz"), "end it in .onnx or .pt2"),
        (("-o", "a.pt2", "--what", "encde"), "GF531"),
        (("-o", "a.pt2", "--what", "draw_z"), "GF831"),
        (("-o", "a.pt2", "--device", "cuda"), "leave out --device"),
        (("-o", "a.pt2", "--to", "onx"), "'onx'"),
        ((), "-o"),
    ],
)
def test_what_can_not_be_exported_is_said(
    genframe: Genframe,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = genframe("export", run, *arguments)
    assert told.code == 2 and says in told.err and list(tmp_path.iterdir()) == []
