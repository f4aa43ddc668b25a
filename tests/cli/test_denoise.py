"""`genframe denoise`: pictures of any mode and size, and what is said of those that can't be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Genframe
from PIL import Image

from genframe import memory, picture_files
from genframe.api import train

TINY = ("train.epochs=null", "train.steps=2", "train.checkpoint={every: 2}", "device=cpu")
RECIPE = """
genframe: 1
pipeline: denoiser
data: {use: digits, batch_size: 16}
noise: {use: gaussian, std: [0.1, 0.5]}
decoder: {use: unet, width: 2, depth: 1}
"""
TOLD = """
wires: {"restore(picture)": null, "restore(picture, level)": "likelihood(decoder(picture, level))",
        p_x: "restore(x_noised, x_level.std)"}
outputs: {"denoise(picture)": null, "denoise(picture, level)": "restore(picture, level).mean", "restored(x)": null}
optimizer: {use: adam, lr: 0.02}
"""
CLEAN = """
wires: {"restore(picture)": "likelihood(decoder(picture))"}
outputs: {"denoise(picture)": "picture", "restored(x)": null}
"""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A blind denoiser, one that is told the level, and one that gives back what it gets."""
    folder = tmp_path_factory.mktemp("denoisers")
    more = {"blind": "", "told": TOLD, "same": CLEAN}
    for name, text in more.items():
        path = folder / f"{name}.yaml"
        path.write_text(RECIPE + text)
        some = (
            ("train.steps=40", "decoder.width=4") if name == "told" else ()
        )  # until the level makes a difference
        train(str(path), (*TINY, *some), run_dir=folder / name, quiet=True)
    return {name: folder / name for name in more}


def saved(path: Path, mode: str = "L", size: tuple[int, int] = (28, 28)) -> Path:
    """A random picture of a mode in a file."""
    rng = np.random.default_rng(0)
    shape = (size[1], size[0])
    if mode == "I;16":
        Image.fromarray(rng.integers(0, 65536, shape, dtype=np.uint16)).save(path)
        return path
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 2, "CMYK": 4, "P": 3, "1": 1}[mode]
    pixels = rng.integers(0, 256, (*shape, channels), dtype=np.uint8)
    made = {"P": "RGB", "1": "L"}.get(mode, mode)
    image = Image.merge(made, [Image.fromarray(pixels[..., i]) for i in range(channels)])
    (image.convert(mode) if made != mode else image).save(path)
    return path


