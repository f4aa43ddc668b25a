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
