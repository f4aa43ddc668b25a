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
            "continuous-bernoulli",
            "genframe_plugins.vae.likelihoods.continuous_bernoulli:ContinuousBernoulliLikelihood",
            summary="of grey values in [0, 1]: a logit for each",
        ),
        Component(
            "gaussian",
            "genframe_plugins.vae.likelihoods.gaussian:GaussianLikelihood",
            summary="one sigma, fixed or learned, or one for each value",
        ),
        Component(
            "gaussian-per-value",
            "genframe_plugins.vae.likelihoods.gaussian_per_value:GaussianPerValueLikelihood",
            summary="mean and sigma of each value by the decoder",
        ),
        Component(
            "laplace",
            "genframe_plugins.vae.likelihoods.laplace:LaplaceLikelihood",
            summary="absolute error: one scale, fixed or learned",
        ),
        Component(
            "discretised-logistic",
            "genframe_plugins.vae.likelihoods.logistic:DiscretisedLogisticLikelihood",
            summary="of 256 grey levels: a logistic law cut into cells",
        ),
        Component(
            "logistic-mixture",
            "genframe_plugins.vae.likelihoods.logistic_mixture:LogisticMixtureLikelihood",
            summary="of 256 grey levels: a mixture of discretised logistics",
        ),
        Component(
            "categorical-256",
            "genframe_plugins.vae.likelihoods.levels:CategoricalLevelsLikelihood",
            summary="of 256 grey levels: a logit for each level",
        ),
        Component(
            "columns",
            "genframe_plugins.vae.likelihoods.columns:ColumnsLikelihood",
            summary="of tables: real columns, then categorical ones",
            example={"categories": (3, 2)},
        ),
        Component(
            "categorical",
            "genframe_plugins.vae.likelihoods.categorical:CategoricalLikelihood",
            summary="of labels: a logit for each class",
            needs=("labels",),
        ),
    ]
