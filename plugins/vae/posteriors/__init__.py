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
            "categorical",
            "genframe_plugins.vae.posteriors.categorical:CategoricalPosterior",
            summary="one-hot codes, gradients straight through",
        ),
        Component(
            "concrete",
            "genframe_plugins.vae.posteriors.concrete:ConcretePosterior",
            summary="binary codes, relaxed in training",
        ),
        Component(
            "gumbel-softmax",
            "genframe_plugins.vae.posteriors.gumbel_softmax:GumbelSoftmaxPosterior",
            summary="one-hot codes, relaxed in training",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.posteriors.gaussian:GaussianPosterior",
            summary="diagonal Gaussian",
        ),
        Component(
            "deterministic",
            "genframe_plugins.vae.posteriors.deterministic:DeterministicPosterior",
            summary="none: the code is a point, for losses without a rate",
        ),
        Component(
            "full-gaussian",
            "genframe_plugins.vae.posteriors.full_gaussian:FullGaussianPosterior",
            summary="Gaussian with a full covariance",
        ),
        Component(
            "iaf",
            "genframe_plugins.vae.posteriors.autoregressive:IAFPosterior",
            summary="inverse autoregressive flows",
            example={"hidden": 12, "context": 4},
        ),
        Component(
            "laplace",
            "genframe_plugins.vae.posteriors.laplace:LaplacePosterior",
            summary="independent Laplace variables",
        ),
        Component(
            "planar",
            "genframe_plugins.vae.posteriors.planar:PlanarPosterior",
            summary="planar flows",
            example={"flows": 2},
        ),
        Component(
            "von-mises-fisher",
            "genframe_plugins.vae.posteriors.von_mises_fisher:VonMisesFisherPosterior",
            summary="codes on the unit sphere",
        ),
        Component(
            "vq",
            "genframe_plugins.vae.posteriors.vq:VQPosterior",
            summary="the nearest vectors of a codebook",
            example={"codes": 7},
        ),
    ]
