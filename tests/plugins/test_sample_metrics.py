"""Metrics of samples against closed forms, loops and oracles; what they refuse; what they say of themselves."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from genframe_plugins.data.stacked import StackedMnist
from genframe_plugins.data.synthetic import Grid, Ring
from genframe_plugins.metrics.samples import class_modes as class_modes_module
from genframe_plugins.metrics.samples import kid as kid_module
from genframe_plugins.metrics.samples import prdc as prdc_module
from genframe_plugins.metrics.samples.class_modes import class_modes, histogram
from genframe_plugins.metrics.samples.conditional import conditional_accuracy
from genframe_plugins.metrics.samples.features import SHIPPED, extractor
from genframe_plugins.metrics.samples.fid import distance, fid, moments
from genframe_plugins.metrics.samples.inception import score
from genframe_plugins.metrics.samples.interpolation import interpolation, path
from genframe_plugins.metrics.samples.kid import kid, mmd2
from genframe_plugins.metrics.samples.modes import counted, mixture, modes
from genframe_plugins.metrics.samples.neighbours import neighbours
from genframe_plugins.metrics.samples.prdc import measured, prdc, radii
from genframe_plugins.metrics.samples.recognition import divergence, recognition
from genframe_plugins.metrics.samples.restoration import restoration_fid
from genframe_plugins.metrics.samples.sides import drawn_of, rows_of, sides, timed
from genframe_plugins.metrics.samples.told_apart import classifier_two_sample
from torch import Tensor, nn

import genframe
from genframe.cli import main

Tell = Callable[[str], None]


def silent(text: str) -> None:
    """Nobody listens."""


class Split:
    """What a metric is handed as data."""

    def __init__(self, x: Tensor, y: Tensor | None = None, name: str = "test") -> None:
        self.fields = {"x": x} if y is None else {"x": x, "y": y}
        self.name = name
        self.largest = 0

    def __len__(self) -> int:
        return len(self.fields["x"])

    def first(self, n: int) -> dict[str, Tensor]:
        return {name: rows[:n] for name, rows in self.fields.items()}

    def batches(self, batch_size: int) -> Iterator[dict[str, Tensor]]:
        self.largest = batch_size
        for places in torch.arange(len(self)).split(batch_size):
            yield {name: rows[places] for name, rows in self.fields.items()}


def sampler(x: Tensor) -> Callable[[int], Tensor]:
    """Draws the rows of x one after another."""
    done = 0

    def sample(n: int) -> Tensor:
        nonlocal done
        done += n
        return x[done - n : done]

    return sample


# The Frechet distance


def test_the_frechet_distance_of_commuting_gaussians_is_the_closed_form() -> None:
    """|m1 - m2|^2 + sum (s1 - s2)^2, whatever common basis the covariances have."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    s1, s2 = torch.rand(2, 6, dtype=torch.float64) * 3
    m1, m2 = torch.randn(2, 6, dtype=torch.float64)
    one, other = (basis @ torch.diag(s**2) @ basis.T for s in (s1, s2))
    found, _ = distance((m1, one), (m2, other))
    assert found == pytest.approx(float((m1 - m2).square().sum() + (s1 - s2).square().sum()), abs=1e-10)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_the_frechet_distance_is_scipys(offset: float) -> None:
    torch.manual_seed(1)
    mixing = torch.randn(8, 8, dtype=torch.float64)
    x = torch.randn(300, 8, dtype=torch.float64) @ mixing + offset
    y = 1.2 * torch.randn(200, 8, dtype=torch.float64) @ mixing.T + offset
    a, b = np.cov(x.T.numpy()), np.cov(y.T.numpy())
    root = scipy.linalg.sqrtm(a @ b).real
    due = float((x.mean(0) - y.mean(0)).square().sum()) + np.trace(a + b - 2 * root)
    assert distance(moments(x), moments(y))[0] == pytest.approx(due, rel=1e-9)


def test_the_frechet_distance_of_features_that_never_move_is_finite_and_of_itself_zero() -> None:
    """A rectified unit that is off has no variance: sqrtm of such a product is what other code stumbles over."""
    torch.manual_seed(2)
    x = torch.randn(100, 5)
    x[:, 2] = 0
    assert distance(moments(x), moments(x))[0] == pytest.approx(0, abs=1e-6)
    y = x.clone()
    y[:, 2] = 3.0
    assert distance(moments(x), moments(y))[0] == pytest.approx(9, abs=1e-6)


