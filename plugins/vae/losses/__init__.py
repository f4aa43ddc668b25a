"""Losses of models with latent variables."""

from genframe import Component, hookimpl


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component("elbo", "genframe_plugins.vae.losses.elbo:elbo", summary="minus the evidence lower bound"),
    ]
