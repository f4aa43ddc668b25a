"""The checks, a module a subject. Importing this fills the table; a new module is a file and a line."""

from genframe.testing.checks import (
    behaviour,
    better_models,
    declared,
    devices,
    losses,
    noise_levels,
    noises,
    options,
    parameters,
    precision,
    randomness,
    recipes,
    samplers,
    state,
    trackers,
)

__all__ = [
    "behaviour",
    "better_models",
    "declared",
    "devices",
    "losses",
    "noise_levels",
    "noises",
    "options",
    "parameters",
    "precision",
    "randomness",
    "recipes",
    "samplers",
    "state",
    "trackers",
]
