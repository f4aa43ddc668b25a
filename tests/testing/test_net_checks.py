"""The checks of nets and functions pass hand-made ones that are right, and name what is wrong with others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Shape, Verdict

from .made import failures, results, told


class Projection(nn.Module):
    """A discriminator with labels (Miyato & Koyama 2018), spectral norms and no features."""

    def __init__(self, in_shape: Any, classes: int) -> None:
        super().__init__()
        size = math.prod(in_shape if isinstance(in_shape[0], int) else in_shape[0])
        self.net = nn.Sequential(nn.utils.spectral_norm(nn.Linear(size, 16)), nn.SiLU())
        self.score, self.label = nn.Linear(16, 1), nn.Embedding(classes, 16)

    def forward(self, x: Tensor, y: Tensor) -> Verdict:
        features = self.net(x.flatten(1))
        return Verdict(self.score(features).squeeze(1) + (features * self.label(y)).sum(1))


class Energy(nn.Module):
    """Minus the error of an autoencoder (Zhao et al. 2017): never positive, and no bound below."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(math.prod(in_shape), 8), nn.Tanh(), nn.Linear(8, math.prod(in_shape))
        )

    def forward(self, x: Tensor) -> Verdict:
        return Verdict(-(self.net(x.flatten(1)) - x.flatten(1)).square().mean(1))


