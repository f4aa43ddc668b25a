"""Bugs in chains, walkback, the GSN, the contractive penalty, and in metrics of chains."""

from . import Mutant


def _chain(old: str, new: str, says: str) -> Mutant:
    return Mutant("sampler", "chain", "dae", "chains/walk.py", old, new, says)


MUTANTS = [
    _chain(
        "law, state = made, made.sample() if", "law, state = made, made.mean if", "a standard deviation of"
    ),
    Mutant(
        "sampler",
        "chain",
        "dae",
        "chains/chain.py",
        "chains = min(chains or n, n)",
        "torch.manual_seed(0)\n    chains = min(chains or n, n)",
        "leaves the seed as it was set",
    ),
    Mutant(
        "decoder",
        "gsn",
        "dae",
        "chains/gsn.py",
        "noise.noised(x).flatten(1)",
        "noise.noised(x - x.mean(0)).flatten(1)",
        "the first example is the same whatever the others are",
    ),
    Mutant(
        "decoder",
        "gsn",
        "dae",
        "chains/gsn.py",
        "return torch.stack(made), torch.stack(tops)",
        "return torch.stack(made, 1), torch.stack(tops)",
        "",
    ),
    Mutant(
        "loss",
        "contractive",
        "dae",
        "chains/contractive.py",
        "jacobian.square().flatten(2).sum((0, 2))",
        "jacobian.square().sum().expand(len(x))",
        "",
    ),
    Mutant(
        "loss",
        "walkback",
        "dae",
        "chains/walkback.py",
        "losses.append(-p_x.log_prob(x))",
        "losses.append(-p_x.log_prob(x).sum())",
        "",
    ),
    Mutant(
        "loss",
        "score-matching",
        "dae",
        "chains/score.py",
        "0.5 * residual.square().flatten(1).sum(1)",
        "0.5 * residual.square().sum()",
        "",
    ),
    Mutant(
        "function",
        "tweedie",
        "dae",
        "chains/score.py",
        "x + per_example(level, x) * scaled_score",
        "x + level.mean() * scaled_score",
        "",
    ),
    Mutant(
        "likelihood",
        "mixture-density",
        "dae",
        "chains/mixture_density.py",
        "(self.components * (1 + 2 * math.prod(data_shape)),)",
        "(self.components * (1 + 2 * len(data_shape)),)",
        "",
    ),
    Mutant(
        "likelihood",
        "mixture-density",
        "dae",
        "chains/mixture_density.py",
        "self.floor + F.softplus(raw)",
        "F.relu(raw) - self.floor",
        "",
    ),
    Mutant(
        "metric",
        "two-sample",
        "metrics",
        "two_sample.py",
        'pool = data.tensors["x"]',
        'torch.manual_seed(0)\n    pool = data.tensors["x"]',
        "",
    ),
]
