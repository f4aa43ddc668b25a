"""Bugs in samplers."""

from . import Mutant


def _mixture(old: str, new: str, says: str) -> Mutant:
    return Mutant("sampler", "mixture", "vae", "samplers/mixture.py", old, new, says)


MUTANTS = [
    _mixture(
        "noise = torch.randn(n, self.means.shape[1], device=self.means.device)",
        "noise = torch.randn(1, self.means.shape[1], device=self.means.device).expand(n, -1)",
        "of 10,000 draws",
    ),
    _mixture("(self.means[which] + spread)", "spread", "a mean of"),
    _mixture(
        "return torch.cat([decode(part) for part in torch.split(codes, ROWS)])",
        "return codes",
        "is a shift lost, or the draw not decoded?",
    ),
    _mixture("scales.append(torch.linalg.cholesky(covariance))", "scales.append(covariance)", "deviation"),
    _mixture(
        "which = torch.multinomial(self.log_weights.exp(), n, replacement=True)",
        "which = torch.randint(self.components, (n,))",
        "weights not used?",
    ),
    _mixture("(scales @ noise.unsqueeze(-1))", "(scales.mT @ noise.unsqueeze(-1))", "a factor transposed"),
    _mixture("torch.randn(n, self.means.shape[1]", "torch.rand(n, self.means.shape[1]", "of 10,000 draws"),
    _mixture(
        "which = torch.multinomial(self.log_weights.exp(), n, replacement=True)",
        "torch.manual_seed(0)\n        which = torch.multinomial(self.log_weights.exp(), n, replacement=True)",
        "leaves the seed as it was set",
    ),
    _mixture(
        "codes = (self.means[which] + spread).reshape(n, *self.code_shape.tolist())",
        "codes = (self.means[which] + spread).reshape(n, *self.code_shape.tolist())\n"
        "        codes = codes.squeeze()",
        "n=1",
    ),
    _mixture(
        'for name in ("log_weights", "means", "scales", "code_shape"):',
        'for name in ("log_weights", "means", "code_shape"):',
        "register_buffer",
    ),
]


def _other(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("sampler", name, "vae", f"samplers/{file}.py", old, new, says)


MUTANTS += [
    _other("flow", "flow", "(u - shift) * (-scale).exp()", "u * (-scale).exp() - shift + 0.2", "a mean of"),
    _other(
        "flow",
        "flow",
        "return decoded(decode, self.whitening.codes(u))",
        "return self.whitening.codes(u)",
        "is a shift lost, or the draw not decoded?",
    ),
    _other(
        "neighbours",
        "neighbours",
        "here + torch.rand(len(chosen), 1, device=chosen.device) * (there - here)",
        "here + torch.rand(len(chosen), 1, device=chosen.device) * there",
        "of 10,000 draws",
    ),
    _other(
        "neighbours",
        "neighbours",
        'self.register_buffer("points", None)',
        "self.points = None",
        "register_buffer",
    ),
    _other(
        "two-stage",
        "two_stage",
        "u = mean + log_gamma.exp() * torch.randn_like(mean)",
        "u = mean",
        "a standard deviation of",
    ),
    _other("two-stage", "two_stage", "w = torch.randn(n", "w = torch.rand(n", "a mean of"),
    _other(
        "resampled",
        "resampled",
        "open_ = open_[~accepted]",
        "open_ = open_[~accepted & (points[open_, 0] > 0)]",
        "of 10,000 draws",
    ),
    _other(
        "resampled", "resampled", "points = torch.randn(n, ", "points = torch.rand(n, ", "of 10,000 draws"
    ),
    _other(
        "latent-langevin",
        "latent_langevin",
        "accepted = torch.rand_like(odds) < odds",
        "accepted = odds > 0.9",
        "dev",
    ),
    _other(
        "latent-langevin",
        "latent_langevin",
        "log_p = self.logit(at).squeeze(1) - 0.5 * at.square().sum(1)",
        "log_p = self.logit(at).squeeze(1) - at.square().sum(1)",
        "a standard deviation of",
    ),
]
