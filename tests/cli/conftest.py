"""The command line, called in this process as the entry point calls it, and one short run to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Genframe, Told

from genframe.cli import main


@pytest.fixture
def genframe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Genframe:
    """`genframe("list", "encoder")` is that command."""

    def call(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["genframe", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Told(code, printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the smallest VAE on digits; tests add evaluations to it and nothing else."""
    from genframe.api import train

    small = [
        "encoder.hidden=[16]",
        "decoder.hidden=[16]",
        "prior.dim=4",
        "train.epochs=null",
        "train.steps=4",
    ]
    small += ["train.checkpoint={every: 2, keep: 2}", "players.model.ema=0.5"]
    return train("vae/digits", small, run_dir=tmp_path_factory.mktemp("runs") / "vae", quiet=True)


@pytest.fixture
def plugin_file(tmp_path: Path) -> Path:
    """A file with an encoder of one's own."""
    path = tmp_path / "mine.py"
    path.write_text(
        '''
from genframe import Component, Count, hookimpl

GENFRAME_API = 1

@hookimpl
def genframe_encoders():
    return [Component("thin", "mine:Thin", "as thin as can be", revision=3)]

class Thin:
    """An encoder of one layer."""

    def __init__(self, in_shape, *, width: Count, note: str = "it's [bold]"):
        self.width = width
'''
    )
    return path
