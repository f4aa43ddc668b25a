"""Boltzmann machines against brute force over all states, quadrature, and long chains.

Statistical tests fix their seeds; their alarms would be false once in 10^6 (z = 5) unless they say otherwise.
"""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from genframe_plugins.boltzmann.divergence import cd, pcd
from genframe_plugins.boltzmann.gaussian_rbm import GaussianRBM
from genframe_plugins.boltzmann.partition import (
    annealed_log_z,
    exact_log_z,
    inverse_temperatures,
    log_mean_exp,
)
from genframe_plugins.boltzmann.rbm import RBM
from genframe_plugins.dae.chains.chain import chain
from genframe_plugins.metrics.annealed import ais_log_likelihood, interval
from genframe_plugins.vae.functions.bounds import importance_weights, rate_distortion
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.posteriors.bernoulli import StraightThrough
from scipy.stats import chi2
from tiny import differing, plan_of, resume, saved, small, train
from torch import Tensor

from genframe import load


def machine(
    visible: int | tuple[int, ...] = 4, hidden: int = 3, scale: float = 1.0, seed: int = 0, **more: Any
) -> RBM:
    """A binary machine with weights of ordinary size, in float64."""
    return _moved(RBM, visible, hidden, scale, seed, **more)


def gaussian(
    visible: int = 2, hidden: int = 3, scale: float = 0.7, seed: int = 0, **more: Any
) -> GaussianRBM:
    made = _moved(GaussianRBM, visible, hidden, scale, seed, **more)
    assert isinstance(made, GaussianRBM)
    return made


def _moved(kind: type[RBM], visible: Any, hidden: int, scale: float, seed: int, **more: Any) -> Any:
    torch.manual_seed(seed)
    made = kind(visible if isinstance(visible, tuple) else (visible,), hidden=hidden, **more).double()
    with torch.no_grad():
        for parameter in (made.weight, made.visible_bias, made.hidden_bias):
            parameter.copy_(scale * torch.randn_like(parameter))
    return made


def states(units: int) -> Tensor:
    """All of them, written out independently of the code: (2^units, units)."""
    return torch.tensor(list(product((0.0, 1.0), repeat=units)), dtype=torch.float64)


def table(rbm: RBM) -> Tensor:
    """exp(-E) of all states, by the definition of the energy in loops: (2^visible, 2^hidden)."""
    W, b, c = (p.detach() for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias))
    rows = []
    for v in states(rbm.sizes[0]):
        energies = []
        for h in states(rbm.sizes[1]):
            pairs = sum(float(v[i] * W[i, j] * h[j]) for i in range(len(v)) for j in range(len(h)))
            energies.append(-pairs - float(b @ v) - float(c @ h))
        rows.append(energies)
    return (-torch.tensor(rows, dtype=torch.float64)).exp()


class TestEnumeration:
    def test_the_energy_is_the_definition(self) -> None:
        rbm = machine()
        v, h = states(4), states(3)
        found = rbm.energy(v[:, None].expand(16, 8, 4), h[None].expand(16, 8, 3))
        torch.testing.assert_close((-found).exp(), table(rbm))

    def test_free_energies_sum_the_other_side(self) -> None:
        rbm = machine()
        torch.testing.assert_close((-rbm.free_energy(states(4))).exp(), table(rbm).sum(1))
        torch.testing.assert_close((-rbm.hidden_free_energy(states(3))).exp(), table(rbm).sum(0))

    @pytest.mark.parametrize("sizes", [(4, 3), (3, 4), (1, 1), (5, 2)])
    def test_log_z_is_the_sum_over_all_states(self, sizes: tuple[int, int]) -> None:
        rbm = machine(*sizes)
        torch.testing.assert_close(exact_log_z(rbm), table(rbm).sum().log())

    def test_log_prob_is_the_exact_one(self) -> None:
        rbm = machine()
        expected = (table(rbm).sum(1) / table(rbm).sum()).log()
        torch.testing.assert_close(rbm().log_prob(states(4)), expected)
        assert rbm().log_prob(states(4)).exp().sum().item() == pytest.approx(1)

    def test_states_beyond_one_block_are_summed_too(self) -> None:
        rbm = machine(13, 14, 0.3)
        by_hidden = torch.cat([-rbm.hidden_free_energy(part) for part in states(14).split(999)]).logsumexp(0)
        torch.testing.assert_close(exact_log_z(rbm), by_hidden)

    def test_too_many_units_are_refused(self) -> None:
        with pytest.raises(ValueError, match="2\\^26"):
            exact_log_z(RBM((26,), hidden=30))

    def test_pictures_are_vectors_by_another_name(self) -> None:
        flat, shaped = machine(6, 3), machine((1, 2, 3), 3)
        v = states(6)
        torch.testing.assert_close(flat().log_prob(v), shaped().log_prob(v.reshape(-1, 1, 2, 3)))
        torch.testing.assert_close(
            flat.mean_field(v, 2), shaped.mean_field(v.reshape(-1, 1, 2, 3), 2).flatten(1)
        )


