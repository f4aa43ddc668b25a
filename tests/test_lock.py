"""What a lock holds, and what a training that is held to it may not change."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import genframe
from genframe import durable
from genframe.lock import FORMAT, lock_facts, without_secrets
from genframe.recipe import load_recipe

# What made it.

PARTS = '''
from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_losses():
    return [Component("squared", "my_parts:squared", revision=3)]


def squared(x, p_x):
    """The squared error."""
    return (x - p_x.mean).square().sum()
'''


def facts_of(recipe: Any) -> dict[str, Any]:
    return lock_facts(recipe, data={"": "d1"}, device="cpu", threads=2, command=["genframe", "train", "x"])


def test_the_lock_names_every_part_with_the_digest_of_its_source(tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text(PARTS)
    text = "genframe: 1\npipeline: vae\nplugins: [./my_parts.py]\ndata: {use: digits, batch_size: 10}\n"
    text += "encoder: mlp\ndecoder: mlp\nprior: {use: gaussian, dim: 2}\nloss: my_parts/squared\ntrain: {epochs: 1}\n"
    text += "seed: 7\noptimizer: {use: adam, lr: {linear: {from: 1e-3, to: 0, epochs: 1}}}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    facts = facts_of(load_recipe(tmp_path / "recipe.yaml"))
    parts = facts["components"]
    assert {"encoder", "decoder", "prior", "posterior", "likelihood", "loss", "data"} <= set(parts)
    optimizer = next(place for place in parts if place.endswith(".optimizer"))
    assert parts[optimizer]["kind"] == "optimizer"
    assert parts[f"{optimizer}.lr"]["kind"] == "schedule"
    assert parts["loss"]["name"] == "my_parts/squared"
    assert parts["loss"]["revision"] == 3
    assert parts["loss"]["sha256"] == hashlib.sha256(PARTS.encode()).hexdigest()
    source = Path(genframe.__file__).parent.parent / "plugins" / "nets" / "mlp.py"
    assert parts["encoder"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert parts["encoder"]["distribution"] == "genframe"
    assert (facts["seed"], facts["threads"], facts["device"], facts["data"]) == (7, 2, "cpu", {"": "d1"})
    assert {"genframe", "python", "torch", "numpy"} <= set(facts["versions"])
    assert facts["format"] == FORMAT
    durable.as_json(facts)


def test_the_lock_holds_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "hush-hush")
    facts = facts_of(load_recipe("vae/digits"))
    assert "hush-hush" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("word", "recorded"),
    [
        ("track.wandb.api_key=hush", "track.wandb.api_key=***"),
        ("--token=hush", "--token=***"),
        ("data.PASSWORD=hush", "data.PASSWORD=***"),
        ("a.apikey=hush", "a.apikey=***"),
        ("train.epochs=40", "train.epochs=40"),
        ("encoder.monkey=3", "encoder.monkey=3"),
        ("token", "token"),
    ],
)
def test_secrets_on_the_command_line_are_struck_out(word: str, recorded: str) -> None:
    assert without_secrets([word]) == [recorded]


def test_the_lock_names_the_commit_of_the_recipe(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    path = tmp_path / "recipe.yaml"
    path.write_text("genframe: 1\nextends: vae/digits\n")
    outside = facts_of(load_recipe(path))["commit"]
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "recipe")
    committed = facts_of(load_recipe(path))["commit"]
    path.write_text(path.read_text() + "seed: 2\n")
    changed = facts_of(load_recipe(path))["commit"]
    assert outside is None
    assert committed == {"id": git("rev-parse", "HEAD"), "changed": False}
    assert changed == {"id": git("rev-parse", "HEAD"), "changed": True}
