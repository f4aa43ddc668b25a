"""Annealed importance sampling on probabilistic PCA, whose log p(x) is known; and its Hamiltonian moves."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.metrics.annealing import annealed_gap, annealed_log_likelihood
from genframe_plugins.metrics.likelihood import log_likelihood
from genframe_plugins.vae.functions.annealing import annealed_importance, bidirectional_annealing, schedule
from genframe_plugins.vae.functions.bounds import importance_weights
from genframe_plugins.vae.functions.hamiltonian import leap, step
from torch import Tensor
from torch.distributions import Independent, Laplace, MultivariateNormal

from genframe import Bernoulli, DiagonalGaussian

Batch = dict[str, Tensor]


class Pca:
    """z ~ N(0, I), x = W z + b + sigma epsilon: log p(x) = log N(x; b, W W' + sigma^2 I)."""

    def __init__(self, latent: int = 2, values: int = 5, sigma: float = 0.6, rows: int = 12) -> None:
        generator = torch.Generator().manual_seed(1)
        self.w = torch.randn(values, latent, generator=generator)
        self.b = torch.randn(values, generator=generator)
        self.sigma = torch.tensor(sigma)
        self.p_z = DiagonalGaussian(torch.zeros(latent), torch.ones(latent))
        self.marginal = MultivariateNormal(self.b, self.w @ self.w.T + sigma**2 * torch.eye(values))
        torch.manual_seed(2)
        self.x = self.marginal.sample([rows])
        self.log_p = self.marginal.log_prob(self.x)

    def observe(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(z @ self.w.T + self.b, self.sigma)

    def target(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.detach().requires_grad_()
        value = self.p_z.log_prob(z) + self.observe(z).log_prob(self.x)
        return value.detach(), torch.autograd.grad(value.sum(), z)[0]


class Split:
    measure = "unknown"

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def batches(self, batch_size: int) -> list[Batch]:
        return [{"x": part} for part in self.x.split(batch_size)]

    def first(self, n: int) -> Batch:
        return {"x": self.x[:n]}


@pytest.fixture(scope="module")
def pca() -> Pca:
    return Pca()


class TestHamiltonian:
    def test_leaps_keep_the_energy_to_second_order(self, pca: Pca) -> None:
        torch.manual_seed(0)
        z, momentum = torch.randn(4, 12, 2), torch.randn(4, 12, 2)
        errors = []
        for size, count in ((0.02, 20), (0.01, 40), (0.005, 80)):
            _, turned, start, end = leap(pca.target, z, momentum, torch.full((12,), size), count)
            change = 0.5 * (turned.square() - momentum.square()).sum(2) - (end - start)
            errors.append(float(change.abs().mean()))
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)
        assert errors[1] / errors[2] == pytest.approx(4, rel=0.25)

    def test_turned_round_they_lead_back(self, pca: Pca) -> None:
        torch.manual_seed(0)
        z, momentum, size = torch.randn(4, 12, 2), torch.randn(4, 12, 2), torch.linspace(0.01, 0.05, 12)
        there, turned, _, _ = leap(pca.target, z, momentum, size, 10)
        back, first, _, _ = leap(pca.target, there, -turned, size, 10)
        torch.testing.assert_close(back, z, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(first, -momentum, atol=1e-3, rtol=1e-3)
        assert float((there - z).abs().min(-1).values.max()) > 0.01

    def test_leaps_keep_volumes(self, pca: Pca) -> None:
        one = Pca(rows=1)

        def flow(state: Tensor) -> Tensor:
            z, momentum = state[:2].view(1, 1, 2), state[2:].view(1, 1, 2)

            def target(
                z: Tensor,
            ) -> tuple[Tensor, Tensor]:  # differentiable: the gradient of the log density by hand
                residual = one.x - (z @ one.w.T + one.b)
                return z.sum(2), -z + residual @ one.w / one.sigma**2

            there, turned, _, _ = leap(target, z, momentum, torch.tensor([0.05]), 7)
            return torch.cat([there.flatten(), turned.flatten()])

        jacobian = torch.autograd.functional.jacobian(flow, torch.randn(4))
        assert float(torch.linalg.det(jacobian)) == pytest.approx(1, abs=1e-3)

    def test_moves_leave_the_posterior_as_it_is(self, pca: Pca) -> None:
        """From samples of p(z|x), 5 moves with rough leaps: means and variances within 5 errors, 48 of them (3e-5)."""
        torch.manual_seed(0)
        covariance = torch.linalg.inv(torch.eye(2) + pca.w.T @ pca.w / pca.sigma**2)
        mean = (pca.x - pca.b) @ pca.w @ covariance / pca.sigma**2
        z = MultivariateNormal(mean, covariance).sample([4000])
        for _ in range(5):
            z, chance = step(pca.target, z, torch.full((12,), 0.35), 5)
        assert 0.3 < float(chance.mean()) < 0.97  # so that the test of acceptance does something
        error = (covariance.diagonal() / 4000).sqrt()
        assert bool(((z.mean(0) - mean).abs() < 5 * error).all())
        spread = covariance.diagonal() * (2 / 4000) ** 0.5
        assert bool(((z.var(0) - covariance.diagonal()).abs() < 5 * spread).all())

    def test_a_leap_into_what_is_not_finite_is_refused(self) -> None:
        def target(z: Tensor) -> tuple[Tensor, Tensor]:
            value = -0.5 * z.square().sum(2)
            return torch.where(z[..., 0].abs() > 3, math.nan, value), -z

        z = torch.zeros(50, 1, 1)
        torch.manual_seed(0)
        moved, chance = step(target, z, torch.tensor([1e6]), 3)
        assert torch.equal(moved, z) and not bool(chance.any())


class TestAnnealing:
    def test_the_schedule_goes_from_nothing_to_all_and_is_slow_at_either_end(self) -> None:
        betas = schedule(1000)
        assert betas[0] == 0 and betas[-1] == 1 and bool((betas.diff() > 0).all())
        assert float(betas[1]) < 2e-4 and float(betas.diff().max()) > 1e-3
        torch.testing.assert_close(betas + betas.flip(0), torch.ones_like(betas))

    def test_importance_sampling_is_below_and_annealing_within_its_error(self, pca: Pca) -> None:
        """log p(x) of probabilistic PCA: importance sampling from a poor posterior falls short, annealing does not."""
        torch.manual_seed(0)
        data, exact = Split(pca.x), float(pca.log_p.mean())

        def log_weights(batch: Batch, k: int) -> Tensor:
            q_z = DiagonalGaussian(torch.full((len(batch["x"]), 2), -1.0), torch.full((2,), 0.3))
            return importance_weights(batch["x"], q_z, pca.p_z, pca.observe, k)

        def annealed(batch: Batch, temperatures: int, chains: int) -> tuple[Tensor, Tensor]:
            return annealed_importance(batch["x"], pca.p_z, pca.observe, temperatures, chains)

        importance = log_likelihood(log_weights, data, k=20)["log_likelihood"]
        found = annealed_log_likelihood(annealed, data, temperatures=200, chains=16)
        assert importance < exact - 1
        assert found["annealed_log_likelihood"] == pytest.approx(exact, abs=0.15)
        assert found["annealed_effective_chains"] > 10
        assert found["annealed_acceptance"] == pytest.approx(0.65, abs=0.12)

    def test_weights_are_unbiased_at_few_temperatures(self, pca: Pca) -> None:
        """E[w] = p(x) at any length: of 4 x 8,000 chains of 12 temperatures, within 5 standard errors (2e-6)."""
        torch.manual_seed(0)
        x, exact = pca.x[:4], pca.log_p[:4]
        log_w, _ = annealed_importance(x, pca.p_z, pca.observe, 12, 8_000)
        ratio = (log_w - exact).exp()
        error = ratio.std(0) / 8_000**0.5
        assert float(error.max()) < 0.1
        assert bool(((ratio.mean(0) - 1).abs() < 5 * error).all())
        assert float((log_w.mean(0) - exact).max()) < -0.3  # while single chains are a strict bound

    def test_the_gap_from_either_side_is_small_and_holds_the_truth(self, pca: Pca) -> None:
        torch.manual_seed(0)

        def bounds(batch: Batch, temperatures: int, chains: int) -> tuple[Tensor, Tensor]:
            return bidirectional_annealing(batch["x"], pca.p_z, pca.observe, temperatures, chains)

        long, short = (
            annealed_gap(bounds, Split(pca.x), temperatures=number, chains=chains)
            for number, chains in ((200, 16), (10, 1))
        )
        assert abs(long["annealed_gap"]) < 0.2 < 0.5 < short["annealed_gap"]
        assert long["annealed_upper"] - long["annealed_lower"] == pytest.approx(long["annealed_gap"])

    def test_backward_weights_are_unbiased_too(self, pca: Pca) -> None:
        """E[w'] = 1/p(x') over exact samples of p(z|x'): 5,000 pairs of the model, within 5 standard errors."""
        torch.manual_seed(0)
        x = pca.x[:1].expand(5_000, -1)
        drawn: list[Tensor] = []

        class Kept(DiagonalGaussian):
            def sample(self, sample_shape=()):  # type: ignore[no-untyped-def]
                drawn.append(super().sample(sample_shape))
                return drawn[-1]

        def observe(z: Tensor) -> Kept:
            return Kept(z @ pca.w.T + pca.b, pca.sigma)

        _, backward = bidirectional_annealing(x, pca.p_z, observe, 40, 1)
        ratio = (backward[0] + pca.marginal.log_prob(drawn[0])).exp()
        assert float(ratio.mean()) == pytest.approx(1, abs=5 * float(ratio.std()) / 5_000**0.5)
        assert float(ratio.std()) < 5

    @pytest.mark.parametrize("prior", ["laplace", "map"])
    def test_any_differentiable_prior_and_likelihood_serves(self, prior: str) -> None:
        """Bits from one Laplace latent against quadrature; latents that are maps keep their shape."""
        torch.manual_seed(0)
        weight = torch.tensor([2.0, -1.0, 0.5])
        x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
        shape = (1,) if prior == "laplace" else (1, 1, 1)
        p_z = Independent(Laplace(torch.zeros(shape), torch.ones(shape)), len(shape))

        def observe(z: Tensor) -> Bernoulli:
            return Bernoulli(z.flatten(-len(shape)) * weight)

        log_w, accepted = annealed_importance(x, p_z, observe, 200, 64)
        nodes = torch.linspace(-30, 30, 20_001).view(-1, 1, *shape)
        joint = p_z.log_prob(nodes) + observe(nodes).log_prob(x)
        exact = torch.trapezoid(joint.exp().double(), nodes.flatten().double(), dim=0).log()
        torch.testing.assert_close((log_w.logsumexp(0) - math.log(64)).double(), exact, atol=0.03, rtol=0)
        assert accepted.shape == (2,)

    def test_codes_are_refused_with_what_to_do(self) -> None:
        p_z = Bernoulli(torch.zeros(4))

        def observe(z: Tensor) -> Bernoulli:
            return Bernoulli(z.detach() @ torch.ones(4, 3))

        class Stuck(Bernoulli):
            def log_prob(self, value: Tensor) -> Tensor:
                return super().log_prob(value.detach())

        with pytest.raises(ValueError, match="real-valued latents; take `log-likelihood`"):
            annealed_importance(torch.ones(2, 3), Stuck(p_z.logits), observe, 3, 2)


def test_the_outputs_of_a_run_serve_the_metrics(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import genframe

    recipe = {
        "genframe": 1,
        "pipeline": "vae",
        "data": {"use": "digits", "batch_size": 16, "binarise": "dynamic"},
        "encoder": {"use": "mlp", "hidden": [8]},
        "decoder": {"use": "mlp", "hidden": [8]},
        "prior": {"use": "gaussian", "dim": 2},
        "train": {"steps": 3},
        "evaluate": [
            {"use": "annealed-log-likelihood", "temperatures": 20, "count": 5},
            {"use": "annealed-gap", "temperatures": 20, "count": 5},
        ],
    }
    model = genframe.load(genframe.train(recipe, run_dir=tmp_path / "run", quiet=True), device="cpu")
    found = {row["metric"]: row["figures"] for row in model.evaluate(split="test")}
    assert -800 < found["annealed-log-likelihood"]["annealed_log_likelihood"] < -100
    assert abs(found["annealed-gap"]["annealed_gap"]) < 20
