"""Trackers: what a run measures, in other forms than its own."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_trackers() -> list[Component]:
    return [
        Component("csv", "genframe_plugins.tracking.table:CsvTracker", summary="the rows as one flat table"),
        Component(
            "wandb",
            "genframe_plugins.tracking.wandb_run:WandbTracker",
            summary="a run of Weights & Biases, online or offline",
            example={"mode": "offline"},
        ),
        Component(
            "tensorboard",
            "genframe_plugins.tracking.tensorboard:TensorBoardTracker",
            summary="events for TensorBoard (an extra)",
        ),
    ]
