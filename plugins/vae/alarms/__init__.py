"""Alarms of a latent that carries nothing, and of densities without bound."""

from genframe import Component, hookimpl


@hookimpl
def genframe_alarms() -> list[Component]:
    return [
        Component(
            "posterior-collapse",
            "genframe_plugins.vae.alarms.posterior_collapse:PosteriorCollapse",
            summary="the code says nothing of the data",
        ),
        Component(
            "vanishing-sigma",
            "genframe_plugins.vae.alarms.vanishing_sigma:VanishingSigma",
            summary="log p(x|z) grows by values that never change",
        ),
    ]
