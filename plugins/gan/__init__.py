"""Adversarial training: losses of both sides, a gradient penalty, and the pipeline."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component(
            "nonsaturating",
            "genframe_plugins.gan.losses:Nonsaturating",
            summary="critic and generator of the first GAN",
        ),
        Component("hinge", "genframe_plugins.gan.losses:Hinge", summary="critic and generator with margins"),
        Component("r1", "genframe_plugins.gan.r1:r1", summary="squared gradient of the critic at real data"),
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
