"""Metrics of disentanglement on codes whose score is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from genframe_plugins.factors.beta_vae import beta_vae_score
from genframe_plugins.factors.dci import concentration, dci
from genframe_plugins.factors.factor_vae import factor_vae_score
from genframe_plugins.factors.ground_truth import Codes, alike, numbered
from genframe_plugins.factors.mig import binned, information, mig
from genframe_plugins.factors.readout import angle_readout
from genframe_plugins.factors.sap import sap
from torch import Tensor

from genframe import GenframeError

Code = Callable[[Tensor], Tensor]


class Rows:
    """A split of factors (n, f)."""

    def __init__(self, factors: Tensor) -> None:
        self.factors = factors

    def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
        return [{"factors": part} for part in self.factors.split(batch_size)]


def lattice(*counts: int, copies: int = 1) -> Rows:
    """Every combination of factors of so many levels each, `copies` times: factors that are independent, exactly."""
    rows = torch.tensor([*product(*(range(count) for count in counts))], dtype=torch.float32)
    return Rows(rows.repeat(copies, 1))


def by(code: Code) -> Callable[[Any], Tensor]:
    """An output that knows the factors."""
    return lambda batch: code(batch["factors"])


def perfect(factors: Tensor) -> Tensor:
    return factors * torch.tensor([3.0, -0.5, 1.0])[: factors.shape[1]]


def noise(factors: Tensor) -> Tensor:
    return torch.randn(len(factors), 3)


def rotated(factors: Tensor) -> Tensor:
    """Each latent a sum of two factors, the deviations made equal."""
    centred = (factors - factors.mean(0)) / factors.std(0)
    half = math.sqrt(0.5)
    return centred @ torch.tensor([[half, half, 0.0], [-half, half, 0.0], [0.0, 0.0, 1.0]])


def mixed(factors: Tensor) -> Tensor:
    """All factors in all latents alike."""
    return factors @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(4)))[0]


WAYS = lattice(3, 4, 5, copies=5)


def test_mig_of_a_latent_for_each_factor_is_1() -> None:
    assert mig(by(perfect), WAYS)["mig"] == pytest.approx(1, abs=1e-9)


def test_mig_of_noise_is_about_0() -> None:
    """Plug-in information of noise is chi-squared/2n: a gap of 0.03 has less than one chance in a million."""
    torch.manual_seed(0)
    assert 0 <= mig(by(noise), lattice(3, 4, 5, copies=80))["mig"] < 0.03


def test_mig_of_a_factor_that_two_latents_tell_is_0() -> None:
    twice = by(lambda factors: torch.cat([factors, -2 * factors], 1))
    assert mig(twice, WAYS)["mig"] == pytest.approx(0, abs=1e-9)


def test_mig_of_a_rotated_code_is_between() -> None:
    assert 0.2 < mig(by(rotated), WAYS)["mig"] < 0.8


def test_information_is_that_of_sklearn_and_bins_those_of_numpy() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(1)
    z, factor = torch.randn(300, 4, dtype=torch.float64), torch.randint(5, (300,))
    z[:, 2] += factor
    z[:, 3] = 7  # a latent that stands still
    cut = binned(z, 20)
    told, entropy = information(cut, 20, factor)
    for latent in range(4):
        column = z[:, latent].numpy()
        edges = np.histogram(column, 20)[1]
        digits = np.digitize(column, edges[:-1])  # as disentanglement_lib cuts
        assert float(told[latent]) == pytest.approx(metrics.mutual_info_score(factor, digits), abs=1e-9)
    assert float(entropy) == pytest.approx(metrics.mutual_info_score(factor, factor))
    assert float(told[3]) == pytest.approx(0, abs=1e-12)


def test_twenty_bins_keep_up_to_twenty_even_levels_apart() -> None:
    for levels in (2, 7, 19, 20):
        assert len(binned(torch.arange(levels).double()[:, None] / 3 - 1, 20).unique()) == levels


def test_sap_of_two_levels_is_a_half_at_best_and_by_lines_1() -> None:
    ways = lattice(2, 2, copies=30)
    code = by(lambda factors: factors * torch.tensor([2.0, -1.0]))
    assert sap(code, ways, ways)["sap"] == pytest.approx(0.5)
    assert sap(code, ways, ways, continuous=True)["sap"] == pytest.approx(1)
    twice = by(lambda factors: torch.cat([factors, factors], 1))
    assert sap(twice, ways, ways)["sap"] == pytest.approx(0)
    assert sap(twice, ways, ways, continuous=True)["sap"] == pytest.approx(0)


def test_sap_of_noise_is_about_0_and_of_a_rotated_code_between() -> None:
    """Over 960 rows, accuracies of noise have a deviation of 0.016 and R^2 of 0.001: 0.1 is six of these away."""
    torch.manual_seed(0)
    ways = lattice(2, 2, 2, copies=120)
    assert sap(by(noise), ways, ways)["sap"] < 0.1
    assert sap(by(noise), ways, ways, continuous=True)["sap"] < 0.1
    assert 0.1 < sap(by(rotated), ways, ways, continuous=True)["sap"] < 0.9


def test_sap_by_lines_is_the_squared_correlation() -> None:
    """z_1 = v_1 + a v_2, z_2 = v_2 of independent factors of equal variance: R^2 is 1/(1+a^2), a^2/(1+a^2), 0, 1."""
    a = 0.5
    code = by(lambda v: torch.stack([v[:, 0] + a * v[:, 1], v[:, 1]], 1))
    first, second = 1 / (1 + a * a), 1 - a * a / (1 + a * a)
    found = sap(code, lattice(4, 4), lattice(4, 4), continuous=True)["sap"]
    assert found == pytest.approx((first + second) / 2, abs=1e-6)


def test_dci_of_a_latent_for_each_factor_is_1_1_1() -> None:
    torch.manual_seed(0)
    ways = lattice(2, 3, 3, copies=4)
    figures = dci(by(perfect), ways, ways, trees=10)
    assert figures == pytest.approx(
        {"dci_disentanglement": 1, "dci_completeness": 1, "dci_informativeness": 1}, abs=1e-3
    )


def test_dci_bears_importances_a_rounding_below_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """sklearn gives idle latents of clear data some of -1e-17, of which there is no logarithm."""
    from sklearn.ensemble import GradientBoostingClassifier

    rounded = property(lambda model: np.array([1.0, -1e-17]))
    monkeypatch.setattr(GradientBoostingClassifier, "feature_importances_", rounded)
    idle = by(lambda v: torch.cat([v[:, :1], torch.zeros(len(v), 1)], 1))
    figures = dci(idle, lattice(2, 2, copies=5), lattice(2, 2, copies=5), trees=1)
    assert figures["dci_disentanglement"] == pytest.approx(0) and figures[
        "dci_completeness"
    ] == pytest.approx(1)


def test_dci_of_noise_tells_nothing_held_out_and_that_of_a_mixture_is_between() -> None:
    """Chance is a half over 144 held-out rows, six deviations being 0.25."""
    torch.manual_seed(0)
    ways = lattice(2, 2, 2, copies=18)
    figures = dci(by(noise), ways, ways, trees=10)
    assert figures["dci_informativeness"] < 0.75 and figures["dci_disentanglement"] < 0.2
    between = dci(by(mixed), ways, ways, trees=10)
    assert 0.02 < between["dci_disentanglement"] < 0.9 and between["dci_informativeness"] == 1


def test_disentanglement_and_completeness_by_hand() -> None:
    """Latent 0 serves factor 0 alone, latent 1 serves both: entropies 0 and H(1/3, 2/3), weights 1/4 and 3/4 of R."""
    table = torch.tensor([[0.5, 0.0], [0.5, 1.0], [0.0, 0.0]], dtype=torch.float64)
    third = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3) / math.log(2)
    assert concentration(table) == pytest.approx(0.25 + 0.75 * (1 - third))
    assert concentration(table.T) == pytest.approx((1 - math.log(2) / math.log(3) + 1) / 2)
    assert concentration(torch.zeros(3, 2, dtype=torch.float64)) == 0


FEW = {"group": 16, "count": 300, "held_out": 300}


def test_factor_vae_score_of_a_latent_for_each_factor_is_1() -> None:
    torch.manual_seed(0)
    figures = factor_vae_score(by(perfect), WAYS, WAYS, **FEW)
    assert figures == {"factor_vae_score": 1.0, "factor_vae_active_units": 3.0}


def test_factor_vae_score_of_noise_is_chance() -> None:
    """A third of 300, a deviation of 0.027, and the majority's gain on the training groups is not counted."""
    torch.manual_seed(0)
    assert factor_vae_score(by(noise), WAYS, WAYS, **FEW)["factor_vae_score"] == pytest.approx(
        1 / 3, abs=0.15
    )


