"""Metrics of samples beside data: each with what real data get, and with where its figures come from."""

from genframe import Component

_HERE = "genframe_plugins.metrics.samples"

COMPONENTS = [
    Component(
        "fid",
        f"{_HERE}.fid:fid",
        summary="Frechet distance of features of samples and data",
        example={"features": "pixels"},
    ),
    Component(
        "kid",
        f"{_HERE}.kid:kid",
        summary="kernel distance of features of samples and data, unbiased",
        example={"features": "pixels"},
    ),
    Component(
        "prdc",
        f"{_HERE}.prdc:prdc",
        summary="precision, recall, density and coverage of samples",
        example={"features": "pixels"},
    ),
    Component(
        "restoration-fid",
        f"{_HERE}.restoration:restoration_fid",
        summary="Frechet distance of restored pictures from clean ones, at levels of noise",
        example={"levels": (0.3,), "features": "pixels"},
    ),
    Component(
        "inception-score",
        f"{_HERE}.inception:inception_score",
        summary="how sure and how varied a classifier's word on samples is",
        needs=("image",),
    ),
    Component(
        "recognition",
        f"{_HERE}.recognition:recognition",
        summary="how sure a classifier is of samples, and how they fall into classes",
        needs=("image",),
    ),
    Component(
        "modes",
        f"{_HERE}.modes:modes",
        summary="modes of a labelled mixture that samples reach",
        example={"samples": 61},
    ),
    Component(
        "class-modes",
        f"{_HERE}.class_modes:class_modes",
        summary="combinations of classes, channel by channel, that samples reach",
        needs=("image",),
        example={"samples": 61},
    ),
    Component(
        "conditional-accuracy",
        f"{_HERE}.conditional:conditional_accuracy",
        summary="how often a model draws the class asked for",
        needs=("image",),
    ),
    Component(
        "neighbours",
        f"{_HERE}.neighbours:neighbours",
        summary="distance of samples to the training data, beside that of unseen examples",
        example={"count": 61},
    ),
    Component(
        "classifier-two-sample",
        f"{_HERE}.told_apart:classifier_two_sample",
        summary="how well boosted trees tell samples from data",
        example={"features": "pixels"},
    ),
    Component(
        "interpolation",
        f"{_HERE}.interpolation:interpolation",
        summary="what becomes of samples between two codes",
        needs=("image",),
        example={"count": 61},
    ),
]
