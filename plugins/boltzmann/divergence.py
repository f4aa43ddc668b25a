"""Contrastive divergence: a likelihood's gradient without its normaliser."""

from __future__ import annotations

from torch import Tensor

from genframe import Count, Terms

from .rbm import RBM


def cd(x: Tensor, rbm: RBM, *, k: Count = 1) -> Terms:
    """CD-k: the free energy of each x (batch,) less that of where k Gibbs sweeps lead from it (Hinton 2002).

        F(x) - F(x^(k)),        x^(k) held fixed

    Its gradient is that of -log p(x) in the limit of large k, and biased for small ones: a machine may have modes
    far from the data that no chain of k sweeps finds. The value is no likelihood, and near 0 for a good machine and
    for a bad one alike: `genframe evaluate` anneals. Logged: the squared error of x^(k), summed, and F(x).
    """
    wandered = rbm.gibbs(x, k)
    energy = rbm.free_energy(x)  # (batch,)
    error = (x - wandered).square().flatten(1).sum(1)
    logged = {"reconstruction_error": error.mean(), "free_energy": energy.mean()}
    return Terms(energy - rbm.free_energy(wandered), logged, surrogate=True)


def pcd(x: Tensor, rbm: RBM, *, k: Count = 1) -> Terms:
    """Persistent CD, or stochastic maximum likelihood: chains that go on from step to step (Tieleman 2008).

        F(x) - mean over the chains of F(v),        v held fixed

    for each x (batch,). The chains are the machine's (`chains:` of the component), move k sweeps in a training
    step and nowhere else, and are saved with it. They keep up with the machine as long as it moves slowly: take
    SGD at a rate of 0.05 or less that falls to 0. Logged: F(x), and that of the chains.
    """
    energy, of_chains = rbm.free_energy(x), rbm.free_energy(rbm.chain(k)).mean()
    logged = {"free_energy": energy.mean(), "free_energy_of_chains": of_chains}
    return Terms(energy - of_chains, logged, surrogate=True)
