"""Priors: mixtures against torch's, VampPrior's and the exemplar prior's promises, boxes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from genframe_plugins.vae.laws.laplace import DiagonalLaplace
from genframe_plugins.vae.laws.mixture import EqualMixture, GaussianMixture, mixture_of
from genframe_plugins.vae.posteriors.gaussian import GaussianPosterior
from genframe_plugins.vae.priors.exemplar import ExemplarPrior
from genframe_plugins.vae.priors.mixture import MixturePrior
from genframe_plugins.vae.priors.uniform import UniformPrior
from genframe_plugins.vae.priors.vamp import VampPrior
from tiny import small, train
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genframe import DiagonalGaussian, RecipeError, RunError


def torchs(means: Tensor, stds: Tensor, logits: Tensor) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(logits=logits), Independent(Normal(means, stds), 1))


def test_a_mixture_by_matrix_products_is_torchs_and_its_gradients_are() -> None:
    """To 1e-4 in single precision with stds of 0.003: the products are made in double."""
    torch.manual_seed(0)
    leaves = [torch.randn(7, 4), 0.003 + torch.rand(7, 4) ** 4, torch.randn(7)]
    for leaf in leaves:
        leaf.requires_grad_()
    z = torch.cat([torch.randn(5, 3, 4), leaves[0].detach()[:3].expand(5, 3, 4) + 0.003], 0)
    own, due = GaussianMixture(*leaves).log_prob(z), torchs(*leaves).log_prob(z)
    torch.testing.assert_close(own, due, rtol=1e-4, atol=1e-4)
    for mine, theirs in zip(
        torch.autograd.grad(own.sum(), leaves), torch.autograd.grad(due.sum(), leaves), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_a_mixture_in_blocks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = MixturePrior(dim=3, components=5)
    z = torch.randn(4, 6, 3)
    whole = prior().log_prob(z)
    monkeypatch.setattr("genframe_plugins.vae.laws.mixture.CELLS", 10)
    torch.testing.assert_close(prior().log_prob(z), whole)


def test_a_mixture_of_any_law_is_the_mean_of_densities() -> None:
    torch.manual_seed(0)
    means, stds = torch.randn(6, 3), torch.rand(6, 3) + 0.3
    gaussian = DiagonalGaussian(means, stds)
    assert isinstance(mixture_of(gaussian), GaussianMixture)
    z = torch.randn(2, 5, 3)
    torch.testing.assert_close(
        EqualMixture(gaussian).log_prob(z), mixture_of(gaussian).log_prob(z), rtol=1e-4, atol=1e-4
    )
    laplace = mixture_of(DiagonalLaplace(20.0 * torch.arange(6.0)[:, None].expand(6, 3), torch.ones(6, 3)))
    counts = (laplace.sample([6000])[:, 0] / 20).round().long().bincount(minlength=6)
    assert len(counts) == 6  # each of 1,000, within 6.5 standard deviations: a false alarm below 1e-9
    assert int((counts - 1000).abs().max()) < 6.5 * math.sqrt(6000 * 5 / 36)


class Encoder(nn.Module):
    """A linear layer and batch norm; `modes` are those of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(12, 5), nn.BatchNorm1d(5)
        self.modes: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(self.training)
        features: Tensor = self.norm(self.linear(x.flatten(1)))
        return features


def vamp(components: int = 6) -> tuple[VampPrior, Encoder, GaussianPosterior]:
    torch.manual_seed(0)
    return VampPrior((1, 3, 4), dim=2, components=components), Encoder(), GaussianPosterior((5,), (2,))


