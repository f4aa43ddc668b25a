"""Priors: p(z)."""

from genframe import Component, hookimpl


@hookimpl
def genframe_priors() -> list[Component]:
    return [
        Component(
            "bernoulli",
            "genframe_plugins.vae.priors.bernoulli:BernoulliPrior",
            summary="independent bits, even or learned",
        ),
        Component(
            "categorical",
            "genframe_plugins.vae.priors.categorical:CategoricalPrior",
            summary="independent one-hot vectors, uniform or learned",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.priors.gaussian:GaussianPrior",
            summary="standard, or diagonal and learned",
        ),
        Component(
            "exemplar",
            "genframe_plugins.vae.priors.exemplar:ExemplarPrior",
            summary="a Gaussian about each training example's code",
        ),
        Component(
            "laplace",
            "genframe_plugins.vae.priors.laplace:LaplacePrior",
            summary="independent Laplace variables",
        ),
        Component(
            "maf",
            "genframe_plugins.vae.priors.maf:MAFPrior",
            summary="masked autoregressive flows",
            example={"hidden": 12, "layers": 2},
        ),
        Component(
            "mixture",
            "genframe_plugins.vae.priors.mixture:MixturePrior",
            summary="a learned mixture of Gaussians",
        ),
        Component(
            "realnvp",
            "genframe_plugins.vae.priors.realnvp:RealNVPPrior",
            summary="affine coupling layers",
            example={"hidden": [12], "layers": 2},
        ),
        Component(
            "sphere",
            "genframe_plugins.vae.priors.sphere:SpherePrior",
            summary="uniform on the unit sphere",
        ),
        Component(
            "uniform",
            "genframe_plugins.vae.priors.uniform:UniformPrior",
            summary="uniform on a box",
        ),
        Component(
            "vamp",
            "genframe_plugins.vae.priors.vamp:VampPrior",
            summary="the mixture of posteriors of learned inputs",
            example={"components": 5},
        ),
    ]
