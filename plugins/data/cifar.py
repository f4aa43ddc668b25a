"""CIFAR-10, as its author publishes it for programs that unpickle nothing."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genframe import DataSpec, Field, FilePath, Problem, RecipeError, RemoteFile, data_root

if TYPE_CHECKING:
    from torch import Tensor

_ARCHIVE = "cifar-10-binary.tar.gz"
_FOLDER = "cifar-10-batches-bin"
_FILES = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
_EACH = 10_000  # pictures a file
_RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue pixels


class Cifar10:
    """50,000 + 10,000 photographs (3, 32, 32), `x`, of ten classes, `y` (Krizhevsky 2009).

    root: the folder of the archive `cifar-10-binary.tar.gz`, or of the `.bin` files in it, or one that holds a folder
        `cifar10` with either. Without it they are looked for in GENFRAME_DATA, else in the cache folder; `genframe data
        fetch` puts the archive there.
    grey: whether the pictures become grey (1, 32, 32), 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
    """

    def __init__(self, *, root: FilePath | None = None, grey: bool = False) -> None:
        self.root, self.grey = root, grey

    @classmethod
    def sources(cls) -> list[RemoteFile]:
        """The archive; its digest is the author's."""
        url = f"https://www.cs.toronto.edu/~kriz/{_ARCHIVE}"
        return [RemoteFile(url, f"cifar10/{_ARCHIVE}", md5_as_sent="c32a1d4ab5d03f1284b67883e8d87530")]

    def present(self) -> bool:
        """Whether the archive or the files are where `load` looks for them."""
        return self._place() is not None

    def spec(self) -> DataSpec:
        """Pictures and labels; no file is opened."""
        return DataSpec(
            {"x": Field((1 if self.grey else 3, 32, 32), image=True), "y": Field((), "int64", classes=10)},
            {split: _EACH * len(files) for split, files in _FILES.items()},
        )

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, 3 or 1, 32, 32) and `y` int64 (n,). Raises RecipeError: files missing or damaged."""
        import numpy as np
        import torch

        from .colour import grey

        rows = np.frombuffer(b"".join(self._contents(split)), np.uint8).reshape(-1, _RECORD)
        # Copies, because torch wants memory that may be written to.
        x = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy())
        return {"x": grey(x) if self.grey else x, "y": torch.from_numpy(rows[:, 0].astype(np.int64))}

    def _contents(self, split: str) -> list[bytes]:
        place = self._place()
        if place is None:
            raise self._missing()
        if place.is_dir():
            return [_sound(place / name, (place / name).read_bytes()) for name in _FILES[split]]
        try:
            with tarfile.open(place) as archive:
                members = [archive.extractfile(f"{_FOLDER}/{name}") for name in _FILES[split]]
                return [_sound(place, member.read()) for member in members if member is not None]
        except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
            raise _damaged(place, f"it can't be read: {error}") from error

    def _place(self) -> Path | None:
        """The folder of the files, or the archive."""
        names = [name for files in _FILES.values() for name in files]
        for folder in self._folders():
            if all((folder / name).is_file() for name in names):
                return folder
            if (folder / _ARCHIVE).is_file():
                return folder / _ARCHIVE
        return None

    def _folders(self) -> list[Path]:
        root = Path(self.root).expanduser() if self.root is not None else data_root()
        folders = [root, root / "cifar10"]
        return [inside for folder in folders for inside in (folder, folder / _FOLDER)]

    def _missing(self) -> RecipeError:
        looked = " or ".join(map(str, self._folders()[::2]))
        return RecipeError(
            Problem(
                "GF601",
                f"cifar10 is not here: {_ARCHIVE} was looked for in {looked}. Fetch it (170 MB); another folder can be "
                f"named by `root` or by GENFRAME_DATA ({os.environ.get('GENFRAME_DATA', 'not set')}). Of pictures in "
                "another form: {use: arrays, path: mine.npz}",
                command="genframe data fetch cifar10",
            )
        )


def _sound(path: Path, content: bytes) -> bytes:
    if len(content) != _EACH * _RECORD:
        raise _damaged(path, f"{_EACH * _RECORD:,} bytes a file were expected, and {len(content):,} came")
    return content


def _damaged(path: Path, reason: str) -> RecipeError:
    return RecipeError(Problem("GF601", f"{path}: {reason}", command="genframe data fetch cifar10"))
