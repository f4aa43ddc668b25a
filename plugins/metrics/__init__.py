"""Figures computed from a recipe's outputs and its data; none knows a wiring."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_metrics() -> list[Component]:
    return [
        Component(
            "ais-log-likelihood",
            "genframe_plugins.metrics.annealed:ais_log_likelihood",
            summary="log p(x) of a Boltzmann machine, log Z by annealing",
        ),
        Component("elbo", "genframe_plugins.metrics.elbo:elbo", summary="the evidence lower bound"),
        Component(
            "rate-distortion",
            "genframe_plugins.metrics.elbo:rate_distortion",
            summary="the two parts of the evidence lower bound",
        ),
        Component(
            "log-likelihood",
            "genframe_plugins.metrics.likelihood:log_likelihood",
            summary="importance-sampled log p(x) with k samples",
        ),
        Component(
            "active-units",
            "genframe_plugins.metrics.units:active_units",
            summary="latents whose posterior mean depends on x",
        ),
    ]
