"""The way of a plugin to its users: written, built, checked, installed from its wheel beside genframe's, and used.

One test, since every step stands on the one before; it takes about a minute.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "genframe", "plugins", "recipes")
SHORT = ("train.epochs=null", "train.steps=5", "data.batch_size=16", "device=cpu")


@dataclass
class Place:
    """A virtual environment, and a folder that commands are typed in."""

    environment: Path
    folder: Path

    def run(self, program: str, *arguments: object) -> str:
        """What a program of the environment prints. Fails with all it said where it exits with an error."""
        return said([str(self.environment / "bin" / program), *map(str, arguments)], self.folder)

    def install(self, wheel: Path) -> None:
        """By pip, and alone: what it depends on is there."""
        pip = ["-m", "pip", "--python", self.environment / "bin" / "python", "--disable-pip-version-check"]
        said([sys.executable, *map(str, pip), "install", "--no-deps", "--no-index", str(wheel)], self.folder)

    def json(self, *arguments: object) -> Any:
        return json.loads(self.run("genframe", *arguments, "--json"))


def said(command: list[str], folder: Path) -> str:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GENFRAME"))
    }
    environ |= {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def built(source: Path, *what: str) -> list[Path]:
    """Build with the setuptools that is installed here: nothing is fetched."""
    said([sys.executable, "-m", "build", "--no-isolation", *what, str(source)], source)
    return sorted((source / "dist").iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A fresh environment with genframe from its wheel.

    Installing torch anew takes minutes, so that the packages of this interpreter are on its path, behind its own.
    A path and no more: what is installed here in editable form, as genframe may be, is not seen through it.
    """
    source, environment, folder = (tmp_path / name for name in ("source", "environment", "work"))
    folder.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    venv.create(environment)
    (own,) = environment.glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made = Place(environment, folder)
    (wheel,) = built(source, "--wheel")
    made.install(wheel)
    return made


def test_a_new_plugin_is_built_installed_and_used(place: Place) -> None:
    where = place.run("python", "-c", "import genframe, genframe_plugins; print(genframe.__file__)")
    assert Path(where.strip()).is_relative_to(place.environment)

    told = place.json("plugins", "new", "genframe-salt", "--kind", "noise", "--kind", "loss")
    project = place.folder / told["folder"]
    sdist, wheel = sorted(built(project), key=lambda path: path.suffix)
    said([sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)], project)
    with zipfile.ZipFile(wheel) as packed:
        assert {"genframe_salt/recipes/noise.yaml", "genframe_salt/noise.py"} <= {*packed.namelist()}
    with tarfile.open(sdist) as packed_source:
        names = {name.partition("/")[2] for name in packed_source.getnames()}
        assert {"LICENSE", "README.md", "genframe_salt/recipes/loss.yaml"} <= names

    place.install(wheel)
    shutil.copytree(project / "tests", place.folder / "tests")
    shutil.rmtree(project)  # from here on there is nothing but what pip installed

    (status,) = (row for row in place.json("plugins", "list") if row["name"] == "salt")
    assert (status["state"], status["distribution"], status["version"]) == ("ok", "genframe-salt", "0.1.0")
    offered = {(row["kind"], row["name"]) for row in place.json("list")}
    assert {("noise", "salt/salt"), ("loss", "salt/salt")} <= offered
    assert "salt/salt" in place.run("genframe", "show", "noise", "salt/salt")

    for recipe in ("salt/noise", "salt/loss"):
        place.run("genframe", "train", recipe, *SHORT)
    runs = sorted(path.name.rsplit("-", 2)[0] for path in (place.folder / "runs").iterdir())
    assert runs == ["salt-loss", "salt-noise"]

    checked = place.json("plugins", "check", "salt")
    assert checked
    place.run("python", "-m", "pytest", "-q", "tests/test_conformance.py")
