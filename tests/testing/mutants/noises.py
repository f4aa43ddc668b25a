"""Bugs in noises."""

from . import Mutant

_APPLY = "return x + per_example(level[:, 0], x) * torch.randn_like(x)"


def _gaussian(old: str, new: str, says: str) -> Mutant:
    return Mutant("noise", "gaussian", "dae", "gaussian.py", old, new, says)


MUTANTS = [
    _gaussian(_APPLY, "return x + 0.1 * torch.randn_like(x)", "level=0"),
    _gaussian(
        _APPLY, "return x + per_example(level[:, 0], x) * torch.randn_like(x[:1])", "all 8 rows of the batch"
    ),
    _gaussian(
        _APPLY, "return x + per_example(level[:, 0], x).square() * torch.randn_like(x)", "standard deviation"
    ),
    _gaussian(_APPLY, "return x + level.mean() * torch.randn_like(x)", "that row's own"),
    _gaussian(
        _APPLY, "return x.detach() + per_example(level[:, 0], x) * torch.randn_like(x)", "cuts the graph"
    ),
    _gaussian(_APPLY, "return x.add_(per_example(level[:, 0], x) * torch.randn_like(x))", "in place"),
    _gaussian(
        _APPLY,
        "return x + per_example(level[:, 0], x) * torch.randn(\n"
        "            x.shape, generator=torch.Generator().manual_seed(0)\n        )",
        "generator of its own",
    ),
    _gaussian(
        _APPLY, "return x + per_example(level[:, 0], x) * x.std() * torch.randn_like(x)", "mixes examples"
    ),
    _gaussian(
        "return self._drawn(self.std, x)",
        "return self._drawn(self.std, x[:1]).expand(len(x))",
        "draws a level of its own",
    ),
    _gaussian(
        "return self._drawn(self.std, x)", "return self._drawn(self.std, x) ** 2", "in the column 'std'"
    ),
    _gaussian(_APPLY, "torch.manual_seed(0)\n        " + _APPLY, "never seed it"),
]
