"""The variational autoencoder and its relatives: posteriors, priors, likelihoods, bounds, samplers, pipelines."""

from pathlib import Path

from genframe import hookimpl

from .alarms import genframe_alarms
from .functions import genframe_functions
from .likelihoods import genframe_likelihoods
from .losses import genframe_losses
from .posteriors import genframe_posteriors
from .priors import genframe_priors
from .samplers import genframe_samplers

GENFRAME_API = 1

__all__ = [
    "genframe_alarms",
    "genframe_functions",
    "genframe_likelihoods",
    "genframe_losses",
    "genframe_posteriors",
    "genframe_priors",
    "genframe_recipes",
    "genframe_samplers",
]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
