"""What the components that a new plugin starts from compute, against a closed form or a brute-force twin."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from genframe import Bernoulli
from genframe.scaffold.parts.dataset import MyDataset
from genframe.scaffold.parts.decoder import MyDecoder
from genframe.scaffold.parts.discriminator import MyDiscriminator
from genframe.scaffold.parts.encoder import MyEncoder
from genframe.scaffold.parts.function import my_function
from genframe.scaffold.parts.likelihood import MyLikelihood
from genframe.scaffold.parts.loss import my_loss
from genframe.scaffold.parts.metric import my_metric
from genframe.scaffold.parts.noise import MyNoise
from genframe.scaffold.parts.optimizer import MyOptimizer
from genframe.scaffold.parts.posterior import LOG_SCALE, MyPosterior
from genframe.scaffold.parts.prior import MyPrior
from genframe.scaffold.parts.sampler import MySampler
from genframe.scaffold.parts.schedule import my_schedule
from genframe.scaffold.parts.tracker import MyTracker


class Rows:
    """A split of a dataset, as metrics and samplers see it."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
        return [{"x": part} for part in self.x.split(batch_size)]


def test_the_encoder_pools_before_it_looks() -> None:
    """Pixels moved about inside one pool change nothing; the last row of an odd size is a pool by itself."""
    torch.manual_seed(0)
    encoder = MyEncoder((1, 5, 4), pool=2, features=8)
    x = torch.rand(2, 1, 5, 4)
    swapped = x[..., [1, 0, 3, 2]]
    assert torch.allclose(encoder(x), encoder(swapped), atol=1e-6)
    last = x.clone()
    last[:, :, 4] += 1
    assert not torch.allclose(encoder(x), encoder(last))
    assert MyEncoder((3, 1, 1), pool=4)(torch.rand(2, 3, 1, 1)).shape == (2, 128)
    with pytest.raises(ValueError, match="pictures"):
        MyEncoder((8,), pool=2)


def test_the_decoder_sees_the_latent_at_its_end() -> None:
    """With dead layers between, the result is still a function of z."""
    torch.manual_seed(0)
    decoder = MyDecoder((3,), (1, 2, 2), hidden=(5, 4))
    for layer in decoder.layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    z = torch.randn(6, 3)
    expected = z @ decoder.last.weight[:, :3].T + decoder.last.bias
    assert torch.allclose(decoder(z), expected.view(6, 1, 2, 2), atol=1e-6)
    assert MyDecoder((3,), (2,), hidden=())(z).shape == (6, 2)