def test_fid_of_few_examples_is_refused_with_advice() -> None:
    x = torch.randn(20, 30)
    with pytest.raises(ValueError, match=r"30 features needs more than 30 .* there are 20: take more .* kid"):
        fid(sampler(x), Split(x), Split(x), silent, features="pixels")


def test_fid_stands_beside_that_of_training_examples() -> None:
    torch.manual_seed(3)
    real, train, far = torch.randn(400, 3), torch.randn(900, 3), 2 + torch.randn(400, 3)
    found = fid(sampler(far), Split(real), Split(train, name="train"), silent, features="pixels")
    assert found["fid"] == pytest.approx(12, rel=0.1) and 0 < found["fid_of_data"] < 0.2
    assert found.provenance["samples"] == found.provenance["examples"] == 400
    assert found.provenance["training examples"] == 400 and found.provenance["size"] == 3


# The kernel distance


def loops(x: Tensor, y: Tensor) -> float:
    def k(a: Tensor, b: Tensor) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def mean(pairs: list[float]) -> float:
        return sum(pairs) / len(pairs)

    own = [
        mean([k(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j]) for side in (x, y)
    ]
    return own[0] + own[1] - 2 * mean([k(a, b) for a in x for b in y])


@pytest.mark.parametrize("block", [1, 40, 10_000])
def test_the_kernel_distance_is_that_of_loops_whatever_the_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kid_module, "BLOCK", block)
    torch.manual_seed(4)
    x, y = torch.randn(13, 4).double(), 1 + torch.randn(9, 4).double()
    assert mmd2(x, y)[0] == pytest.approx(loops(x, y), rel=1e-12)


def test_the_kernel_distance_is_unbiased_and_its_error_that_of_repetitions() -> None:
    """Of 400 pairs of sets with different laws: the mean is that of large sets, within 5 standard errors (6e-7), and
    the jackknife's error is the spread."""
    torch.manual_seed(5)
    pairs = [(torch.randn(20, 3), 0.5 + torch.randn(30, 3)) for _ in range(400)]
    found = torch.tensor([mmd2(x, y) for x, y in pairs], dtype=torch.float64)
    value, error = mmd2(torch.randn(6000, 3), 0.5 + torch.randn(6000, 3))
    spread = float(found[:, 0].std())
    assert abs(float(found[:, 0].mean()) - value) < 5 * (spread**2 / 400 + error**2) ** 0.5
    assert float(found[:, 1].square().mean().sqrt()) == pytest.approx(spread, rel=0.25)
    same = torch.tensor([mmd2(torch.randn(20, 3), torch.randn(30, 3))[0] for _ in range(400)])
    assert abs(float(same.mean())) < 5 * float(same.std()) / 20  # and 0 where the laws are one
    assert float(same.min()) < 0


def test_kid_of_subsets_agrees_with_kid_of_all_pairs() -> None:
    torch.manual_seed(6)
    data, train, x = torch.randn(600, 3), torch.randn(600, 3), 1 + torch.randn(600, 3)
    told = [
        kid(sampler(x), Split(data), Split(train), silent, features="pixels", subsets=n, subset_size=100)
        for n in (0, 50)
    ]
    assert told[0]["kid"] == pytest.approx(told[1]["kid"], rel=0.1)
    assert abs(told[0]["kid_of_data"]) < 5 * told[0]["kid_of_data_standard_error"] < told[0]["kid"]
    assert [one.provenance["pairs"] for one in told] == ["all", "50 subsets of 100"]


# Precision, recall, density, coverage