class TestConditionals:
    def test_the_hidden_law_is_the_table_of_all_units_and_states(self) -> None:
        """The textbook's eq. 20.14: P(h|v) for every h at once, from one product per unit."""
        rbm = machine()
        joint = table(rbm)
        for v, row in zip(states(4), joint, strict=True):
            torch.testing.assert_close(rbm.hidden(v).log_prob(states(3)).exp(), row / row.sum())

    def test_probabilities_of_both_states_of_each_unit_are_the_margins_of_the_table(self) -> None:
        """Eq. 20.14, and its product over the units is the joint P(h|v)."""
        rbm, h = machine(), states(3)
        given = table(rbm) / table(rbm).sum(1, keepdim=True)  # (16, 8)
        found = rbm.hidden_probabilities(states(4))  # (16, 3, 2)
        torch.testing.assert_close(found[..., 1], given @ h, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(found[..., 0], given @ (1 - h), rtol=1e-6, atol=1e-7)
        each = found[:, None, torch.arange(3), h.long()]  # (16, 8, 3)
        torch.testing.assert_close(each.squeeze(1).prod(-1), given, rtol=1e-6, atol=1e-7)

    def test_the_visible_law_too(self) -> None:
        rbm = machine()
        for h, column in zip(states(3), table(rbm).T, strict=True):
            torch.testing.assert_close(rbm.visible(h).log_prob(states(4)).exp(), column / column.sum())

    def test_gibbs_leaves_the_exact_law_as_it_is(self) -> None:
        """Chi-square at alpha 10^-6: 40,000 exact draws, three sweeps on, against the enumerated law."""
        rbm = machine(4, 3, 1.5)
        torch.manual_seed(1)
        moved = rbm.gibbs(rbm().sample((40_000,)), 3)
        assert _chi_square(rbm, moved) > 1e-6

    def test_exact_draws_have_the_law(self) -> None:
        """From either side: alpha 10^-6 each."""
        for sizes in ((4, 3), (3, 5)):
            rbm = machine(*sizes, 1.5)
            torch.manual_seed(2)
            assert _chi_square(rbm, rbm().sample((40_000,))) > 1e-6

    def test_the_law_of_another_machine_is_told_apart(self) -> None:
        torch.manual_seed(2)
        assert _chi_square(machine(4, 3, 1.5), machine(4, 3, 1.4)().sample((40_000,))) < 1e-12

    def test_clamped_chains_draw_from_the_conditional(self) -> None:
        """The first two units are held; the means of the others against enumeration, at 5 standard errors."""
        rbm = machine(4, 3, 1.5)
        torch.manual_seed(3)
        held = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64).repeat(20_000, 1)
        mask = torch.tensor([1.0, 1.0, 0.0, 0.0])
        found = rbm.clamped(held, mask, 30)
        v, weight = states(4), table(rbm).sum(1)
        fits = (v[:, 0] == 1) & (v[:, 1] == 0)
        due = (v[fits] * weight[fits, None]).sum(0) / weight[fits].sum()
        assert torch.equal(found[:, :2], held[:, :2])
        error = found.std(0) / len(found) ** 0.5
        assert bool(((found.mean(0) - due).abs() <= 5 * error + 1e-12).all())

    @pytest.mark.parametrize("noise", ["salt and pepper", "masking"])
    def test_denoising_is_the_mean_of_the_clean_given_the_noisy(self, noise: str) -> None:
        """At 5 standard errors of 2,000 chains; each picture has a level of its own."""
        rbm, clean, noisy = machine(4, 3, 1.5), states(4), states(4)[5]  # 0101
        levels = torch.tensor([0.2, 0.6]).double()
        torch.manual_seed(4)
        pictures, each = noisy.repeat(4000, 1), levels.repeat_interleave(2000)
        salted = noise == "salt and pepper"
        found = (rbm.denoised if salted else rbm.unmasked)(pictures, each, 40)
        for level, rows in zip(levels.tolist(), found.chunk(2), strict=True):
            flipped = level / 2 if salted else torch.where(clean > noisy, level, 0.0)
            kept = 1 - level / 2 if salted else torch.where(clean > 0, 1 - level, 1.0)
            weight = table(rbm).sum(1) * torch.where(clean == noisy, kept, flipped).prod(1)
            due = (clean * weight[:, None]).sum(0) / weight.sum()
            error = rows.std(0) / len(rows) ** 0.5
            assert bool(((rows.mean(0) - due).abs() <= 5 * error + 1e-9).all())