def test_factor_vae_score_of_a_mixture_is_between() -> None:
    torch.manual_seed(0)
    assert 0.34 < factor_vae_score(by(mixed), WAYS, WAYS, **FEW)["factor_vae_score"] < 0.95


def test_latents_that_stand_still_do_not_vote() -> None:
    """One with a deviation of 0.01 that is the same for factor 0's levels would win every vote were it not left out."""
    torch.manual_seed(0)
    still = by(lambda v: torch.cat([perfect(v), 0.01 * torch.ones_like(v), 0.01 * v[:, :1]], 1))
    figures = factor_vae_score(still, WAYS, WAYS, **FEW)
    assert figures == {"factor_vae_score": 1.0, "factor_vae_active_units": 3.0}
    assert factor_vae_score(still, WAYS, WAYS, threshold=0, **FEW)["factor_vae_active_units"] == 4
    dead = by(lambda v: torch.zeros(len(v), 3))
    nothing = {"factor_vae_score": 0.0, "factor_vae_active_units": 0.0}
    assert factor_vae_score(dead, WAYS, WAYS, **FEW) == nothing


def test_the_latents_scale_does_not_win_a_vote() -> None:
    torch.manual_seed(0)
    scaled = by(lambda v: v * torch.tensor([100.0, 1.0, 0.1]))
    assert factor_vae_score(scaled, WAYS, WAYS, **FEW)["factor_vae_score"] == 1


