"""Networks: encoders, decoders and discriminators for pictures of any size and for vectors."""

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_encoders() -> list[Component]:
    return [
        Component("mlp", "genframe_plugins.nets.mlp:MLPEncoder", summary="fully connected layers"),
        Component(
            "conv", "genframe_plugins.nets.conv:ConvEncoder", summary="strided convolutions", needs=("image",)
        ),
    ]


@hookimpl
def genframe_decoders() -> list[Component]:
    return [
        Component("mlp", "genframe_plugins.nets.mlp:MLPDecoder", summary="fully connected layers"),
        Component(
            "conv",
            "genframe_plugins.nets.conv:ConvDecoder",
            summary="transposed convolutions, from a vector or a map",
            needs=("image",),
        ),
        Component(
            "unet",
            "genframe_plugins.nets.unet:UNet",
            summary="from a picture to a picture of the same size, with or without skips, told a level or not",
            needs=("image",),
        ),
    ]


@hookimpl
def genframe_discriminators() -> list[Component]:
    return [
        Component("mlp", "genframe_plugins.nets.critics:MLPDiscriminator", summary="fully connected layers"),
        Component(
            "conv",
            "genframe_plugins.nets.critics:ConvDiscriminator",
            summary="strided convolutions, one score a picture",
            needs=("image",),
        ),
        Component(
            "patch",
            "genframe_plugins.nets.critics:PatchDiscriminator",
            summary="strided convolutions, a map of scores, one a patch",
            needs=("image",),
        ),
    ]