def brute(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    def reach(points: Tensor, i: int) -> float:
        return sorted(float((points[i] - other).norm()) for j, other in enumerate(points) if j != i)[k - 1]

    balls, own = ([reach(side, i) for i in range(len(side))] for side in (real, fake))
    away = [[float((r - f).norm()) for f in fake] for r in real]
    m, n = len(real), len(fake)
    return {
        "precision": sum(any(away[i][j] <= balls[i] for i in range(m)) for j in range(n)) / n,
        "recall": sum(any(away[i][j] <= own[j] for j in range(n)) for i in range(m)) / m,
        "density": sum(away[i][j] <= balls[i] for i in range(m) for j in range(n)) / (k * n),
        "coverage": sum(min(away[i]) <= balls[i] for i in range(m)) / m,
    }


@pytest.mark.parametrize("block", [1, 100, 100_000])
@pytest.mark.parametrize("k", [1, 3])
def test_precision_recall_density_and_coverage_are_those_of_loops(
    block: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prdc_module, "BLOCK", block)
    torch.manual_seed(7)
    real, fake = torch.randn(40, 3), 0.7 * torch.randn(31, 3) + 0.3
    found = measured(real, radii(real, k), fake, k)
    assert found == pytest.approx(brute(real, fake, k))
    assert found["recall"] != found["precision"] != found["coverage"]  # so that none could stand for another


def test_an_example_is_not_its_own_neighbour() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]])
    assert radii(points, 1).tolist() == pytest.approx([1, 1, 4], abs=1e-5)
    assert radii(points, 2).tolist() == pytest.approx([9, 4, 9], abs=1e-5)


def test_copies_of_the_data_are_faithful_and_diverse_and_their_density_is_k_plus_1_over_k() -> None:
    """Each ball holds its own copy and those of k neighbours. Data far away hold nothing."""
    torch.manual_seed(8)
    x = torch.randn(60, 4)
    found = measured(x, radii(x, 5), x.clone(), 5)
    assert found == pytest.approx({"precision": 1, "recall": 1, "density": 6 / 5, "coverage": 1})
    assert set(measured(x, radii(x, 5), x + 100, 5).values()) == {0.0}


def test_modes_that_are_narrow_beside_what_lies_between_them_do_not_run_together() -> None:
    """Eight points of deviation 1e-3 on a circle of radius 10, by distances in double precision."""
    torch.manual_seed(9)
    angles = torch.arange(8.0) * math.pi / 4
    centres = 10 * torch.stack([angles.cos(), angles.sin()], 1)
    real, fake = (centres.repeat(15, 1) + 1e-3 * torch.randn(120, 2) for _ in range(2))
    assert measured(real, radii(real, 3), fake, 3) == pytest.approx(brute(real.double(), fake.double(), 3))


def test_prdc_of_fewer_examples_than_neighbours_is_refused() -> None:
    x = torch.randn(5, 3)
    with pytest.raises(ValueError, match="5-th neighbour needs more than 5"):
        prdc(sampler(x), Split(x), Split(x), silent, features="pixels")


# Classifiers


def test_the_inception_score_runs_from_one_to_the_number_of_classes() -> None:
    sure = torch.eye(10).repeat(50, 1)
    assert score(sure, 1) == pytest.approx((10, 0))
    assert score(sure, 10) == pytest.approx((10, 0))
    assert score(torch.rand(1, 10).softmax(1).expand(100, -1), 5) == pytest.approx((1, 0), abs=1e-6)
    halves = torch.eye(2).repeat_interleave(50, 0)  # p(y) is each part's own: a part of one class scores 1
    assert score(halves, 1)[0] == pytest.approx(2) and score(halves, 2)[0] == pytest.approx(1)


def digits(split: str, n: int | None = None) -> Split:
    from genframe_plugins.data.digits import Digits

    found = Digits().load(split)
    return Split(found["x"][:n].float() / 255, found["y"][:n], split)


def test_the_shipped_classifier_knows_the_digits() -> None:
    """98 % of 1,000 unseen ones; and it is small enough to ship."""
    test = digits("test")
    by = extractor("digits", test.fields["x"][:1])
    right = by.probabilities(test.fields["x"]).argmax(1) == test.fields["y"]
    assert float(right.double().mean()) == pytest.approx(0.98, abs=0.006)
    assert by.features(test.fields["x"][:3]).shape == (3, 64) and by.classes == 10
    assert SHIPPED["digits"].stat().st_size < 300_000