class Zeroed(nn.Module):
    """A critic whose last layer starts at zero, with batch norm, dropout and a valid convolution."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(in_shape[0], 8, 3, 2), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Dropout(0.3)
        )
        self.last = nn.Conv2d(8, 1, 1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Verdict:
        features = self.net(x)
        return Verdict(self.last(features).squeeze(1), features.mean((2, 3)))


class Nearest(nn.Module):
    """An encoder that looks at every second pixel."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.net = nn.LazyConv2d(4, 3)
        self.net(torch.zeros(1, *in_shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(F.interpolate(x, scale_factor=0.5, mode="nearest"))


class Resized(nn.Module):
    """A decoder that interpolates to its size, for one label each (no other sizes refused)."""

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        self.out_shape = out_shape
        self.net = nn.Linear(math.prod(in_shape), 16 * 4 * 4)
        self.last = nn.Conv2d(16, out_shape[0], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        small = F.silu(self.net(z.flatten(1))).view(-1, 16, 4, 4)
        return self.last(F.interpolate(small, size=self.out_shape[1:], mode="bilinear"))


class EvenOnly(Resized):
    """It refuses what it can't do."""

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        if out_shape[1] % 4 or out_shape[2] % 4:
            raise ValueError(f"height and width must be multiples of 4, not {out_shape[1:]}")
        super().__init__(in_shape, out_shape)


PICTURES = {"needs": ("image",)}


@pytest.mark.parametrize(
    ("kind", "net", "fields"),
    [
        ("discriminator", Projection, {}),
        ("discriminator", Energy, {}),
        ("discriminator", Zeroed, PICTURES),
        ("encoder", Nearest, PICTURES),
        ("decoder", Resized, PICTURES),
        ("decoder", EvenOnly, PICTURES),
    ],
)
def test_a_net_that_is_right_passes(kind: str, net: Any, fields: dict[str, Any]) -> None:
    assert not (found := failures(kind, net, ("nets", "critics"), **fields)), told(found)


class Deviation(nn.Module):
    """A minibatch deviation (Karras et al. 2018): its rows depend on each other, in eval mode too."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.net, self.last = nn.Linear(math.prod(in_shape), 8), nn.Linear(9, 1)

    def forward(self, x: Tensor) -> Verdict:
        features = F.silu(self.net(x.flatten(1)))
        spread = (features.var(0) + 1e-8).sqrt().mean().expand(len(x), 1)
        return Verdict(self.last(torch.cat([features, spread], 1)).squeeze(1))


class Probability(Energy):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> Verdict:
        return Verdict(torch.sigmoid(self.net(x.flatten(1)).mean(1)))


class Root(Energy):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> Verdict:
        features = self.net(x.flatten(1))
        return Verdict(features.sum(1) + (features - features).square().sum(1).sqrt(), features)


class Once(torch.autograd.Function):
    """A derivative that can't be differentiated again."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return 2 * context.saved_tensors[0] * gradient


class OnceDifferentiable(Energy):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> Verdict:
        return Verdict(Once.apply(self.net(x.flatten(1))).sum(1))


class Square(Zeroed):
    """Crops to a square, as if every picture were one."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> Verdict:
        side = min(x.shape[-2:])
        top = (x.shape[-2] - side) // 2
        return super().forward(x[..., top : top + side, :side])


class Bare(Energy):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.flatten(1)).mean(1)


class Pair(Energy):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.net(x.flatten(1))
        return features, features.exp()


class AllButLast(nn.Module):
    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        self.out_shape = out_shape
        self.net = nn.Linear(math.prod(in_shape) - 1, math.prod(out_shape))

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z.flatten(1)[:, :-1]).view(-1, *self.out_shape)


class Padded(Resized):
    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)

    def forward(self, z: Tensor) -> Tensor:
        return F.pad(super().forward(z)[..., 1:-1, 1:-1], (1, 1, 1, 1))


class MultiplesOfEight(Resized):
    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.out_shape = (out_shape[0], out_shape[1] // 4 * 4, out_shape[2] // 4 * 4)


@pytest.mark.parametrize(
    ("kind", "net", "fields", "check", "says"),
    [
        ("discriminator", Deviation, {}, "independent_rows", "an expected failure, with its reason"),
        ("discriminator", Probability, {}, "scores_are_logits", "leave out the sigmoid"),
        ("discriminator", Root, {}, "has_second_derivatives", "a small number under the root"),
        ("discriminator", OnceDifferentiable, {}, "has_second_derivatives", "backward is not differentiable"),
        ("discriminator", Square, PICTURES, "sees_all_of_its_input", "of 28 rows the first 4 and the last"),
        ("discriminator", Bare, {}, "gives_a_verdict", "a Tensor"),
        ("encoder", Pair, {}, "gives_features", "the posterior's part"),
        ("decoder", AllButLast, {}, "sees_all_of_its_input", "no change with [1]"),
        (
            "decoder",
            Padded,
            PICTURES,
            "every_output_depends_on_the_latent",
            "the first 1 and the last 1 are constant",
        ),
        ("decoder", MultiplesOfEight, PICTURES, "fits_the_data", "out_shape (3, 27,"),
    ],
)
def test_a_wrong_net_is_named(kind: str, net: Any, fields: dict[str, Any], check: str, says: str) -> None:
    found = failures(kind, net, ("nets", "critics"), **fields)
    assert check in found, told(found)
    assert says in found[check], found[check]


def mismatched(x: Tensor) -> Tensor:
    """Every example beside another one: whole rows are moved."""
    return x.roll(1, -1 - _rank(x))


def _rank(x: Tensor) -> int:
    return 3 if x.ndim >= 4 else 1


def pack(x: Tensor) -> Tensor:
    """Two examples as one (Lin et al. 2018)."""
    if x.ndim not in (2, 4):
        raise ValueError(f"pack takes a batch, not {tuple(x.shape)}")
    return x.reshape(len(x) // 2, 2 * x.shape[1], *x.shape[2:])


def permute_dims(z: Tensor) -> Tensor:
    """Each dimension in an order of its own (Kim & Mnih 2018, algorithm 1)."""
    order = torch.rand(z.shape).argsort(-2)
    return z.gather(-2, order)


def standardised(z: Tensor) -> Tensor:
    return (z - z.mean(-2, keepdim=True)) / (z.std(-2, keepdim=True) + 1e-5)


def distances(z: Tensor) -> Tensor:
    """(..., batch, batch)."""
    return (z.unsqueeze(-2) - z.unsqueeze(-3)).square().sum(-1)


def entropy(q_z: Distribution) -> Tensor:
    return q_z.entropy()


def mixed_up(x: Tensor, restored: Tensor) -> Tensor:
    weight = torch.rand(len(x), *[1] * (x.ndim - 1))
    return torch.lerp(x, restored, weight)


@pytest.mark.parametrize(
    "function", [mismatched, pack, permute_dims, standardised, distances, entropy, mixed_up]
)
def test_a_function_that_is_right_passes(function: Callable[..., Any]) -> None:
    assert not (found := failures("function", function, ("functions",))), told(found)


_CALLS: list[int] = []


def counted(x: Tensor) -> Tensor:
    _CALLS.append(1)
    return x * len(_CALLS)


def first_row(x: Tensor) -> Tensor:
    return x - x[:1]


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def other_pairs(x: Tensor, restored: Tensor) -> Tensor:
    return x * restored.flip(0)


def unit(x: Tensor) -> Tensor:
    return (x - x).square().flatten(1).sum(1).sqrt()


@pytest.mark.parametrize(
    ("function", "check", "says"),
    [
        (counted, "remembers_nothing", "What holds state is a class"),
        (first_row, "rows_follow_the_batch", "one row singled out"),
        (flat, "takes_sample_dimensions", "count dimensions from the end"),
        (other_pairs, "rows_follow_the_batch", "paired with another row"),
        (unit, "gradients_are_finite", "NaN or infinity"),
    ],
)
def test_a_wrong_function_is_named(function: Callable[..., Any], check: str, says: str) -> None:
    found = failures("function", function, ("functions",))
    assert check in found, told(found)
    assert says in found[check], found[check]


def test_what_a_check_can_not_ask_is_skipped_with_a_reason() -> None:
    made = results("function", permute_dims, ("functions",))
    assert made["rows_follow_the_batch"].outcome == "skipped"
    assert "it draws" in made["rows_follow_the_batch"].message
