"""Alarms of the game between a generator and its critic."""

from genframe import Component, hookimpl


@hookimpl
def genframe_alarms() -> list[Component]:
    return [
        Component(
            "saturated",
            "genframe_plugins.gan.alarms.saturated:Saturated",
            summary="the critic tells every fake, and teaches the generator nothing more",
        ),
        Component(
            "modes",
            "genframe_plugins.gan.alarms.modes:Modes",
            summary="samples grow alike, or leave out what they held before",
        ),
    ]