def test_opening_the_classifier_disturbs_no_draws() -> None:
    x = torch.zeros(1, 1, 28, 28)
    drawn = []
    for open_it in (True, False):
        torch.manual_seed(0)
        if open_it:
            extractor("digits", x).features(x)
        drawn.append(float(torch.rand(())))
    assert drawn[0] == drawn[1]


def test_recognition_tells_digits_from_noise_and_a_lost_class() -> None:
    test, train = digits("test"), digits("train", 1000)
    torch.manual_seed(0)
    x = train.fields["x"]
    good = recognition(sampler(x), test, train, silent)
    assert (
        good["recognised"] == pytest.approx(good["recognised_of_data"], abs=0.05) and good["recognised"] > 0.9
    )
    assert good["class_kl"] < 0.03 and good["least_class"] > 0.7
    assert float(good.provenance["accuracy on these"]) > 0.97 and good.provenance["weights"]
    without = x[train.fields["y"] != 3].repeat(2, 1, 1, 1)
    lost = recognition(sampler(without), test, train, silent)
    assert (
        lost["least_class"] < 0.1 and lost["class_kl"] > 0.08
    )  # log(10/9) = 0.105 where none is mistaken for it
    noise = recognition(sampler(torch.rand(1000, 1, 28, 28)), test, train, silent)
    assert noise["recognised"] < 0.5


def test_restored_pictures_are_compared_with_the_clean_ones_that_they_were() -> None:
    test, train = digits("test"), digits("train", 1000)
    x = test.fields["x"].split(250)

    def noised(x: Tensor, level: Tensor) -> Tensor:
        return x + level.reshape(-1, 1, 1, 1) * torch.randn_like(x)

    clean = iter([*x, *x])
    perfect = restoration_fid(lambda noisy: next(clean), noised, test, train, levels=(0.3, 0.5))
    assert perfect["restoration_fid_0.3"] == pytest.approx(0, abs=1e-6)
    assert perfect["restoration_fid_0.5"] == pytest.approx(0, abs=1e-6)
    assert perfect["restoration_fid_of_data"] == pytest.approx(0.9, abs=0.3)
    assert perfect["restoration_fid_noisy_0.5"] > perfect["restoration_fid_noisy_0.3"] > 1
    lazy = restoration_fid(lambda noisy, level: noisy, noised, test, train, levels=(0.3,))
    assert lazy["restoration_fid_0.3"] == lazy["restoration_fid_noisy_0.3"]
    with pytest.raises(ValueError, match="more than 64 examples"):
        restoration_fid(lambda noisy: noisy, noised, test, train, count=64)


def test_a_model_that_draws_what_it_is_asked_for_is_told_from_one_that_does_not() -> None:
    test = digits("test", 300)
    by_class = [test.fields["x"][test.fields["y"] == label] for label in range(10)]

    def decode(batch: dict[str, Tensor], z: Tensor) -> Tensor:
        return torch.stack([by_class[int(y)][int(place)] for y, place in zip(batch["y"], z, strict=True)])

    def other(batch: dict[str, Tensor], z: Tensor) -> Tensor:
        return decode({"y": (batch["y"] + 1) % 10}, z)

    def draw_z(n: int) -> Tensor:
        return torch.randint(15, (n,))

    good, bad = (conditional_accuracy(f, draw_z, test, silent, batch_size=70) for f in (decode, other))
    assert good["conditional_accuracy"] > 0.95 > 0.05 > bad["conditional_accuracy"]
    assert good["conditional_accuracy_of_data"] == bad["conditional_accuracy_of_data"] > 0.95
    with pytest.raises(ValueError, match="no `y`"):
        conditional_accuracy(decode, draw_z, Split(test.fields["x"]), silent)


# Modes


@pytest.mark.parametrize("dataset, count", [(Ring(), 8), (Grid(), 25)])
def test_the_mixtures_have_as_many_modes_as_they_say(dataset: Any, count: int) -> None:
    """A circle that is divided at both 0 and 2 pi has one twice, and 7 modes: public code counts 8 of them."""
    centres = torch.from_numpy(dataset.centres())
    apart = torch.cdist(centres, centres) + 10 * torch.eye(count)
    assert len(centres) == count and float(apart.min()) > 1
    rows = dataset.load("test")
    found, spreads, due = mixture(rows["x"], rows["y"])
    assert torch.allclose(found, centres.double(), atol=0.02)
    assert torch.allclose(spreads, torch.tensor(dataset.std).double(), rtol=0.15)
    assert float(due.sum()) == pytest.approx(1)


