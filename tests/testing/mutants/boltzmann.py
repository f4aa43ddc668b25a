"""Bugs in Boltzmann machines."""

from . import Mutant


def _rbm(old: str, new: str, says: str) -> Mutant:
    return Mutant("prior", "rbm", "boltzmann", "rbm.py", old, new, says)


def _gaussian(old: str, new: str, says: str) -> Mutant:
    return Mutant("prior", "gaussian-rbm", "boltzmann", "gaussian_rbm.py", old, new, says)


def _cosine(old: str, new: str, says: str) -> Mutant:
    return Mutant("prior", "cosine-rbm", "boltzmann", "cosine_rbm.py", old, new, says)


def _law(old: str, new: str, says: str) -> Mutant:
    return Mutant("prior", "rbm", "boltzmann", "law.py", old, new, says)


def _loss(old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", "cd", "boltzmann", "divergence.py", old, new, says)


MUTANTS = [
    # The sign of a free energy; a normaliser that is forgotten; a bias that only one side has.
    _law("-self.machine.free_energy(value) -", "self.machine.free_energy(value) -", "log_prob"),
    _law(" - self.machine.log_z()", "", "sums to 1"),
    _rbm("return -(flat * self.visible_bias).sum(-1)", "return flat.new_zeros(flat.shape[:-1])", "log_prob"),
    _rbm("return exact_log_z(self)", "return exact_log_z(self).detach()", "difference quotient"),
    # The variance for the deviation; the volume of the Gaussian is lost; the biases' energy without its scale.
    _gaussian("return (2 * self.log_sigma).exp()", "return self.log_sigma.exp()", "learned=True"),
    _gaussian("- raised.sum(-1) - self._log_volume", "- raised.sum(-1)", "integrates to 1"),
    _gaussian(
        "mean = self._shaped(field)\n        sigma",
        "mean = 0.5 * self._shaped(field)\n        sigma",
        "gaussian-rbm",
    ),
    # Cosines that are not orthonormal; a centre that only samples have; another deviation of samples.
    _cosine("    rows[0] /= math.sqrt(2)\n", "", "integrates to 1"),
    _cosine("@ (v - 0.5) @", "@ v @", "log_prob"),
    _cosine("(field, self.log_sigma.exp())", "(field, 2 * self.log_sigma.exp())", "log_prob"),
    # The data are changed in place; a row a batch; nothing is trained.
    _loss("energy = rbm.free_energy(x)", "energy = rbm.free_energy(x.clamp_(0, 0.5))", "leaves x"),
    _loss(
        "Terms(energy - rbm.free_energy(wandered)",
        "Terms(energy[:, None] - rbm.free_energy(wandered)",
        "number",
    ),
    _loss(
        "Terms(energy - rbm.free_energy(wandered)",
        "Terms((energy - rbm.free_energy(wandered)).detach()",
        "gradient",
    ),
]
