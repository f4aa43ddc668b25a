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
        Component(
            "lenet",
            "genframe_plugins.nets.lenet:LeNetEncoder",
            summary="two convolutions with pooling and a layer: a classifier's body",
            needs=("image",),
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
            "dcgan",
            "genframe_plugins.nets.dcgan:DCGANDecoder",
            summary="the generator of DCGAN: a projection, transposed convolutions, batch norm",
            needs=("image",),
            example={"width": 8},
        ),
        Component(
            "resnet",
            "genframe_plugins.nets.resnet:ResNetDecoder",
            summary="residual blocks that enlarge, with batch norm, conditional or not",
            needs=("image",),
            example={"width": 8, "most": 16},
        ),
        Component(
            "unpooling",
            "genframe_plugins.nets.unpooling:UnpoolingDecoder",
            summary="un-pooling and convolutions, from a vector or a map",
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
            "dcgan",
            "genframe_plugins.nets.dcgan:DCGANDiscriminator",
            summary="the discriminator of DCGAN: strided convolutions, batch norm or another, or a spectral one",
            needs=("image",),
            example={"width": 8},
        ),
        Component(
            "resnet",
            "genframe_plugins.nets.resnet_critic:ResNetDiscriminator",
            summary="residual blocks that reduce, spectrally normalised",
            needs=("image",),
            example={"width": 8, "most": 16},
        ),
        Component(
            "joint",
            "genframe_plugins.nets.joint:JointDiscriminator",
            summary="a picture and its code together, a tower of layers for each",
            example={"width": 8},
        ),
        Component(
            "patch",
            "genframe_plugins.nets.critics:PatchDiscriminator",
            summary="strided convolutions, a map of scores, one a patch",
            needs=("image",),
        ),
    ]
