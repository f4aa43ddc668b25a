"""Bugs in nets: discriminators, encoders and decoders."""

from . import Mutant

_MLP = "features = self.net(flat(x, () if self.projected else conditions))"
_CONV = "features = self.net(beside(x, () if self.projected else conditions)).flatten(1)"
_SEEN = "beside(x, () if self.projected else conditions)"
_VERDICT = "verdict: Verdict = self.last(features, conditions)\n        return verdict\n\n\nclass "
_PATCH = "return Verdict(self.last(features).squeeze(1), features.mean((2, 3)))"
_DECODED = "return out.view(-1, *self.out_shape)"


def _critic(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("discriminator", name, "nets", "critics.py", old, new, says)


MUTANTS = [
    _critic(
        "mlp",
        _MLP,
        "features = self.net((x - x.mean(0)).flatten(1))",
        "whatever the others are",
    ),
    _critic("mlp", _MLP, _MLP.replace("flat(x,", "flat(x.detach(),"), "a generator learns through it"),
    _critic(
        "mlp",
        _MLP,
        "features = self.net(x.flatten(1) + (x - x).square().sum().sqrt())",
        "the derivative of a root",
    ),
    _critic("conv", _CONV, _CONV.replace(").flatten", ").detach().flatten"), "generator learns through it"),
    _critic(
        "conv",
        _CONV,
        _CONV.replace(_SEEN, "x[:, :1].expand_as(x)"),
        "channel [1, 2] does not",
    ),
    _critic(
        "conv",
        f"{_VERDICT}Patch",
        f"{_VERDICT}Patch".replace("return verdict", "return Verdict(verdict.score.sigmoid(), features)"),
        "leave out the sigmoid",
    ),
    _critic("patch", _PATCH, _PATCH.replace("features.mean((2, 3))", "features"), "features of call(x)"),
    _critic("patch", _PATCH, _PATCH.replace("squeeze(1)", "squeeze(1).sigmoid()"), "scores are logits"),
    _critic(
        "patch",
        "features = self.net(beside(x, conditions))\n        return",
        "features = self.net(x[..., : x.shape[-1] * 3 // 4])\n        return",
        "of 28 columns the first 0 and the last",
    ),
    _critic(
        "patch",
        "features = self.net(beside(x, conditions))\n        return",
        "features = self.net(x / x.norm())\n        return",
        "first",
    ),
    Mutant(
        "discriminator",
        "dcgan",
        "nets",
        "dcgan.py",
        "return super().forward(x, *conditions)",
        "return super().forward(x[:, :, :, : x.shape[3] // 2].repeat(1, 1, 1, 2), *conditions)",
        "",
    ),
    Mutant(
        "discriminator",
        "dcgan",
        "nets",
        "dcgan.py",
        "return super().forward(x, *conditions)",
        "return super().forward(x, *conditions).score",
        "gives Verdict(score, features)",
    ),
    Mutant(
        "discriminator",
        "resnet",
        "nets",
        "resnet_critic.py",
        ".sum((2, 3))",
        ".sum((0, 2, 3)).expand(len(x), -1)",
        "whatever the others are",
    ),
    Mutant(
        "discriminator",
        "resnet",
        "nets",
        "resnet_critic.py",
        "self.halve(self.net(x)) + self.past(self.halve(x))",
        "self.halve(self.net(x)).detach() + self.past(self.halve(x))",
        "a gradient reaches every parameter",
    ),
    Mutant(
        "decoder",
        "dcgan",
        "nets",
        "dcgan.py",
        "odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)",
        "odd = ((out_shape[2] >> level) % 2, (out_shape[1] >> level) % 2)",
        "out_shape (3, 27, 22)",
    ),
    Mutant(
        "decoder",
        "dcgan",
        "nets",
        "dcgan.py",
        "out: Tensor = self.net(*told_apart(z, conditions, self.told))",
        "out = self.net(*told_apart(z.detach(), conditions, self.told))",
        "encoder and prior",
    ),
    Mutant(
        "decoder",
        "resnet",
        "nets",
        "resnet.py",
        "for n in reversed(range(depth + 1))]\n        widths",
        "for n in reversed(range(depth + 1))][::-1]\n        widths",
        "out_shape",
    ),
    Mutant(
        "decoder",
        "resnet",
        "nets",
        "resnet.py",
        "out: Tensor = self.net(*told_apart(z, conditions, self.told))",
        "out = self.net(*told_apart(z - z.mean(0), conditions, self.told))",
        "others",
    ),
    Mutant(
        "encoder",
        "mlp",
        "nets",
        "mlp.py",
        "self.net(flat(x, conditions))",
        "self.net(x.flatten(1)[:, :-1])",
        "call(x)",
    ),
    Mutant(
        "encoder",
        "conv",
        "nets",
        "conv.py",
        "features: Tensor = self.net(beside(x, conditions))",
        "features: Tensor = self.net(x - x.mean(0))",
        "others",
    ),
    Mutant(
        "encoder",
        "conv",
        "nets",
        "conv.py",
        "features: Tensor = self.net(beside(x, conditions))",
        "features = (self.net(x), x)",
        "one tensor",
    ),
    Mutant(
        "decoder",
        "mlp",
        "nets",
        "mlp.py",
        _DECODED,
        "return out.view(-1, *self.out_shape[:1], *self.out_shape[:0:-1])",
        "a decoder built for out_shape",
    ),
    Mutant(
        "decoder",
        "mlp",
        "nets",
        "mlp.py",
        "self.last(self.net(flat(z, conditions)))",
        "self.last(self.net(z.flatten(1) * (z.flatten(1) > 9)))",
        "encoder and prior",
    ),
    Mutant(
        "decoder",
        "conv",
        "nets",
        "conv.py",
        "odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)",
        "odd = (0, 0)",
        "out_shape (3, 27, 22)",
    ),
    Mutant(
        "decoder",
        "conv",
        "nets",
        "conv.py",
        "out: Tensor = self.net(beside(z, conditions))",
        "out = self.net(z)\n        out[:, :, :2] = 0",
        "the first 2",
    ),
    Mutant(
        "decoder",
        "conv",
        "nets",
        "conv.py",
        "out: Tensor = self.net(beside(z, conditions))",
        "out = self.net(z - z.mean(0))",
        "others",
    ),
]
