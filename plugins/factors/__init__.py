"""Factors of variation: data whose factors are known, and what makes a latent carry one."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_datasets() -> list[Component]:
    return [
        Component(
            "sprites",
            "genframe_plugins.factors.sprites:Sprites",
            summary="shapes of known size, angle and place, drawn here",
            example={"size": 16, "scales": 2, "angles": 5, "places": 3},
        )
    ]


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "clamped",
            "genframe_plugins.factors.clamped:Clamped",
            summary="a batch that varies one factor varies its latents alone",
            example={"factors": [0]},
        )
    ]


@hookimpl
def genframe_metrics() -> list[Component]:
    return [
        Component(
            "mig",
            "genframe_plugins.factors.mig:mig",
            summary="mutual information gap: one latent a factor",
        ),
        Component(
            "sap",
            "genframe_plugins.factors.sap:sap",
            summary="how much better one latent predicts a factor than the next",
        ),
        Component(
            "dci",
            "genframe_plugins.factors.dci:dci",
            summary="disentanglement, completeness, informativeness",
            example={"trees": 4},
        ),
        Component(
            "factor-vae-score",
            "genframe_plugins.factors.factor_vae:factor_vae_score",
            summary="which latent stands still when a factor does",
            example={"count": 50, "held_out": 1000, "group": 8},
        ),
        Component(
            "beta-vae-score",
            "genframe_plugins.factors.beta_vae:beta_vae_score",
            summary="whether pairs of codes tell which factor they share",
            example={"count": 50, "held_out": 1000, "group": 8},
        ),
        Component(
            "angle-readout",
            "genframe_plugins.factors.readout:angle_readout",
            summary="R^2 and circular error of an angle read from chosen latents",
            example={"latents": (0, 1)},
        ),
    ]
