"""Bugs in the prior, the posterior and the likelihoods."""

from . import Mutant


def _prior(old: str, new: str, says: str) -> Mutant:
    return Mutant("prior", "gaussian", "vae", "priors/gaussian.py", old, new, says)


def _posterior(old: str, new: str, says: str) -> Mutant:
    return Mutant("posterior", "gaussian", "vae", "posteriors/gaussian.py", old, new, says)


def _likelihood(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("likelihood", name, "vae", f"likelihoods/{name}.py", old, new, says)


BERNOULLI = "return Bernoulli(logits, event_ndim=self.event_ndim)"
GAUSSIAN = "return DiagonalGaussian(means, self.floor + self.log_sigma.exp(), event_ndim=self.event_ndim)"
LEARNED = "return DiagonalGaussian(self.mean, self.log_std.exp())"
STANDARD = "return DiagonalGaussian(self.mean, self.std, standard=True)"
POSTERIOR = "return DiagonalGaussian(mean, std, event_ndim=len(self.latent_shape))"
CLAMPED = "std = F.hardtanh(log_std, *LOG_STD).exp()"

MUTANTS = [
    # A standard Gaussian that is not standard: the KL believes it.
    _prior('"std", torch.ones(dim)', '"std", torch.full((dim,), 0.5)', "kl_divergence"),
    _prior(
        'self.register_buffer("mean", torch.zeros(dim)',
        'self.register_buffer("mean", torch.ones(dim)',
        "kl_divergence",
    ),
    # A learned prior that says it is the standard one.
    _prior(LEARNED, "return DiagonalGaussian(self.mean, self.log_std.exp(), standard=True)", "learned=True"),
    # The log-scale for the scale.
    _prior(LEARNED, "return DiagonalGaussian(self.mean, self.log_std)", "learned=True"),
    _prior(LEARNED, "return DiagonalGaussian(self.mean.detach(), self.log_std.exp())", "mean"),
    _prior(LEARNED, "return DiagonalGaussian(self.mean, self.log_std.detach().exp())", "log_std"),
    _prior("self.event_shape: Shape = (dim,)", "self.event_shape: Shape = (1, dim)", "event_shape"),
    _prior(
        STANDARD, "return DiagonalGaussian(self.mean, self.std, standard=True, event_ndim=0)", "event_shape"
    ),
    _prior(STANDARD, "return DiagonalGaussian(self.mean[:1], self.std, standard=True)", "event_shape"),
    # The log-scale for the scale; an unbounded scale; a gradient that stops.
    _posterior(CLAMPED, "std = F.hardtanh(log_std, *LOG_STD)", "posterior/gaussian"),
    _posterior(CLAMPED, "std = log_std.exp()", "finite"),
    _posterior(POSTERIOR, POSTERIOR.replace("std,", "std.detach(),"), "difference quotient"),
    _posterior(POSTERIOR, POSTERIOR.replace("mean,", "mean.detach(),"), "difference quotient"),
    # Shapes: maps as vectors, rows for columns, one batch dimension alone.
    _posterior(POSTERIOR, "return DiagonalGaussian(mean, std, event_ndim=1)", "event_shape"),
    _posterior(
        "part.unflatten(-1, self.latent_shape)", "part.unflatten(-1, self.latent_shape[::-1])", "event_shape"
    ),
    _posterior(
        "flat = features.flatten(-self.in_ndim)",
        "flat = features.reshape(-1, self.linear.in_features)",
        "(2, 3",
    ),
    # One scale for the batch; a batch that is normalised.
    _posterior(POSTERIOR, POSTERIOR.replace("std,", "std.mean(0, keepdim=True).expand_as(std),"), "rows"),
    _posterior("self.linear(flat)", "self.linear(flat - flat.mean(0, keepdim=True))", "rows"),
    _posterior(POSTERIOR, POSTERIOR.replace("std,", "std, standard=True,"), "kl_divergence"),
    _likelihood("bernoulli", BERNOULLI, "return Bernoulli(logits, event_ndim=1)", "event"),
    _likelihood(
        "bernoulli",
        BERNOULLI,
        "return Bernoulli(logits.detach(), event_ndim=self.event_ndim)",
        "difference quotient",
    ),
    _likelihood(
        "bernoulli",
        BERNOULLI,
        "return Bernoulli(logits - logits.mean(0), event_ndim=self.event_ndim)",
        "rows",
    ),
    _likelihood(
        "bernoulli", BERNOULLI, "return Bernoulli(logits.exp().log(), event_ndim=self.event_ndim)", "finite"
    ),
    _likelihood(
        "bernoulli",
        BERNOULLI,
        "return Bernoulli(logits.clamp(min=0).detach() + logits.sign(), event_ndim=self.event_ndim)",
        "bernoulli",
    ),
    _likelihood(
        "bernoulli",
        BERNOULLI,
        "return Bernoulli(logits[:, :1].expand_as(logits), event_ndim=self.event_ndim)",
        "the samples beside it",
    ),
    _likelihood(
        "gaussian",
        GAUSSIAN,
        "return DiagonalGaussian(means, self.log_sigma, event_ndim=self.event_ndim)",
        "gaussian",
    ),
    _likelihood(
        "gaussian",
        GAUSSIAN,
        "return DiagonalGaussian(means, self.log_sigma.detach().exp(), event_ndim=self.event_ndim)",
        "log_sigma",
    ),
    _likelihood(
        "gaussian",
        GAUSSIAN,
        "return DiagonalGaussian(means, self.log_sigma.exp(), event_ndim=self.event_ndim - 1)",
        "event",
    ),
    _likelihood(
        "gaussian",
        GAUSSIAN,
        "return DiagonalGaussian(means / means.std(), self.log_sigma.exp(), event_ndim=self.event_ndim)",
        "rows",
    ),
    Mutant(
        "likelihood",
        "categorical",
        "vae",
        "likelihoods/categorical.py",
        "return (self.classes,)",
        "return data_shape",
        "categorical",
    ),
    Mutant(
        "likelihood",
        "categorical",
        "vae",
        "likelihoods/categorical.py",
        "logits=logits.float()",
        "logits=logits.detach().float()",
        "gradient",
    ),
    Mutant(
        "likelihood",
        "categorical",
        "vae",
        "likelihoods/categorical.py",
        "logits=logits.float()",
        "logits=logits.float().softmax(0)",
        "row",
    ),
]
