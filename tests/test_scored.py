"""Data that a likelihood is no law of: told of pictures by validate, of numbers before the first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from genframe_plugins.vae.alarms.vanishing_sigma import VanishingSigma
from tiny import plan_of, rows, small, train
from torch.distributions import constraints

from genframe import Bernoulli, DiagonalGaussian
from genframe.errors import Problem, RecipeError
from genframe.supports import bounds_of, holds

GREY = "data.binarise=none"


def remarks(*overrides: str, recipe: str = "vae/digits") -> list[Problem]:
    return [r for r in plan_of(small(recipe, *overrides)).remarks if r.code == "GF525"]


def of_arrays(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "data.npz", **arrays)
    return f"data={{use: arrays, path: {folder / 'data.npz'}, batch_size: 16}}"


def test_grey_pictures_under_a_law_of_bits_are_worth_a_remark_where_figures_are_made_of_it() -> None:
    assert not remarks()  # bits
    (remark,) = remarks(GREY)
    assert remark.path == "likelihood" and "called improper_" in remark.message
    assert not remarks(GREY, "likelihood=discretised-logistic")
    assert not remarks(GREY, "likelihood=gaussian")
    assert not remarks(recipe="dae/digits")  # a cross-entropy that no figure is made of
    (remark,) = remarks(GREY, "data.dequantise=true", "likelihood=categorical-256")
    assert "leave `dequantise` out" in remark.message


def test_coloured_pictures_under_a_law_of_bits_are_refused(tmp_path: Path) -> None:
    x = np.zeros((64, 8, 8, 3), np.uint8)
    coloured = of_arrays(tmp_path, x=x)
    with pytest.raises(RecipeError) as caught:
        plan_of(small("vae/digits", coloured))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == (
        "GF526",
        "likelihood",
    ) and "discretised-logistic" in problem.message
    assert not remarks(coloured, "likelihood=discretised-logistic")


def test_numbers_beyond_a_laws_bounds_are_refused_before_the_run_is_there(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    table = (of_arrays(tmp_path, x=numbers), "train={steps: 1}")
    with pytest.raises(RecipeError) as caught:
        train(small("vae/digits", *table), tmp_path / "run")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF544", "likelihood")
    assert "a law of values from 0 to 1" in problem.message and "gaussian" in problem.message
    assert not (tmp_path / "run").exists()
    train(small("vae/digits", *table, "likelihood=gaussian"), tmp_path / "run")


def test_numbers_between_those_of_a_law_are_told_in_the_log(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).uniform(size=(64, 5)).astype(np.float32)
    data = of_arrays(tmp_path, x=shares)
    run = train(small("vae/digits", data, "train={steps: 1}"), tmp_path / "run")
    assert "remark GF525: values of x lie outside" in (run / "log.txt").read_text()
    data = of_arrays(tmp_path, x=shares.round())
    run = train(small("vae/digits", data, "train={steps: 1}"), tmp_path / "other")
    assert "GF525" not in (run / "log.txt").read_text()


def test_bounds_are_those_that_a_law_tells() -> None:
    bits = Bernoulli(torch.zeros(2, 3))
    assert (
        bounds_of(bits) == (0, 1) and holds(bits, torch.ones(2, 3)) and holds(bits, torch.rand(2, 3)) is False
    )
    real = DiagonalGaussian(torch.zeros(2, 3), torch.ones(2, 3))
    assert bounds_of(real) == (-float("inf"), float("inf"))
    positive = torch.distributions.Exponential(torch.ones(2))
    assert bounds_of(positive) == (0, float("inf"))
    dice = torch.distributions.Categorical(torch.ones(6))
    assert bounds_of(dice) == (0, 5)
    assert dice.support == constraints.integer_interval(0, 5) or holds(dice, torch.tensor(5))


def test_a_sigma_that_falls_to_its_floor_by_constant_values_rings(tmp_path: Path) -> None:
    """Half of the values never change; a sigma for each of them falls, by a share of 0.02 a step, towards 0.004."""
    x = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    x[:, :3] = 0
    recipe = small(
        "vae/digits",
        of_arrays(tmp_path, x=x),
        "likelihood={use: gaussian, learned: true, shared: false}",
        "optimizer={use: adam, lr: 0.02}",
        "train={steps: 400, log: {every: 20}}",
    )
    run = train(recipe, tmp_path / "run")
    (told,) = [line for line in (run / "log.txt").read_text().splitlines() if "alarm vanishing-sigma" in line]
    assert "dequantise" in told
    figures = [row["measured"]["vanishing-sigma"] for row in rows(run)]
    assert figures[0]["small"] == 0 and figures[-1]["small"] == pytest.approx(0.5, abs=0.2)
    assert rows(run)[-1]["alarms"].keys() == {"vanishing-sigma"}


def test_a_sigma_that_is_fixed_or_of_no_density_rings_nothing() -> None:
    alarm = VanishingSigma(rows=3)
    assert alarm.measure(Bernoulli(torch.full((2, 3), -20.0))) == {}
    narrow = alarm.measure(DiagonalGaussian(torch.zeros(2, 3), torch.full((2, 3), 0.01)))
    assert float(narrow["small"]) == 1
    told = {name: float(value) for name, value in narrow.items()}
    assert [alarm({}, told) for _ in range(5)] == [None] * 5
    moved = alarm({}, {**told, "sigma": 0.009})
    assert moved is not None and "100 %" in moved


def test_what_a_law_does_not_offer_in_closed_form_is_named() -> None:
    with pytest.raises(RecipeError) as caught:
        plan_of(small("vae/digits", "posterior=iaf", "loss=dip"))
    (problem,) = caught.value.problems
    assert problem.code == "GF508" and "Flow offers no 'mean', which this asks for" in problem.message