def _chi_square(rbm: RBM, drawn: Tensor) -> float:
    """The p-value of counts of draws against the enumerated law."""
    due = table(rbm).sum(1) / table(rbm).sum() * len(drawn)
    which = (
        drawn @ torch.tensor([2.0 ** (rbm.sizes[0] - 1 - i) for i in range(rbm.sizes[0])]).double()
    ).long()
    counts = torch.bincount(which, minlength=len(due)).double()
    return float(chi2.sf(float(((counts - due) ** 2 / due).sum()), len(due) - 1))


class TestGradients:
    def test_the_likelihood_has_the_enumerated_gradient(self) -> None:
        """d log p(v) / dW = <v h'>_data - <v h'>_model, both from the table (Goodfellow et al. 2016, eq. 18.13)."""
        rbm = machine()
        x = states(4)[[3, 9, 9, 14]]
        rbm().log_prob(x).mean().backward()
        for parameter, due in zip(
            (rbm.weight, rbm.visible_bias, rbm.hidden_bias), _exact(rbm, x), strict=True
        ):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, due)

    @pytest.mark.parametrize("loss", ["cd", "pcd"])
    def test_long_chains_have_the_gradient_of_the_likelihood(self, loss: str) -> None:
        """CD-100 and PCD of a warm chain, 20,000 chains: each number within 5 standard errors of the exact one."""
        rbm = machine(4, 3, 1.0, chains=20_000)
        x = states(4)[[3, 9, 9, 14]].repeat(5000, 1)
        torch.manual_seed(5)
        if loss == "cd":
            term = cd(x, rbm, k=100)
        else:
            rbm.chain(100)
            term = pcd(x, rbm)
        assert term.surrogate
        term.total.mean().backward()
        for parameter, due in zip(
            (rbm.weight, rbm.visible_bias, rbm.hidden_bias), _exact(rbm, x), strict=True
        ):
            assert parameter.grad is not None
            # A mean of 20,000 products in [0, 1]: a standard error of at most 0.5 / sqrt(20,000).
            assert float((parameter.grad + due).abs().max()) < 5 * 0.5 / math.sqrt(20_000)

    def test_one_sweep_sees_no_mode_but_the_data(self) -> None:
        """Two modes, all ones and all zeros, as probable; of data in one CD-1 thinks that the machine is right."""
        rbm = machine(4, 3)
        with torch.no_grad():
            rbm.weight.fill_(6.0)
            rbm.visible_bias.fill_(-9.0)
            rbm.hidden_bias.fill_(-12.0)
        x = torch.ones(1000, 4).double()
        torch.manual_seed(5)
        cd(x, rbm, k=1).total.mean().backward()
        assert rbm.weight.grad is not None
        assert float(rbm.weight.grad.abs().max()) < 0.05
        torch.testing.assert_close(_exact(rbm, x[:1])[0], torch.full((4, 3), 0.5).double(), atol=0.01, rtol=0)

    def test_the_gradient_of_log_z_by_chains_is_the_enumerated_one(self) -> None:
        """What log_prob of a machine too large to enumerate uses in training, on one that can be enumerated too."""
        rbm = machine(13, 13, 0.3, chains=20_000)
        exact_log_z(rbm).backward()
        due = rbm.visible_bias.grad
        assert due is not None
        rbm.visible_bias.grad = None
        torch.manual_seed(6)
        rbm.chain(100)
        rbm.log_z().backward()
        found = rbm.visible_bias.grad
        assert found is not None
        assert float((found - due).abs().max()) < 5 * 0.5 / math.sqrt(20_000)


