"""Samplers after the fact: ways to draw from a trained autoencoder."""

from genframe import Component, hookimpl


@hookimpl
def genframe_samplers() -> list[Component]:
    return [
        Component(
            "mixture",
            "genframe_plugins.vae.samplers.mixture:Mixture",
            summary="a Gaussian mixture fitted to the codes of the training data",
        ),
    ]
