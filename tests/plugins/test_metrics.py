"""Metrics on outputs whose figures are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from genframe_plugins.metrics import likelihood
from genframe_plugins.metrics.accuracy import accuracy
from genframe_plugins.metrics.bounds import interval
from genframe_plugins.metrics.elbo import elbo, rate_distortion
from genframe_plugins.metrics.groups import group_accuracy
from genframe_plugins.metrics.likelihood import log_likelihood
from genframe_plugins.metrics.units import active_units
from torch import Tensor

import genframe


class Batches:
    """What a metric is handed as data."""

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self.measure = "unknown"

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
        return [{"x": part} for part in self.x.split(batch_size)]

    def first(self, n: int) -> dict[str, Tensor]:
        return {"x": self.x[:n]}


Batch = dict[str, Tensor]


def test_elbo_and_its_parts_are_means_over_all_examples() -> None:
    x = torch.arange(7.0).unsqueeze(1)  # 7 examples in batches of 3: a mean of batch means would differ

    def parts(batch: Batch) -> tuple[Tensor, Tensor]:
        x = batch["x"]
        return x[:, 0], 2 * x[:, 0] ** 2

    assert rate_distortion(parts, Batches(x), batch_size=3) == pytest.approx(
        {"rate": 3.0, "distortion": 26.0}
    )
    figures = elbo(parts, Batches(x), batch_size=3)
    assert figures["elbo"] == pytest.approx(-29)
    values = x[:, 0] + 2 * x[:, 0] ** 2
    assert figures["elbo_standard_error"] == pytest.approx(float(values.std()) / math.sqrt(7))


@pytest.mark.parametrize("k, rows", [(1, 1), (7, 3), (7, 7), (12, 50), (100, 30)])
def test_the_likelihood_uses_exactly_the_k_asked_for(k: int, rows: int) -> None:
    calls: list[tuple[int, int]] = []

    def log_weights(batch: Batch, size: int) -> Tensor:
        x = batch["x"]
        done = sum(before for _, before in calls) if rows < k else 0
        calls.append((len(x), size))
        return x[:, 0] + torch.arange(done, done + size).unsqueeze(1).log1p()  # w_i = e^x i for i = 1 .. k

    x = torch.tensor([[0.5], [-1.0], [2.0]])
    count = 1 if rows < k else 3
    figures = log_likelihood(log_weights, Batches(x), k=k, rows=rows, count=count)
    expected = x[:count, 0].mean() + math.log((k + 1) / 2)  # mean of 1 .. k
    assert figures["log_likelihood"] == pytest.approx(float(expected))
    assert sum(images * size for images, size in calls) == count * k
    assert all(images * size <= max(rows, 1) for images, size in calls)


def test_the_likelihood_takes_as_many_examples_as_it_is_asked_for() -> None:
    x = torch.arange(10.0).unsqueeze(1)
    figures = log_likelihood(
        lambda batch, k: batch["x"][:, 0].expand(k, -1), Batches(x), k=2, rows=6, count=7
    )
    assert figures["log_likelihood"] == pytest.approx(3)
    assert figures["log_likelihood_standard_error"] == pytest.approx(float(x[:7].std()) / math.sqrt(7))


def test_large_examples_are_decoded_in_smaller_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "VALUES", 400)
    sizes: list[int] = []

    def log_weights(batch: Batch, k: int) -> Tensor:
        sizes.append(len(batch["x"]) * k)
        return torch.zeros(k, len(batch["x"]))

    log_likelihood(log_weights, Batches(torch.zeros(2, 100)), k=10)
    assert max(sizes) == 4 and sum(sizes) == 20


def test_the_likelihood_survives_weights_that_single_precision_loses() -> None:
    weights = torch.tensor([[-1000.0], [-1000.0], [-5000.0]])
    value = log_likelihood(lambda x, k: weights, Batches(torch.zeros(1, 1)), k=3)["log_likelihood"]
    assert value == pytest.approx(-1000 + math.log(2 / 3), abs=1e-9)


def test_several_k_are_prefixes_of_one_pass() -> None:
    """Each k is of the first k weights, exactly; the largest alone gives the same figures, drawn or not."""
    calls: list[int] = []

    def log_weights(batch: Batch, size: int) -> Tensor:
        done = sum(calls)
        calls.append(size)
        return torch.arange(done + 1, done + size + 1).log().unsqueeze(1).expand(size, len(batch["x"]))

    found = log_likelihood(log_weights, Batches(torch.zeros(1, 1)), k=(40, 1, 7), rows=9)
    assert calls == [1, 6, 9, 9, 9, 6]  # nothing is drawn twice, and no block is larger than rows
    for k in (1, 7, 40):
        assert found[f"log_likelihood_{k}"] == pytest.approx(math.log((k + 1) / 2))
    assert found["log_likelihood"] == found["log_likelihood_40"]


def test_the_bootstrap_interval_of_a_mean_is_the_normal_one_of_many_examples() -> None:
    """And the same whatever the order; of 2,000 examples of an exponential law it covers as 1.96 errors do."""
    torch.manual_seed(0)
    x = torch.empty(2000, 1).exponential_()
    found = log_likelihood(lambda batch, k: batch["x"][:, 0].expand(k, -1), Batches(x), k=1, count=2000)
    low, high = found["log_likelihood_lower"], found["log_likelihood_upper"]
    error = found["log_likelihood_standard_error"]
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    assert low < found["log_likelihood"] < high
    assert interval(x[:, 0].flip(0)) == interval(x[:, 0]) == (low, high)


@pytest.mark.parametrize(
    "measure, expected", [("levels", 2.0), ("dequantised", 10.0), ("density", None), ("probability", None)]
)
def test_bits_per_dimension_are_given_of_256_levels_and_of_dequantised_densities(
    measure: str, expected: float | None
) -> None:
    """-LL/(D log 2), and 8 more for a density on [0, 1]: an even density is 8 bits, as even levels are."""
    data = Batches(torch.zeros(3, 1, 2, 2))
    data.measure = measure
    found = log_likelihood(lambda batch, k: torch.full((k, 3), -8 * math.log(2)), data, k=2)
    assert found.get("bits_per_dim") == (None if expected is None else pytest.approx(expected))
    assert found["log_likelihood"] == pytest.approx(-8 * math.log(2))


def test_what_is_no_likelihood_is_not_called_one() -> None:
    data = Batches(torch.rand(3, 4))
    data.measure = "improper"
    figures = {
        **log_likelihood(lambda batch, k: torch.zeros(k, 3), data, k=(1, 2)),
        **elbo(lambda batch: (torch.zeros(3), torch.ones(3)), data),
    }
    assert set(figures) == {
        f"improper_{name}"
        for name in (
            "log_likelihood",
            "log_likelihood_standard_error",
            "log_likelihood_lower",
            "log_likelihood_upper",
            "log_likelihood_1",
            "log_likelihood_2",
            "elbo",
            "elbo_standard_error",
        )
    }


def test_active_units_are_latents_that_depend_on_x() -> None:
    x = torch.randn(400, 1)
    scale = torch.tensor([1.0, 0.05, 0.5, 0.0])
    figures = active_units(lambda batch: batch["x"] * scale, Batches(x), batch_size=64)
    assert figures == {"active_units": 2.0, "latent_units": 4.0}
    assert active_units(lambda batch: batch["x"] * scale, Batches(x), threshold=1e-4)["active_units"] == 3


class Labelled(Batches):
    """Examples that are the answers of `classify`, with labels."""

    def __init__(self, told: list[int], labels: list[int]) -> None:
        super().__init__(torch.tensor(told).unsqueeze(1).float())
        self.labels = torch.tensor(labels)

    def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
        pairs = zip(self.x.split(batch_size), self.labels.split(batch_size), strict=True)
        return [{"x": x, "y": y} for x, y in pairs]


def classify(batch: Batch) -> Tensor:
    """Scores that are no probabilities."""
    return torch.nn.functional.one_hot(batch["x"][:, 0].long(), 5) - 5.0


def test_accuracy_is_the_share_of_the_right_over_all_examples() -> None:
    # 5 of 7, in batches of 3: 3, 2 and 0 right
    figures = accuracy(classify, Labelled([0, 1, 2, 2, 1, 1, 0], [0, 1, 2, 2, 1, 0, 2]), batch_size=3)
    assert figures["accuracy"] == pytest.approx(5 / 7)
    assert figures["accuracy_standard_error"] == pytest.approx((5 / 7 * 2 / 7 / 7) ** 0.5)


def test_a_group_is_the_class_that_most_of_its_training_examples_have() -> None:
    # Groups 3 and 0 hold class 0, 1 holds class 1; no training example is in 4: the largest class, 0.
    train = Labelled([3, 3, 3, 0, 1, 1, 1], [0, 0, 1, 0, 1, 1, 0])
    test = Labelled([3, 0, 1, 4, 4, 1], [0, 0, 1, 0, 1, 0])
    figures = group_accuracy(classify, test, train, batch_size=4)
    assert figures["group_accuracy"] == pytest.approx(4 / 6)
    assert figures["group_accuracy_standard_error"] == pytest.approx((4 / 6 * 2 / 6 / 6) ** 0.5)
    assert (figures["groups_used"], figures["classes_named"]) == (4, 2)
    assert group_accuracy(lambda batch: classify(batch).unsqueeze(1), test, train) == figures
    with pytest.raises(ValueError, match="no `y`"):
        group_accuracy(classify, Batches(torch.zeros(3, 1)), train)


def test_bf16_gives_the_figure_of_fp32_to_a_tenth_of_a_nat(tmp_path: Path) -> None:
    """The same draws through nets in bfloat16: not the same numbers, and the same figure."""
    recipe = {
        "genframe": 1,
        "pipeline": "vae",
        "data": {"use": "digits", "batch_size": 100, "binarise": "static"},
        "encoder": {"use": "mlp", "hidden": [32]},
        "decoder": {"use": "mlp", "hidden": [32]},
        "prior": {"use": "gaussian", "dim": 8},
        "train": {"steps": 150},
        "evaluate": {"ll": {"use": "log-likelihood", "k": 50, "count": 100, "precision": "bf16"}},
    }
    model = genframe.load(genframe.train(recipe, run_dir=tmp_path / "run", quiet=True), device="cpu")
    x = model.feeds[""].split("test").first(100)["x"]
    weights = model.outputs["log_weights"]
    figures = []
    for output in (weights, weights.in_bf16):  # type: ignore[attr-defined]
        torch.manual_seed(0)
        figures.append(float((output(x, 200).double().logsumexp(0) - math.log(200)).mean()))
    assert figures[0] != figures[1]
    assert figures[1] == pytest.approx(figures[0], abs=0.1)
    (row,) = model.evaluate("ll", split="test")
    assert row["protocol"]["options"]["precision"] == "bf16"
    assert row["figures"]["log_likelihood"] == pytest.approx(figures[1], abs=5)