def test_a_perfect_sampler_finds_all_modes_with_98_9_per_cent_good() -> None:
    """1 - exp(-9/2) = 98.889 %, within 5 standard deviations of 10,000 draws (6e-7) and the width's own error."""
    ring = Ring()
    test, train = (Split(r["x"], r["y"], s) for s in ("test", "train") for r in (ring.load(s),))
    found = modes(sampler(train.fields["x"]), test, train, silent, samples=10_000)
    assert found["modes"] == found["modes_of_data"] == 8
    assert found["good"] == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert found["reverse_kl"] < 0.003


def test_a_sampler_that_drops_modes_is_seen() -> None:
    """Three of eight: KL log(8/3) of even modes; nothing near any mode: none."""
    centres = torch.from_numpy(Ring().centres())
    due, spreads = torch.full((8,), 1 / 8).double(), torch.full((8,), 0.02).double()
    found = counted(centres[:3].repeat(100, 1).float(), centres, spreads, due, 3.0)
    assert found == pytest.approx({"modes": 3, "good": 1, "reverse_kl": math.log(8 / 3)})
    nothing = counted(torch.zeros(10, 2), centres, spreads, due, 3.0)
    assert nothing["modes"] == 0 and nothing["good"] == 0 and math.isfinite(nothing["reverse_kl"])
    edge = centres[:1] + torch.tensor([[2.99 * 0.02, 0.0]])
    assert counted(edge, centres, spreads, due, 3.0)["good"] == 1
    assert counted(edge, centres, spreads, due, 2.9)["good"] == 0


@pytest.mark.parametrize("asked", [{"subset_size": 60}, {"subset_size": 2}])
def test_subsets_of_kid_that_are_everything_or_next_to_nothing_are_refused(asked: dict[str, int]) -> None:
    x = torch.randn(60, 3)
    with pytest.raises(ValueError, match="has 3 at least and fewer than all"):
        kid(sampler(x), Split(x), Split(x), silent, features="pixels", subsets=4, **asked)


def test_labels_that_are_no_modes_of_one_width_are_refused() -> None:
    """In 784 dimensions nothing lies within three deviations of its class's mean."""
    torch.manual_seed(10)
    x, y = torch.randn(200, 784), torch.arange(200) % 10
    with pytest.raises(ValueError, match="of training examples 0 % lie within 3 std of a mode"):
        modes(sampler(x), Split(x, y), Split(x, y), silent)


def test_modes_of_data_that_do_not_say_them_are_refused() -> None:
    x = torch.randn(20, 2)
    with pytest.raises(ValueError, match="no `y`"):
        modes(sampler(x), Split(x), Split(x), silent)
    with pytest.raises(ValueError, match="no width"):
        modes(sampler(x), Split(torch.zeros(20, 2), torch.zeros(20).long()), Split(x), silent)
    with pytest.raises(ValueError, match="has 1 examples"):
        modes(sampler(x), Split(x, torch.arange(20)), Split(x), silent)


def test_counting_alone_gives_a_perfect_sampler_some_divergence() -> None:
    """(bins - 1) / (2 n) on the average: 0.0192 of 1,000 bins and 26,000 draws, within 5 deviations of 20 of them."""
    torch.manual_seed(9)
    even = torch.full((1000,), 1 / 1000).double()
    drawn = [
        divergence(torch.randint(1000, (26_000,)).bincount(minlength=1000).double() / 26_000, even)
        for _ in range(20)
    ]
    due, deviation = 999 / 52_000, (2 * 999) ** 0.5 / 52_000
    assert sum(drawn) / 20 == pytest.approx(due, abs=5 * deviation / 20**0.5 + 0.0002)


class ByBrightness:
    """A classifier of ten classes: the first pixel says which."""

    classes, facts = 10, {"features": "brightness"}

    def probabilities(self, x: Tensor) -> Tensor:
        return torch.nn.functional.one_hot((10 * x[:, 0, 0, 0]).long(), 10).float()