def test_a_vamp_prior_is_the_mixture_of_the_posteriors_of_its_inputs() -> None:
    prior, encoder, posterior = vamp()
    encoder.eval()
    law = prior(encoder, posterior)
    q = posterior(encoder(prior.inputs.clamp(0, 1)))
    z = torch.randn(4, 2)
    due = torch.stack([DiagonalGaussian(q.mean[k], q.stddev[k]).log_prob(z) for k in range(6)]).logsumexp(0)
    torch.testing.assert_close(law.log_prob(z), due - math.log(6), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_pseudo_inputs_pass_the_encoder_in_the_mode_of_data(training: bool) -> None:
    prior, encoder, posterior = vamp()
    encoder.train(training)
    encoder(torch.rand(8, 1, 3, 4))
    prior(encoder, posterior)
    assert encoder.modes == [training, training]
    assert encoder.training is training


def test_a_vamp_prior_draws_its_components_by_lot() -> None:
    """Not the first of them: of 3 samples a call, over 400 calls, each of 6 comes 200 times, +- 6.5 deviations."""
    prior, encoder, posterior = vamp()
    encoder.eval()
    with torch.no_grad():
        posterior.linear.weight.mul_(100)  # components far from one another, and narrow
        posterior.linear.bias[2:] = -7
        posterior.linear.weight[2:] = 0
    law = prior(encoder, posterior)
    drawn = torch.cat([law.sample([3]) for _ in range(400)])
    counts = torch.cdist(drawn, law.means.detach()).argmin(1).bincount(minlength=6)
    assert int((counts - 200).abs().max()) < 6.5 * math.sqrt(1200 * 5 / 36)


def test_pseudo_inputs_learn_from_the_start_unless_all_are_cut() -> None:
    prior, encoder, posterior = vamp(50)
    prior(encoder, posterior).log_prob(torch.randn(9, 2)).sum().backward()
    assert prior.inputs.grad is not None
    assert float((prior.inputs.grad != 0).float().mean()) > 0.9
    black = VampPrior((1, 3, 4), dim=2, components=50, mean=-0.05, std=0.01)  # as the paper's code starts
    black(encoder, posterior).log_prob(torch.randn(9, 2)).sum().backward()
    assert black.inputs.grad is not None and not bool(black.inputs.grad.any())


def test_an_exemplar_prior_leaves_each_rows_own_example_out() -> None:
    torch.manual_seed(0)
    prior = ExemplarPrior(dim=2, examples=6)
    prior.train()
    everyone = torch.randn(6, 2)
    prior.leave_one_out(DiagonalGaussian(everyone, torch.ones(6, 2)), torch.arange(6))
    index = torch.tensor([4, 1, 3])
    q_z = DiagonalGaussian(torch.randn(3, 2, requires_grad=True), torch.ones(3, 2))
    z = torch.randn(5, 3, 2)
    prior.eval()
    found = prior.leave_one_out(q_z, index).log_prob(z)
    codes = everyone.clone()
    codes[index] = q_z.mean.detach()
    std = prior.log_std.exp().detach()
    for row in range(3):
        others = [n for n in range(6) if n != index[row]]
        logs = torch.stack([DiagonalGaussian(codes[n], std.expand(2)).log_prob(z[:, row]) for n in others])
        torch.testing.assert_close(found[:, row], logs.logsumexp(0) - math.log(5), rtol=1e-4, atol=1e-4)
    gradient = torch.autograd.grad(found[:, 0].sum(), q_z.mean)[0]
    assert not bool(gradient[0].any())  # a row's prior does not hold the row
    assert bool(gradient[1:].any(1).all())  # but the other rows of its batch


def test_an_exemplar_prior_that_the_loss_gets_as_it_is_stops_the_training(
    tmp_path: Path,
) -> None:
    alone = ["wires.p_others=null", "wires.objective=loss()"]
    brief = "train={steps: 4, checkpoint: {every: 2}, samples: {n: 4}, log: {every: 1}}"
    with pytest.raises(
        RunError, match=r"GF701: step 2 was refused: .*p_others: prior.leave_one_out\(q_z, index\)"
    ):
        train(small("vae/exemplar-digits", brief, *alone), tmp_path / "run")
    assert "Traceback" in (tmp_path / "run" / "log.txt").read_text()


def test_an_exemplar_prior_has_room_for_every_training_example(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="go up to example 4999, so examples must be at least 5000"):
        train(small("vae/exemplar-digits", "prior.examples=4999"), tmp_path / "run")


def test_an_exemplar_prior_moves_its_codes_in_training_alone_and_forgets_its_start() -> None:
    torch.manual_seed(0)
    prior = ExemplarPrior(dim=2, examples=5)
    q_z = DiagonalGaussian(torch.full((2, 2), 3.0), torch.ones(2, 2))
    prior.eval()
    before = prior.codes.clone()
    prior.leave_one_out(q_z, torch.tensor([0, 1]))
    assert torch.equal(prior.codes, before)
    assert bool(prior().log_prob(torch.zeros(2)).isfinite())  # draws of N(0, I), while no example was seen
    prior.train()
    prior.leave_one_out(q_z, torch.tensor([0, 1]))
    torch.testing.assert_close(prior().mean, torch.full((2,), 3.0), atol=1e-4, rtol=0)
    with pytest.raises(IndexError):
        prior.leave_one_out(q_z, torch.tensor([0, 5]))


def test_a_box_has_its_volume_and_nothing_beyond() -> None:
    law = UniformPrior(dim=3, bound=2.0)()
    assert float(law.log_prob(torch.tensor([1.9, -1.9, 0.0]))) == pytest.approx(-3 * math.log(4))
    assert float(law.log_prob(torch.tensor([2.1, 0.0, 0.0]))) == -math.inf
    z = law.sample([1000])
    assert bool(law.support.check(z).all()) and float(z.abs().max()) > 1.9


class Split:
    """Of `rows` (examples, ...), as a run's data are handed to what begins from them."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int) -> list[dict[str, Tensor]]:
        return [{"x": part} for part in self.rows.split(7)]  # smaller than asked, so that there are several


def test_pseudo_inputs_start_as_examples_at_equal_distances_none_of_them_cut() -> None:
    rows = torch.rand(41, 1, 3, 4).round()
    prior, encoder, posterior = vamp(6)
    prior.begin_from(Split(rows))
    torch.testing.assert_close(prior.inputs.detach(), rows[::8].clamp(0.05, 0.95))
    prior(encoder, posterior).log_prob(torch.randn(9, 2)).sum().backward()
    assert prior.inputs.grad is not None
    assert float((prior.inputs.grad != 0).float().mean()) > 0.9


def test_fewer_examples_than_pseudo_inputs_are_taken_again_and_vectors_are_left_as_they_are() -> None:
    prior = VampPrior((3,), dim=2, components=5)
    rows = torch.tensor([[1.0, -2.0, 9.0], [4.0, 5.0, 6.0]])
    prior.begin_from(Split(rows))
    counts = [int((prior.inputs == row).all(1).sum()) for row in rows]
    assert sorted(counts) == [2, 3]


def test_noise_of_pseudo_inputs_is_left_where_it_is_asked_for() -> None:
    torch.manual_seed(0)
    prior = VampPrior((1, 3, 4), dim=2, components=6, start="noise")
    before = prior.inputs.detach().clone()
    prior.begin_from(Split(torch.rand(41, 1, 3, 4)))
    assert torch.equal(prior.inputs.detach(), before)