def _exact(rbm: RBM, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean gradient of log p over x in W, b and c, from the table."""
    v, h, joint = states(rbm.sizes[0]), states(rbm.sizes[1]), table(rbm)
    model = joint / joint.sum()
    data = torch.zeros_like(model)
    for row in x:
        number = int((v == row).all(1).nonzero()[0, 0])
        data[number] += joint[number] / joint[number].sum() / len(x)
    gap = data - model
    return v.T @ gap @ h, v.T @ gap.sum(1), h.T @ gap.sum(0)


class TestAnnealing:
    @pytest.mark.parametrize("sizes", [(4, 3), (8, 16), (16, 30)])
    def test_log_z_is_within_three_deviations_of_brute_force(self, sizes: tuple[int, int]) -> None:
        rbm = machine(*sizes, 0.5)
        torch.manual_seed(7)
        draws = rbm.annealed_log_z(torch.rand(50, sizes[0]).round().double(), 1000, 200)
        _, low, high = interval(draws)
        assert low <= float(exact_log_z(rbm).detach()) <= high
        assert high - low < 0.5

    def test_the_base_is_annealed_away(self) -> None:
        """Whatever the machine starts from, log Z is the same: the visible biases of the base leave no trace."""
        rbm = machine(6, 5, 0.5)
        torch.manual_seed(8)
        for base in (-2.0, 0.0, 2.0):
            draws = annealed_log_z(rbm, torch.full((6,), base).double(), 1000, 200)
            _, low, high = interval(draws)
            assert low <= float(exact_log_z(rbm).detach()) <= high

    def test_of_a_gaussian_machine_too(self) -> None:
        rbm = gaussian(5, 8, 0.5)
        torch.manual_seed(9)
        _, low, high = interval(rbm.annealed_log_z(torch.randn(10, 5).double(), 1000, 200))
        assert low <= float(exact_log_z(rbm).detach()) <= high

    def test_few_temperatures_are_low(self) -> None:
        """Jensen: the mean of the logarithms lies below, and more temperatures bring it up."""
        rbm = machine(10, 10, 1.0)
        torch.manual_seed(10)
        few, many = (rbm.annealed_log_z(rbm.chains, k, 500).mean() for k in (3, 1000))
        assert few < many < exact_log_z(rbm) + 0.1

    def test_temperatures_rise_from_zero_to_one(self) -> None:
        rising = inverse_temperatures(14_500)
        assert (rising[0], rising[500], rising[4500], rising[-1]) == (
            0.0,
            pytest.approx(0.5),
            pytest.approx(0.9),
            1.0,
        )
        assert all(b > a for a, b in pairwise(rising))

    def test_the_metric_is_the_exact_mean_log_likelihood(self) -> None:
        rbm = machine(8, 6, 0.7)
        torch.manual_seed(11)
        data = _Rows(rbm().sample((700,)))
        figures = ais_log_likelihood(rbm.free_energy, rbm.annealed_log_z, data, temperatures=2000, chains=300)
        exact = float(rbm().log_prob(data.x).mean().detach())
        assert figures["ais_log_likelihood_lower"] <= exact <= figures["ais_log_likelihood_upper"]
        assert figures["ais_log_likelihood"] == pytest.approx(exact, abs=0.05)

    def test_in_evaluation_log_prob_is_annealed_once(self) -> None:
        rbm = machine(13, 13, 0.2, temperatures=500).eval()
        v = rbm.chains[:5]
        torch.manual_seed(12)
        one, two = rbm().log_prob(v), rbm().log_prob(v)
        assert torch.equal(one, two)
        exact = -rbm.free_energy(v) - exact_log_z(rbm)
        assert float((one - exact).detach().abs().max()) < 0.2
        with torch.no_grad():
            rbm.visible_bias.add_(1.0)
        assert float((rbm().log_prob(v) + rbm.free_energy(v) + exact_log_z(rbm)).detach().abs().max()) < 0.2

    def test_log_mean_exp(self) -> None:
        assert float(log_mean_exp(torch.tensor([1.0, 3.0]).log())) == pytest.approx(math.log(2))


class TestDeepBeliefNet:
    def test_its_bounds_are_those_of_the_enumerated_net(self) -> None:
        """p(x) = sum_h p(x|h) p_top(h), as recipes write it: the bound of 20,000 draws at 5 standard errors, and the
        mean of the importance weights is p(x) (Salakhutdinov & Murray 2008, section 5)."""
        lower, top, h = machine(4, 3), machine(3, 5, seed=1), states(3)
        x = states(4)[[3, 9]]
        with torch.no_grad():
            joint = lower.visible(h).log_prob(x[:, None]) + top().log_prob(h)  # (2, 8)
            exact = joint.logsumexp(1)
            q = lower.hidden(x[:, None]).log_prob(h)
            bound = (q.exp() * (joint - q)).sum(1)
            assert bool((bound < exact).all())
            torch.manual_seed(18)
            rows = x.repeat_interleave(20_000, 0)
            rate, distortion = rate_distortion(rows, lower.hidden(rows), top(), lower.visible)
            for found, due in zip(-(rate + distortion).reshape(2, -1), bound, strict=True):
                assert float(found.mean()) == pytest.approx(
                    float(due), abs=5 * float(found.std()) / 20_000**0.5
                )
            weights = importance_weights(x, lower.hidden(x), top(), lower.visible, 20_000).exp()
            error = 5 * weights.std(0) / 20_000**0.5
            assert bool(((weights.mean(0) - exact.exp()).abs() < error).all())


class TestGaussian:
    def test_the_hidden_law_is_a_sigmoid_of_the_scaled_values(self) -> None:
        rbm = gaussian(2, 3, sigma=0.6)
        v = torch.randn(7, 2).double()
        due = torch.sigmoid(rbm.hidden_bias + (v / 0.36) @ rbm.weight)
        torch.testing.assert_close(rbm.hidden(v).mean, due, rtol=1e-6, atol=1e-7)

    def test_the_visible_law_has_the_moments_of_the_joint_density(self) -> None:
        """p(v|h) from exp(-E) on a grid: its mean and its variance."""
        rbm = gaussian(1, 3, sigma=0.6)
        grid = torch.linspace(-12, 12, 20_001, dtype=torch.float64).unsqueeze(1)
        for h in states(3):
            weight = (-rbm.energy(grid, h.expand(len(grid), 3))).exp().detach()
            mean = float((weight * grid[:, 0]).sum() / weight.sum())
            variance = float((weight * (grid[:, 0] - mean) ** 2).sum() / weight.sum())
            assert float(rbm.visible(h).mean.detach()) == pytest.approx(mean, abs=1e-6)
            assert float(rbm.visible(h).variance.detach()) == pytest.approx(variance, abs=1e-6)

    @pytest.mark.parametrize("visible", [1, 2])
    def test_the_joint_density_integrates_to_z(self, visible: int) -> None:
        rbm = gaussian(visible, 3, sigma=0.8, learned=True)
        with torch.no_grad():
            rbm.log_sigma.add_(torch.tensor([0.2, -0.3])[:visible])
        axis = torch.linspace(-14, 14, 701, dtype=torch.float64)
        points = torch.cartesian_prod(*[axis] * visible).reshape(-1, visible)
        cell = float(axis[1] - axis[0]) ** visible
        total = (
            sum(float((-rbm.energy(points, h.expand(len(points), 3))).exp().sum()) for h in states(3)) * cell
        )
        assert float(exact_log_z(rbm).exp().detach()) == pytest.approx(total, rel=1e-6)
        assert float((-rbm.free_energy(points)).exp().sum().detach()) * cell == pytest.approx(total, rel=1e-6)

    def test_gibbs_leaves_its_moments_as_they_are(self) -> None:
        """Mean and second moment of 20,000 exact draws and of the same three sweeps on: 5 standard errors."""
        rbm = gaussian(2, 3)
        torch.manual_seed(13)
        before = rbm().sample((20_000,))
        after = rbm.gibbs(before, 3)
        for power in (1, 2):
            gap = after**power - before**power
            assert bool((gap.mean(0).abs() < 5 * gap.std(0) / math.sqrt(len(gap))).all())

    def test_denoising_weighs_the_noisy_value_by_its_precision(self) -> None:
        """The mean of p(clean | noisy) by quadrature over the enumerated density, noise of std 0.5."""
        rbm = gaussian(1, 3, sigma=0.8)
        grid = torch.linspace(-12, 12, 20_001, dtype=torch.float64).unsqueeze(1)
        weight = (-rbm.free_energy(grid).detach() - (grid[:, 0] - 1.0) ** 2 / (2 * 0.25)).exp()
        due = float((weight * grid[:, 0]).sum() / weight.sum())
        torch.manual_seed(14)
        found = rbm.denoised(torch.ones(3000, 1).double(), 0.5, 40)
        assert float(found.mean()) == pytest.approx(due, abs=5 * float(found.std()) / math.sqrt(3000))


class TestChains:
    def test_they_move_in_training_alone(self) -> None:
        rbm = machine(4, 3)
        before = rbm.chains.clone()
        rbm.eval().chain(5)
        assert torch.equal(rbm.chains, before)
        rbm.train().chain(5)
        assert not torch.equal(rbm.chains, before)

    def test_a_resumed_run_has_the_same_chains_and_weights(self, tmp_path: Any) -> None:
        settings = ("train={steps: 12, checkpoint: {every: 6}}",)
        whole = train(small("rbm/digits", *settings), tmp_path / "whole")
        half = train(small("rbm/digits", *settings, "train.steps=6"), tmp_path / "half")
        resume(half, "train.steps=12")
        assert "rbm/chains" in saved(half)
        assert differing(saved(whole), saved(half)) == []
        assert "rbm/chains" in differing(saved(whole, 6), saved(whole, 12))

    def test_a_trial_run_leaves_them_where_they_started(self) -> None:
        """The plan's trial calls every wire; the chains are a function of the seed alone until a training step."""
        plan = plan_of(small("rbm/digits"))
        other = plan_of(small("rbm/digits", "loss=cd"))
        assert torch.equal(plan.parts["rbm"].chains, other.parts["rbm"].chains)


class TestSamplers:
    def test_the_chain_of_the_pipeline_draws_from_the_machine(self) -> None:
        """The sampler `chain` over the pipeline's transition, 20,000 chains: chi-square at alpha 10^-6."""
        rbm = machine(4, 3, 1.5)
        torch.manual_seed(15)

        def transition(x: Tensor) -> Any:
            return rbm.visible(rbm.hidden(x).sample())

        drawn = chain(transition, _Rows(states(4)), 20_000, burn_in=60, start="noise")
        assert _chi_square(rbm, drawn) > 1e-6

    def test_shipped_samplers_draw(self, tmp_path: Any) -> None:
        run = train(small("rbm/digits", "train={steps: 2}", "samplers.gibbs.burn_in=5"), tmp_path / "run")
        model = load(run)
        for name in ("gibbs", "inpaint"):
            drawn = model.draw(name, 3)
            assert drawn.shape == (3, 1, 28, 28)
            assert float(drawn.min()) >= 0 and float(drawn.max()) <= 1


class _Rows:
    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, size: int) -> Any:
        return ({"x": part} for part in self.x.split(size))

    def first(self, n: int) -> dict[str, Tensor]:
        return {"x": self.x[:n]}