def test_stacked_digits_are_counted_by_the_class_of_each_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds first: every triple once is 1,000 modes; grey ones, the same digit thrice, are ten."""
    triples = torch.cartesian_prod(*[torch.arange(10)] * 3)
    x = ((triples + 0.5) / 10).view(-1, 3, 1, 1)
    by: Any = ByBrightness()
    assert histogram(x.split(77), by, 1000).tolist() == [1] * 1000
    assert histogram([x[[123, 123, 7]]], by, 1000)[[123, 7]].tolist() == [2, 1]
    monkeypatch.setattr(class_modes_module, "extractor", lambda features, x: by)
    grey = x[:10, 2:].expand(-1, 3, -1, -1).repeat(100, 1, 1, 1)
    found = class_modes(sampler(grey), Split(x), Split(x), silent, samples=1000)
    assert found["class_modes"] == 10 and found["mode_kl"] == pytest.approx(math.log(100))
    assert found["class_modes_of_data"] == 1000 and found["mode_kl_of_data"] == pytest.approx(0, abs=1e-9)
    assert found["mode_kl_by_chance"] == pytest.approx(999 / 2000)


def test_stacked_mnist_is_drawn_by_its_seed_and_labelled_by_its_digits() -> None:
    one, other = (StackedMnist(of="digits", n=300, n_test=50, seed=seed).load("train") for seed in (0, 0))
    assert one["x"].equal(other["x"]) and one["x"].shape == (300, 3, 28, 28)
    assert not one["x"].equal(StackedMnist(of="digits", n=300, seed=1).load("train")["x"])
    by = extractor("digits", one["x"][:1, :1])
    found = torch.stack([by.probabilities(c.float() / 255).argmax(1) for c in one["x"].split(1, 1)], 1)
    label = found @ torch.tensor([100, 10, 1])
    assert float((label == one["y"]).double().mean()) > 0.97
    assert len(one["y"].unique()) > 200 and StackedMnist().spec().classes == 1000


# Copies, and what trees see


def test_a_model_that_copies_is_seen_and_a_perfect_one_is_not() -> None:
    """Of 400 new draws of the same law 1/2 is nearer than another, within 5 standard deviations of 0.02."""
    torch.manual_seed(10)
    train, test, new = (torch.randn(n, 1, 4, 4) for n in (500, 400, 400))
    shown: list[Tensor] = []
    splits = Split(test), Split(train, name="train")
    found = neighbours(sampler(train), *splits, silent, shown.append, count=400, batch_size=70)
    assert found["neighbour_ratio"] < 0.01 and found["neighbour_auc"] == 1 and found["copied"] == 1
    assert shown[0].shape == (8, 6, 1, 4, 4) and shown[0][:, 0].equal(
        shown[0][:, 1]
    )  # each beside its original
    fresh = neighbours(sampler(new), *splits, silent, shown.append, count=400)
    assert fresh["neighbour_auc"] == pytest.approx(0.5, abs=0.1) and fresh["copied"] < 0.05
    assert fresh["neighbour_ratio"] == pytest.approx(1, abs=0.1)
    with pytest.raises(ValueError, match="no distance from itself"):
        neighbours(sampler(new), Split(train, name="train"), splits[1], silent, shown.append)


def test_trees_tell_a_shift_and_not_two_draws_of_one_law() -> None:
    torch.manual_seed(11)
    data, train, x = torch.randn(400, 3), torch.randn(400, 3), 1.5 + torch.randn(400, 3)
    found = classifier_two_sample(sampler(x), Split(data), Split(train), silent, features="pixels")
    assert found["auc"] > 0.9 and found["auc_low"] < found["auc"] < found["auc_high"]
    assert found["auc_of_data"] == pytest.approx(0.5, abs=0.15)


# Between two codes


def test_the_way_between_codes_is_measured() -> None:
    """A line is straight and even; a step jumps once; half a circle is pi/2 times its diameter."""
    at = torch.linspace(0, 1, 21)
    line = at.view(1, -1, 1) * torch.tensor([3.0, 4.0])
    assert path(line) == pytest.approx({"path_detour": 1, "path_jump": 1 / 20})
    jump = (at > 0.52).float().view(1, -1, 1)
    assert path(jump) == pytest.approx({"path_detour": 1, "path_jump": 1})
    circle = torch.stack([torch.cos(math.pi * at), torch.sin(math.pi * at)], 1).unsqueeze(0)
    assert path(circle)["path_detour"] == pytest.approx(math.pi / 2, rel=2e-3)
    assert path(torch.zeros(3, 5, 2)) == {"path_detour": 1.0, "path_jump": 1.0}  # a model that says one thing


def test_interpolation_shows_its_paths_and_how_sure_a_classifier_is_of_them() -> None:
    test = digits("test", 100)
    shown: list[Tensor] = []

    def decode(z: Tensor) -> Tensor:  # a picture of the data, whatever lies between
        return test.fields["x"][(z[:, 0] * 99).round().long()]

    found = interpolation(
        decode, lambda n: torch.rand(n, 1), test, silent, shown.append, count=30, batch_size=20, steps=5
    )
    assert shown[0].shape == (8, 5, 1, 28, 28)
    assert found["path_detour"] > 1.5  # it leaps from digit to digit
    assert found["confidence_between"] > 0.9 > found["confidence_of_blends"]


# What all of them share


def test_no_more_than_a_batch_is_drawn_or_read_at_once_and_what_is_left_is_told() -> None:
    sizes: list[int] = []

    def sample(n: int) -> Tensor:
        sizes.append(n)
        return torch.randn(n, 2)

    told: list[str] = []
    data = Split(torch.randn(100, 2))
    found = sides(sample, data, data, told.append, features="pixels", count=50, samples=75, batch_size=30)
    assert sizes == [30, 30, 15] and data.largest == 30
    assert [len(side) for side in (found.samples, found.data, found.train)] == [75, 50, 75]
    assert told[0].startswith("drawing 75 samples, 33%, about 0 s left")


def test_what_takes_long_is_told_after_the_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 2.5, 4.0, 5.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    told: list[str] = []
    assert list(timed(range(4), 4, told.append, "work")) == [0, 1, 2, 3]
    assert told == ["work, 25%, about 6 s left", "work, 75%, about 1 s left"]


def test_the_training_split_is_compared_with_other_examples_of_its_own() -> None:
    x = torch.arange(40.0).unsqueeze(1)
    data = Split(x, name="train")
    found = sides(sampler(x), data, data, silent, features="pixels", count=100, samples=None, batch_size=7)
    seen = torch.cat([found.data, found.train]).flatten().sort().values
    assert seen.tolist() == x.flatten().tolist() and len(found.data) == len(found.train) == 20


def test_features_of_a_classifier_are_told_in_units_of_their_spread_on_the_split() -> None:
    """However large a net makes its features, figures are of one size; plain values stay what they are."""
    test = digits("test", 200)
    found = sides(
        sampler(test.fields["x"]),
        test,
        test,
        silent,
        features="digits",
        count=200,
        samples=None,
        batch_size=100,
    )
    assert float(found.data.square().mean()) == pytest.approx(1, rel=1e-4)
    assert torch.allclose(found.samples, found.data, atol=1e-5)
    by = extractor("digits", test.fields["x"])
    assert torch.allclose(
        by.features(test.fields["x"]) / found.provenance["scale"], found.data, rtol=1e-3, atol=1e-4
    )
    plain = sides(
        sampler(test.fields["x"]),
        test,
        test,
        silent,
        features="pixels",
        count=200,
        samples=None,
        batch_size=100,
    )
    assert plain.data.equal(test.fields["x"].flatten(1)) and "scale" not in plain.provenance


def test_rows_come_from_where_they_are_asked_for() -> None:
    data = Split(torch.arange(20.0).unsqueeze(1))
    for places in ([0, 6, 7, 19], [13], list(range(20))):
        found = torch.cat([b["x"] for b in rows_of(data, torch.tensor(places), 7)])
        assert found.flatten().tolist() == places
    assert [len(x) for x in drawn_of(lambda n: torch.zeros(n, 1), 10, 4, silent)] == [4, 4, 2]


class Means(nn.Module):
    """Means of rows; of pictures in [0, 1] or, with the Inception file's argument, of bytes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean([2, 3])


