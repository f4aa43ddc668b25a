"""The checks, a module a subject. Importing this fills the table; a new module is a file and a line."""

from genframe.testing.checks import (
    behaviour,
    devices,
    noise_levels,
    noises,
    options,
    parameters,
    precision,
    randomness,
    state,
)

__all__ = [
    "behaviour",
    "devices",
    "noise_levels",
    "noises",
    "options",
    "parameters",
    "precision",
    "randomness",
    "state",
]
