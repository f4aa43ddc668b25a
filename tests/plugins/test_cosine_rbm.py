"""Machines of real values on parts of pictures: cosines, what is held and what is restored, by brute force.

Statistical tests fix their seeds; their alarms would be false once in 10^6 (z = 5).
"""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from genframe_plugins.boltzmann.cosine_rbm import CosineRBM, cosines
from genframe_plugins.boltzmann.gaussian_rbm import GaussianRBM
from genframe_plugins.boltzmann.partition import exact_log_z
from genframe_plugins.metrics.annealed import interval
from scipy.fft import dctn
from torch import Tensor
from torch.distributions import MultivariateNormal


def states(units: int) -> Tensor:
    """All of them: (2^units, units)."""
    return torch.tensor(list(product((0.0, 1.0), repeat=units)), dtype=torch.float64)


def moved(machine: GaussianRBM, scale: float = 0.4, seed: int = 0) -> GaussianRBM:
    torch.manual_seed(seed)
    machine = machine.double()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return machine


def cosine(shape: tuple[int, int, int] = (2, 2, 3), hidden: int = 3, scale: float = 0.4) -> GaussianRBM:
    return moved(CosineRBM(shape, hidden=hidden), scale)


def mixture(machine: GaussianRBM) -> tuple[Tensor, Tensor, Tensor]:
    """p(v) written out: log weights (2^hidden,), means (2^hidden, pixels), the covariance of each (pixels, pixels)."""
    h = states(machine.sizes[1])
    with torch.no_grad():
        law = machine.visible(h)
        means = law.mean.flatten(1)
        weights = (-machine.hidden_free_energy(h)).log_softmax(0)
        basis = torch.stack([machine._shaped(row).flatten() - machine._shaped(0 * row).flatten() for row in
                             torch.eye(machine.sizes[0], dtype=torch.float64)])  # fmt: skip
        covariance = basis.T @ torch.diag(machine._variance) @ basis
    return weights, means, covariance


def restored(machine: GaussianRBM, y: Tensor, noise: Tensor, kept: Tensor | None = None) -> Tensor:
    """E[v | y] of the mixture, y = v + N(0, noise), or of the pixels `kept` alone: (pixels,)."""
    weights, means, covariance = mixture(machine)
    rows = torch.arange(len(y)) if kept is None else kept.nonzero()[:, 0]
    S = covariance[rows][:, rows] + noise[rows][:, rows]
    odds = weights + MultivariateNormal(means[:, rows], S).log_prob(y[rows])
    each = means + (y[rows] - means[:, rows]) @ torch.linalg.solve(S, covariance[rows])
    return odds.softmax(0) @ each


def close(found: Tensor, due: Tensor) -> bool:
    """The mean of rows (n, ...) against what is due, at 5 standard errors."""
    error = found.std(0) / math.sqrt(len(found))
    return bool(((found.mean(0) - due).abs() <= 5 * error + 1e-6).all())