def test_beta_vae_score_of_a_latent_for_each_factor_is_1_and_of_noise_chance() -> None:
    torch.manual_seed(0)
    assert beta_vae_score(by(perfect), WAYS, WAYS, **FEW)["beta_vae_score"] == 1
    assert beta_vae_score(by(noise), WAYS, WAYS, **FEW)["beta_vae_score"] == pytest.approx(1 / 3, abs=0.15)
    lone = lattice(4, 1, copies=9)
    assert beta_vae_score(by(perfect), lone, lone, **FEW)["beta_vae_score"] == 1


def test_rows_alike_have_the_level_and_all_of_its_rows_are_drawn() -> None:
    levels = torch.tensor([2, 0, 2, 0, 2, 3])
    torch.manual_seed(0)
    rows = torch.arange(6).repeat(200, 1)
    drawn = alike(levels, rows)
    assert drawn.shape == (200, 6) and bool((levels[drawn] == levels[rows]).all())
    assert drawn[:, 0].unique().tolist() == [0, 2, 4] and drawn[:, 5].unique().tolist() == [5]


def test_levels_have_one_number_in_both_parts_and_constant_factors_are_left_out() -> None:
    z = torch.zeros(4, 1)
    first = Codes(z, torch.tensor([[5.0, 1.0], [5.0, 3.0], [5.0, 1.0], [5.0, 3.0]]))
    second = Codes(z, torch.tensor([[5.0, 3.0], [6.0, 2.0], [5.0, 1.0], [5.0, 3.0]]))
    one, two = numbered(Codes(z.repeat(4, 1), first.factors.repeat(4, 1)), second)
    assert one[:4].tolist() == [[0], [2], [0], [2]] and two.tolist() == [[2], [1], [0], [2]]


SEEDED: list[Callable[..., dict[str, float]]] = [dci, factor_vae_score, beta_vae_score]


@pytest.mark.parametrize("metric", SEEDED)
def test_torchs_seed_decides_whatever_numpys_is(metric: Callable[..., dict[str, float]]) -> None:
    ways, found = lattice(2, 2, 3, copies=3), []
    options = {"trees": 3} if metric is dci else FEW
    for other in (1, 2):
        np.random.seed(other)
        torch.manual_seed(5)
        found.append(metric(by(mixed), ways, ways, **options))
    assert found[0] == found[1]


