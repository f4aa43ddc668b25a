"""Bugs in bounds of several samples and in losses of all codes together."""

from . import Mutant


def _loss(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", name, "vae", f"losses/{file}.py", old, new, says)


_IWAE = 'return Terms(-log_mean_exp(weights), {"effective_samples"'
_DREG = "bound = log_mean_exp(weights.detach()) + (taught - taught.detach())"

MUTANTS = [
    _loss("iwae", "iwae", _IWAE, _IWAE.replace("-log", "log"), "a higher probability"),
    _loss(
        "iwae",
        "weights",
        "flat.logsumexp(0) - math.log(len(flat))",
        "flat.logsumexp(0)",
        "copies of one sample",
    ),
    _loss("iwae", "iwae", _IWAE, _IWAE.replace("(weights)", "(weights.flip(-1))"), "permuted as its inputs"),
    _loss("miwae", "miwae", "weights.logsumexp(-2)", "weights.logsumexp(-1)", "permuted"),
    _loss("miwae", "miwae", "- math.log(weights.shape[-2])", "", "copies of one sample"),
    _loss("ciwae", "ciwae", "(1 - beta) * tighter", "(beta - 1) * tighter", "a higher probability"),
    _loss("ciwae", "ciwae", "beta * lower", "lower.detach()", "is that of its value"),
    _loss("stl", "stl", "weights.flatten(0, -2).mean(0)", "weights.flatten(0, -2)", "shape () or (batch,)"),
    _loss("stl", "stl", "return Terms(-weights", "return Terms(-weights.detach()", "no gradient at all"),
    _loss("dreg", "dreg", _DREG, "bound = log_mean_exp(weights.detach())", "no gradient at all"),
    _loss("dreg", "dreg", "if torch.is_grad_enabled() and z.requires_grad:", "if True:", "torch.no_grad()"),
    _loss(
        "capacity", "capacity", "gamma * (rate.mean() - capacity).abs()", "gamma * rate.mean()", "'capacity'"
    ),
    _loss(
        "capacity",
        "capacity",
        'logged["distortion"] + gamma',
        'gamma - logged["distortion"] + gamma',
        "probability",
    ),
    _loss(
        "mmd", "kernels", "return within - 2 * function", "return within.detach() - 2 * function", "against"
    ),
    _loss("wae-mmd", "wae", "error + weight * gap", "error + gap", "option 'weight' changes the loss"),
    _loss("wae-mmd", "wae", "error + weight * gap", "weight * gap - error", "a higher probability"),
    _loss("info", "info", "(1 - alpha) * rate", "-(1 - alpha) * rate", "far from the prior"),
    _loss(
        "info",
        "info",
        "(alpha + strength - 1) * gap",
        "(alpha - 1) * gap",
        "option 'strength' changes the loss",
    ),
    _loss("rae", "rae", "0.5 * embedding * spread", "0.5 * spread", "option 'embedding' changes the loss"),
    _loss("rae", "rae", "Terms(error + 0.5", "Terms(error.detach() + 0.5", "is a part detached"),
    _loss(
        "dip",
        "dip",
        "means = q_z.mean.flatten(1)",
        "means = q_z.mean.detach().flatten(1)",
        "that of its value",
    ),
    _loss("dip", "dip", "weight = (10.0", "off_diagonal = 1.0\n    weight = (10.0", "option 'off_diagonal'"),
    _loss(
        "beta-tc", "beta_tc", "+ self.beta * correlation", "+ correlation", "option 'beta' changes the loss"
    ),
    _loss("beta-tc", "beta_tc", "distortion = -p_x", "distortion = p_x", "a higher probability"),
    _loss(
        "log-ratio",
        "log_ratio",
        "if score.ndim > 1 else score",
        "if score.ndim > 1 else score[0]",
        "permuted",
    ),
    Mutant(
        "function",
        "permute-dims",
        "functions",
        "tensors.py",
        "order = torch.rand(z.shape, device=z.device).argsort(0)\n    return z.gather(0, order)",
        "z.copy_(z.gather(0, torch.rand_like(z).argsort(0)))\n    return z",
        "leaves",
    ),
]
