"""Bugs in what stands between pictures and a critic."""

from . import Mutant


def _function(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("function", name, "gan", f"functions/{name.replace('-', '_')}.py", old, new, says)


def _diffusion(old: str, new: str, says: str) -> Mutant:
    return Mutant("noise", "diffusion", "gan", "noises/diffusion.py", old, new, says)


def _told_apart(old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", "told-apart", "gan", "losses/told_apart.py", old, new, says)


def _told_level(old: str, new: str, says: str) -> Mutant:
    return Mutant("metric", "told-level", "metrics", "told_level.py", old, new, says)


def _columns(old: str, new: str, says: str) -> Mutant:
    return Mutant("function", "columns", "functions", "tensors.py", old, new, says)


MUTANTS = [
    _function("diff-augment", "x = x + brightness *", "x += brightness *", "leaves x as it was"),
    _function(
        "diff-augment",
        "(side if other == axis else 1 for other in (2, 3))]\n        index",
        "(side if other == axis else 1 for other in (3, 2))]\n        index",
        "28x20",
    ),
    _function(
        "direction",
        "turn = angle.deg2rad()",
        "turn = angle.deg2rad() + angle[:1]",
        "permuted as the examples",
    ),
    _function("direction", "turn.sin()], -1)", "turn.sin()], 1)", "two samples of four"),
    _function("ada", "return self.p.clone()", "return self.p.clone() / self.p", "finite"),
    _function("ada", "return self.p.clone()", "return self.p.double()", "float32"),
    _columns("torch.stack(list(tensors), -1)", "torch.stack(list(tensors), 1)", "two samples of four"),
    _columns(
        "torch.stack(list(tensors), -1)",
        "torch.stack(list(tensors), -1).cumsum(0)",
        "permuted as the examples",
    ),
    _diffusion("(1 - kept) * self.centre, noise,", "(1 - kept) * self.centre + 0.01, noise,", "level=0"),
    _diffusion("torch.randn_like(x))", "torch.randn_like(x[:1]).expand_as(x))", "all 8 rows"),
    _told_apart("logits.float()", "logits.double()", "float32"),
    _told_apart("torch.stack(said).mean(0)", "torch.stack(said).mean(0).cumsum(0)", "row"),
    _told_level("_r2(told, asked)", "_r2(told[:7], asked[:7])", "order"),
    _told_level(
        "1 - left / spread.clamp_min(1e-12)", "1 - left / spread.clamp_min(1e-12) * float('inf')", "finite"
    ),
]
