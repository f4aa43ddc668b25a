"""The pictures that every arm trains on, read without genframe."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

DIGITS = Path(__file__).parents[2] / "plugins" / "data" / "digits.npz"
REPEATS = 12
"""The 5,000 digits that ship with genframe, so often, are as many pictures as MNIST has."""


def pictures(split: str = "train") -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(n, 1, 28, 28): MNIST where GENFRAME_DATA has it, else the digits, the training ones repeated to 60,000."""
    found = mnist_file(split)
    if found is not None:
        content = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
        return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    with np.load(DIGITS) as arrays:
        digits: np.ndarray[Any, np.dtype[np.uint8]] = arrays[f"x_{split}"][:, None]
    return np.tile(digits, (REPEATS, 1, 1, 1)) if split == "train" else digits


def mnist_file(split: str) -> Path | None:
    """The IDX file of a split's pictures below GENFRAME_DATA."""
    root = os.environ.get("GENFRAME_DATA")
    if not root:
        return None
    name = f"{'train' if split == 'train' else 't10k'}-images-idx3-ubyte"
    folders = [Path(root), Path(root, "mnist"), Path(root, "MNIST", "raw")]
    files = [folder / file for folder in folders for file in (name, f"{name}.gz")]
    return next((file for file in files if file.is_file()), None)


def dataset() -> str:
    """The dataset component that holds these pictures."""
    return "mnist" if mnist_file("train") else "repeated-digits"
