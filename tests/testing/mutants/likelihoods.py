"""Bugs in likelihoods of grey values, of levels and of tables."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("likelihood", name, "vae", f"likelihoods/{file}.py", old, new, says)


CELLS = "return torch.where(first | last, 0.0, inside) - above - below"

MUTANTS = [
    # The cross-entropy of grey values alone, its mean, and draws of another law.
    _mutant(
        "continuous-bernoulli",
        "continuous_bernoulli",
        "self._sum_event(_log_sinhc(0.5 * self.logits))",
        "self._sum_event(torch.nn.functional.softplus(self.logits) - 0.5 * self.logits)",
        "log_prob_is_normalised",
    ),
    _mutant(
        "continuous-bernoulli",
        "continuous_bernoulli",
        "return 0.5 + 0.5 * torch.where(h.abs() < NEAR, series, 1 / far.tanh() - 1 / far)",
        "return self.logits.sigmoid()",
        "mean",
    ),
    _mutant(
        "continuous-bernoulli",
        "continuous_bernoulli",
        "torch.where(logits < 0, below, 1 - below))",
        "torch.where(logits > 0, below, 1 - below))",
        "samples",
    ),
    # Tails that belong to no level; a log-scale for a scale; means that are not the cells'.
    _mutant("discretised-logistic", "logistic", CELLS, "return inside - above - below", "log_prob"),
    _mutant("discretised-logistic", "logistic", "return total / (LEVELS - 1)", "return self.loc", "mean"),
    _mutant(
        "discretised-logistic",
        "logistic",
        "(self.loc + self.log_scale.exp() * noise)",
        "(self.loc + (2 * self.log_scale).exp() * noise)",
        "samples",
    ),
    _mutant(
        "logistic-mixture",
        "logistic_mixture",
        "self.logits.log_softmax(self.axis)",
        "self.logits",
        "log_prob",
    ),
    _mutant(
        "logistic-mixture",
        "logistic_mixture",
        "chosen = (self.logits + noise).argmax",
        "chosen = self.logits.expand_as(noise).argmax",
        "samples",
    ),
    _mutant("categorical-256", "levels", " - self.logits.logsumexp(self.axis)", "", "log_prob"),
    _mutant(
        "categorical-256", "levels", "return (LEVELS * data_shape[0],", "return (data_shape[0],", "takes"
    ),
    _mutant("columns", "columns", "logits.log_softmax(-1), code", "logits, code", "log_prob"),
    _mutant("columns", "columns", "codes = [logits.softmax(-1)", "codes = [logits.sigmoid()", "mean"),
    _mutant(
        "gaussian-per-value",
        "gaussian_per_value",
        "self.floor + F.softplus(raw)",
        "raw",
        "gaussian-per-value",
    ),
    _mutant(
        "gaussian-per-value",
        "gaussian_per_value",
        "return (2 * data_shape[0],",
        "return (data_shape[0],",
        "takes",
    ),
    _mutant(
        "laplace",
        "laplace",
        "self.floor + self.log_scale.exp()",
        "self.log_scale.exp().detach()",
        "log_scale",
    ),
    _mutant("laplace", "laplace", "            self.event_ndim,\n", "            1,\n", "event"),
]
