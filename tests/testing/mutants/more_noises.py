"""Bugs in the noises of plugins/dae/noises."""

from . import Mutant


def _noise(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("noise", name, "dae", f"noises/{name.replace('-', '_')}.py", old, new, says)


MUTANTS = [
    _noise(
        "masking", "torch.rand_like(x)  #", "torch.rand_like(x[:1]).expand(x.shape).clone()  #", "all 8 rows"
    ),
    _noise("masking", "kept.ge_(", "kept.le_(", "level=0"),
    _noise("masking", "return x * keep(x, level[:, 0])", "return x.mul_(keep(x, level[:, 0]))", "in place"),
    _noise("salt-and-pepper", "hit = chance < share", "hit = chance < 0.3", "level=0"),
    _noise("salt-and-pepper", "level[:, 0], x)", "level.mean(0), x)", "that row's own"),
    _noise("gaussian-masking", "keep(x, level[:, 1])", "keep(x, level[:, 0])", "column 'share'"),
    _noise(
        "gaussian-masking",
        "per_example(level[:, 0], x),",
        "per_example(level[:, 0], x) ** 2,",
        "standard deviation",
    ),
    _noise("speckle", ".add_(1)", ".add_(1.01)", "level=0"),
    _noise(
        "speckle",
        "(per_example(level[:, 0], x))",
        "(per_example(level[:, 0], x) ** 0.5)",
        "standard deviation",
    ),
    _noise("poisson", "torch.where(gain > 0, counted, x)", "counted", "level=0"),
    _noise(
        "uniform",
        "draw_level(self.width, x)",
        "draw_level(self.width, x[:1]).expand(len(x))",
        "level of its own",
    ),
    _noise("blend", "torch.lerp(x, pure, share)", "torch.lerp(x, pure * x.mean(), share)", "mixes examples"),
    _noise("block-dropout", ">= level", ">= level.mean()", "that row's own"),
    _noise(
        "blur",
        "torch.where(per_example(level[:, 0], x) > 0, mapped(x, down, across), x)",
        "mapped(x, down, across)",
        "level=0",
    ),
    _noise(
        "blur",
        "down if x.shape[-1] == x.shape[-2] else _blurring(level, x.shape[-1], x.dtype)",
        "down",
        "28x20",
    ),
    _noise(
        "downsample", "level.exp2()", "level.exp2().mean(0, keepdim=True).expand_as(level)", "that row's own"
    ),
    _noise("cutout", "share = level[:, 0]", "share = 0 * level[:, 0] + self.share", "level=0"),
    _noise("jpeg", "coarseness.reshape(-1, 1, 1, 1)", "coarseness.mean()", "that row's own"),
    _noise(
        "rotate-crop",
        "angle, radius, across, down = level.unbind(1)",
        "angle, radius, across, down = level.unbind(1)\n        radius = 0.5 * torch.ones_like(radius)",
        "'radius'",
    ),
    _noise("flip", "hit, other, y", "hit, other, other", "level=0"),
    _noise("compose", "x = part.apply(x, own)", "x = part.apply(x, drawn(part, x))", "level=0"),
    _noise(
        "one-of", "part.apply(x[rows], own[rows])", "part.apply(x[rows], drawn(part, x[rows]))", "level=0"
    ),
]