def test_cosines_are_scipys_and_orthonormal() -> None:
    x = torch.rand(4, 5).double()
    found = cosines(4).double() @ x @ cosines(5).double().T
    torch.testing.assert_close(found, torch.from_numpy(dctn(x.numpy(), norm="ortho")), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(cosines(8) @ cosines(8).T, torch.eye(8), atol=1e-6, rtol=0)


def test_the_density_is_of_pixels_and_that_of_the_written_out_mixture() -> None:
    machine = cosine()
    weights, means, covariance = mixture(machine)
    v = torch.rand(7, 2, 2, 3).double()
    parts = MultivariateNormal(means, covariance).log_prob(v.flatten(1).unsqueeze(1))  # (7, 2^hidden)
    torch.testing.assert_close(machine().log_prob(v), (weights + parts).logsumexp(1), atol=1e-5, rtol=1e-5)


def test_the_law_of_pixels_given_hidden_units_has_their_covariance() -> None:
    machine = cosine()
    law = machine.visible(states(3)[5:6])
    _, means, covariance = mixture(machine)
    torch.testing.assert_close(law.variance.flatten(), covariance.diagonal(), atol=1e-6, rtol=1e-6)
    v = torch.rand(4, 2, 2, 3).double()
    due = MultivariateNormal(means[5], covariance).log_prob(v.flatten(1))
    torch.testing.assert_close(law.log_prob(v), due, atol=1e-5, rtol=1e-5)


def test_annealing_finds_the_normaliser() -> None:
    machine = cosine(hidden=6, scale=0.1)
    torch.manual_seed(1)
    draws = machine.annealed_log_z(torch.rand(9, 2, 2, 3).double(), 500, 200)
    _, low, high = interval(draws)
    assert low <= float(exact_log_z(machine).detach()) <= high and high - low < 0.5


def machines() -> list[GaussianRBM]:
    return [cosine(), moved(GaussianRBM((1, 2, 3), hidden=3, sigma=0.5, learned=True), 0.5)]


@pytest.mark.parametrize("which", [0, 1], ids=["cosines", "pixels"])
def test_gaussian_noise_is_taken_off_by_the_posterior_mean(which: int) -> None:
    machine = machines()[which]
    torch.manual_seed(2)
    y, level = torch.rand(machine.event_shape).double(), 0.4
    noise = level**2 * torch.eye(machine.sizes[0]).double()
    found = machine.denoised(y.expand(1500, *y.shape), torch.full((1500,), level).double(), 30)
    assert close(found.flatten(1), restored(machine, y.flatten(), noise))


@pytest.mark.parametrize("which", [0, 1], ids=["cosines", "pixels"])
@pytest.mark.parametrize("noise", ["masked", "salted"])
def test_what_is_missing_is_restored_by_the_conditional_mean(which: int, noise: str) -> None:
    """Of zeros (masking), or of zeros and ones (salt and pepper), given the others: the exact conditional mixture."""
    machine = machines()[which]
    torch.manual_seed(3)
    y = 0.1 + 0.8 * torch.rand(machine.event_shape).double()
    y.view(-1)[1], y.view(-1)[4] = 0.0, 1.0 if noise == "salted" else 0.3
    kept = ((y > 0) & (y < 1)).flatten()
    method = machine.unsalted if noise == "salted" else machine.unmasked
    found = method(y.expand(1500, *y.shape), 0.3, 30).flatten(1)
    assert torch.equal(found[:, kept], y.flatten()[kept].expand(1500, -1))
    due = restored(machine, y.flatten(), torch.zeros(machine.sizes[0], machine.sizes[0]).double(), kept)
    assert close(found, due)


@pytest.mark.parametrize("which", [0, 1], ids=["cosines", "pixels"])
def test_draws_of_what_is_missing_are_spread_as_the_conditional(which: int) -> None:
    """`clamped` for one sweep more gives means whose own mean is that of the conditional."""
    machine = machines()[which]
    torch.manual_seed(4)
    y = torch.rand(machine.event_shape).double()
    mask = torch.ones_like(y)
    mask.view(-1)[:3] = 0
    found = machine.clamped(y.expand(3000, *y.shape), mask, 30).flatten(1)
    due = restored(
        machine, y.flatten(), torch.zeros(machine.sizes[0], machine.sizes[0]).double(), mask.flatten()
    )
    assert close(found, due)


def test_dimensions_in_front_are_examples_of_their_own() -> None:
    """(batch, tiles, *event) with a level for each of the batch."""
    machine = cosine()
    v = torch.rand(2, 5, 2, 2, 3).double()
    found = machine.denoised(v, torch.tensor([1e-6, 1e3]).double(), 3)
    torch.testing.assert_close(found[0], v[0], atol=1e-5, rtol=0)  # all but no noise: as it was
    assert float((found[1] - v[1]).abs().max()) > 0.05
    assert machine.completed(v, (v > 0.5).double(), 2).shape == v.shape


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        CosineRBM((12,))


def test_filters_are_what_a_hidden_unit_adds_to_the_mean() -> None:
    for machine in machines():
        with torch.no_grad():
            alone = (
                machine.visible(torch.eye(3).double()).mean - machine.visible(torch.zeros(1, 3).double()).mean
            )
            torch.testing.assert_close(machine.filters(), alone)
