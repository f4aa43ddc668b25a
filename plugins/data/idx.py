"""MNIST and the sets published in its form: one loader, one table."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from genframe import DataSpec, Field, FilePath, Problem, RecipeError, RemoteFile, data_root

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

# What is published of each set, in this order.
_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_PREFIX = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, slots=True)
class _Published:
    """A row of the table: MD5s are of the content where `md5`, of the .gz files where `md5_as_sent`."""

    url: str
    also_in: str  # the folder that torchvision makes
    md5: tuple[str | None, ...] = (None,) * 4
    md5_as_sent: tuple[str | None, ...] = (None,) * 4


_TABLE = {
    "mnist": _Published(
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        also_in="MNIST/raw",
        md5=(
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion-mnist": _Published(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        also_in="FashionMNIST/raw",
        md5_as_sent=(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "kmnist": _Published(
        url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        also_in="KMNIST/raw",
        md5_as_sent=(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
}


class IdxImages:
    """60,000 + 10,000 pictures (1, 28, 28), `x`, with ten classes, `y`, from four IDX files, gzipped or not.

    root: the folder that holds the files, or a folder of the set's name that does. Without it they are looked
    for in GENFRAME_DATA, else in the cache folder, each in a folder of the set's name or in torchvision's
    (`MNIST/raw`); `genframe data fetch` puts them there.
    """

    name: ClassVar[str]

    def __init__(self, *, root: FilePath | None = None) -> None:
        self.root = root

    @classmethod
    def sources(cls) -> list[RemoteFile]:
        """The published files and their digests."""
        row = _TABLE[cls.name]
        return [
            RemoteFile(f"{row.url}{file}.gz", f"{cls.name}/{file}.gz", md5, md5_as_sent)
            for file, md5, md5_as_sent in zip(_FILES, row.md5, row.md5_as_sent, strict=True)
        ]

    def present(self) -> bool:
        """Whether every file is where `load` looks for it."""
        folders = self._folders()
        return all(any(_held(folder, file) for folder in folders) for file in _FILES)

    def spec(self) -> DataSpec:
        """Pictures and labels; no file is opened."""
        return DataSpec(
            {"x": Field((1, 28, 28), image=True), "y": Field((), "int64", classes=10)},
            {"train": 60_000, "test": 10_000},
        )

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, 1, h, w) and `y` int64 (n,). Raises RecipeError: files missing or damaged."""
        import torch

        prefix = _PREFIX[split]
        pictures = read_idx(self._find(f"{prefix}-images-idx3-ubyte"), dimensions=3)
        labels = read_idx(self._find(f"{prefix}-labels-idx1-ubyte"), dimensions=1)
        return {"x": torch.from_numpy(pictures).unsqueeze(1), "y": torch.from_numpy(labels).long()}

    def _find(self, file: str) -> Path:
        folders = self._folders()
        found = next(filter(None, (_held(folder, file) for folder in folders)), None)
        if found is None:
            raise self._missing(file, folders)
        return found

    def _folders(self) -> list[Path]:
        """Where the files may be. All sets' files are called alike, so a shared folder must name its set."""
        root = Path(self.root).expanduser() if self.root is not None else data_root()
        folders = [root / self.name, root / _TABLE[self.name].also_in]
        return [root, *folders] if self.root is not None or root.name == self.name else folders

    def _missing(self, file: str, folders: list[Path]) -> RecipeError:
        looked = " or ".join(str(folder) for folder in folders)
        needed = ", ".join(f"{name}.gz" for name in _FILES)
        return RecipeError(
            Problem(
                "GF601",
                f"{self.name} is not here: {file} (or {file}.gz) was looked for in {looked}. Fetch it, or "
                f"put {needed} from {_TABLE[self.name].url} there; another folder can be named by `root` or "
                f"by the environment variable GENFRAME_DATA ({os.environ.get('GENFRAME_DATA', 'not set')})",
                command=f"genframe data fetch {self.name}",
            )
        )


class Mnist(IdxImages):
    """MNIST: 60,000 + 10,000 handwritten digits (LeCun, Cortes, Burges), `x` (1, 28, 28) and `y` 0 to 9.

    The digests are of the uncompressed files, so any copy of the original pixels will do.
    """

    name = "mnist"


class FashionMnist(IdxImages):
    """Fashion-MNIST: 60,000 + 10,000 clothes (Xiao, Rasul, Vollgraf 2017), `x` (1, 28, 28) and `y` 0 to 9.

    The digests are those of the published .gz files, as torchvision has them.
    """

    name = "fashion-mnist"


class Kmnist(IdxImages):
    """Kuzushiji-MNIST: 60,000 + 10,000 hiragana (Clanuwat et al. 2018), `x` (1, 28, 28) and `y` 0 to 9.

    The digests are those of the published .gz files, as torchvision has them.
    """

    name = "kmnist"


def read_idx(path: Path, dimensions: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The bytes of an IDX file (gzipped if its name ends in .gz) as an array of so many dimensions.

    The form: two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a
    big-endian 32-bit number, then the values. Raises RecipeError naming the file.
    """
    import numpy as np

    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"it can't be read: {error}") from error
    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, 8, dimensions)):
        raise _damaged(
            path, f"expected IDX bytes in {dimensions} dimensions, it begins with {content[:4].hex()}"
        )
    if len(content) < start:
        raise _damaged(path, "it ends within its header")
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    if len(content) - start != prod(shape):
        raise _damaged(
            path, f"its header promises {prod(shape)} bytes {shape}, {len(content) - start} follow"
        )
    # A copy, because torch wants memory that may be written to.
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def _held(folder: Path, file: str) -> Path | None:
    """A published file in a folder, uncompressed or not."""
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)


def _damaged(path: Path, reason: str) -> RecipeError:
    return RecipeError(Problem("GF601", f"{path}: {reason}"))
