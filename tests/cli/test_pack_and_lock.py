"""`genframe pack`, packed files as arguments of the verbs, and `genframe train --locked`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Genframe

from genframe import packed

SMALL = ("encoder.hidden=[16]", "decoder.hidden=[16]", "prior.dim=4", "train.epochs=null", "train.steps=4")
SMALL += ("train.checkpoint={every: 2, keep: 2}", "players.model.ema=0.5")  # as the fixture `run` was trained


@pytest.fixture
def file(genframe: Genframe, run: Path, tmp_path: Path) -> Path:
    target = tmp_path / "model.genframe"
    assert genframe("pack", run, "-o", target).code == 0
    return target


def test_pack_says_what_it_wrote(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("pack", run, "-o", tmp_path / "a.genframe")
    assert told.code == 0
    assert "weights/encoder.safetensors" in told.out and "the model after step 4" in told.out
    again = genframe("pack", run, "-o", tmp_path / "a.genframe")
    assert again.code == 2 and "GF801" in again.err
    made = genframe(
        "pack", run, "-o", tmp_path / "a.genframe", "--force", "--step", 2, "--raw", "--json"
    ).json
    assert made["step"] == 2 and made["bytes"] == (tmp_path / "a.genframe").stat().st_size
    assert "weights/encoder.safetensors" in made["members"]
    assert not [name for name in made["members"] if ".ema." in name]


def test_pack_names_the_file_by_the_recipe(
    genframe: Genframe, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert genframe("pack", run).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["vae-digits.genframe"]


def test_a_run_that_is_none_is_not_packed(genframe: Genframe, tmp_path: Path, file: Path) -> None:
    assert "GF713" in genframe("pack", tmp_path / "none", "-o", tmp_path / "x.genframe").err
    assert "GF745" in genframe("pack", file, "-o", tmp_path / "x.genframe").err
    assert "GF745" in genframe("resume", file).err
    assert not (tmp_path / "x.genframe").exists()


def test_sample_draws_the_same_from_a_packed_file(
    genframe: Genframe, run: Path, file: Path, tmp_path: Path
) -> None:
    for source, name in ((run, "a.npy"), (file, "b.npy")):
        assert genframe("sample", source, "-n", 5, "--seed", 3, "-o", tmp_path / name).code == 0
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_reconstruct_takes_a_packed_file(genframe: Genframe, run: Path, file: Path, tmp_path: Path) -> None:
    for source, name in ((run, "a.png"), (file, "b.png")):
        assert genframe("reconstruct", source, "-n", 4, "-o", tmp_path / name).code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_evaluate_measures_a_packed_file_and_leaves_it_as_it_is(
    genframe: Genframe, run: Path, file: Path
) -> None:
    before = file.read_bytes()
    theirs = genframe("evaluate", file, "elbo", "--json").json
    ours = genframe("evaluate", run, "elbo", "--json", "--no-record").json
    assert theirs[0]["figures"] == ours[0]["figures"]
    assert file.read_bytes() == before
    assert "written to" not in genframe("evaluate", file, "elbo").out


def test_show_prints_the_card_and_the_manifest(genframe: Genframe, file: Path) -> None:
    text = genframe("show", file).out
    assert text.startswith("# vae-digits") and "## Measured" in text
    manifest = genframe("show", file, "--json").json
    assert manifest["step"] == 4 and "README.md" in manifest["files"]
    assert "GF740" in genframe("show", file.with_name("none.genframe")).err


def test_show_of_a_packed_file_needs_no_torch(file: Path) -> None:
    program = "import sys; from genframe.cli import group\n"
    program += f"group.main(['show', {str(file)!r}], standalone_mode=False)\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_show_lets_no_escape_sequence_through(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    target = shutil.copytree(run, tmp_path / "run")
    row = {"metric": "m\x1b[2J", "component": "c", "figures": {"f": 1.0}}
    row["protocol"] = {"step": 4, "examples": 1, "options": {}}
    (target / "evaluations.json").write_text(json.dumps([row]))
    assert genframe("pack", target, "-o", tmp_path / "m.genframe").code == 0
    assert "\x1b" not in genframe("show", tmp_path / "m.genframe").out


def test_an_altered_file_is_told_and_costs_exit_code_1(
    genframe: Genframe, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    told = genframe("sample", file, "-o", tmp_path / "x.png")
    assert told.code == 1 and "GF740" in told.err and not (tmp_path / "x.png").exists()


PARTS = """
from genframe import Component, hookimpl

