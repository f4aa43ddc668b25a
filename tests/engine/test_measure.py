"""What a recipe's log p(x) is of the data as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tiny import plan_of

from genframe.data.feed import Feed
from genframe.engine.evaluation import evaluate
from genframe.engine.measure import measured
from genframe.engine.outputs import Outputs
from genframe.recipe import load_recipe

RECIPE: dict[str, Any] = {
    "genframe": 1,
    "pipeline": "vae",
    "encoder": {"use": "mlp", "hidden": [4]},
    "decoder": {"use": "mlp", "hidden": [4]},
    "prior": {"use": "gaussian", "dim": 2},
    "train": {"steps": 1},
    "evaluate": ["elbo"],
}

CASES = [
    ("bernoulli", {}, "improper"),
    ("bernoulli", {"binarise": "dynamic"}, "probability"),
    ("bernoulli", {"dequantise": True}, "improper"),
    ("continuous-bernoulli", {}, "density"),
    ("continuous-bernoulli", {"dequantise": True}, "dequantised"),
    ("gaussian", {}, "density"),
    ("gaussian-per-value", {"dequantise": True}, "dequantised"),
    ("discretised-logistic", {}, "levels"),
    ("discretised-logistic", {"dequantise": True}, "improper"),
    ("logistic-mixture", {}, "levels"),
    ("categorical-256", {}, "levels"),
]


def recipe(likelihood: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {**RECIPE, "likelihood": likelihood, "data": {"use": "digits", "batch_size": 16, **data}}


@pytest.mark.parametrize("likelihood, data, expected", CASES)
def test_the_support_says_what_a_log_probability_of_the_data_is(
    likelihood: str, data: dict[str, Any], expected: str
) -> None:
    loaded = load_recipe(recipe(likelihood, data))
    plan = plan_of(loaded)
    split = Feed(loaded.datasets[""], plan.datasets[""], 0).split("test")
    assert measured(plan, split) == expected


def test_a_row_says_how_pictures_were_made_and_prints_no_likelihood_where_there_is_none() -> None:
    """Numbers of differently binarised pictures are never of one protocol."""
    found = {}
    for way, data in {
        "grey": {},
        "static": {"binarise": "static"},
        "dynamic": {"binarise": "dynamic"},
        "threshold": {"binarise": "threshold"},
    }.items():
        loaded = load_recipe(recipe("bernoulli", data))
        plan = plan_of(loaded)
        split = Feed(loaded.datasets[""], plan.datasets[""], 0).split("test")
        (row,) = evaluate(Outputs(plan), loaded.evaluate, split, 0, train=lambda split=split: split)
        found[way] = row["protocol"]["pictures"], row["protocol"]["likelihood"], set(row["figures"])
    assert len({pictures for pictures, _, _ in found.values()}) == 4
    assert found["grey"][1:] == ("improper", {"improper_elbo", "improper_elbo_standard_error"})
    assert found["static"][1:] == ("probability", {"elbo", "elbo_standard_error"})
