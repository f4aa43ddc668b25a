"""The checks of metrics: right ones of several sorts pass, and each sort of mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor

from genframe import Count
from genframe.testing.toy_outputs import STD, ToyOutputs
from genframe.testing.toys import image, vector

from .live import failures, results

Map = Callable[[Tensor], Tensor]


def bits_per_dim(
    elbo_parts: Callable[[Tensor], tuple[Tensor, Tensor]], data: Any, *, batch_size: Count = 100
) -> dict[str, float]:
    values, size = [], 1
    for batch in data.batches(batch_size):
        rate, distortion = elbo_parts(batch["x"])
        values.append((rate + distortion).double())
        size = batch["x"][0].numel()
    return {"bits_per_dim": float(torch.cat(values).mean()) / size / 0.6931}


def reconstruction(reconstruct: Map, data: Any, *, batch_size: Count = 10) -> dict[str, float]:
    """Sums and counts."""
    total, n = 0.0, 0
    for batch in data.batches(batch_size):
        total += float((reconstruct(batch["x"]) - batch["x"]).double().square().sum())
        n += len(batch["x"])
    return {"mse": total / n}


class Moments:
    """Of the samples against the data: a class, and as many samples as there are data."""

    def __init__(self, *, batch_size: Count = 16) -> None:
        self.batch_size = batch_size

    def __call__(self, sample: Callable[[int], Tensor], data: Any) -> dict[str, Any]:
        drawn = torch.cat([sample(len(b["x"])) for b in data.batches(self.batch_size)]).flatten(1).double()
        real = data.tensors["x"].flatten(1).double()
        return {"mean": (drawn.mean(0) - real.mean(0)).norm(), "std": (drawn.std(0) - real.std(0)).norm()}


def sliced(
    sample: Callable[[int], Tensor], data: Any, *, n: Count = 20, batch_size: Count = 5
) -> dict[str, float]:
    """Draws directions of its own, and looks at the first examples alone."""
    real = data.first(n)["x"].flatten(1)
    fake = torch.cat([sample(batch_size) for _ in range(n // batch_size)]).flatten(1)
    direction = torch.randn(real.shape[1])
    return {
        "sliced": float(((real @ direction).sort().values - (fake @ direction).sort().values).abs().mean())
    }


def accuracy(encode: Map, data: Any) -> dict[str, float]:
    """Reads labels."""
    z, y = encode(data.tensors["x"]), data.tensors["y"]
    centres = torch.stack([z[y == label].mean(0) for label in range(3)])
    return {"accuracy": float((torch.cdist(z, centres).argmin(1) == y).double().mean())}


@pytest.mark.parametrize("metric", [bits_per_dim, reconstruction, Moments, sliced, accuracy])
def test_right_metrics_pass(metric: Any) -> None:
    assert failures("metric", metric) == {}
    assert failures("metric", metric, needs=("image",)) == {}


@pytest.mark.parametrize("name", ["n", "count", "n_bright", "bright_count", "examples", "bright_units"])
def test_a_count_grows_with_the_data(name: str) -> None:
    def bright(encode: Map, data: Any) -> dict[str, float]:
        x = data.tensors["x"].flatten(1)
        above = (encode(data.tensors["x"]).norm(dim=1) > 0) & (x.mean(1) > x.mean() - 10)
        return {name: float(above.sum()), "share": float(above.double().mean())}

    assert failures("metric", bright) == {}


def test_what_does_not_apply_says_why() -> None:
    made = results("metric", sliced)
    assert made["batch_size_changes_nothing"].message.startswith("it draws by itself")

    def inception(features: Map, data: Any) -> dict[str, float]:
        return {"fid": 0.0}

    unknown = results("metric", inception)
    assert {result.outcome for result in unknown.values()} == {"skipped"}
    assert "no output 'features'" in unknown["names_are_stable"].message


@pytest.mark.parametrize("case", [vector(6), image(1, 5, 3)])
def test_the_toy_models_bound_is_its_likelihood(case: Any) -> None:
    outputs = ToyOutputs(case)
    x = torch.rand(4, *case.data_shape)
    weight, size = outputs.weight.double(), outputs.weight.shape[0]
    covariance = weight @ weight.T + STD**2 * torch.eye(size)
    shift = torch.full((size,), 0.5 if case.is_image else 0.0).double()
    exact = torch.distributions.MultivariateNormal(shift, covariance).log_prob(x.flatten(1).double())
    torch.testing.assert_close(outputs.log_prob(x).double(), exact, rtol=1e-5, atol=1e-4)
    weights = ToyOutputs(case, draws=True).log_weights(x, 40_000)
    # The standard error of the mean of e^(epsilon - 1/2) over 40,000 is 0.0066: 6 of them, a chance of 2e-9.
    estimate = weights.double().logsumexp(0) - torch.tensor(40_000.0).log()
    assert (estimate - exact).abs().max() < 0.04


def means_of_batches(reconstruct: Map, data: Any, *, batch_size: Count = 10) -> dict[str, float]:
    parts = [(reconstruct(b["x"]) - b["x"]).square().mean() for b in data.batches(batch_size)]
    return {"mse": float(torch.stack(parts).mean())}


def last_row_counts(encode: Map, data: Any) -> dict[str, float]:
    return {"size": float(encode(data.tensors["x"])[-1].norm())}


def not_finite(encode: Map, data: Any) -> dict[str, float]:
    return {"log_variance": float(encode(data.tensors["x"]).var(0).log().min())}


def other_names(encode: Map, data: Any) -> dict[str, float]:
    z = encode(data.tensors["x"])
    return {f"dim_{int(z.var(0).argmax())}_{len(z)}": 1.0}


def a_number(encode: Map, data: Any) -> Any:
    return float(encode(data.tensors["x"]).mean())


def a_vector(encode: Map, data: Any) -> Any:
    return {"mean": encode(data.tensors["x"]).mean(0)}


_calls = count()


def remembers(encode: Map, data: Any) -> dict[str, float]:
    return {"calls": float(next(_calls))}


def in_bits(elbo_parts: Any, data: Any) -> dict[str, float]:
    rate, distortion = elbo_parts(data.tensors["x"])
    return {"elbo": float(-(rate + distortion).mean()) / 0.6931}


def sum_over_examples(reconstruct: Map, data: Any, *, batch_size: Count = 10) -> dict[str, float]:
    parts = [(reconstruct(b["x"]) - b["x"]).double().square().sum() for b in data.batches(batch_size)]
    return {"error": float(torch.stack(parts).sum())}


WRONG: dict[Any, tuple[str, str]] = {
    means_of_batches: ("batch_size_changes_nothing", "not means of batches"),
    last_row_counts: ("order_of_the_data_changes_nothing", "backwards"),
    not_finite: ("figures_are_finite_numbers", "-inf"),
    other_names: ("names_are_stable", "whatever the data"),
    a_number: ("figures_are_finite_numbers", "a float"),
    a_vector: ("figures_are_finite_numbers", "a Tensor"),
    remembers: ("seed_repeats_the_figures", "keep nothing between calls"),
    sum_over_examples: ("figures_are_no_sums_over_the_data", "in place of their mean"),
    in_bits: ("figures_mean_what_they_say", "another unit"),
}


@pytest.mark.parametrize("metric", WRONG, ids=lambda metric: metric.__name__)
def test_each_mistake_is_told(metric: Any) -> None:
    check, words = WRONG[metric]
    assert words in failures("metric", metric)[check]
