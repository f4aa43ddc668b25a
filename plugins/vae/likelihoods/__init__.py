"""Likelihoods: from a decoder's result to p(x|z)."""

from genframe import Component, hookimpl


@hookimpl
def genframe_likelihoods() -> list[Component]:
    return [
        Component(
            "bernoulli",
            "genframe_plugins.vae.likelihoods.bernoulli:BernoulliLikelihood",
            summary="a logit for each value",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.likelihoods.gaussian:GaussianLikelihood",
            summary="one sigma, fixed or learned",
        ),
        Component(
            "categorical",
            "genframe_plugins.vae.likelihoods.categorical:CategoricalLikelihood",
            summary="of labels: a logit for each class",
            needs=("labels",),
        ),
    ]
