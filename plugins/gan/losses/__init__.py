"""Losses of both sides of the game, and regularisers of the critic."""

from genframe import Component, hookimpl


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component(
            "nonsaturating",
            "genframe_plugins.gan.losses.nonsaturating:Nonsaturating",
            summary="critic and generator of the first GAN",
        ),
        Component(
            "hinge", "genframe_plugins.gan.losses.hinge:Hinge", summary="critic and generator with margins"
        ),
        Component(
            "r1", "genframe_plugins.gan.losses.r1:r1", summary="squared gradient of the critic at real data"
        ),
    ]
