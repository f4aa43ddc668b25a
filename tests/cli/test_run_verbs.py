"""sample, reconstruct, evaluate: what a run makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import Genframe
from PIL import Image
from tiny import small, train

from genframe.run import Run


def test_samples_become_a_grid(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    assert genframe("sample", run, "-n", 9, "-o", tmp_path / "s.png", "--no-titles").code == 0
    assert genframe("sample", run, "-n", 9, "-o", tmp_path / "titled.png").code == 0
    with Image.open(tmp_path / "s.png") as image, Image.open(tmp_path / "titled.png") as titled:
        assert image.size == (3 * 30 + 2, 3 * 30 + 2)
        assert titled.height == image.height + 20 and titled.getpixel((1, 1)) == (255, 255, 255)
        assert np.array_equal(np.asarray(titled.convert("L"))[20:, :92], np.asarray(image))


def test_the_same_seed_draws_the_same_samples(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert genframe("sample", run, "-n", 5, "-o", tmp_path / f"{name}.npy", "--seed", seed).code == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 1, 28, 28)
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_raw_weights_and_older_checkpoints_sample_otherwise(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    for name, more in (("new", ()), ("raw", ("--raw",)), ("old", ("--step", 2))):
        assert genframe("sample", run, "-n", 3, "-o", tmp_path / f"{name}.npz", *more).code == 0
    new, raw, old = (np.load(tmp_path / f"{name}.npz")["x"] for name in ("new", "raw", "old"))
    assert not np.array_equal(new, raw) and not np.array_equal(new, old)


def test_a_file_is_overwritten_with_force_only(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    (tmp_path / "s.png").write_text("mine")
    told = genframe("sample", run, "-o", tmp_path / "s.png")
    assert told.code == 2 and "GF801" in told.err and (tmp_path / "s.png").read_text() == "mine"
    assert genframe("sample", run, "-o", tmp_path / "s.png", "--force").code == 0
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("-o", "s.jpg"), 2, "GF803"),
        (("-o", "s.png", "--output", "encode"), 2, "'sample'"),
        (("-o", "s.png", "--output", "smple"), 2, "GF531"),
        (("-o", "s.png", "--output", "smple"), 2, "Did you mean"),
        (("-o", "s.png", "--step", "3"), 1, "it has 2, 4"),
        (("-o", "s.png", "-n", "0"), 2, "0 is not in the range"),
        ((), 2, "-o"),
    ],
)
def test_what_can_not_be_sampled_is_said(
    genframe: Genframe,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = genframe("sample", run, *arguments)
    assert told.code == code and says in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_vector_that_is_no_picture_becomes_a_line(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("reconstruct", run, "-o", tmp_path / "codes.png", "--output", "encode")
    with Image.open(tmp_path / "codes.png") as image:
        assert told.code == 0 and image.width == 640
    assert genframe("reconstruct", run, "-n", 6, "-o", tmp_path / "codes.npy", "--output", "encode").code == 0
    assert np.load(tmp_path / "codes.npy").shape == (6, 4)


@pytest.mark.parametrize(
    ("verb", "recipe", "serves"),
    [("sample", "dae/digits", "reconstruct, walk, denoise"), ("reconstruct", "gan/ring", "sample")],
)
def test_an_output_that_a_run_has_not_is_told_with_what_serves_it(
    genframe: Genframe, tmp_path: Path, verb: str, recipe: str, serves: str
) -> None:
    brief = "train={steps: 1, checkpoint: {every: 1}, samples: {n: 4}}"
    run = train(small(recipe, brief, "train.epochs=null"), tmp_path / "run")
    told = genframe(verb, run, "-o", tmp_path / "s.png")
    assert told.code == 2 and f"What serves it: {serves}" in " ".join(told.err.split())
    assert "Try: genframe explain" not in told.err and not (tmp_path / "s.png").exists()


def test_no_run_is_an_error_of_a_run(genframe: Genframe, tmp_path: Path) -> None:
    told = genframe("sample", tmp_path / "nowhere", "-o", tmp_path / "s.png")
    assert told.code == 1 and "GF713" in told.err and "Try: genframe runs\n" in told.err
    (tmp_path / "runs").mkdir()
    for verb in (("sample", "-o", tmp_path / "s.png"), ("evaluate",)):
        told = genframe(verb[0], tmp_path / "runs", *verb[1:])
        assert told.code == 1 and f"Try: genframe runs {tmp_path / 'runs'}\n" in told.err


def test_a_run_in_the_place_of_a_recipe_is_told_with_its_own(genframe: Genframe, run: Path) -> None:
    for verb in ("validate", "explain"):
        told = genframe(verb, run)
        assert told.code == 2 and "is a run, not a recipe" in told.err
        assert f"Did you mean '{run / 'resolved.yaml'}'?" in told.err
        assert genframe(verb, run / "resolved.yaml").code == 0
    assert "there is no recipe" in genframe("validate", "a" * 5000).err


def test_reconstructions_stand_under_their_examples(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    assert genframe("reconstruct", run, "-n", 8, "-o", tmp_path / "r.png", "--no-titles").code == 0
    with Image.open(tmp_path / "r.png") as image:
        assert image.size == (8 * 30 + 2, 2 * 30 + 2)
    assert genframe("reconstruct", run, "-n", 8, "-o", tmp_path / "r.npz", "--split", "train").code == 0
    with np.load(tmp_path / "r.npz") as arrays:
        assert arrays["x"].shape == arrays["reconstruction"].shape == (8, 1, 28, 28)
    told = genframe("reconstruct", run, "-o", tmp_path / "q.png", "--split", "tset")
    assert told.code == 2 and "tset" in told.err
    told = genframe("reconstruct", run, "-o", tmp_path / "q.png", "--output", "sample")
    assert told.code == 2 and "GF804" in told.err


def test_a_terminal_is_told_which_metric_is_measured(run: Path) -> None:
    """Nobody else is: neither a reader of --json, nor a file that errors go to."""
    command = [sys.executable, "-m", "genframe", "evaluate", str(run), "rate-distortion", "--no-record"]
    shown = {}
    for more in ((), ("--json",)):
        ours, theirs = os.openpty()
        made = subprocess.run(
            [*command, *more], stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"}
        )
        os.close(theirs)
        os.set_blocking(ours, False)
        try:
            shown[more] = os.read(ours, 1 << 16)
        except OSError:  # nothing was written
            shown[more] = b""
        os.close(ours)
        assert made.returncode == 0 and b"rate" in made.stdout and b" of 1" not in made.stdout
    assert b"rate-distortion, 1 of 1" in shown[()]
    assert not shown[("--json",)]


def test_figures_are_printed_and_added_to_the_run_with_their_protocol(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    (first,) = genframe("evaluate", own, "rate-distortion", "--json").json
    told = genframe("evaluate", own, "rate-distortion", "--split", "train", "--raw")
    assert "rate-distortion  rate " in told.out and "train split, 5,000 examples" in told.out
    stored = json.loads((own / "evaluations.json").read_text())
    assert stored[0]["figures"] == first["figures"] and stored[0]["protocol"] == first["protocol"]
    assert [row["protocol"]["split"] for row in stored] == ["test", "train"]
    assert [row["protocol"]["weights"] for row in stored] == ["averaged", "raw"]
    assert stored[0]["protocol"]["versions"]["torch"] and stored[0]["time"]


def test_a_run_that_is_written_to_is_evaluated_without_a_record(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    with Run.open(own, writable=True):
        told = genframe("evaluate", own, "rate-distortion")
        assert told.code == 1 and "GF712" in told.err and "--no-record" in told.err
        assert genframe("evaluate", own, "rate-distortion", "--no-record").code == 0
    assert not (own / "evaluations.json").exists()


def test_an_unknown_metric_or_a_damaged_list_writes_nothing(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    told = genframe("evaluate", own, "elbwo")
    assert told.code == 2 and "elbo" in told.err
    (own / "evaluations.json").write_text("{}")
    told = genframe("evaluate", own, "rate-distortion")
    assert told.code == 1 and "GF805" in told.err
    assert (own / "evaluations.json").read_text() == "{}"


def test_points_of_a_plane_become_a_scatter_over_the_data(genframe: Genframe, tmp_path: Path) -> None:
    from genframe.api import train

    ring = train("gan/ring", ["train.steps=1", "data.batch_size=8"], run_dir=tmp_path / "ring", quiet=True)
    assert genframe("sample", ring, "-n", 20, "-o", tmp_path / "ring.png").code == 0
    with Image.open(tmp_path / "ring.png") as image:
        assert image.size == (480, 480 + 20)
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels == 190).all(axis=2).any()  # the data, in grey


def test_a_sampler_draws_instead_of_an_output(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    told = genframe("sample", own, "-n", 4, "-o", tmp_path / "a.npy", "--sampler", "mixture")
    assert told.code == 0 and "fitting the sampler 'mixture'" in told.err
    told = genframe("sample", own, "-n", 4, "-o", tmp_path / "b.npy", "--sampler", "mixture")
    assert told.code == 0 and told.err == ""
    block = "{use: mixture, components: 3}"
    assert genframe("sample", own, "-n", 4, "-o", tmp_path / "c.npy", "--sampler", block).code == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (4, 1, 28, 28)
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    told = genframe("sample", own, "-o", tmp_path / "d.npy", "--sampler", "mixtur")
    assert told.code == 2 and "Did you mean 'mixture'?" in told.err
    told = genframe("sample", own, "-o", tmp_path / "d.npy", "--sampler", "mixture", "--output", "sample")
    assert told.code == 2 and "--sampler" in told.err
    assert not (tmp_path / "d.npy").exists()


def test_a_sampler_is_fitted_and_drawn_by_its_name(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    told = genframe("fit-sampler", own, "--use", "gmm", "--name", "few", "components=3")
    assert told.code == 0 and f"genframe sample {own} --sampler few" in told.out
    assert "fitting the sampler 'few'" in told.err and "stored as samplers/few-" in told.err
    told = genframe("sample", own, "-n", 4, "-o", tmp_path / "few.npy", "--sampler", "few")
    assert told.code == 0 and told.err == ""
    told = genframe("fit-sampler", own, "--use", "gmm", "components")
    assert told.code == 2 and "'components' is not KEY=VALUE" in told.err
    told = genframe("fit-sampler", own, "--use", "mixture", "component=3")
    assert told.code == 2 and "components" in told.err


def test_an_audit_is_printed_written_and_read(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    few = ("--samples", 100, "--metric", "none")
    told = genframe("audit", run, *few, "--out", tmp_path / "a", "--dimensions", "--sampler", "none")
    assert told.code == 0, told.err
    assert "I_q(n;z), nats" in told.out and "\nverdict: " in told.out and "audit.json" in told.out
    assert (tmp_path / "a" / "codes.png").exists() and not (run / "audit").exists()
    told = genframe("audit", run, *few, "--out", tmp_path / "b", "--json", "--sampler", "none")
    assert json.loads(told.out)["holds"] == json.loads((tmp_path / "b" / "audit.json").read_text())["holds"]
    told = genframe("audit", run, *few, "--out", tmp_path / "c", "--sampler", "mixtur")
    assert told.code == 2 and "Did you mean 'mixture'?" in told.err and not (tmp_path / "c").exists()
    assert genframe("pack", run, "-o", tmp_path / "one.genframe").code == 0
    told = genframe("audit", tmp_path / "one.genframe", *few)
    assert told.code == 2 and "--out FOLDER" in told.err


def test_filters_of_the_first_layer_become_a_grid(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("filters", run, "-o", tmp_path / "f.png", "--no-titles")
    assert told.code == 0 and "first layer of encoder" in told.out
    with Image.open(tmp_path / "f.png") as image:
        assert image.size == (4 * 30 + 2, 4 * 30 + 2)  # 16 units, each of 28 x 28 weights
    told = genframe("filters", run, "-o", tmp_path / "g.png", "--component", "prior")
    assert told.code == 2 and "GF804" in told.err and not (tmp_path / "g.png").exists()


def test_curves_need_figures_at_levels(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("evaluate", run, "elbo", "--no-record", "--curves", tmp_path / "c.png")
    assert told.code == 2 and "GF803" in told.err


def test_each_latent_becomes_a_row(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("traverse", run, "-o", tmp_path / "t.png", "--latents", "2,0", "--steps", 5)
    assert told.code == 0 and "latents 2, 0, from example 0, after step 4" in told.out
    with Image.open(tmp_path / "t.png") as image:
        assert image.height == 2 * 58 + 2 + 20 + 18 and image.width > 5 * 58 + 2
    arrays = tmp_path / "t.npz"
    assert genframe("traverse", run, "-o", arrays, "--range", "-1,2", "--steps", 4, "--prior").code == 0
    with np.load(arrays) as found:
        assert found["x"].shape == (4, 4, 1, 28, 28) and found["z"].shape == (4, 4, 4)
        assert np.allclose(found["z"][3, :, 3], [-1, 0, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--latents", "0,4"), "GF806"),
        (("--latents", "0,x"), "'0,x'"),
        (("--range", "3,-3"), "'3,-3'"),
        (("--range", "-inf,3"), "'-inf,3'"),
        (("--range", "3"), "the smaller first"),
        (("--steps", "1"), "1 is not in the range"),
        (("--example", "5", "--prior"), "give one of them"),
        (("--example", "9999"), "has no example 9999"),
    ],
)
def test_what_can_not_be_traversed_is_said(
    genframe: Genframe, run: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    told = genframe("traverse", run, "-o", tmp_path / "t.png", *arguments)
    assert told.code == 2 and says in told.err and not (tmp_path / "t.png").exists()


def test_what_is_made_of_pictures_and_their_labels_is_put_beside_them(
    genframe: Genframe, tmp_path: Path
) -> None:
    brief = "train={steps: 2, checkpoint: {every: 2}, samples: {n: 4}, log: {every: 1}}"
    run = train(small("vae/conditional-digits", brief), tmp_path / "run")
    assert (run / "samples" / "reconstruct-00000002.png").exists()
    told = genframe("reconstruct", run, "-o", tmp_path / "beside.npz", "-n", "3")
    assert told.code == 0
    found = np.load(tmp_path / "beside.npz")
    assert found["reconstruction"].shape == found["x"].shape == (3, 1, 28, 28)