class OfBytes(nn.Module):
    def forward(self, img: Tensor, return_features: bool = False) -> Tensor:
        assert img.dtype == torch.uint8 and return_features
        return img.float().mean([2, 3]) / 255


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("net", [Means(), OfBytes()])
def test_a_scripted_net_serves_as_features(net: nn.Module, tmp_path: Path) -> None:
    torch.jit.script(net).save(str(tmp_path / "net.pt"))
    x = torch.linspace(0, 1, 3).view(3, 1, 1, 1).expand(-1, 1, 4, 4)
    by = extractor(str(tmp_path / "net.pt"), x)
    assert by.features(x).shape == (3, 3) and torch.allclose(
        by.features(x)[:, 0], x[:, 0, 0, 0], atol=1 / 400
    )
    assert len(by.facts["weights"]) == 16 and by.classes == 0
    with pytest.raises(ValueError, match="classes need"):
        by.probabilities(x)


def test_features_that_are_not_there_or_do_not_suit_are_refused(tmp_path: Path) -> None:
    x = torch.rand(2, 3, 28, 28)
    with pytest.raises(ValueError, match=r"no .*nothing to take features by: give a run"):
        extractor(str(tmp_path / "nothing"), x)
    with pytest.raises(ValueError, match="takes examples of 1x28x28, not 3x28x28: train one"):
        extractor("digits", x)
    with pytest.raises(ValueError, match="classes need a classifier"):
        extractor("pixels", x).probabilities(x)
    (tmp_path / "broken.pt").write_bytes(b"no net")
    with pytest.raises(ValueError, match="no TorchScript file"):
        extractor(str(tmp_path / "broken.pt"), x)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="can't be opened"):
        extractor(str(tmp_path / "empty"), x)
    damaged = tmp_path / "damaged.genframe"
    damaged.write_bytes(SHIPPED["digits"].read_bytes()[:-5000])
    with pytest.raises(ValueError, match="can't be opened"):
        extractor(str(damaged), x[:, :1])


