"""Tiny models on the explorer's page: a VAE, one of classes, a chain, a GAN of points, pictures of five channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tiny import SMALL

import genframe
from genframe.explorer.explored import Explored
from genframe.explorer.server import application

TOKEN, PORT = "a-token", 8000

Open = Callable[[str], Explored]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of two steps, by a word for its recipe; each is trained once."""
    folder = tmp_path_factory.mktemp("explored")
    made: dict[str, Path] = {}
    recipes: dict[str, str] = {
        "vae": "vae/digits",
        "classes": "vae/conditional-digits",
        "chain": "dae/walkback-digits",
        "points": "gan/ring",
    }
    two_steps = ("device=cpu", "train.epochs=null", "train.steps=2", "train.samples.every=null")

    def run(word: str) -> Path:
        if word not in made:
            recipe: Any = recipes.get(word)
            overrides = (*SMALL.get(recipe, ()), *two_steps[: 3 if recipe else 1])
            if recipe is None:
                recipe = _five_channels(folder)
            made[word] = genframe.train(recipe, overrides, run_dir=folder / word, quiet=True)
        return made[word]

    return run


def _five_channels(folder: Path) -> dict[str, Any]:
    np.savez(folder / "five.npz", x=np.random.default_rng(0).random((40, 5, 6, 4), dtype=np.float32))
    return {
        "genframe": 1,
        "pipeline": "vae",
        "name": "five",
        "data": {"use": "arrays", "path": str(folder / "five.npz"), "image": True, "batch_size": 8},
        "encoder": {"use": "mlp", "hidden": [8]},
        "decoder": {"use": "mlp", "hidden": [8]},
        "prior": {"use": "gaussian", "dim": 2},
        "train": {"steps": 2},
    }


@pytest.fixture(scope="session")
def explored(runs: Callable[[str], Path]) -> Iterator[Open]:
    made: dict[str, Explored] = {}

    def opened(word: str) -> Explored:
        if word not in made:
            made[word] = Explored(genframe.load(runs(word)), word)
        return made[word]

    yield opened
    for one in made.values():
        one.close()


@pytest.fixture(scope="session")
def page(explored: Open) -> TestClient:
    """The page of a VAE and a GAN of points, asked as a browser asks."""
    models = [explored("vae"), explored("points")]
    return TestClient(application(models, TOKEN, PORT), base_url=f"http://127.0.0.1:{PORT}/{TOKEN}/")
