"""Bugs in functions."""

from . import Mutant

_CONCAT = "return torch.cat(list(tensors), dim=-3 if tensors[0].ndim >= 4 else -1)"
_POOL = "return pooled.reshape(*x.shape[:-2], *pooled.shape[-2:])"


def _tensor(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("function", name, "functions", "tensors.py", old, new, says)


def _tiles(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("function", name, "functions", "tiles.py", old, new, says)


def _bound(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("function", name, "vae", "functions/bounds.py", old, new, says)


MUTANTS = [
    _tensor("concat", _CONCAT, "return torch.cat(list(tensors), dim=1)", "samples stand in front"),
    _tensor(
        "concat",
        _CONCAT,
        "return torch.cat([tensors[0], tensors[1].flip(0)], dim=-1)",
        "paired with another row",
    ),
    _tensor("detach", "    return stopped", "    return stopped.mul_(0.5)", "leaves x as it was"),
    _tensor("detach", "    return stopped", "    return stopped - stopped[:1]", "one row singled out"),
    _tensor(
        "downsample",
        "x.reshape(-1, 1, *x.shape[-2:])",
        "x.reshape(-1, 1, x.shape[-1], x.shape[-1])",
        "1x28x20",
    ),
    _tensor(
        "downsample", _POOL, "return pooled.reshape(len(x), -1, *pooled.shape[-2:])", "two samples of four"
    ),
    _tiles("tiles", "movedim((-5, -4, -2), (-3, -5, -4))", "movedim((1, 2, 4), (3, 1, 2))", "samples"),
    _tiles("tiles", '_require(x, self.size, "tiles")', "x.mul_(0.5)", "leaves x as it was"),
    _tiles("crop", '_require(x, size, "crop")', "x.mul_(0.5)", "leaves x as it was"),
    _tiles("crop", "columns[:, None, :]]", "rows[:, None, :]]", "out of bounds"),
    _bound(
        "rate-distortion",
        "-observe(z).log_prob(x)",
        "-observe(z).log_prob(x.flip(0))",
        "permuted as the examples",
    ),
    _bound(
        "rate-distortion",
        "    return rate, -obs",
        "    return rate.cumsum(0), -obs",
        "permuted as the examples",
    ),
    _bound("importance-weights", "- q_z.log_prob(z)", "- q_z.log_prob(z)[:, :1]", "permuted as the examples"),
    _bound("importance-weights", "+ p_z.log_prob(z)", "+ p_z.log_prob(z)[:, :1]", "one row singled out"),
    # The sum in double precision handed on; one acceptance for all; x' that are not those of the drawn z.
    Mutant(
        "function",
        "annealed-importance",
        "vae",
        "functions/annealing.py",
        "return log_w.to(z.dtype), share",
        "return log_w, share",
        "float32",
    ),
    Mutant(
        "function",
        "annealed-importance",
        "vae",
        "functions/annealing.py",
        "accepted.append(chance.mean(0))",
        "accepted.append(chance.detach().numpy().mean(0))",
        "annealed-importance",
    ),
    Mutant(
        "function",
        "bidirectional-annealing",
        "vae",
        "functions/annealing.py",
        "return log_w.to(z.dtype)\n",
        "return log_w\n",
        "float32",
    ),
    Mutant(
        "function",
        "pack",
        "gan",
        "functions/pack.py",
        "return x.reshape(-1, self.samples * x.shape[1], *x.shape[2:])",
        "return x.reshape(-1, self.samples * x.shape[1], *x.shape[2:]).double()",
        "float32",
    ),
    Mutant(
        "function",
        "pack",
        "gan",
        "functions/pack.py",
        "return x.reshape(-1, self.samples * x.shape[1], *x.shape[2:])",
        "return x.mul_(1.5).reshape(-1, self.samples * x.shape[1], *x.shape[2:])",
        "leaves x as it was",
    ),
    Mutant(
        "function",
        "rotate90",
        "functions",
        "rotations.py",
        "return every[quarters, torch.arange(len(x), device=x.device)], quarters",
        "return every[quarters, torch.arange(len(x), device=x.device)].half(), quarters",
        "float32",
    ),
    Mutant(
        "function",
        "rotate90",
        "functions",
        "rotations.py",
        "every = torch.stack([x.rot90(k, (2, 3)) for k in range(4)])",
        "every = torch.stack([x.rot90(k, (2, 3)) / k for k in range(4)])",
        "finite",
    ),
]