# Of a run


SMALL = ("data.batch_size=16", "prior.dim=3", "decoder={width: 2, features: 8}", "discriminator.width=2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "run"
    listed = "evaluate=[{use: kid, count: 60}, {use: neighbours, count: 60}]"
    return genframe.train(
        "gan/digits", [*SMALL, "train.steps=1", "device=cpu", listed], run_dir=folder, quiet=True
    )


def test_evaluate_says_where_figures_come_from_and_keeps_the_pictures(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["genframe", "evaluate", str(own)])
    main()
    told = capsys.readouterr()
    assert "kid: features lenet-digits.genframe, layer features_of(x)" in told.out
    assert "samples 60, examples 60, training examples 60" in told.out
    assert "accuracy on these" in told.out and "neighbours: features the values themselves" in told.out
    assert (own / "samples" / "neighbours-00000001.png").exists()
    row, _ = json.loads((own / "evaluations.json").read_text())
    assert row["protocol"]["provenance"]["weights"] and row["figures"]["kid"] > row["figures"]["kid_of_data"]


def test_any_installed_metric_serves_a_run_by_name_or_as_a_block(run: Path) -> None:
    model = genframe.load(run)
    rows = model.evaluate("{use: prdc, count: 60}", "{use: prdc, count: 60, features: pixels}", "kid")
    assert [row["metric"] for row in rows] == ["prdc", "prdc", "kid"]
    assert rows[1]["protocol"]["options"]["features"] == "pixels"
    assert rows[0]["figures"]["coverage"] < rows[0]["figures"]["coverage_of_data"]  # it has not been trained
    again = genframe.load(run).evaluate("{use: prdc, count: 60}")
    assert again[0]["figures"] == rows[0]["figures"]


def test_a_run_is_a_classifier_only_with_its_outputs(run: Path) -> None:
    with pytest.raises(ValueError, match=r"no output features\(x\), but sample, .*classifier"):
        extractor(str(run), torch.zeros(1, 1, 28, 28))
    with pytest.raises(genframe.RecipeError, match="GF543") as told:
        genframe.load(run).evaluate("{use: fid, features: ./nowhere}")
    assert "there is no" in str(told.value) and told.value.problems[0].path == "evaluate.fid"
