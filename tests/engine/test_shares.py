"""What each term has to say in each component, measured on the way and changing nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import batch_of, differing, plan_of, rows, saved, small, stepper_of, train
from torch import nn

from genframe.engine.shares import GradientShares

BRIEF = "train={steps: 5, checkpoint: {every: 5}, samples: {every: 5, n: 4}, log: {every: 2}}"
ON = "train.log.gradients=true"


def test_shares_are_those_of_gradients_known_in_closed_form() -> None:
    a, b = nn.Parameter(torch.tensor([1.0, 2.0])), nn.Parameter(torch.tensor([3.0]))
    shares = GradientShares({"one.weight": a, "two.weight": b})
    first, second = 3 * a.sum() + b.sum(), 4 * (a[0] - a[1])  # |3 (1, 1)|, |4 (1, -1)| in one; 1, 0 in two
    shares.measure({"first": first, "second": second}, {"first/part": 3 * a.sum()})
    taken = shares.take()
    assert taken["one"] == pytest.approx({"first": 3 / 7, "second": 4 / 7, "first/part": 3 / 7})
    assert taken["two"] == {"first": 1.0, "second": 0.0, "first/part": 0.0}
    assert shares.take() == {}
    first.backward()  # the graph is there still
    assert a.grad is not None


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("vae/digits", "seed=2"),
        pytest.param(*("dae/digits", "seed=2"), marks=pytest.mark.slow),
        pytest.param(*("gan/digits", "seed=2"), marks=pytest.mark.slow),
        ("gan/digits", "play=simultaneous"),
        pytest.param(*("gan/unrolled-ring", "seed=2"), marks=pytest.mark.slow),
        ("hybrid/vae-gan", "seed=2"),
    ],
)
def test_measuring_changes_no_bit_of_a_training(name: str, more: str, tmp_path: Path) -> None:
    plain = train(small(name, BRIEF, more), tmp_path / "plain")
    measured = train(small(name, BRIEF, more, ON), tmp_path / "measured")
    assert not differing(saved(plain), saved(measured))
    terms = [[row["terms"] for row in rows(run)] for run in (plain, measured)]
    assert terms[0] == terms[1]
    assert "gradient_share" not in rows(plain)[0]
    for player, components in rows(measured)[0]["gradient_share"].items():
        for component, of in components.items():
            total = sum(share for term, share in of.items() if "/" not in term)
            assert total == pytest.approx(1.0, abs=1e-5), (player, component)


def test_the_parts_of_a_bound_are_told_apart_and_reach_what_they_teach() -> None:
    stepper = stepper_of(plan := plan_of(small("vae/digits", ON)))
    stepper.step(0, batch_of(plan))
    shares = stepper.take_glances()["gradient_share"]["model"]
    assert shares["decoder"]["objective/rate"] == 0.0, "the rate knows nothing of the decoder"
    assert shares["decoder"]["objective/distortion"] == pytest.approx(1.0)
    assert 0 < shares["encoder"]["objective/rate"] < 1.5
    stepper.step(1, batch_of(plan))
    assert "gradient_share" in stepper.take_glances(again=False)
    stepper.step(2, batch_of(plan))
    assert "gradient_share" not in stepper.take_glances()


def test_a_weight_counts() -> None:
    found = []
    for weight in (0.001, 10):
        plan = plan_of(small("hybrid/vae-gan", ON, f"players.model.minimises.objective={weight}"))
        stepper = stepper_of(plan)
        stepper.step(0, batch_of(plan))
        found.append(stepper.take_glances()["gradient_share"]["model"]["decoder"])
    light, heavy = found
    assert light["objective"] < 0.9 < 0.99 < heavy["objective"]
    assert light.keys() >= {"objective", "look_sampled", "look_reconstructed", "objective/distortion"}


def test_what_is_scheduled_stands_in_the_rows(tmp_path: Path) -> None:
    beta = "loss.beta={linear: {from: 0, to: 1, steps: 4}}"
    weight = "players.model.minimises.objective={linear: {from: 1, to: 2, steps: 4}}"
    run = train(small("vae/digits", BRIEF, beta, weight), tmp_path / "run")
    told = {row["step"]: row["scheduled"] for row in rows(run)}
    assert told[2] == pytest.approx({"loss.beta": 0.25, "players.model.minimises.objective": 1.25})
    assert told[5] == pytest.approx({"loss.beta": 1.0, "players.model.minimises.objective": 2.0})
    assert "scheduled" not in rows(train(small("vae/digits", BRIEF), tmp_path / "plain"))[0]