ANGLES = torch.linspace(-math.pi / 2, math.pi / 2, 37)[:, None]


def test_an_angle_that_a_latent_is_linear_in_is_read_exactly() -> None:
    code, rows = by(lambda v: torch.cat([torch.zeros_like(v), 3 - 2 * v], 1)), Rows(ANGLES)
    figures = angle_readout(code, rows, rows, factor=0, latents=(1,))
    assert figures["angle_r2"] == pytest.approx(1)
    assert angle_readout(code, rows, rows, factor=0, latents=(1,), degree=5)["angle_error_degrees"] < 0.2
    assert figures["angle_error_degrees"] > 5  # a cosine is no line
    assert angle_readout(code, rows, rows, factor=0, latents=(0,))["angle_r2"] == pytest.approx(0, abs=1e-9)


def test_a_circle_of_two_latents_tells_a_full_turn() -> None:
    """R^2 of the angle from its sine and cosine: the slope of v on sin v over a full turn is 2, so R^2 is 6/pi^2."""
    turn = Rows(torch.arange(3600)[:, None] * (2 * math.pi / 3600) - math.pi)
    code = by(lambda v: 5 * torch.cat([v.cos(), v.sin()], 1) + 1)
    figures = angle_readout(code, turn, turn, factor=0, latents=(0, 1))
    assert figures["angle_error_degrees"] == pytest.approx(0, abs=1e-3)
    assert figures["angle_r2"] == pytest.approx(6 / math.pi**2, abs=2e-3)


def test_a_readout_is_measured_on_rows_it_was_not_fitted_to_and_around_the_circle() -> None:
    """Fitted to a line of slope 1, asked of codes that say 10 degrees too much; 359 and 9 degrees are 10 apart."""
    shift = math.radians(10)
    turn = Rows(torch.arange(36)[:, None] * (2 * math.pi / 36))
    torch.manual_seed(0)
    asked: list[int] = []

    def encode(batch: Any) -> Tensor:
        v = batch["factors"] + (shift if asked else 0.0)
        asked.append(1)
        return torch.cat([v.cos(), v.sin()], 1)

    figures = angle_readout(encode, turn, turn, factor=0, latents=(0, 1))
    assert figures["angle_error_degrees"] == pytest.approx(10, abs=1e-4)


ALL: list[Callable[..., dict[str, float]]] = [sap, dci, factor_vae_score, beta_vae_score, angle_readout]


@pytest.mark.parametrize("metric", ALL)
def test_data_without_factors_and_codes_that_are_no_numbers_are_refused(
    metric: Callable[..., dict[str, float]],
) -> None:
    class Bare(Rows):
        def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
            return [{"x": self.factors, "index": self.factors}]

    with pytest.raises(GenframeError, match="`factors`, and the data have x"):
        metric(lambda batch: batch["x"], Bare(WAYS.factors), Bare(WAYS.factors))
    with pytest.raises(GenframeError, match="300 of 300 codes are not finite"):
        metric(by(lambda v: v / 0), WAYS, WAYS)


def test_factors_that_can_not_be_measured_are_refused() -> None:
    for rows, says in (
        (Rows(torch.rand(50, 2)), "takes 50 values in 50 examples"),
        (Rows(torch.ones(50, 2)), "none of the 2 factors varies"),
    ):
        with pytest.raises(GenframeError, match=says) as raised:
            mig(by(lambda v: v), rows)
        assert raised.value.problems[0].code == "GF543"
    with pytest.raises(GenframeError, match="no factor varies"):
        sap(by(lambda v: v), Rows(torch.ones(9, 2)), WAYS, continuous=True)
    with pytest.raises(GenframeError, match="there is one"):
        sap(by(lambda v: v[:, :1]), WAYS, WAYS)
    for options, says in (
        ({"latents": (3,)}, "latents: from 0 to 2, not 3"),
        ({"latents": ()}, "not none"),
        ({"factor": 4}, "factor: from 0 to 2, not 4"),
    ):
        with pytest.raises(GenframeError, match=says):
            angle_readout(by(lambda v: v), WAYS, WAYS, **options)
    with pytest.raises(GenframeError, match="factor 2 is the same"):
        angle_readout(by(lambda v: v), lattice(3, 3, 1), lattice(3, 3, 1))