@pytest.mark.parametrize(
    ("mode", "ending", "kept"),
    [
        ("L", "png", "L"), ("RGB", "png", "RGB"), ("RGBA", "png", "RGBA"), ("LA", "png", "LA"), ("P", "png", "RGB"),
        ("1", "png", "L"), ("I;16", "png", "I;16"), ("CMYK", "tif", "RGB"), ("I;16", "tif", "I;16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [(28, 28), (61, 40), (20, 9)])
def test_pictures_of_every_mode_and_size_keep_what_they_are(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path, mode: str, ending: str, kept: str,
    size: tuple[int, int],
) -> None:  # fmt: skip
    source = saved(tmp_path / f"in.{ending}", mode, size)
    told = genframe("denoise", runs["same"], source, "-o", tmp_path / "out.png")
    assert told.code == 0, told.err
    with Image.open(source) as before, Image.open(tmp_path / "out.png") as after:
        assert (after.mode, after.size) == (kept, size)
        due = before if mode == "I;16" else before.convert(kept)
        assert np.array_equal(np.asarray(due), np.asarray(after))


def test_what_a_camera_noted_of_the_upper_side_is_heeded(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path
) -> None:
    source = tmp_path / "in.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    pixels = np.arange(30 * 40, dtype=np.uint16).astype(np.uint8).reshape(30, 40)
    Image.fromarray(pixels).save(source, exif=exif)
    assert genframe("denoise", runs["same"], source, "-o", tmp_path / "out.png").code == 0
    with Image.open(tmp_path / "out.png") as after:
        assert np.array_equal(np.asarray(after), np.rot90(pixels, -1))
        assert 0x0112 not in after.getexif()


def test_noise_is_put_on_by_seed_and_undone(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path
) -> None:
    source = saved(tmp_path / "in.png", "RGB", (40, 33))
    for name, more in {"a": (), "b": (), "c": ("--seed", 1)}.items():
        call = ("denoise", runs["same"], source, "--noise", "gaussian:0.3", "-o", tmp_path / f"{name}.png")
        told = genframe(*call, "--strip", "--json", *more, *(("--no-titles",) if name == "a" else ()))
        assert told.code == 0, told.err
    report = told.json["pictures"][0]
    assert (report["level"], report["mode"]) == (pytest.approx(0.3), "RGB")
    assert "each colour" in report["remarks"][0]
    # -20 log10(0.3) = 10.5 dB, and some more for what is clipped; the model gives back what it gets
    assert 10.5 < report["psnr_noised"] < 14 and report["psnr"] == pytest.approx(
        report["psnr_noised"], abs=0.01
    )
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c
    with Image.open(tmp_path / "a-strip.png") as strip:
        assert strip.size == (3 * 40 + 2 * 4, 33)
        assert np.array_equal(np.asarray(strip)[:, :40], np.asarray(Image.open(source)))
        bare = np.asarray(strip)
    with Image.open(tmp_path / "b-strip.png") as strip:
        titled = np.asarray(strip)
    assert np.array_equal(titled[-33:, : 3 * 40 + 2 * 4], bare) and (titled[:-33] < 128).any()


@pytest.mark.parametrize(
    "noise", ["masking:0.5", "salt-and-pepper", "{use: gaussian, std: [0.1, 0.4]}", "blur:1.5"]
)
def test_any_installed_noise_will_do(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path, noise: str
) -> None:
    source = saved(tmp_path / "in.png", size=(50, 30))
    told = genframe("denoise", runs["same"], source, "--noise", noise, "-o", tmp_path / "out.png", "--json")
    assert told.code == 0, told.err
    assert told.json["pictures"][0]["psnr"] == pytest.approx(
        told.json["pictures"][0]["psnr_noised"], abs=0.05
    )


def test_a_model_that_is_told_the_level_is_told_it(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path
) -> None:
    source = saved(tmp_path / "in.png", size=(31, 29))
    for name, level in (("a", 0.1), ("b", 0.9)):
        call = ("denoise", runs["told"], source, "--level", level, "-o", tmp_path / f"{name}.png")
        assert genframe(*call).code == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    told = genframe(
        "denoise", runs["told"], source, "--noise", "gaussian:0.2", "-o", tmp_path / "c.png", "--json"
    )
    assert told.json["pictures"][0]["level"] == pytest.approx(0.2)


def test_a_folder_is_done_but_for_what_is_broken(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    saved(folder / "a.png")
    saved(folder / "b.jpg", "RGB", (50, 30))
    saved(folder / "b.png", "RGB", (50, 30))
    whole = saved(folder / "c.png").read_bytes()
    (folder / "c.png").write_bytes(whole[: len(whole) // 2])
    (folder / "d.png").write_text("no picture")
    (folder / "notes.txt").write_text("not taken for a picture")
    told = genframe("denoise", runs["blind"], folder, "-o", tmp_path / "out", "--json")
    assert told.code == 2
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["a.png", "b.jpg.png", "b.png.png"]
    report = json.loads(told.out)
    assert len(report["pictures"]) == 3 and [f["code"] for f in report["failed"]] == ["GF821", "GF821"]
    assert "c.png" in told.err and "d.png" in told.err and "3 of 5" in told.err


def test_nothing_is_overwritten_unless_told(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path
) -> None:
    source = saved(tmp_path / "in.png")
    before = source.read_bytes()
    told = genframe("denoise", runs["blind"], source, "-o", source)
    assert told.code == 2 and "GF801" in told.err and "itself" in told.err and source.read_bytes() == before
    (tmp_path / "x-strip.png").write_text("mine")
    told = genframe("denoise", runs["blind"], source, "-o", tmp_path / "x.png", "--strip")
    assert told.code == 2 and "x-strip.png" in told.err and not (tmp_path / "x.png").exists()
    assert genframe("denoise", runs["blind"], source, "-o", source, "--force").code == 0
    assert source.read_bytes() != before


def test_a_wide_picture_and_one_that_is_too_large(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(tmp_path / "in.png", size=(20_000, 30))
    assert genframe("denoise", runs["same"], source, "-o", tmp_path / "out.png").code == 0
    with Image.open(tmp_path / "out.png") as after:
        assert np.array_equal(np.asarray(after), np.asarray(Image.open(source)))
    monkeypatch.setattr(picture_files, "MOST_PIXELS", 500_000)
    told = genframe("denoise", runs["same"], source, "-o", tmp_path / "b.png")
    assert (
        told.code == 2 and "GF822" in told.err and "--huge" in told.err and not (tmp_path / "b.png").exists()
    )
    assert genframe("denoise", runs["same"], source, "-o", tmp_path / "b.png", "--huge").code == 0
    assert Image.MAX_IMAGE_PIXELS is not None  # Pillow's own limit stands again


def test_noise_on_a_picture_that_does_not_fit_in_memory_is_refused_before_it_is_made(
    genframe: Genframe, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(
        tmp_path / "in.png", "RGB", (400, 300)
    )  # 9 floats of 4 bytes for each of 360,000 values: 13 MB
    call = ("denoise", runs["same"], source, "-o", tmp_path / "out.png")
    monkeypatch.setattr(memory, "available", lambda device=None: 12_900_000)
    told = genframe(*call, "--noise", "gaussian:0.3")
    assert told.code == 2 and "GF822" in told.err and not (tmp_path / "out.png").exists()
    assert "may take 13 MB of memory for 400x300 pixels of 3 channels, and 13 MB are free" in " ".join(
        told.err.split()
    )
    assert genframe(*call).code == 0, "without noise a picture is read in bands"
    monkeypatch.setattr(memory, "available", lambda device=None: 13_000_000)
    assert genframe(*call, "--noise", "gaussian:0.3", "--force").code == 0


@pytest.mark.parametrize(
    ("model", "arguments", "code", "says"),
    [
        ("blind", ("in.png", "-o", "out.gif"), "GF803", "must end in"),
        ("blind", ("in.png", "in.png", "-o", "out.png"), "GF803", "folder"),
        ("blind", ("alpha.png", "-o", "out.jpg"), "GF803", "transparent"),
        ("blind", ("deep.png", "-o", "out.webp"), "GF803", "16 bits"),
        ("blind", ("none.png", "-o", "out.png"), "GF821", "no picture"),
        ("blind", ("empty", "-o", "out"), "GF821", "holds no pictures"),
        ("blind", ("float.tif", "-o", "out.png"), "GF821", "floats"),
        ("blind", ("in.png", "--level", "0.3", "-o", "out.png"), "GF823", "blind"),
        ("told", ("in.png", "-o", "out.png"), "GF823", "--level"),
        ("blind", ("in.png", "--noise", "masking:1.5", "-o", "out.png"), "GF205", "1.5"),
        ("blind", ("in.png", "--noise", "masking:0.1,0.2", "-o", "out.png"), "GF824", "it takes share"),
        ("blind", ("in.png", "--noise", "gausian:0.3", "-o", "out.png"), "GF301", "in <noise>"),
        ("blind", ("in.png", "--noise", "gaussian:", "-o", "out.png"), "GF824", "no level behind the colon"),
        ("blind", ("in.png", "--noise", "compose:0.1", "-o", "out.png"), "GF824", "as a block"),
        ("blind", ("in.png", "--noise", "flip:0.1", "-o", "out.png"), "GF824", "pictures"),
        ("vae", ("in.png", "-o", "out.png"), "GF804", "What serves it: sample, reconstruct, traverse"),
    ],
)
def test_what_can_not_be_restored_is_said(
    genframe: Genframe, runs: dict[str, Path], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    model: str, arguments: tuple[str, ...], code: str, says: str,
) -> None:  # fmt: skip
    folder = {**runs, "vae": run}[model]
    monkeypatch.chdir(tmp_path)
    saved(Path("in.png"))
    saved(Path("alpha.png"), "RGBA")
    saved(Path("deep.png"), "I;16")
    Image.fromarray(np.ones((9, 9), np.float32)).save("float.tif")
    Path("empty").mkdir()
    told = genframe("denoise", folder, *arguments)
    assert told.code == 2 and code in told.err and says in told.err, told.err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


def test_a_grey_picture_by_a_model_of_colours_is_done_with_a_remark(
    genframe: Genframe, tmp_path: Path
) -> None:
    np.savez(
        tmp_path / "colours.npz", x=np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    )
    (tmp_path / "r.yaml").write_text(
        RECIPE.replace("use: digits", "use: arrays, path: colours.npz") + CLEAN, encoding="utf-8"
    )
    train(str(tmp_path / "r.yaml"), TINY, run_dir=tmp_path / "run", quiet=True)
    source = saved(tmp_path / "in.png")
    told = genframe("denoise", tmp_path / "run", source, "-o", tmp_path / "out.png")
    assert told.code == 0 and "three equal colours" in told.out, told.err
    with Image.open(source) as before, Image.open(tmp_path / "out.png") as after:
        assert after.mode == "L" and np.array_equal(np.asarray(before), np.asarray(after))


def test_a_finished_training_names_the_verbs_that_its_outputs_serve(
    genframe: Genframe, tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    trained = genframe("train", tmp_path / "r.yaml", "train.steps=1", "--run-dir", tmp_path / "denoiser")
    resumed = genframe("resume", tmp_path / "denoiser", "train.steps=2")
    for told in (trained, resumed):
        assert told.code == 0, told.err
        assert f"genframe denoise {tmp_path / 'denoiser'} " in told.out
        assert "genframe sample" not in told.out, "it has no output `sample`"
