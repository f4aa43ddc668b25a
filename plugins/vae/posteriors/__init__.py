"""Posteriors: from an encoder's result to q(z|x)."""

from genframe import Component, hookimpl


@hookimpl
def genframe_posteriors() -> list[Component]:
    return [
        Component(
            "bernoulli",
            "genframe_plugins.vae.posteriors.bernoulli:BernoulliPosterior",
            summary="binary codes, gradients straight through",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.posteriors.gaussian:GaussianPosterior",
            summary="diagonal Gaussian",
        ),
    ]
