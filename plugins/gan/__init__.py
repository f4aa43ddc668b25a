"""Adversarial training: losses of both sides, regularisers of the critic, and the pipeline."""

from pathlib import Path

from genframe import hookimpl

from .losses import genframe_losses

GENFRAME_API = 1

__all__ = ["genframe_losses", "genframe_recipes"]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
