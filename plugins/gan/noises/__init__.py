"""Noises that a critic is shown."""

from genframe import Component, hookimpl


@hookimpl
def genframe_noises() -> list[Component]:
    return [
        Component(
            "diffusion",
            "genframe_plugins.gan.noises.diffusion:Diffusion",
            summary="steps of a diffusion, up to one that may follow the critic",
        )
    ]
