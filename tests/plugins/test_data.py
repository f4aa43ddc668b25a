from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genframe_plugins.data import genframe_datasets
from genframe_plugins.data.arrays import Arrays
from genframe_plugins.data.cifar import Cifar10
from genframe_plugins.data.digits import Digits
from genframe_plugins.data.idx import FashionMnist, Kmnist, Mnist, read_idx
from genframe_plugins.data.images import Images
from genframe_plugins.data.synthetic import Grid, Moons, Ring, SwissRoll
from PIL import Image

from genframe import Field, RecipeError
from genframe.data.check import length_differs, rows_differ

ROOT = Path(__file__).parents[2]
POINTS = {"ring": Ring, "grid": Grid, "moons": Moons, "swiss-roll": SwissRoll}


def assert_sound(dataset: Any, split: str) -> None:
    """What a dataset loads is what its spec promises."""
    spec, tensors = dataset.spec(), dataset.load(split)
    assert rows_differ(tensors, spec) == []
    assert length_differs(len(tensors["x"]), spec, split) == []


# Digits

# Of the uint8 pixels (n, 28, 28), cut from the IDX files whose MD5s the `mnist` table holds.
PIXELS = {
    "train": "fe57609667d7a8b640987a51018781e61c7b264afff6868ef379b0c87cb9335c",
    "test": "6973118ee26132cec5e8bca46303f598e8d7f3fd72a7056c43f828e761c432f0",
}


@pytest.mark.parametrize(("split", "each"), [("train", 500), ("test", 100)])
def test_digits_are_mnists_pixels_in_equal_classes(split: str, each: int) -> None:
    assert_sound(Digits(), split)
    digits = Digits().load(split)
    assert torch.bincount(digits["y"]).tolist() == [each] * 10
    assert hashlib.sha256(digits["x"].numpy().tobytes()).hexdigest() == PIXELS[split]


def test_the_digits_file_is_small() -> None:
    import genframe_plugins.data

    assert Path(genframe_plugins.data.__file__).with_name("digits.npz").stat().st_size <= 1.3e6


@pytest.mark.skipif("GENFRAME_DATA" not in os.environ, reason="needs MNIST in GENFRAME_DATA")
@pytest.mark.parametrize(("split", "each"), [("train", 500), ("test", 100)])
def test_digits_are_the_first_of_each_class_of_mnist(split: str, each: int) -> None:
    assert_sound(Mnist(), split)
    mnist, digits = Mnist().load(split), Digits().load(split)
    first = torch.cat([(mnist["y"] == digit).nonzero()[:each, 0] for digit in range(10)]).sort().values
    assert torch.equal(mnist["x"][first], digits["x"])
    assert torch.equal(mnist["y"][first], digits["y"])


# IDX


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """The IDX form of an array of bytes."""
    dimensions = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes((0, 0, 8, array.ndim)) + dimensions + array.tobytes()


X = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
Y = np.array([7, 0, 9], dtype=np.uint8)


def put(folder: Path, zipped: bool) -> None:
    """A small set of two splits in MNIST's form."""
    folder.mkdir(parents=True)
    for prefix in ("train", "t10k"):
        for name, array in ((f"{prefix}-images-idx3-ubyte", X), (f"{prefix}-labels-idx1-ubyte", Y)):
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", ["", "mnist", "MNIST/raw"])
def test_idx_files_are_found_zipped_or_not(tmp_path: Path, zipped: bool, inside: str) -> None:
    put(tmp_path / "sets" / inside, zipped)
    for split in ("train", "test"):
        loaded = Mnist(root=str(tmp_path / "sets")).load(split)
        assert torch.equal(loaded["x"], torch.from_numpy(X).unsqueeze(1))
        assert loaded["y"].tolist() == [7, 0, 9]


def test_idx_files_are_found_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mnist", zipped=True)
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path))
    assert len(Mnist().load("train")["y"]) == 3
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path / "mnist"))
    assert len(Mnist().load("train")["y"]) == 3


def test_one_sets_files_are_not_taken_for_anothers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mnist", zipped=True)
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path / "mnist"))
    with pytest.raises(RecipeError, match="fashion-mnist is not here"):
        FashionMnist().load("train")


