"""The denoising autoencoder: noise, losses and the pipeline."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_noises() -> list[Component]:
    return [
        Component("gaussian", "genframe_plugins.dae.gaussian:GaussianNoise", summary="isotropic, additive")
    ]


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component("l1", "genframe_plugins.dae.distances:l1", summary="mean absolute difference"),
        Component("mse", "genframe_plugins.dae.distances:mse", summary="mean squared difference"),
        Component("nll", "genframe_plugins.dae.nll:nll", summary="-log p(x): the negative log-likelihood"),
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