class TestDiscreteAutoencoder:
    def test_samples_are_binary_and_carry_the_gradient_of_the_probabilities(self) -> None:
        logits = torch.randn(3, 5).double().requires_grad_()
        torch.manual_seed(16)
        z = StraightThrough(logits).rsample([7])
        assert set(z.detach().unique().tolist()) <= {0.0, 1.0}
        weight = torch.randn(7, 3, 5).double()
        (z * weight).sum().backward()
        probs = logits.detach().sigmoid()
        torch.testing.assert_close(logits.grad, weight.sum(0) * probs * (1 - probs))

    def test_the_rate_of_the_bound_is_the_divergence_from_the_machine(self) -> None:
        """KL(q || p) of all 16 codes against the mean of what `elbo` samples, at 5 standard errors."""
        rbm = machine(4, 3)
        q = StraightThrough(torch.randn(4).double())
        log_q, log_p = q.log_prob(states(4)), rbm().log_prob(states(4))
        due = float((log_q.exp() * (log_q - log_p)).sum().detach())
        torch.manual_seed(17)
        rows = StraightThrough(q.logits.expand(20_000, 4))
        z, p_x = rows.sample(), StraightThrough(torch.zeros(20_000, 1).double())
        terms = elbo(torch.zeros(20_000, 1).double(), rows, z, rbm(), p_x)
        rates = terms.logged["rate_sampled"].detach()
        assert float(rates.mean()) == pytest.approx(due, abs=5 * float(rates.std()) / math.sqrt(20_000))

    def test_the_bound_trains_the_machine_as_its_likelihood_would(self) -> None:
        """The gradient of -log p(z) in the machine's parameters, for codes that the encoder gives, is the table's."""
        rbm = machine(4, 3)
        z = states(4)[[1, 5, 5, 12]]
        q, p_x = StraightThrough(torch.zeros(4, 4).double()), StraightThrough(torch.zeros(4, 1).double())
        elbo(torch.zeros(4, 1).double(), q, z, rbm(), p_x).total.mean().backward()
        assert rbm.weight.grad is not None
        torch.testing.assert_close(rbm.weight.grad, -_exact(rbm, z)[0])
