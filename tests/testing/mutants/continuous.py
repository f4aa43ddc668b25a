"""Bugs in the continuous posteriors and priors, and in the laws that they share."""

from . import Mutant


def _posterior(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant("posterior", name, "vae", file, old, new, name)


def _prior(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant("prior", name, "vae", file, old, new, name)


MUTANTS = [
    # Volumes of the wrong sign.
    _posterior(
        "planar", "posteriors/planar.py", "torch.log1p(self.slope * (1 -", "-torch.log1p(self.slope * (1 -"
    ),
    _posterior(
        "full-gaussian",
        "posteriors/full_gaussian.py",
        "- self.log_volume() - constant",
        "+ self.log_volume() - constant",
    ),
    # Normalisers of directions.
    _posterior(
        "von-mises-fisher",
        "laws/sphere.py",
        "(order + 1) * math.log(2 * math.pi)",
        "order * math.log(2 * math.pi)",
    ),
    _prior("sphere", "laws/sphere.py", "math.log(2) + 0.5 * size", "0.5 * size"),
    # Weights that do not sum to one; squares counted twice; the width of half a box.
    _prior("mixture", "laws/mixture.py", "self.log_weights.log_softmax(0)", "self.log_weights"),
    _prior(
        "mixture", "laws/mixture.py", "- 0.5 * part.square() @ precisions.T", "- part.square() @ precisions.T"
    ),
    _prior(
        "uniform",
        "priors/uniform.py",
        "density = -len(self.like) * math.log(2 *",
        "density = -len(self.like) * math.log(",
    ),
    _prior("exemplar", "laws/mixture.py", "- precisions.log().sum(1)", "+ precisions.log().sum(1)"),
]
