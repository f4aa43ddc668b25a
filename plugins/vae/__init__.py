"""The variational autoencoder: posterior, prior, likelihoods, the evidence lower bound, and the pipeline."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_posteriors() -> list[Component]:
    return [
        Component(
            "bernoulli",
            "genframe_plugins.vae.binary:BernoulliPosterior",
            summary="binary codes, gradients straight through",
        ),
        Component(
            "gaussian", "genframe_plugins.vae.posterior:GaussianPosterior", summary="diagonal Gaussian"
        ),
    ]


@hookimpl
def genframe_priors() -> list[Component]:
    return [
        Component(
            "gaussian",
            "genframe_plugins.vae.prior:GaussianPrior",
            summary="standard, or diagonal and learned",
        )
    ]


@hookimpl
def genframe_likelihoods() -> list[Component]:
    return [
        Component(
            "bernoulli",
            "genframe_plugins.vae.likelihoods:BernoulliLikelihood",
            summary="a logit for each value",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.likelihoods:GaussianLikelihood",
            summary="one sigma, fixed or learned",
        ),
        Component(
            "categorical",
            "genframe_plugins.vae.labels:CategoricalLikelihood",
            summary="of labels: a logit for each class",
            needs=("labels",),
        ),
    ]


@hookimpl
def genframe_losses() -> list[Component]:
    return [Component("elbo", "genframe_plugins.vae.elbo:elbo", summary="minus the evidence lower bound")]


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "rate-distortion",
            "genframe_plugins.vae.bounds:rate_distortion",
            summary="KL(q||p) and -log p(x|z) of each x",
        ),
        Component(
            "importance-weights",
            "genframe_plugins.vae.bounds:importance_weights",
            summary="log p(x, z) - log q(z|x) of k samples for each x",
        ),
    ]


@hookimpl
def genframe_samplers() -> list[Component]:
    return [
        Component(
            "mixture",
            "genframe_plugins.vae.mixture:Mixture",
            summary="a Gaussian mixture fitted to the codes of the training data",
        )
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
