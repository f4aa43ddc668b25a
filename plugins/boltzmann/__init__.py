"""Boltzmann machines: restricted ones as priors, contrastive divergence, and the pipeline."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_priors() -> list[Component]:
    few = {"hidden": 5}  # so that the law can be enumerated
    return [
        Component(
            "rbm",
            "genframe_plugins.boltzmann.rbm:RBM",
            summary="restricted Boltzmann machine of binary units",
            example=few,
        ),
        Component(
            "gaussian-rbm",
            "genframe_plugins.boltzmann.gaussian_rbm:GaussianRBM",
            summary="restricted Boltzmann machine of real values and binary hidden units",
            example=few,
        ),
        Component(
            "cosine-rbm",
            "genframe_plugins.boltzmann.cosine_rbm:CosineRBM",
            summary="the same of the cosine coefficients of small pictures",
            needs=("image",),
            example=few,
        ),
    ]


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component("cd", "genframe_plugins.boltzmann.divergence:cd", summary="contrastive divergence, CD-k"),
        Component("pcd", "genframe_plugins.boltzmann.divergence:pcd", summary="persistent CD, by chains"),
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
