"""Whatever stands in a recipe, loading it succeeds or says where it is wrong; nothing else happens."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mutations import mutated, setting

from genframe.discovery import discover
from genframe.errors import GenframeError
from genframe.recipe import load_recipe
from genframe.recipe.resolve import resolved_yaml
from genframe.registry import Registry
from genframe.rendering import render

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "recipes").rglob("*.yaml"), *(ROOT / "plugins").rglob("pipelines/*.yaml")])
ROUNDS = 100
"""Seeds of one test."""

DEEDS = ("os.system", "subprocess.Popen", "os.exec", "os.mkdir", "os.rename", "os.remove", "socket.connect")
_watching: list[str] | None = None


def _watch(event: str, args: tuple[object, ...]) -> None:
    if _watching is None:
        return
    if event == "open":
        path, mode, _ = args
        if isinstance(mode, str) and set(mode) & set("wax+") and "__pycache__" not in str(path):
            _watching.append(f"wrote {path}")
    elif event in DEEDS and not any("__pycache__" in str(arg) for arg in args):
        _watching.append(f"{event} {args}")


sys.addaudithook(_watch)


@contextmanager
def _nothing_done() -> Iterator[None]:
    """Fails if anything is written, removed, run or connected to inside."""
    global _watching
    _watching = done = []
    try:
        yield
    finally:
        _watching = None
    assert not done


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover(blocked=frozenset())


def _try(seed: int, registry: Registry) -> bool:
    """Load one mutation; True if it is a recipe all the same."""
    rng = random.Random(seed)
    text = mutated(rng.choice(FILES).read_text(encoding="utf-8"), rng)
    settings = [setting(text, rng) for _ in range(rng.choice((0, 0, 0, 1, 3)))]
    try:
        with _nothing_done():
            resolved_yaml(load_recipe(text, settings, registry))
    except GenframeError as error:
        assert error.problems
        assert all(problem.mark and problem.code and problem.message for problem in error.problems)
        assert render(error.problems, error.texts)
        return False
    return True


def _run(seeds: range, registry: Registry) -> None:
    failures = []
    for seed in seeds:
        try:
            _try(seed, registry)
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("part", range(10))
def test_a_mutated_recipe_loads_or_has_a_problem_with_a_place(
    part: int, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _run(range(part * ROUNDS, (part + 1) * ROUNDS), registry)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("part", range(100))
def test_ten_thousand_mutated_recipes(
    part: int, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = 1_000_000 + part * ROUNDS
    _run(range(first, first + ROUNDS), registry)
    assert not list(tmp_path.iterdir())


def test_mutations_reach_both_outcomes(registry: Registry) -> None:
    loaded = [_try(seed, registry) for seed in range(200)]
    assert 5 < sum(loaded) < 150


def test_unmutated_recipes_load(registry: Registry) -> None:
    recipes = [file for file in FILES if "pipelines" not in file.parts]
    assert recipes
    for file in recipes:
        with _nothing_done():
            assert load_recipe(file, registry=registry).players


def test_bytes_that_are_no_text_are_a_problem_with_a_place(registry: Registry, tmp_path: Path) -> None:
    rng = random.Random(0)
    for round_ in range(50):
        content = bytearray(rng.choice(FILES).read_bytes())
        for _ in range(rng.randint(1, 5)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        file = tmp_path / f"{round_}.yaml"
        file.write_bytes(content)
        try:
            load_recipe(file, registry=registry)
        except GenframeError as error:
            assert all(problem.mark for problem in error.problems)