def laplace(x: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """log of exp(-|x - loc| / scale) / (2 scale)."""
    return -(x - loc).abs() / scale - (2 * scale).log()


def test_the_prior_is_laplace() -> None:
    z = torch.tensor([[0.5, -2.0], [0.0, 0.0]])
    expected = laplace(z, torch.zeros(2), torch.ones(2)).sum(1)
    assert torch.allclose(MyPrior(dim=2)().log_prob(z), expected)
    learned = MyPrior(dim=2, learned=True)
    learned().log_prob(z).sum().backward()
    assert learned.loc.grad is not None
    assert not list(MyPrior(dim=2).parameters())


def test_the_posterior_is_laplace_and_stays_in_bounds() -> None:
    posterior = MyPosterior((4,), (2, 3))
    nn.init.zeros_(posterior.linear.weight)
    with torch.no_grad():
        posterior.linear.bias.copy_(torch.cat([torch.arange(6.0), torch.full((6,), 100.0)]))
    q = posterior(torch.randn(5, 7, 4))  # (samples, batch, features)
    assert (q.batch_shape, q.event_shape) == ((5, 7), (2, 3))
    scale = torch.tensor(LOG_SCALE[1]).exp()
    z = torch.randn(5, 7, 2, 3)
    expected = laplace(z, torch.arange(6.0).view(2, 3), scale).sum((-1, -2))
    assert torch.allclose(q.log_prob(z), expected, atol=1e-4)


def test_the_likelihood_has_a_mean_and_a_deviation_for_each_value() -> None:
    likelihood = MyLikelihood((3, 2, 2), floor=0.1)
    assert (likelihood.takes((3, 2, 2)), likelihood.takes((5,))) == ((6, 2, 2), (10,))
    features, x = torch.randn(4, 5, 6, 2, 2), torch.rand(5, 3, 2, 2)  # (samples, batch, ...)
    p = likelihood(features)
    std = 0.1 + (1 + features[:, :, 3:].exp()).log()
    expected = torch.distributions.Normal(features[:, :, :3], std).log_prob(x).sum((-1, -2, -3))
    assert torch.allclose(p.log_prob(x), expected, atol=1e-4)
    assert float(likelihood(torch.full((1, 6, 2, 2), -100.0)).stddev.min()) == pytest.approx(0.1)


def test_the_discriminator_takes_the_largest_of_its_pieces() -> None:
    torch.manual_seed(0)
    critic = MyDiscriminator((2, 3), units=4, pieces=3)
    x = torch.randn(5, 2, 3)
    lines = critic.linear(x.view(5, 6)).view(5, 4, 3)
    features = torch.stack([lines[..., piece] for piece in range(3)]).max(0).values
    verdict = critic(x)
    assert torch.equal(verdict.features, features)
    assert verdict.score.shape == (5,)


def test_the_noise_hits_its_share_with_as_much_salt_as_pepper() -> None:
    """Of 100,000 values; four standard deviations: a false alarm in 16,000."""
    torch.manual_seed(0)
    x = torch.full((2, 50_000), 0.5)
    noised, levels = MyNoise(amount=(0.1, 0.4))(x, level=torch.tensor([0.1, 0.4]))
    for row, amount in zip(noised, (0.1, 0.4), strict=True):
        for value, share in ((0.0, amount / 2), (1.0, amount / 2), (0.5, 1 - amount)):
            spread = math.sqrt(share * (1 - share) / 50_000)
            assert abs(float((row == value).float().mean()) - share) < 4 * spread
    assert levels.amount.tolist() == pytest.approx([0.1, 0.4])


def test_the_loss_is_square_below_epsilon_and_absolute_above() -> None:
    x = torch.rand(4, 1, 3, 3)
    exact, off = torch.logit(x), torch.logit((x + 0.1).clamp(max=0.999))
    at_zero = my_loss(x, Bernoulli(exact, event_ndim=3), epsilon=0.01)
    assert torch.allclose(at_zero, torch.full((4,), 9 * 0.01), atol=1e-4)
    distance = (Bernoulli(off, event_ndim=3).mean - x).abs().sum((1, 2, 3))
    assert torch.allclose(my_loss(x, Bernoulli(off, event_ndim=3), epsilon=1e-4), distance, atol=1e-3)
    several = Bernoulli(torch.stack([exact, off]), event_ndim=3)
    alone = my_loss(x, Bernoulli(off, event_ndim=3))
    assert torch.allclose(my_loss(x, several), (my_loss(x, Bernoulli(exact, event_ndim=3)) + alone) / 2)


def test_the_function_is_x_near_zero_and_stays_in_its_limit() -> None:
    x = torch.linspace(-100, 100, 1001)
    assert float(my_function(x, limit=2.0).abs().max()) <= 2.0
    assert torch.allclose(my_function(x * 1e-4, limit=2.0), x * 1e-4, atol=1e-7)


def test_the_dataset_is_a_function_of_seed_and_split() -> None:
    """The mean of 2,000 pictures is 1 - (1 - chance)^2; four standard deviations: a false alarm in 16,000."""
    data = MyDataset(side=6, chance=0.2, n=2000)
    x = data.load("train")["x"]
    assert x.shape == (2000, *data.spec().fields["x"].shape)
    assert torch.equal(x, MyDataset(side=6, chance=0.2, n=2000).load("train")["x"])
    assert not torch.equal(x, data.load("test")["x"])
    assert not torch.equal(x, MyDataset(side=6, chance=0.2, n=2000, seed=1).load("train")["x"])
    means = x.flatten(1).mean(1)  # pictures are independent, pixels are not
    assert abs(float(means.mean()) - (1 - 0.8**2)) < 4 * float(means.std()) / math.sqrt(2000)


def test_the_metric_is_a_ratio_in_decibels() -> None:
    rows = Rows(torch.rand(700, 1, 4, 4))
    figures = my_metric(lambda batch: batch["x"] + 0.1, rows)
    assert figures["mse"] == pytest.approx(0.01, rel=1e-5)
    assert figures["psnr"] == pytest.approx(20.0, rel=1e-5)
    assert my_metric(lambda batch: batch["x"], rows)["psnr"] == pytest.approx(200.0)


def test_the_optimizer_steps_by_signs() -> None:
    """Three steps beside algorithm 2 of the paper, in plain arithmetic."""
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    idle = nn.Parameter(torch.ones(2))
    optimizer = MyOptimizer([parameter, idle], lr=0.1, betas=(0.9, 0.99), weight_decay=0.5)
    theta, m = [1.0, -2.0, 0.5], [0.0, 0.0, 0.0]
    for gradient in ([1.0, -1.0, 0.0], [-5.0, 0.1, 2.0], [0.3, 0.2, -9.0]):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        c = [0.9 * a + 0.1 * g for a, g in zip(m, gradient, strict=True)]
        theta = [t - 0.1 * ((s > 0) - (s < 0) + 0.5 * t) for t, s in zip(theta, c, strict=True)]
        m = [0.99 * a + 0.01 * g for a, g in zip(m, gradient, strict=True)]
        assert parameter.tolist() == pytest.approx(theta, abs=1e-6)
    assert idle.tolist() == [1.0, 1.0]


def test_the_schedule_rises_to_its_peak_and_falls() -> None:
    values = [my_schedule(step, 10, peak=2.0, warmup=10) for step in range(1000)]
    assert values[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert max(values) == values[9] == pytest.approx(2.0)
    assert values[999] == pytest.approx(2.0 * math.sqrt(10 / 1000))


def test_the_tracker_goes_on_where_a_run_is_resumed(tmp_path: Path) -> None:
    first = MyTracker()
    first.start(tmp_path, {}, 0)
    for step in (10, 20, 30):
        first.log({"step": step, "terms": {"objective": step / 10}, "lr": {"model": 0.5}, "note": "words"})
    second = MyTracker()
    second.start(tmp_path, {}, 20)
    second.log({"step": 30, "terms": {"objective": 7.0}})
    with (tmp_path / "figures.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["step", "name", "value"]
    assert lines[1:3] == [["10", "terms.objective", "1.0"], ["10", "lr.model", "0.5"]]
    assert lines[-1] == ["30", "terms.objective", "7.0"]
    assert len(lines) == 6
    with pytest.raises(ValueError, match="name in the run's folder"):
        MyTracker(file="../figures.csv")


def test_the_sampler_draws_from_where_the_codes_are() -> None:
    """Mean and covariance of 20,000 draws; five standard deviations of six numbers: a false alarm in 280,000."""
    torch.manual_seed(0)
    factor = torch.tensor([[2.0, 0.0], [-1.0, 0.5]])
    codes = torch.randn(3000, 2) @ factor.T + torch.tensor([3.0, -1.0])
    sampler = MySampler()
    sampler.fit(lambda batch: batch["x"], Rows(codes))
    drawn = sampler.sample(lambda z: z, 20_000)
    spread = codes.T.cov()
    assert torch.all((drawn.mean(0) - codes.mean(0)).abs() < 5 * (spread.diagonal() / 20_000).sqrt())
    # The variance of an entry of a sample covariance is (s_ij^2 + s_ii s_jj) / n.
    scale = ((spread.square() + spread.diagonal().outer(spread.diagonal())) / 20_000).sqrt()
    assert torch.all((drawn.T.cov() - spread).abs() < 5 * scale)
