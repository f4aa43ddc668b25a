"""torch's optimizers by name, and schedules of numbers."""

from genframe import Component, hookimpl

GENFRAME_API = 1


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
    return [
        Component("linear", "genframe_plugins.optim.schedules:linear"),
        Component("cosine", "genframe_plugins.optim.schedules:cosine"),
        Component("exponential", "genframe_plugins.optim.schedules:exponential"),
        Component("steps", "genframe_plugins.optim.schedules:steps"),
    ]
