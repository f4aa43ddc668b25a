"""Bugs in noises."""

from . import Mutant

MUTANTS = [
    Mutant(
        "noise",
        "gaussian",
        "dae",
        "gaussian.py",
        "return x + per_example(level[:, 0], x) * torch.randn_like(x)",
        "return x + 0.1 * torch.randn_like(x)",
        "level=0",
    ),
]
