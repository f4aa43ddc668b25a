"""What the guides show is run: files are written, recipes validated, commands called, Python executed."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = [ROOT / "README.md", ROOT / "plugins" / "README.md", ROOT / "recipes" / "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^# file: (\S+)\n")

SITE = "site"
"""The folder in which what a guide installs is put."""

# What makes a training of any recipe short.
SHORT = ["train.steps=4"]


def blocks(guide: Path) -> Iterator[tuple[str, str]]:
    yield from BLOCK.findall(guide.read_text())


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a console block that are run here: genframe's, and pip's of a project that one of them wrote."""
    for line in text.splitlines():
        if line.startswith(("$ genframe ", "$ pip install -e ./")):
            yield shlex.split(line.removeprefix("$ "), comments=True)


def shortened(words: list[str], run: Path | None) -> list[str]:
    if words[0] == "train":
        return [*words, *SHORT, "--quiet", "--run-dir", "run"]
    if words[0] == "sweep":
        return [*words, *SHORT, "--no-evaluate"]
    words = [str(run) if word.startswith("runs/") or word == "RUN" else word for word in words]
    if words[0] == "resume":
        return [words[0], words[1], "train.steps=6", "--quiet"]
    if words[0] == "audit":
        return [*words, "--samples", "100", "--metric", "none", "--sampler", "none"]
    if words[0] == "evaluate":
        return [*words[:2], "elbo"]
    return words


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_guide_does_what_it_says(guide: Path, tmp_path: Path) -> None:
    run: Path | None = None
    for language, text in blocks(guide):
        if named := NAMED.match(text):
            (tmp_path / named[1]).write_text(text)
        if language == "python" and not named:
            _call([sys.executable, "-c", text], tmp_path)
        if language == "console":
            for program, *words in commands(text):
                if program == "pip":
                    _install(tmp_path / words[-1], tmp_path)
                    continue
                if words[0] == "train":
                    run = _fresh(tmp_path)
                if words[0] == "explore":
                    _serve(
                        [sys.executable, "-m", "genframe", *shortened(words, run), "--no-browser"], tmp_path
                    )
                    continue
                _call([sys.executable, "-m", "genframe", *shortened(words, run)], tmp_path)


def test_every_hook_and_given_is_in_the_authors_guide() -> None:
    from genframe.kinds import KINDS
    from genframe.parts import GIVENS

    guide = (ROOT / "plugins" / "README.md").read_text()
    for word in [*(kind.hook for kind in KINDS.values()), "genframe_recipes", *GIVENS]:
        assert f"`{word}`" in guide, word


def test_the_examples_of_the_guide_are_the_templates() -> None:
    from guide_examples import GUIDE, with_examples

    assert with_examples(GUIDE.read_text()) == GUIDE.read_text(), "run python tests/guide_examples.py"


def test_every_recipe_is_in_the_gallery() -> None:
    gallery = (ROOT / "recipes" / "README.md").read_text()
    for recipe in sorted((ROOT / "recipes").rglob("*.yaml")):
        assert recipe.relative_to(ROOT / "recipes").with_suffix("").as_posix() in gallery, recipe


def _fresh(folder: Path) -> Path:
    """The folder `run` is used again by the next training of a guide."""
    import shutil

    shutil.rmtree(folder / "run", ignore_errors=True)
    return folder / "run"


def _install(project: Path, folder: Path) -> None:
    """Install beside this environment's packages rather than among them; nothing is fetched."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    _call([*pip, "--target", str(folder / SITE), str(project)], folder)


def _serve(command: list[str], folder: Path) -> None:
    """A command that serves until Ctrl-C comes: it says where, and ends well."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        address = served.stdout.readline()
        served.send_signal(signal.SIGINT)
        _, told = served.communicate(timeout=300)
    assert address.startswith("http://127.0.0.1:") and served.returncode == 0, f"{command}\n{address}\n{told}"


def _call(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder / SITE)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
