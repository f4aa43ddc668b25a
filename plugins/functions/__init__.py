"""Small pure tensor functions for wires."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component("detach", "genframe_plugins.functions.tensors:detach", summary="x without its gradient"),
        Component(
            "permute-dims",
            "genframe_plugins.functions.tensors:permute_dims",
            summary="each dimension shuffled over the batch by itself",
        ),
        Component(
            "concat", "genframe_plugins.functions.tensors:concat", summary="features or channels, joined"
        ),
        Component(
            "columns", "genframe_plugins.functions.tensors:columns", summary="numbers as columns of a vector"
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
        Component(
            "average", "genframe_plugins.functions.elementwise:average", summary="the mean over samples"
        ),
        Component(
            "one-hot",
            "genframe_plugins.functions.classes:one_hot",
            summary="labels as vectors of a one and zeros",
            needs=("labels",),
            example={"classes": 3},
        ),
        Component(
            "quadrants",
            "genframe_plugins.functions.quadrants:Quadrants",
            summary="quarters of pictures: some shown, the others hidden",
            needs=("image",),
        ),
        Component(
            "partial",
            "genframe_plugins.functions.calls:partial",
            summary="a wire of two arguments as one of one",
        ),
        Component(
            "rotate90",
            "genframe_plugins.functions.rotations:rotate90",
            summary="pictures turned by quarters, and by how many",
            needs=("image",),
        ),
        Component("take", "genframe_plugins.functions.parts:take", summary="some numbers of a vector"),
    ]
