"""What is listed, shown and checked quickly is so without torch, wandb and, off a terminal, rich."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "wandb", "rich", "numpy", "sklearn")

DRIVER = """
import io, json, sys
from contextlib import redirect_stdout
from genframe.cli import group
with redirect_stdout(io.StringIO()):
    try:
        group.main(json.loads(sys.argv[1]), standalone_mode=False)
    except SystemExit as end:
        assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["audit", "--help"],
        ["fit-sampler", "--help"],
        ["traverse", "--help"],
        ["track", "--help"],
        ["runs", "."],
        ["watch", "--help"],
        ["list"],
        ["list", "--json"],
        ["show", "encoder", "conv"],
        ["plugins", "list"],
        ["recipes", "list"],
        ["recipes", "diff", "vae/digits", "vae/mnist"],
        ["data", "list"],
        ["schema"],
        ["validate", "--quick", "vae/digits"],
    ],
    ids=" ".join,
)
def test_what_needs_no_tensors_imports_none(arguments: list[str]) -> None:
    command = [sys.executable, "-c", DRIVER, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "genframe.cli" in loaded
    assert not loaded & set(HEAVY)


def test_help_reads_no_yaml_and_discovers_no_plugin() -> None:
    command = [sys.executable, "-c", DRIVER, '["--help"]']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)) & {"yaml", "pydantic", "genframe.discovery", "genframe_plugins"}


def test_python_dash_m_genframe_is_the_command_line() -> None:
    command = [sys.executable, "-m", "genframe", "recipes", "cat", "vae/digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pipeline: vae" in done.stdout