print("my_parts was run")

@hookimpl
def genframe_functions():
    return [Component("same", "my_parts:same")]

def same(x):
    return x
"""


def test_code_of_a_packed_file_needs_trust_code(genframe: Genframe, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "my_parts.py").write_text(PARTS)
    (home / "mine.yaml").write_text(
        "genframe: 1\nextends: vae/digits\nplugins: [./my_parts.py]\n"
        "outputs: {sample(n): 'same(observe(p_z.sample([n])).mean)'}\n"
    )
    settings = (
        "encoder.hidden=[4]",
        "decoder.hidden=[4]",
        "train.epochs=null",
        "train.steps=1",
        "device=cpu",
    )
    assert genframe("train", home / "mine.yaml", *settings, "--run-dir", home / "run", "--quiet").code == 0
    told = genframe("pack", home / "run", "-o", tmp_path / "m.genframe")
    assert told.code == 0 and "plugins/my_parts.py goes along as text" in told.err
    shutil.rmtree(home)
    refused = genframe("sample", tmp_path / "m.genframe", "-n", 4, "-o", tmp_path / "x.npy")
    assert refused.code == 3 and "GF744" in refused.err and "--trust-code" in refused.err
    assert "my_parts was run" not in refused.out + refused.err
    assert "brings code" in genframe("show", tmp_path / "m.genframe").out
    trusted = genframe("sample", tmp_path / "m.genframe", "-n", 4, "-o", tmp_path / "x.npy", "--trust-code")
    assert trusted.code == 0 and (tmp_path / "x.npy").exists()


def test_other_code_than_in_training_is_remarked_on_stderr(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    lock = json.loads((copy / "lock.json").read_text())
    lock["components"]["encoder"]["revision"] = 9
    (copy / "lock.json").write_text(json.dumps(lock))
    told = genframe("sample", copy, "-n", 4, "-o", tmp_path / "x.npy")
    assert told.code == 0
    assert told.err.count("GF733") == 1 and "revision of encoder nets/mlp: 9 in the lock" in told.err
    packed_too = genframe("pack", copy, "-o", tmp_path / "m.genframe")
    assert "GF733" in packed_too.err and packed_too.code == 0


@pytest.mark.parametrize("lock", ["lock.json", "the run", "a packed file"])
def test_train_locked_accepts_the_same(
    lock: str, genframe: Genframe, run: Path, file: Path, tmp_path: Path
) -> None:
    path = {"lock.json": run / "lock.json", "the run": run, "a packed file": file}[lock]
    told = genframe("train", "vae/digits", *SMALL, "--locked", path, "--run-dir", tmp_path / "new", "--quiet")
    assert told.code == 0, told.err
    for name in ("encoder", "decoder.ema"):
        weights = f"checkpoints/00000004/{name}.safetensors"
        assert (tmp_path / "new" / weights).read_bytes() == (run / weights).read_bytes()


def test_train_locked_refuses_with_exit_code_4_and_every_difference(
    genframe: Genframe, run: Path, file: Path, tmp_path: Path
) -> None:
    for path in (run / "lock.json", file):
        arguments = ("--locked", path, "--run-dir", tmp_path / "new", "--quiet")
        told = genframe("train", "vae/digits", *SMALL, "prior.dim=5", "seed=3", *arguments)
        assert told.code == 4
        assert "prior.dim  GF731 the recipe: 4 in the lock, 5 here" in told.err
        assert "seed  GF731 the recipe: 0 in the lock, 3 here" in told.err
        assert not (tmp_path / "new").exists()
    told = genframe("train", "vae/digits", *SMALL, "--locked", tmp_path / "none.json")
    assert told.code == 4 and "GF730" in told.err
    (tmp_path / "bad.json").write_text("{}")
    assert "GF730" in genframe("train", "vae/digits", "--locked", tmp_path / "bad.json").err


def test_the_constants_of_a_packed_file_are_what_its_docstring_says() -> None:
    text = packed.__doc__ or ""
    for name in (
        packed.MANIFEST,
        packed.RECIPE,
        packed.RESOLVED,
        packed.LOCK,
        packed.EVALUATIONS,
        packed.CARD,
    ):
        assert name in text and packed._NAMES.fullmatch(name)
    assert packed.PICTURE in text and packed._NAMES.fullmatch(packed.PICTURE)
