"""Small pure tensor functions for wires."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component("detach", "genframe_plugins.functions.tensors:detach", summary="x without its gradient"),
        Component(
            "concat", "genframe_plugins.functions.tensors:concat", summary="features or channels, joined"
        ),
        Component(
            "downsample",
            "genframe_plugins.functions.tensors:downsample",
            summary="average pooling",
            needs=("image",),
        ),
        Component("log", "genframe_plugins.functions.elementwise:log", summary="the logarithm of each value"),
        Component(
            "told",
            "genframe_plugins.functions.tensors:told",
            summary="a vector with the level of its noise beside it",
        ),
        Component(
            "crop",
            "genframe_plugins.functions.tiles:crop",
            summary="a square at a random place of each picture",
            needs=("image",),
            example={"size": 8},
        ),
        Component(
            "tiles",
            "genframe_plugins.functions.tiles:Tiles",
            summary="overlapping squares of pictures, and back",
            needs=("image",),
            example={"size": 5, "stride": 3},
        ),
        Component(
            "smooth-labels",
            "genframe_plugins.functions.labels:smooth_labels",
            summary="labels as probabilities, some for every class",
            needs=("labels",),
            example={"classes": 3},
        ),
    ]
