"""Discrete codes: estimators of gradients against exact enumeration, relaxed densities against torch's, bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.losses.nvil import NVIL
from genframe_plugins.vae.losses.reinforce import Reinforce
from genframe_plugins.vae.losses.relaxed import relaxed_elbo
from genframe_plugins.vae.losses.vimco import vimco
from genframe_plugins.vae.posteriors import relaxations
from genframe_plugins.vae.posteriors.bernoulli import BernoulliPosterior, StraightThrough
from genframe_plugins.vae.posteriors.categorical import CategoricalPosterior, StraightThroughCategories
from genframe_plugins.vae.posteriors.concrete import ConcretePosterior
from genframe_plugins.vae.posteriors.gumbel_softmax import GumbelSoftmaxPosterior
from genframe_plugins.vae.posteriors.relaxations import RelaxedBernoulli, RelaxedOneHot
from genframe_plugins.vae.priors.bernoulli import BernoulliPrior
from genframe_plugins.vae.priors.categorical import CategoricalPrior
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence
from torch.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
from torch.distributions.relaxed_categorical import ExpRelaxedCategorical

from genframe import Bernoulli, OneHotCategorical, Terms

Loss = Callable[[Tensor, Distribution, Tensor, Distribution, Distribution], Terms]
"""x, q_z, z, p_z, p_x -> what is minimised."""

BITS = 3
CODES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=BITS))).double()  # (8, bits)


class FewBits:
    """q(z|x), p(z), p(x|z) of 3 bits and 4 values: small enough to sum over all codes.

    `theta` are their 34 parameters, for each row its own copy (rows, 34): so one backward gives the gradient of each.
    """

    SIZES = (BITS, 4 * BITS, BITS, 4 * BITS, 4)

    def __init__(self, rows: int = 1) -> None:
        own = torch.randn(sum(self.SIZES), generator=torch.Generator().manual_seed(3)).double()
        self.theta = own.repeat(rows, 1).requires_grad_()
        prior, weight, bias, self.decoder, self.shift = self.theta.split(self.SIZES, 1)
        self.x = torch.tensor([1.0, 0.0, 1.0, 1.0]).double().expand(rows, 4)
        self.q_z = Bernoulli((weight.view(-1, BITS, 4) * self.x[:, None]).sum(2) + bias)
        self.p_z = Bernoulli(prior)

    def observe(self, z: Tensor) -> Bernoulli:
        return Bernoulli(1.5 * (self.decoder.view(-1, 4, BITS) * z.unsqueeze(-2)).sum(-1) + self.shift)

    def gradients(self, values: Tensor) -> Tensor:
        """Of a value a row: (rows, 34)."""
        return torch.autograd.grad(values.sum(), self.theta, retain_graph=True)[0]

    def exact(self, samples: int) -> Tensor:
        """-E[log 1/K sum_i w_i], by the sum over all codes of all samples; of one sample minus the ELBO."""
        log_q = self.q_z.log_prob(CODES)
        log_w = self.observe(CODES).log_prob(self.x) + self.p_z.log_prob(CODES) - log_q  # (8,)
        chosen = torch.tensor(list(itertools.product(range(len(CODES)), repeat=samples)))  # (8^K, K)
        bounds = log_w[chosen].logsumexp(1) - math.log(samples)
        return -(log_q[chosen].sum(1).exp() * bounds).sum()


def estimates(loss: Loss, samples: int, rows: int = 20_000) -> tuple[FewBits, Tensor]:
    """Independent estimates of the gradient (rows, 34), and the model that they are of."""
    model = FewBits(rows)
    z = model.q_z.sample([samples])
    total = loss(model.x, model.q_z, z, model.p_z, model.observe(z)).total
    return model, model.gradients(total)


def shifted(loss: nn.Module) -> nn.Module:
    """A loss in evaluation, whose running mean stands somewhere."""
    loss.moments.mean.fill_(-2.5)
    return loss.double().eval()


def nvil() -> nn.Module:
    torch.manual_seed(1)
    return shifted(NVIL((4,), hidden=(5,)))


ESTIMATORS: dict[str, tuple[Callable[[], Loss], int]] = {
    "reinforce": (lambda: shifted(Reinforce()), 1),
    "reinforce of three samples": (lambda: shifted(Reinforce()), 3),
    "reinforce in training": (lambda: Reinforce().double().train(), 1),
    "nvil": (nvil, 1),
    "vimco of one sample": (lambda: vimco, 1),
    "vimco of two samples": (lambda: vimco, 2),
    "vimco of three samples": (lambda: vimco, 3),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_score_function_estimates_the_exact_gradient(name: str) -> None:
    """z-tests of 34 means of 20,000 at 5.5 standard errors: a false alarm in 10^6 a row."""
    make, samples = ESTIMATORS[name]
    alone = FewBits()
    (exact,) = alone.gradients(alone.exact(samples if "vimco" in name else 1))
    torch.manual_seed(0)
    _, found = estimates(make(), samples)
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - exact).abs() < 5.5 * error + 1e-9).all()
    assert (exact.abs() > 5.5 * error).sum() > 15  # else the test could not tell them from nothing


@pytest.mark.parametrize("make, samples", [(lambda: shifted(Reinforce()), 1), (nvil, 1), (lambda: vimco, 2)])
def test_the_value_of_a_score_function_is_the_bound(make: Callable[[], Loss], samples: int) -> None:
    model, loss = FewBits(20_000), make()
    torch.manual_seed(0)
    z = model.q_z.sample([samples])
    value = loss(model.x, model.q_z, z, model.p_z, model.observe(z)).total.detach()
    due = float(FewBits().exact(samples).detach())
    assert abs(float(value.mean()) - due) < 6 * float(value.std()) / len(value) ** 0.5


def test_baselines_lower_the_variance() -> None:
    """Variances of 20,000 differ by factors above 1.5; by chance by 1.1 once in 10^10."""
    plain, running = Reinforce().double().eval(), Reinforce().double().eval()
    running.moments.mean.fill_(-float(FewBits().exact(1).detach()))
    torch.manual_seed(0)
    spread = {
        name: float(estimates(loss, samples)[1][:, BITS : 2 * BITS + 4 * BITS].var(0).sum())
        for name, loss, samples in (
            ("none", plain, 1),
            ("mean", running, 1),
            ("none of 5", plain, 5),
            ("fellows of 5", vimco, 5),
        )
    }
    assert spread["mean"] < spread["none"] / 1.5
    # K times the variance of a mean of K, since VIMCO adds up the signals of its samples.
    assert spread["fellows of 5"] < 5**2 * spread["none of 5"] / 1.5


def test_a_baseline_has_not_seen_the_samples_it_is_taken_from() -> None:
    """The signals of a step are centred by the steps before; a mean that holds them would bias the gradient."""
    model, loss = FewBits(2), Reinforce(decay=0.5, normalise=True).double().train()
    loss.moments.mean.fill_(-4.0)
    loss.moments.variance.fill_(9.0)
    torch.manual_seed(0)
    z = model.q_z.sample()
    p_x = model.observe(z)
    found = model.gradients(loss(model.x, model.q_z, z, model.p_z, p_x).total)
    joint = p_x.log_prob(model.x) + model.p_z.log_prob(z)
    log_q = model.q_z.log_prob(z)
    signal = (joint - log_q).detach()
    torch.testing.assert_close(found, model.gradients(-(joint + (signal + 4) / 3 * log_q)))
    assert float(loss.moments.mean) == pytest.approx(0.5 * (-4 + float(signal.mean())))


def test_a_signal_is_made_smaller_and_never_larger() -> None:
    loss = NVIL((4,))
    assert float(loss.moments.scale()) == 1
    loss.moments.variance.fill_(0.04)
    assert float(loss.moments.scale()) == 1
    loss.moments.variance.fill_(25.0)
    assert float(loss.moments.scale()) == 5


def test_a_learned_baseline_learns_the_bound() -> None:
    model, loss = FewBits(100), NVIL((4,), hidden=(8,)).double()
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
    torch.manual_seed(0)
    for _ in range(40):
        z = model.q_z.sample()
        total = loss(model.x, model.q_z, z, model.p_z, model.observe(z)).total
        optimizer.zero_grad()
        total.mean().backward(inputs=list(loss.parameters()))
        optimizer.step()
    told = float(loss.baseline(model.x[:1]).detach()) + float(loss.moments.mean)
    assert told == pytest.approx(-float(FewBits().exact(1).detach()), abs=0.6)


def test_samples_with_a_gradient_of_their_own_are_refused() -> None:
    model = FewBits(4)
    straight = StraightThrough(model.q_z.logits)
    z = straight.rsample()
    with pytest.raises(ValueError, match=r"q_z.sample\(\)"):
        vimco(model.x, straight, z, model.p_z, model.observe(z))


# Posteriors.


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: BernoulliPosterior((5,), (4,)), (4,)),
        (lambda: CategoricalPosterior((5,), (2, 3)), (2, 3)),
        (lambda: ConcretePosterior((5,), (4,), hard=True), (4,)),
        (lambda: GumbelSoftmaxPosterior((5,), (2, 3), hard=True), (2, 3)),
    ],
)
def test_straight_through_samples_are_corners_with_a_gradient(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    q_z = make()(torch.randn(6, 5))
    z = q_z.rsample([50])
    assert z.shape == (50, 6, *shape)
    assert q_z.support.check(z).all()
    (gradient,) = torch.autograd.grad((z * torch.randn(shape)).sum(), q_z.logits)
    assert gradient.abs().min() > 0


def test_straight_through_passes_the_gradient_of_the_probabilities() -> None:
    for law in (StraightThrough, StraightThroughCategories):
        logits, weight = torch.randn(5, 3).requires_grad_(), torch.randn(5, 3)
        q_z = law(logits)
        one, two = (torch.autograd.grad((v * weight).sum(), logits)[0] for v in (q_z.rsample(), q_z.probs))
        torch.testing.assert_close(one, two)


def test_without_a_gradient_there_is_no_rsample() -> None:
    features = torch.randn(2, 5)
    assert not BernoulliPosterior((5,), (4,), gradient="none")(features).has_rsample
    assert not CategoricalPosterior((5,), (2, 3), gradient="none")(features).has_rsample


@pytest.mark.parametrize(
    "make", [lambda: ConcretePosterior((5,), (4,)), lambda: GumbelSoftmaxPosterior((5,), (2, 3))]
)
def test_relaxed_in_training_and_hard_in_evaluation(make: Callable[[], nn.Module]) -> None:
    posterior, features = make(), torch.randn(6, 5)
    soft = posterior.train()(features).rsample()
    assert ((soft > 0) & (soft < 1)).all()
    hard = posterior.eval()(features)
    assert not hard.has_rsample
    assert hard.support.check(hard.sample()).all()
    posterior.train().temperature = 1e-3  # the loop writes a schedule's number there
    near = posterior(features).rsample()
    assert ((near < 0.01) | (near > 0.99)).float().mean() > 0.9


@pytest.mark.parametrize("u", [0.0, 1.0])
def test_noise_is_finite_where_a_uniform_number_is_0_or_1(u: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda shape, **more: torch.full(tuple(shape), u, **more))
    assert relaxations.logistic_noise(torch.zeros(1), (3,)).isfinite().all()
    assert relaxations.gumbel_noise(torch.zeros(1), (3,)).isfinite().all()
    for law in (RelaxedBernoulli, RelaxedOneHot):
        logits = torch.zeros(2, 3).requires_grad_()
        z = law(logits, temperature=0.1).rsample()
        (gradient,) = torch.autograd.grad(z.sum(), logits)
        assert z.isfinite().all() and gradient.isfinite().all()


def test_a_one_hot_sample_is_one_hot_whatever_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "exponential_", lambda self: self.zero_())
    z = OneHotCategorical(torch.randn(4, 3)).sample([5])
    assert z.sum(-1).eq(1).all()


# Relaxed densities and bounds.


def test_relaxed_bits_have_torchs_density_in_log_space() -> None:
    torch.manual_seed(0)
    logits, others = torch.randn(2, 6, 3).double()
    q_z = RelaxedBernoulli(logits, temperature=0.8)
    z = q_z.rsample([5])
    place = torch.logit(z)
    twins = [
        LogitRelaxedBernoulli(torch.tensor(t).double(), logits=part)
        for t, part in ((0.8, logits), (0.7, others))
    ]
    due = (twins[0].log_prob(place) - twins[1].log_prob(place)).sum(-1)
    torch.testing.assert_close(q_z.log_ratio(z, Bernoulli(others), 0.7), due, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(q_z.log_ratio(z.clone(), Bernoulli(others), 0.7), due, atol=1e-2, rtol=1e-2)


def test_relaxed_categories_have_torchs_density_in_log_space() -> None:
    torch.manual_seed(0)
    logits, others = torch.randn(2, 6, 2, 4).double()
    q_z = RelaxedOneHot(logits, temperature=0.4, event_ndim=2)
    z = q_z.rsample([5])
    twins = [
        ExpRelaxedCategorical(torch.tensor(t).double(), logits=part)
        for t, part in ((0.4, logits), (0.7, others))
    ]
    due = (twins[0].log_prob(z.log()) - twins[1].log_prob(z.log())).sum(-1)
    torch.testing.assert_close(q_z.log_ratio(z, OneHotCategorical(others, event_ndim=2), 0.7), due)


def test_in_the_corners_the_density_is_what_was_drawn_and_finite() -> None:
    q_z = RelaxedBernoulli(torch.tensor([[40.0, -40.0]]), temperature=0.01)
    z = q_z.rsample([100])
    assert ((z == 0) | (z == 1)).all()  # in single precision the corner itself
    assert q_z.log_ratio(z, Bernoulli(torch.zeros(2)), 0.5).isfinite().all()
    assert q_z.log_ratio(z.clone(), Bernoulli(torch.zeros(2)), 0.5).isfinite().all()
    q_z = RelaxedOneHot(torch.tensor([[40.0, -40.0]]), temperature=0.01)
    z = q_z.rsample([100])
    assert q_z.log_ratio(z.clone(), OneHotCategorical(torch.zeros(2)), 0.5).isfinite().all()


class Cheat:
    """One bit, x = 1 likely between the corners alone: only a relaxed code explains x."""

    x = torch.ones(20_000, 1)
    p_z = BernoulliPrior(dim=1)()

    def observe(self, z: Tensor) -> Bernoulli:
        return Bernoulli(20 * (1 - (2 * z - 1).abs()) - 10)

    def evidence(self, temperature: float | None) -> float:
        """log p(x=1), of the bit or of its relaxation at a temperature, by quadrature."""
        if temperature is None:
            codes = torch.tensor([[0.0], [1.0]])
            return float((self.observe(codes).log_prob(torch.ones(1)) + math.log(0.5)).logsumexp(0))
        y = torch.linspace(-60, 60, 20_001).double().unsqueeze(-1)
        log_p = LogitRelaxedBernoulli(torch.tensor(temperature).double(), logits=torch.zeros(1).double())
        density = (log_p.log_prob(y).squeeze(-1) + self.observe(y.sigmoid()).log_prob(torch.ones(1))).exp()
        return math.log(float(density.sum() * (y[1] - y[0])))


def test_the_kl_of_bits_on_relaxed_samples_is_no_bound_and_the_relaxed_one_is() -> None:
    """Means of 20,000 at 6 standard errors: a false alarm in 10^8."""
    cheat = Cheat()
    torch.manual_seed(0)
    q_z = RelaxedBernoulli(torch.zeros(20_000, 1), temperature=2.0)
    z = q_z.rsample()
    p_x = cheat.observe(z)
    claimed = -elbo(cheat.x, q_z, z, cheat.p_z, p_x).total
    assert float(claimed.mean()) > cheat.evidence(None) + 5  # far above the likelihood that it should bound
    honest = -relaxed_elbo(cheat.x, q_z, z, cheat.p_z, p_x, prior_temperature=0.5).total
    error = 6 * float(honest.std()) / len(honest) ** 0.5
    assert float(honest.mean()) < cheat.evidence(0.5) + error
    same = -relaxed_elbo(cheat.x, q_z, z, cheat.p_z, p_x, prior_temperature=2.0).total
    assert float(same.mean()) < cheat.evidence(2.0) + error  # q is the prior's relaxation itself
    bits = Bernoulli(q_z.logits)
    b = bits.sample()
    evaluated = -elbo(cheat.x, bits, b, cheat.p_z, cheat.observe(b)).total
    assert float(evaluated.mean()) == pytest.approx(cheat.evidence(None), abs=1e-3)


def test_a_relaxed_bound_is_refused_where_there_is_none() -> None:
    x, logits = torch.ones(4, 1), torch.zeros(4, 1)
    q_z = RelaxedBernoulli(logits, temperature=1.0, hard=True)
    z = q_z.rsample()
    with pytest.raises(ValueError, match="leave out `hard`"):
        relaxed_elbo(x, q_z, z, BernoulliPrior(dim=1)(), Bernoulli(z))
    soft = RelaxedBernoulli(logits, temperature=1.0)
    with pytest.raises(ValueError, match="independent variables"):
        relaxed_elbo(x, soft, soft.rsample(), OneHotCategorical(torch.zeros(1)), Bernoulli(z))


# Priors.


@pytest.mark.parametrize("learned", [False, True])
def test_the_kl_to_a_prior_of_categories_is_that_of_the_sum_over_all(learned: bool) -> None:
    torch.manual_seed(0)
    prior = CategoricalPrior(dim=2, classes=3, learned=learned)
    if learned:
        nn.init.normal_(prior.logits)
    q_z = OneHotCategorical(torch.randn(5, 2, 3), event_ndim=2)
    codes = torch.stack([torch.stack([a, b]) for a in torch.eye(3) for b in torch.eye(3)]).unsqueeze(1)
    log_q = q_z.log_prob(codes)  # (9, 5)
    due = (log_q.exp() * (log_q - prior().log_prob(codes))).sum(0)
    torch.testing.assert_close(kl_divergence(q_z, prior()), due)
    assert len(list(prior.parameters())) == learned


def test_a_certain_code_costs_the_logarithm_of_the_classes() -> None:
    certain = OneHotCategorical(100 * torch.eye(4)[None, :3], event_ndim=2)
    found = kl_divergence(certain, CategoricalPrior(dim=3, classes=4)())
    torch.testing.assert_close(found, torch.tensor([3 * math.log(4)]))
    bits = Bernoulli(torch.tensor([[100.0, -100.0]]))
    torch.testing.assert_close(kl_divergence(bits, BernoulliPrior(dim=2)()), torch.tensor([2 * math.log(2)]))
