"""Priors: p(z)."""

from genframe import Component, hookimpl


@hookimpl
def genframe_priors() -> list[Component]:
    return [
        Component(
            "gaussian",
            "genframe_plugins.vae.priors.gaussian:GaussianPrior",
            summary="standard, or diagonal and learned",
        ),
    ]
