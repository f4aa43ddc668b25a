"""Directed nets: strict orders by autograd, laws that sum to one over all states, the gradients of wake-sleep."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from genframe_plugins.directed.belief import SigmoidBeliefPrior, lowest_layer
from genframe_plugins.directed.logistic import LogisticAutoregressive
from genframe_plugins.directed.made import MADE
from genframe_plugins.directed.masked_conv import MaskedConv
from genframe_plugins.directed.nade import NADE
from genframe_plugins.directed.recognition import SigmoidBeliefPosterior
from genframe_plugins.directed.reweighted import Reweighted
from genframe_plugins.directed.wake_sleep import WakeSleep
from genframe_plugins.metrics.exact import exact_log_likelihood
from tiny import plan_of, small
from torch import Tensor, nn

from genframe import Bernoulli


def bits(count: int) -> Tensor:
    """All states (2^count, count)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)))


def stirred(net: nn.Module) -> nn.Module:
    """With weights that matter, in evaluation."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 1)
    return net.eval()


def made(**options: object) -> MADE:
    torch.manual_seed(1)
    return stirred(MADE((2, 3), **{"hidden": (9, 8), **options}))


NETS: dict[str, Callable[[], nn.Module]] = {
    "made": made,
    "made of one layer": lambda: made(hidden=(12,)),
    "made in a random order": lambda: made(order="random"),
    "made of three orders": lambda: made(orders=3),
    "logistic": lambda: stirred(LogisticAutoregressive((2, 3))),
    "nade": lambda: stirred(NADE((2, 3), hidden=4)),
}


@pytest.mark.parametrize("name", NETS)
def test_an_autoregressive_net_is_a_law_and_draws_from_it(name: str) -> None:
    """Frequencies of 64 states in 40,000 draws: a chi-square of 63 degrees of freedom above 150 once in 10^8."""
    net = NETS[name]()
    law, states = net(), bits(6).view(-1, 2, 3)
    probabilities = law.log_prob(states).detach().exp()
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-5)
    torch.manual_seed(0)
    drawn = law.sample([40_000]).flatten(1)
    counts = torch.bincount((drawn @ 2.0 ** torch.arange(5, -1, -1)).long(), minlength=64)
    expected = 40_000 * probabilities
    likely = expected > 5
    distance = ((counts - expected).square() / expected)[likely].sum()
    assert float(distance) < 150
    assert law.log_prob(states.view(4, 16, 2, 3)).shape == (4, 16)


def jacobian(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """d out / d in, summed over what stands beside: (outputs, inputs)."""
    found = torch.autograd.functional.jacobian(function, at)
    return found.abs()


@pytest.mark.parametrize("hidden", [(), (9,), (40, 30)])
@pytest.mark.parametrize("order", ["natural", "random"])
def test_no_output_of_made_sees_its_own_input_or_a_later_one(hidden: tuple[int, ...], order: str) -> None:
    """Strictness: the masks of the output are `>`, all others `>=`."""
    torch.manual_seed(2)
    net = stirred(MADE((7,), hidden=hidden, order=order))
    which = torch.zeros(1).long()
    slopes = jacobian(lambda v: net.conditionals(v[None], which)[0], torch.rand(7))  # (7, 7)
    rank = net.ranks[0]
    before = rank.unsqueeze(1) > rank
    assert not slopes[~before].any()
    if len(hidden) != 1:  # nine units of random degrees may miss a link
        assert (slopes[before] > 0).float().mean() > 0.9


def test_no_output_of_made_over_categories_sees_its_own_variable() -> None:
    torch.manual_seed(2)
    net = stirred(MADE((9,), hidden=(30,), dim=4, classes=3))
    which = torch.zeros(1).long()
    slopes = jacobian(lambda v: net.conditionals(v[None], which)[0], torch.rand(4, 3)).sum((1, 3))
    assert not slopes.triu().any()
    assert (slopes.tril(-1).sum(1)[1:] > 0).all()


def test_no_conditional_of_nade_sees_its_own_value_and_all_share_their_weights() -> None:
    net = stirred(NADE((5,), hidden=6))
    slopes = jacobian(lambda v: net.conditionals(v[None])[0], torch.rand(5))
    assert not slopes.triu().any()
    assert (slopes.tril(-1) > 0).sum() == 10
    v = (torch.rand(3, 5) > 0.5).float()
    by_hand = torch.stack(
        [
            net.visible_bias[i] + (net.hidden_bias + v[:, :i] @ net.into[:i]).sigmoid() @ net.out[i]
            for i in range(5)
        ],
        1,
    )
    torch.testing.assert_close(net.conditionals(v), by_hand)


def test_a_masked_convolution_sees_what_stands_before_alone() -> None:
    torch.manual_seed(0)
    net = MaskedConv(shape=(4, 5), classes=2, width=6, depth=3).eval()
    slopes = jacobian(lambda v: net.conditionals(v[None])[0], torch.rand(4, 5, 2)).sum((2, 5)).view(20, 20)
    assert not slopes.triu().any()
    assert (slopes.tril(-1) > 0).sum() > 100  # of 190: the blind spot and what is far away apart


def test_a_masked_convolution_is_a_law() -> None:
    net = stirred(MaskedConv(shape=(2, 3), classes=2, width=3, depth=1))
    states = nn.functional.one_hot(bits(6).long(), 2).float().view(-1, 2, 3, 2)
    assert float(net().log_prob(states).detach().exp().sum()) == pytest.approx(1, abs=1e-5)
    assert net().support.check(net().sample([5])).all()


def test_many_orders_are_drawn_in_training_and_averaged_in_evaluation() -> None:
    net = made(orders=3)
    v = bits(6)[[13, 42]].view(2, 2, 3)
    each = torch.stack([net._under(v, torch.tensor([order])) for order in range(3)])
    torch.testing.assert_close(net.log_prob(v), each.logsumexp(0) - torch.tensor(3.0).log())
    net.train()
    torch.manual_seed(0)
    seen = {tuple(net.log_prob(v).tolist()) for _ in range(30)}
    assert seen == {tuple(row.tolist()) for row in each}


def test_a_logistic_net_reaches_the_entropy_of_independent_and_of_copied_bits() -> None:
    """x2 copies x1: log p of both is that of x1, -log 2."""
    net = LogisticAutoregressive((2,))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
    data = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    for _ in range(60):
        optimizer.zero_grad()
        (-net().log_prob(data).mean()).backward()
        optimizer.step()
    assert float(net().log_prob(data).mean().detach()) == pytest.approx(-0.6931, abs=0.02)


class _Split:
    def batches(self, size: int) -> list[dict[str, Tensor]]:
        return [{"x": part} for part in bits(6).view(-1, 2, 3).split(size)]


def test_the_metric_is_the_mean_of_the_exact_likelihoods() -> None:
    law = made()()
    found = exact_log_likelihood(law.log_prob, _Split(), batch_size=7)
    due = float(law.log_prob(bits(6).view(-1, 2, 3)).detach().mean())
    assert found["log_likelihood"] == pytest.approx(due, abs=1e-5)
    assert found["bits_per_value"] == pytest.approx(-due / 6 / 0.693147, abs=1e-5)


# Sigmoid belief networks.


def network() -> tuple[SigmoidBeliefPrior, SigmoidBeliefPosterior, nn.Linear, Tensor]:
    """Two layers of 2 and 1 bits over 3 values."""
    prior, posterior = (
        stirred(SigmoidBeliefPrior(layers=(2, 1))),
        stirred(SigmoidBeliefPosterior((3,), (3,), layers=(2, 1))),
    )
    return prior, posterior, stirred(nn.Linear(2, 3)), torch.tensor([[1.0, 0.0, 1.0]])


def test_a_belief_network_is_what_its_layers_say() -> None:
    prior, posterior, _, x = network()
    states = bits(3)
    top = Bernoulli(prior.top)
    below = Bernoulli(prior.links[0](states[:, 2:]))
    torch.testing.assert_close(
        prior().log_prob(states), top.log_prob(states[:, 2:]) + below.log_prob(states[:, :2])
    )
    lowest = Bernoulli(posterior.linear(x))
    above = Bernoulli(posterior.links[0](states[:, :2]))
    due = lowest.log_prob(states[:, :2]) + above.log_prob(states[:, 2:])
    torch.testing.assert_close(posterior(x).log_prob(states), due)
    for law in (prior(), posterior(x)):
        assert float(law.log_prob(states).detach().exp().sum()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(lowest_layer(states, units=2), states[:, :2])


def test_layers_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="the layers of the prior sigmoid-belief"):
        SigmoidBeliefPosterior((3,), (4,), layers=(2, 1))


def test_reweighted_wake_sleep_has_the_gradient_of_the_likelihood_when_q_is_the_posterior() -> None:
    """With the true posterior all weights are equal, and the exact mean of both gradients is known.

    Means of 20,000 codes against sums over all 8 at 6 standard errors of any entry: a false alarm in 10^7.
    """
    prior, _, decoder, x = network()
    states = bits(3)

    def joint(z: Tensor) -> Tensor:
        return Bernoulli(decoder(z[..., :2])).log_prob(x) + prior().log_prob(z)

    log_joint = joint(states)
    weights = (log_joint - log_joint.logsumexp(0)).detach().exp()  # p(z|x)
    parameters = [*prior.parameters(), *decoder.parameters()]
    due = torch.autograd.grad(-log_joint.logsumexp(0), parameters)
    torch.manual_seed(0)
    z = states[torch.multinomial(weights, 20_000, replacement=True)].unsqueeze(1)  # (samples, 1, 3)

    class Posterior:
        def log_prob(self, value: Tensor) -> Tensor:
            return joint(value) - log_joint.logsumexp(0)

    p_x = Bernoulli(decoder(z[..., :2]))
    terms = Reweighted().model(x, Posterior(), z, prior(), p_x)
    found = torch.autograd.grad(terms.total.sum(), parameters)
    assert float(terms.total) == pytest.approx(
        -float(log_joint.logsumexp(0)), abs=1e-4
    )  # every weight is p(x)
    for one, other in zip(found, due, strict=True):
        torch.testing.assert_close(one, other, atol=6 * 0.5 / 20_000**0.5, rtol=0)


def test_reweighting_teaches_the_recognition_net_by_the_weights_alone() -> None:
    prior, posterior, decoder, x = network()
    torch.manual_seed(0)
    q_z = posterior(x)
    z = q_z.sample([4])
    p_x = Bernoulli(decoder(z[..., :2]))
    log_w = (p_x.log_prob(x) + prior().log_prob(z) - q_z.log_prob(z)).detach()
    parameters = list(posterior.parameters())
    total = Reweighted().recognition(x, q_z, z, prior(), p_x).total.mean()
    due = -(log_w.softmax(0) * q_z.log_prob(z)).sum(0).mean()
    found = torch.autograd.grad(total, parameters, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(due, parameters), strict=True):
        torch.testing.assert_close(one, other)
    assert not any(p.grad is not None for p in (*prior.parameters(), *decoder.parameters()))


def test_awake_the_model_learns_and_asleep_the_recognition_net() -> None:
    plan = plan_of(small("directed/belief-digits"))
    assert plan.routing == {
        "model": {"objective": ("prior", "decoder")},
        "recognition": {"sleep": ("posterior",)},
    }
    plan = plan_of(small("directed/reweighted-digits"))
    assert plan.routing == {
        "model": {"objective": ("prior", "decoder")},
        "recognition": {"recognised": ("posterior",), "sleep": ("posterior",)},
    }


def test_wake_sleep_finds_a_distribution_of_two_patterns() -> None:
    """Data of two patterns: the entropy is log 2, and the bound comes near it."""
    torch.manual_seed(0)
    prior, posterior, decoder = (
        SigmoidBeliefPrior(layers=(2,)),
        SigmoidBeliefPosterior((4,), (2,)),
        nn.Linear(2, 4),
    )
    loss = WakeSleep()
    optimizer = torch.optim.Adam(
        [*prior.parameters(), *posterior.parameters(), *decoder.parameters()], lr=0.1
    )
    x = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]).repeat(20, 1)
    for _ in range(80):
        q_z = posterior(x)
        z = q_z.sample()
        dreamt = prior().sample([40])
        dream = Bernoulli(decoder(dreamt)).sample()
        total = loss.wake(x, z, prior(), Bernoulli(decoder(z))).total.mean()
        total = total + loss.sleep(dreamt, posterior(dream)).mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    states = bits(2)
    evidence = (Bernoulli(decoder(states)).log_prob(x[0]) + prior().log_prob(states)).logsumexp(0)
    assert float(evidence.detach()) > -1.6  # -2.8 for four independent bits
