"""interpolate, manifold, walk, and conditions and titles of all verbs that draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Genframe
from PIL import Image
from tiny import SMALL


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from genframe.api import train

    small = [*SMALL["vae/conditional-digits"], "train={epochs: null, steps: 2}", "device=cpu"]
    return train("vae/conditional-digits", small, run_dir=tmp_path_factory.mktemp("runs") / "c", quiet=True)


@pytest.mark.parametrize("verb", ["interpolate", "manifold", "walk", "traverse"])
@pytest.mark.parametrize("words", [(), ("--no-titles",)], ids=["titled", "bare"])
def test_a_picture_is_written(
    genframe: Genframe, run: Path, tmp_path: Path, verb: str, words: tuple[str, ...]
) -> None:
    more = ("--side", 4) if verb == "manifold" else ("--steps", 4)
    told = genframe(verb, run, "-o", tmp_path / "a.png", *more, *words)
    assert told.code == 0, told.err
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode == "L") == bool(words) and image.width > 100
    again = genframe(verb, run, "-o", tmp_path / "a.png", *more)
    assert again.code == 2 and "GF801" in again.err


@pytest.mark.parametrize("verb", ["interpolate", "walk", "traverse"])
def test_what_moves_is_an_animation(genframe: Genframe, run: Path, tmp_path: Path, verb: str) -> None:
    told = genframe(verb, run, "-o", tmp_path / "a.gif", "--steps", 3)
    assert told.code == 0, told.err
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]  # three there and one back, or a start and three steps


def test_arrays_hold_the_codes_too(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    assert (
        genframe("interpolate", run, "-o", tmp_path / "i.npz", "--examples", "0,1,2", "--steps", 4).code == 0
    )
    assert genframe("manifold", run, "-o", tmp_path / "m.npz", "--side", 3).code == 0
    assert genframe("walk", run, "-o", tmp_path / "w.npz", "--steps", 6, "--every", 2, "-n", 3).code == 0
    with np.load(tmp_path / "i.npz") as found:
        assert (
            found["x"].shape == (2, 4, 1, 28, 28) and found["z"].shape == (2, 4, 4) and len(found["t"]) == 4
        )
    with np.load(tmp_path / "m.npz") as found:
        assert found["x"].shape == (3, 3, 1, 28, 28) and list(found["across"]) == sorted(found["across"])
    with np.load(tmp_path / "w.npz") as found:
        assert found["x"].shape == (4, 3, 1, 28, 28) and found["step"].tolist() == [0, 2, 4, 6]


def test_a_class_is_asked_for(genframe: Genframe, conditional: Path, tmp_path: Path) -> None:
    for name, asked in (("a", ("--class", 7)), ("b", ("--given", "y=7")), ("c", ("--given", "y=6"))):
        assert genframe("sample", conditional, "-n", 3, "-o", tmp_path / f"{name}.npy", *asked).code == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    told = genframe("sample", conditional, "-n", 20, "-o", tmp_path / "all.png", "--class", "all")
    assert told.code == 0
    with Image.open(tmp_path / "all.png") as image:
        assert image.height == 2 * 58 + 2 + 20 + 18
    for verb in ("interpolate", "manifold", "reconstruct", "traverse", "walk"):
        told = genframe(verb, conditional, "-o", tmp_path / f"{verb}.png", "--class", 7)
        assert told.code == 0, told.err


@pytest.mark.parametrize(
    ("verb", "arguments", "says"),
    [
        ("sample", ("--class", "11"), "a class from 0 to 9"),
        ("sample", ("--class", "seven"), "GF807"),
        ("sample", ("--given", "z=1"), "takes y and no 'z'"),
        ("sample", ("--given", "y"), "NAME=VALUE"),
        ("sample", ("--class", "1", "--sampler", "mixture"), "leave out --sampler"),
        ("interpolate", ("--examples", "0,1", "--seeds", "0,1"), "give one of them"),
        ("interpolate", ("--examples", "0,-1"), "'0,-1'"),
        ("interpolate", ("--examples", "0"), "two or more"),
        ("interpolate", ("--seeds", "0,1"), "--given y=CLASS"),
        ("interpolate", ("--steps", "1"), "1 is not in the range"),
        ("manifold", (), "GF807"),
        ("walk", ("--by", "gibs"), "it has coding, reconstruct, latent"),
        ("walk", ("--example", "99999"), "has no example"),
    ],
)
def test_what_can_not_be_drawn_is_said(
    genframe: Genframe, conditional: Path, tmp_path: Path, verb: str, arguments: tuple[str, ...], says: str
) -> None:
    told = genframe(verb, conditional, "-o", tmp_path / "a.png", *arguments)
    assert told.code == 2 and says in told.err and list(tmp_path.iterdir()) == []


def test_a_model_without_classes_says_so(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    told = genframe("sample", run, "-o", tmp_path / "a.png", "--class", 7)
    assert told.code == 2 and "no class to ask for" in told.err
    told = genframe("manifold", run, "-o", tmp_path / "a.gif")
    assert told.code == 2 and "GF803" in told.err
