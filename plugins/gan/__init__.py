"""Adversarial training: losses of both sides, regularisers of the critic, and the pipeline."""

from pathlib import Path

from genframe import hookimpl

from .alarms import genframe_alarms
from .functions import genframe_functions
from .losses import genframe_losses
from .noises import genframe_noises

GENFRAME_API = 1

__all__ = ["genframe_alarms", "genframe_functions", "genframe_losses", "genframe_noises", "genframe_recipes"]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
