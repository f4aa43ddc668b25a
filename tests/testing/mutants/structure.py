"""Bugs in the functions of hierarchies and conditions."""

from . import Mutant

PRECISION = "functions/precision.py"

MUTANTS = [
    Mutant(
        "function",
        "one-hot",
        "functions",
        "classes.py",
        "return torch.zeros(*y.shape, classes, device=y.device)",
        "return torch.zeros(*y.shape, classes)",
        "on the device of its arguments",
    ),
    Mutant(
        "function",
        "quadrants",
        "functions",
        "quadrants.py",
        "    rows, columns = x.shape[-2:]",
        "    rows, columns = x.mul_(0.5).shape[-2:]",
        "leaves x as it was",
    ),
    Mutant(
        "function",
        "take",
        "functions",
        "parts.py",
        "return x[..., start : start + size]",
        "return x[:, start : start + size]",
        "two samples of four",
    ),
    Mutant(
        "function",
        "precision-weighted",
        "vae",
        PRECISION,
        "q.mean * precision_q",
        "q.mean.flip(0) * precision_q",
        "permuted as the examples",
    ),
    Mutant(
        "function",
        "negative-elbo",
        "vae",
        "functions/bounds.py",
        "    return rate - p_x.log_prob(x)",
        "    return rate - p_x.log_prob(x.flip(0))",
        "permuted as the examples",
    ),
]
