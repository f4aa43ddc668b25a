"""Samplers after the fact: ways to draw from a trained autoencoder."""

from genframe import Component, hookimpl

_SHORT = {"epochs": 4, "hidden": (16,)}


@hookimpl
def genframe_samplers() -> list[Component]:
    return [
        Component(
            "mixture",
            "genframe_plugins.vae.samplers.mixture:Mixture",
            summary="a Gaussian mixture fitted to the codes of the training data",
            aliases=("gmm",),
        ),
        Component(
            "flow",
            "genframe_plugins.vae.samplers.flow:FlowSampler",
            summary="a RealNVP fitted to the codes of the training data",
            example=_SHORT,
        ),
        Component(
            "neighbours",
            "genframe_plugins.vae.samplers.neighbours:Neighbours",
            summary="codes between nearest neighbours, or a kernel density over codes",
        ),
        Component(
            "two-stage",
            "genframe_plugins.vae.samplers.two_stage:TwoStage",
            summary="a second VAE, fitted to sampled codes of the first",
            example=_SHORT,
        ),
        Component(
            "resampled",
            "genframe_plugins.vae.samplers.resampled:Resampled",
            summary="proposals of a Gaussian, accepted or rejected by a learned function",
            example=_SHORT,
        ),
        Component(
            "latent-langevin",
            "genframe_plugins.vae.samplers.latent_langevin:LatentLangevin",
            summary="Langevin dynamics over codes, on an energy learned by contrast",
            example={**_SHORT, "steps": 40},
        ),
    ]
