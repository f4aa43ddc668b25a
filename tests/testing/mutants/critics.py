"""Bugs in nets: discriminators, encoders and decoders."""

from . import Mutant

_MLP = "features = self.net(flat(x, conditions))"
_CONV = "features = self.net(beside(x, conditions)).flatten(1)"
_PATCH = "return Verdict(self.last(features).squeeze(1), features.mean((2, 3)))"
_DECODED = "return out.view(-1, *self.out_shape)"


def _critic(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("discriminator", name, "nets", "critics.py", old, new, says)


MUTANTS = [
    _critic(
        "mlp",
        _MLP,
        _MLP.replace("flat(x, conditions)", "(x - x.mean(0)).flatten(1)"),
        "whatever the others are",
    ),
    _critic("mlp", _MLP, _MLP.replace("flat(x,", "flat(x.detach(),"), "a generator learns through it"),
    _critic(
        "mlp",
        _MLP,
        _MLP.replace("flat(x, conditions)", "(x.flatten(1) + (x - x).square().sum().sqrt())"),
        "the derivative of a root",
    ),
    _critic("conv", _CONV, _CONV.replace(").flatten", ").detach().flatten"), "generator learns through it"),
    _critic(
        "conv",
        _CONV,
        _CONV.replace("beside(x, conditions)", "x[:, :1].expand_as(x)"),
        "channel [1, 2] does not",
    ),
    _critic(
        "conv",
        "return Verdict(self.last(features).squeeze(1), features)\n\n\nclass Patch",
        "return Verdict(self.last(features).squeeze(1).sigmoid(), features)\n\n\nclass Patch",
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
