"""The downstream job finds what a change of genframe breaks in the plugins of others."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from genframe.scaffold import create

JOB = Path(__file__).parent / "downstream"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment that has what this interpreter has, genframe in whatever form included."""
    folder = tmp_path / "environment"
    venv.create(folder)
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    program = folder / "bin" / "genframe"
    program.write_text(f"#!{folder}/bin/python\nfrom genframe.cli import main\nmain()\n")
    program.chmod(0o755)
    return folder


def job(tmp_path: Path, environment: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    listed = tmp_path / "plugins.txt"
    listed.write_text("# some\n" + "".join(f"{line}\n" for line in lines))
    # pip builds with the setuptools that is here: nothing is fetched.
    variables = {
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [
        sys.executable,
        str(JOB),
        "--list",
        str(listed),
        "--environment",
        str(environment),
        "--prepared",
    ]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


def test_the_job_passes_sound_plugins_and_tells_what_is_broken(tmp_path: Path, environment: Path) -> None:
    create("genframe-good", ["schedule"], tmp_path)
    bad = Path(create("genframe-bad", ["schedule"], tmp_path).folder)
    (module,) = [p for p in bad.glob("genframe_bad/*.py") if p.name != "__init__.py"]
    module.write_text(module.read_text() + "\nraise RuntimeError('it used what genframe has no more')\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "pyproject.toml").write_text('[project]\nname = "not-a-plugin"\nversion = "1"\n')

    done = job(tmp_path, environment, "genframe-good", "genframe-bad", "empty", "no-such-plugin>=1")
    assert done.returncode == 1, done.stderr
    reports = {}
    for line in done.stdout.splitlines():
        if not line.startswith(" "):
            state, _, requirement = line.partition("  ")
            reports[Path(requirement.strip()).name] = state.strip()
    assert reports == {
        "genframe-good": "ok", "genframe-bad": "FAILED", "empty": "FAILED", "no-such-plugin>=1": "FAILED",
    }  # fmt: skip
    assert "ok: own tests: " in done.stdout and "FAILED: own tests" in done.stdout
    assert "ok: check good: " in done.stdout and "FAILED: check bad: " in done.stdout
    assert "it used what genframe has no more" in done.stdout
    assert "FAILED: offers a plugin: no entry point of the group genframe" in done.stdout
    left = subprocess.run(
        [environment / "bin" / "genframe", "plugins", "list"], capture_output=True, text=True
    )
    assert "genframe-good" not in left.stdout and "genframe-bad" not in left.stdout


def test_the_list_that_ships_is_readable_and_makes_no_environment(tmp_path: Path) -> None:
    command = [sys.executable, str(JOB), "--environment", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "lists no plugin yet" in done.stdout
    assert not (tmp_path / "none").exists()