def test_missing_files_are_named_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        Kmnist(root=str(tmp_path)).load("train")
    (problem,) = raised.value.problems
    assert problem.command == "genframe data fetch kmnist"
    for said in ("train-images-idx3-ubyte.gz", "codh.rois.ac.jp", str(tmp_path / "kmnist"), "GENFRAME_DATA"):
        assert said in problem.message


@pytest.mark.parametrize("kind", [Mnist, FashionMnist, Kmnist])
def test_what_is_fetched_is_where_it_is_looked_for(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path))
    for number, source in enumerate(kind.sources()):
        assert (source.md5 is None) != (source.md5_as_sent is None)
        assert source.url.endswith(source.name)
        (tmp_path / source.path).parent.mkdir(exist_ok=True)
        (tmp_path / source.path).write_bytes(gzip.compress(idx(Y if number % 2 else X)))
    assert len(kind().load("train")["x"]) == len(kind().load("test")["x"]) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (idx(X)[:-1], "promises 60 bytes \\(3, 4, 5\\), 59 follow"),
        (idx(X) + b"\0", "promises 60 bytes \\(3, 4, 5\\), 61 follow"),
        (idx(X)[:9], "ends within its header"),
        (b"", "expected IDX bytes in 3 dimensions"),
        (idx(Y), "expected IDX bytes in 3 dimensions, it begins with 00000801"),
        (b"\0\0\x0d\x03" + idx(X)[4:], "it begins with 00000d03"),
        (b"<html>", "it begins with 3c68746d"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_idx_files_are_named(tmp_path: Path, content: bytes, said: str, zipped: bool) -> None:
    path = tmp_path / ("images.gz" if zipped else "images")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(RecipeError, match=f"GF601: {path}: .*{said}"):
        read_idx(path, dimensions=3)


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of CIFAR-10 with three pictures each, in a folder as the archive holds them."""
    monkeypatch.setattr("genframe_plugins.data.cifar._EACH", 3)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        rows = rng.integers(0, 256, (3, 3073), dtype=np.uint8)
        rows[:, 0] = (1, 9, 4)
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    return folder


def archived(folder: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, folder.name)
    return target


def test_cifar10_is_read_from_its_files_and_from_its_archive(cifar: Path, tmp_path: Path) -> None:
    """A record is a label and the planes of the colours: what numpy reads of the second file is where it belongs."""
    archived(cifar, tmp_path / "sets" / "cifar10" / "cifar-10-binary.tar.gz")
    for root in (cifar, tmp_path, tmp_path / "sets", tmp_path / "sets" / "cifar10"):
        dataset = Cifar10(root=str(root))
        assert_sound(dataset, "train")
        loaded = dataset.load("train")
        assert loaded["y"].tolist() == [1, 9, 4] * 5
        raw = np.frombuffer((cifar / "data_batch_2.bin").read_bytes(), np.uint8)
        assert int(loaded["x"][4, 2, 31, 30]) == int(raw[3073 + 1 + 2 * 1024 + 31 * 32 + 30])
        assert len(dataset.load("test")["x"]) == 3


def test_grey_is_pillows(cifar: Path) -> None:
    colour, grey = Cifar10(root=str(cifar)), Cifar10(root=str(cifar), grey=True)
    assert grey.spec().fields["x"].shape == (1, 32, 32)
    assert_sound(grey, "test")
    for x, found in zip(colour.load("test")["x"], grey.load("test")["x"], strict=True):
        due = np.asarray(Image.fromarray(x.permute(1, 2, 0).numpy()).convert("L"))
        assert np.abs(found[0].numpy().astype(int) - due.astype(int)).max() <= 1


def test_arrays_in_colour_become_grey_and_others_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour, one = rng.random((4, 6, 5, 3), dtype=np.float32), rng.random((4, 6, 5), dtype=np.float32)
    np.savez(tmp_path / "a.npz", x=colour, y=np.arange(4))
    np.savez(tmp_path / "b.npz", x=one)
    found = Arrays(path=str(tmp_path / "a.npz"), image=True, grey=True)
    assert found.spec().fields["x"].shape == (1, 6, 5) and found.load("train")["y"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(
        found.load("train")["x"][:, 0], colour @ np.array([0.299, 0.587, 0.114]), atol=1e-6
    )
    same = Arrays(path=str(tmp_path / "b.npz"), image=True, grey=True)
    np.testing.assert_array_equal(same.load("train")["x"][:, 0], one)


def test_cifar10_that_is_missing_or_damaged_is_named(cifar: Path, tmp_path: Path) -> None:
    empty = tmp_path / "none"
    empty.mkdir()
    assert not Cifar10(root=str(empty)).present() and Cifar10(root=str(cifar)).present()
    with pytest.raises(RecipeError) as raised:
        Cifar10(root=str(empty)).load("train")
    assert raised.value.problems[0].command == "genframe data fetch cifar10"
    whole = archived(cifar, empty / "cifar-10-binary.tar.gz").read_bytes()
    (empty / "cifar-10-binary.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecipeError, match=r"tar\.gz: it can't be read"):
        Cifar10(root=str(empty)).load("train")
    (cifar / "data_batch_3.bin").write_bytes(b"12")
    with pytest.raises(RecipeError, match=r"data_batch_3\.bin: 9,219 bytes .* and 2 came"):
        Cifar10(root=str(cifar)).load("train")


# A gzip header holds the time: left out, or each worker of the tests would see parameters of its own.
@pytest.mark.parametrize(
    "content",
    [gzip.compress(idx(X), mtime=0)[:-9], b"not gzip", gzip.compress(idx(X), mtime=0)[:15]],
    ids=["no trailer", "not gzip", "header alone"],
)
def test_damaged_gzip_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"GF601: {path}: it can't be read"):
        read_idx(path, dimensions=3)


# Arrays


def saved(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


BYTES = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)


@pytest.mark.parametrize(
    ("array", "shape", "expected"),
    [
        (BYTES, (3, 5, 6), BYTES.transpose(0, 3, 1, 2)),
        (BYTES.transpose(0, 3, 1, 2), (3, 5, 6), BYTES.transpose(0, 3, 1, 2)),
        (BYTES[..., 0], (1, 5, 6), BYTES[..., 0][:, None]),
        (BYTES[..., :1], (1, 5, 6), BYTES[..., 0][:, None]),
        (BYTES.reshape(2, 10, 3, 3), (3, 10, 3), BYTES.reshape(2, 10, 3, 3).transpose(0, 3, 1, 2)),
        (BYTES.reshape(2, 2, 5, 9), (2, 5, 9), BYTES.reshape(2, 2, 5, 9)),
    ],
)
def test_bytes_are_pictures_with_their_channels_in_front(
    tmp_path: Path, array: Any, shape: tuple[int, ...], expected: Any
) -> None:
    np.save(tmp_path / "a.npy", array)
    arrays = Arrays(path=str(tmp_path / "a.npy"))
    assert arrays.spec().fields == {"x": Field(shape, image=True)}
    assert_sound(arrays, "train")
    assert np.array_equal(arrays.load("train")["x"].numpy(), expected)


@pytest.mark.parametrize(
    ("array", "field"),
    [
        (np.linspace(-3, 3, 10).reshape(5, 2), Field((2,))),
        (np.ones((5, 3, 4, 4), np.float16), Field((3, 4, 4))),
        (np.ones(5, np.float32), Field(())),
        (np.ones((5, 2), bool), Field((2,))),
        (np.ones((5, 2), np.int16), Field((2,), "int64")),
        (np.ones((5, 7), np.uint8), Field((7,), "int64")),
        (np.asfortranarray(np.arange(10.0).reshape(5, 2)), Field((2,))),
        (np.arange(10.0, dtype=">f4").reshape(5, 2), Field((2,))),
    ],
)
def test_other_arrays_are_taken_as_they_are(tmp_path: Path, array: Any, field: Field) -> None:
    np.save(tmp_path / "a.npy", array)
    arrays = Arrays(path=str(tmp_path / "a.npy"))
    assert arrays.spec().fields == {"x": field}
    assert_sound(arrays, "train")
    assert np.allclose(arrays.load("train")["x"].numpy(), array)


def test_floats_are_pictures_where_the_recipe_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", (BYTES / 255).astype(np.float64))
    arrays = Arrays(path=str(tmp_path / "a.npy"), image=True)
    assert arrays.spec().fields == {"x": Field((3, 5, 6), image=True)}
    assert_sound(arrays, "train")


def test_names_say_wires_and_splits(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.npz",
        x_train=np.zeros((6, 2)),
        y_train=np.array([0, 1, 2, 0, 1, 2]),
        x_test=np.ones((4, 2)),
        y_test=np.array([3, 0, 0, 0], np.uint8),
    )
    arrays = Arrays(path=path)
    spec = arrays.spec()
    assert spec.lengths == {"train": 6, "test": 4}
    assert spec.fields == {"x": Field((2,)), "y": Field((), "int64", classes=4)}
    assert_sound(arrays, "train")
    assert_sound(arrays, "test")
    assert arrays.load("test")["y"].tolist() == [3, 0, 0, 0]


def test_wires_may_have_other_names_than_arrays(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.npz", imgs=BYTES, latents=np.zeros((2, 5)), metadata=np.array("not of interest")
    )
    arrays = Arrays(path=path, fields={"x": "imgs", "factors": "latents"})
    assert arrays.spec().fields == {"x": Field((3, 5, 6), image=True), "factors": Field((5,))}
    assert_sound(arrays, "train")


def test_rows_are_those_of_the_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", BYTES)
    arrays = Arrays(path=str(tmp_path / "a.npy"))
    rows, whole = arrays.examples("train"), arrays.load("train")["x"]
    assert len(rows) == 2
    assert torch.equal(rows[1]["x"], whole[1])
    assert torch.equal(rows.__getitems__([1, 0, 1])["x"], whole[[1, 0, 1]])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.array([{}], dtype=object)}, "'x' holds Python objects, which are never unpickled"),
        ({"x": np.array(["a", "b"])}, "'x' holds <U1, not numbers"),
        ({"x": np.zeros((2, 2), complex)}, "'x' holds complex128, not numbers"),
        ({"x": np.float64(1)}, "'x' is a single number"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(4)}, "unequal lengths: {'x': 3, 'y': 4}"),
        ({"x_train": np.zeros((3, 2)), "x_test": np.zeros((3, 4))}, "the splits differ"),
        ({"x": np.zeros(3), "x_train": np.zeros(3)}, "both 'x' and 'x_train' are there"),
        ({"x_test": np.zeros(3)}, "nothing to train on among the arrays x_test"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    path = saved(tmp_path / "a.npz", **arrays)
    with pytest.raises(RecipeError) as raised:
        Arrays(path=path).spec()
    assert said in raised.value.problems[0].message
    assert path in raised.value.problems[0].message


def test_a_field_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", imgs=np.zeros(3), labels=np.zeros(3))
    with pytest.raises(RecipeError, match="no array 'pictures'; there are imgs, labels"):
        Arrays(path=path, fields={"x": "pictures"}).spec()


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 cut", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x46\x00{", b"text"]
)
def test_files_that_hold_no_arrays_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=f"GF601: {tmp_path / name}: not a .npy or .npz file"):
        Arrays(path=str(tmp_path / name)).spec()


def test_an_array_cut_short_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", BYTES)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-1])
    with pytest.raises(RecipeError, match=r"not a \.npy or \.npz file that can be read"):
        Arrays(path=str(tmp_path / "a.npy")).load("train")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no such file"):
        Arrays(path=str(tmp_path / "a.npy")).spec()


# Images


def grey(path: Path, *modes: str) -> None:
    path.mkdir(exist_ok=True)
    for i, mode in enumerate(modes):
        Image.new("L", (6, 4), 51 * i).convert(mode).save(path / f"{i}.png")


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    grey(tmp_path, "L", "RGB", "L")
    (tmp_path / "notes.txt").write_text("no picture")
    images = Images(path=str(tmp_path), colour="grey")
    assert images.spec().fields == {"x": Field((1, 4, 6), image=True)}
    assert_sound(images, "train")
    assert images.load("train")["x"][:, 0, 0, 0].tolist() == [0, 51, 102]
    assert torch.equal(images.examples("train")[1]["x"], images.load("train")["x"][1])


def test_subfolders_may_be_splits(tmp_path: Path) -> None:
    grey(tmp_path / "train", "L", "L")
    grey(tmp_path / "test", "L")
    assert Images(path=str(tmp_path)).spec().lengths == {"train": 2, "test": 1}


def test_subfolders_are_read_unless_told_not_to(tmp_path: Path) -> None:
    grey(tmp_path, "L")
    grey(tmp_path / "more", "L", "L")
    assert Images(path=str(tmp_path)).spec().lengths == {"train": 3}
    assert Images(path=str(tmp_path), recursive=False).spec().lengths == {"train": 1}


WHITE, RED = (255, 255, 255), (255, 0, 0)


def _palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, *RED])
    if transparent:
        image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGB", (2, 2), RED), RED),
        (Image.new("RGBA", (2, 2), (*RED, 255)), RED),
        (Image.new("RGBA", (2, 2), (*RED, 0)), WHITE),
        (Image.new("LA", (2, 2), (0, 0)), WHITE),
        (Image.new("L", (2, 2), 77), (77, 77, 77)),
        (Image.new("1", (2, 2), 1), WHITE),
        (_palette(transparent=False), RED),
        (_palette(transparent=True), WHITE),
        (Image.fromarray(np.full((2, 2), 65535, np.uint16)), WHITE),
        (Image.fromarray(np.full((2, 2), 0x8034, np.uint16)), (128, 128, 128)),
    ],
)
def test_every_kind_of_picture_becomes_opaque_rgb(
    tmp_path: Path, image: Image.Image, expected: tuple[int, int, int]
) -> None:
    image.save(tmp_path / "a.png")
    x = Images(path=str(tmp_path)).load("train")["x"]
    assert x[0, :, 0, 0].tolist() == list(expected)
    luma = round(0.299 * expected[0] + 0.587 * expected[1] + 0.114 * expected[2])
    assert Images(path=str(tmp_path), colour="grey").load("train")["x"][0, :, 0, 0].tolist() == [luma]


def test_crop_keeps_the_middle_and_resize_keeps_everything(tmp_path: Path) -> None:
    pixels = np.zeros((8, 24), np.uint8)
    pixels[:, 8:16] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    cropped = Images(path=str(tmp_path), size=8, colour="grey").load("train")["x"]
    assert cropped.shape == (1, 1, 8, 8)
    assert cropped.min() == 255
    resized = Images(path=str(tmp_path), size=(8, 12), fit="resize", colour="grey").load("train")["x"]
    assert resized.shape == (1, 1, 8, 12)
    assert (resized[0, 0, 0, 0], resized[0, 0, 0, 6]) == (0, 255)


def test_a_cameras_note_on_which_side_is_up_is_heeded(tmp_path: Path) -> None:
    image = Image.new("L", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "a.jpg", exif=exif)
    assert Images(path=str(tmp_path)).spec().fields["x"].shape == (3, 6, 4)
    assert_sound(Images(path=str(tmp_path)), "train")


def _broken(path: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("name", ["b.png", "b.jpg", "b.gif", "b.tif", "b.bmp"])
def test_a_broken_picture_is_named(tmp_path: Path, name: str) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    _broken(tmp_path / name)
    with pytest.raises(RecipeError, match=f"GF601: {tmp_path / name}: not a picture that can be read"):
        Images(path=str(tmp_path)).load("train")


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(RecipeError, match=r"a\.png: not a picture"):
        Images(path=str(tmp_path)).spec()


def test_floats_in_a_picture_are_refused(tmp_path: Path) -> None:
    Image.new("F", (2, 2)).save(tmp_path / "a.tif")
    with pytest.raises(RecipeError, match=r"a\.tif: its pixels are floats"):
        Images(path=str(tmp_path)).load("train")


def test_pictures_of_unequal_size_need_a_size(tmp_path: Path) -> None:
    Image.new("L", (6, 4)).save(tmp_path / "a.png")
    Image.new("L", (5, 4)).save(tmp_path / "b.png")
    with pytest.raises(RecipeError, match=r"b\.png: it is 4x5, the first picture 4x6; give a `size`"):
        Images(path=str(tmp_path)).load("train")
    assert_sound(Images(path=str(tmp_path), size=4), "train")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no pictures"):
        Images(path=str(tmp_path)).spec()
    with pytest.raises(RecipeError, match="there is no such folder"):
        Images(path=str(tmp_path / "none")).spec()


def test_a_folders_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    grey(tmp_path, "L", "L")
    first = Images(path=str(tmp_path)).digest()
    assert first == Images(path=str(tmp_path), size=2).digest()
    (tmp_path / "1.png").rename(tmp_path / "2.png")
    assert first != Images(path=str(tmp_path)).digest()


# Points in the plane


@pytest.mark.parametrize("name", POINTS)
def test_points_are_a_function_of_seed_and_split(name: str) -> None:
    kind = POINTS[name]
    for split in ("train", "test"):
        assert_sound(kind(n=50), split)
    one = kind(n=50).load("train")["x"]
    assert one.dtype == torch.float32
    assert torch.equal(one, kind(n=50).load("train")["x"])
    assert not torch.equal(one, kind(n=50).load("test")["x"])
    assert not torch.equal(one, kind(n=50, seed=1).load("train")["x"])


@pytest.mark.parametrize("dataset", [Ring(n=20_000, std=0.1), Grid(n=20_000, std=0.1)])
def test_gaussians_stand_around_their_centres(dataset: Ring | Grid) -> None:
    points = dataset.load("train")
    residual = points["x"] - torch.from_numpy(dataset.centres()).float()[points["y"]]
    # Bounds of 5 standard errors: 40,000 residuals; a false alarm has a chance below 2e-6.
    assert abs(residual.mean()) < 5 * 0.1 / 40_000**0.5
    assert abs(residual.std() - 0.1) < 5 * 0.1 / 80_000**0.5
    assert len(points["y"].unique()) == dataset.modes


def test_the_ring_is_a_circle_and_the_grid_a_square() -> None:
    centres = Ring(modes=8, radius=3).centres()
    assert np.allclose(np.linalg.norm(centres, axis=1), 3)
    assert np.allclose(np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1), 6 * np.sin(np.pi / 8))
    assert sorted(map(tuple, Grid(side=2, spacing=4.0).centres().tolist())) == [
        (-2, -2),
        (-2, 2),
        (2, -2),
        (2, 2),
    ]


def test_moons_without_noise_are_half_circles() -> None:
    points = Moons(n=1000, std=0).load("train")
    upper, lower = points["x"][points["y"] == 0], points["x"][points["y"] == 1]
    assert torch.allclose(upper.norm(dim=1), torch.ones(len(upper)), atol=1e-6)
    assert upper[:, 1].min() >= -1e-6
    middle = torch.tensor([1.0, 0.5])
    assert torch.allclose((lower - middle).norm(dim=1), torch.ones(len(lower)), atol=1e-6)
    assert lower[:, 1].max() <= 0.5 + 1e-6


def test_the_swiss_roll_without_noise_is_a_spiral() -> None:
    x = SwissRoll(n=1000, std=0).load("train")["x"]
    t = 10 * x.norm(dim=1)
    assert 1.5 * np.pi - 1e-3 <= t.min() and t.max() <= 4.5 * np.pi + 1e-3
    assert torch.allclose(x, torch.stack([t * t.cos(), t * t.sin()], dim=1) / 10, atol=1e-4)


# The hook


def test_every_dataset_is_offered_with_a_summary() -> None:
    offered = {component.name: component for component in genframe_datasets()}
    assert set(POINTS) | {
        "digits",
        "mnist",
        "fashion-mnist",
        "kmnist",
        "arrays",
        "stacked-mnist",
        "images",
        "cifar10",
        "table",
    } == set(offered)
    assert all(component.summary for component in offered.values())


def test_specs_cost_no_torch() -> None:
    code = """
import sys
import tarfile
from genframe_plugins.data.digits import Digits
from genframe_plugins.data.idx import Mnist
from genframe_plugins.data.synthetic import Ring
for dataset in (Digits(), Mnist(), Ring()):
    assert dataset.spec().lengths["train"]
assert "torch" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
