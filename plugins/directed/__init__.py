"""Directed nets: fully visible Bayes nets, sigmoid belief networks, wake-sleep."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_priors() -> list[Component]:
    return [
        Component(
            "logistic-autoregressive",
            "genframe_plugins.directed.logistic:LogisticAutoregressive",
            summary="fully visible belief network: a logistic regression for each bit",
        ),
        Component(
            "made",
            "genframe_plugins.directed.made:MADE",
            summary="masked autoregressive net of bits or categories",
            example={"hidden": (20,)},
        ),
        Component(
            "nade",
            "genframe_plugins.directed.nade:NADE",
            summary="neural autoregressive density estimator of bits",
            example={"hidden": 20},
        ),
        Component(
            "masked-conv",
            "genframe_plugins.directed.masked_conv:MaskedConv",
            summary="autoregressive convolutions over a map of codes",
            example={"shape": (2, 3), "classes": 2, "width": 8, "depth": 1},
        ),
        Component(
            "sigmoid-belief",
            "genframe_plugins.directed.belief:SigmoidBeliefPrior",
            summary="layers of bits, each given the one above",
            example={"layers": (2, 1)},
        ),
    ]


@hookimpl
def genframe_posteriors() -> list[Component]:
    return [
        Component(
            "sigmoid-belief",
            "genframe_plugins.directed.recognition:SigmoidBeliefPosterior",
            summary="layers of bits, each given the one below",
        ),
    ]


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component(
            "wake-sleep",
            "genframe_plugins.directed.wake_sleep:WakeSleep",
            summary="a model of data and their codes, a recognition net of dreams",
        ),
        Component(
            "reweighted-wake-sleep",
            "genframe_plugins.directed.reweighted:Reweighted",
            summary="wake-sleep with importance weights",
        ),
    ]


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "lowest-layer",
            "genframe_plugins.directed.belief:lowest_layer",
            summary="the layer of a sigmoid belief network that the data are drawn from",
            example={"units": 1},
        ),
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
