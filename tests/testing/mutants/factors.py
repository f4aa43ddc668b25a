"""Bugs in metrics of known factors."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("metric", name, "factors", file, old, new, says)


_CODES = "encode(batch).flatten(1).double().cpu()"

MUTANTS = [
    # Codes centred batch by batch; a sum over the examples; a latent that stands still divides by nothing.
    _mutant("mig", "ground_truth.py", _CODES, f"(lambda z: z - z.mean(0))({_CODES})", "not means of batches"),
    _mutant("mig", "mig.py", "(best[0] - best[1]) / entropy", "(best[0] - best[1]) * len(cut)", "their mean"),
    _mutant(
        "mig", "mig.py", "torch.where(high > low, high - low, torch.ones_like(low))", "high - low", "mig:"
    ),
    # Hits counted.
    _mutant(
        "sap", "sap.py", "held[:, factor]).double().mean()", "held[:, factor]).double().sum()", "their mean"
    ),
    # Draws of another library, which the metric's seed does not rule.
    _mutant("dci", "dci.py", "random_state=seed()", "random_state=None", "under the same seed"),
    # Differences in logarithms, of which a pair of one example has none; degrees summed.
    _mutant("beta-vae-score", "beta_vae.py", ".abs().mean(1)", ".abs().log().mean(1)", "beta-vae-score"),
    _mutant(
        "angle-readout",
        "readout.py",
        "float(off.rad2deg().mean())",
        "float(off.rad2deg().sum())",
        "their mean",
    ),
]
