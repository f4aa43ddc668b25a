"""torch's optimizers by name, schedules of numbers, and alarms of what a player's steps do."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_alarms() -> list[Component]:
    return [
        Component(
            "stalled",
            "genframe_plugins.optim.stalled:Stalled",
            summary="a player makes moves that move nothing",
        ),
        Component(
            "exploding",
            "genframe_plugins.optim.exploding:Exploding",
            summary="a player's gradients outgrow all that they were",
        ),
    ]


@hookimpl
def genframe_optimizers() -> list[Component]:
    return [
        Component("adam", "genframe_plugins.optim.optimizers:adam"),
        Component("adamw", "genframe_plugins.optim.optimizers:adamw"),
        Component("sgd", "genframe_plugins.optim.optimizers:sgd"),
        Component("rmsprop", "genframe_plugins.optim.optimizers:rmsprop"),
    ]


@hookimpl
def genframe_schedules() -> list[Component]:
    way = {"from": 1.0, "to": 0.1, "epochs": 3}
    values = {"values": [1.0, 0.1, 0.5], "epochs": [2, 3]}
    return [
        Component("linear", "genframe_plugins.optim.schedules:linear", example=way),
        Component("cosine", "genframe_plugins.optim.schedules:cosine", example=way),
        Component("exponential", "genframe_plugins.optim.schedules:exponential", example=way),
        Component(
            "power",
            "genframe_plugins.optim.schedules:power",
            summary="scale / (1 + step)^exponent",
            example={"scale": 1.0, "exponent": 0.55},
        ),
        Component("steps", "genframe_plugins.optim.schedules:steps", example=values),
    ]
