"""Alarms of a latent that carries nothing."""

from genframe import Component, hookimpl


@hookimpl
def genframe_alarms() -> list[Component]:
    return [
        Component(
            "posterior-collapse",
            "genframe_plugins.vae.alarms.posterior_collapse:PosteriorCollapse",
            summary="the code says nothing of the data",
        )
    ]
