"""The checks of noises: right ones of many sorts pass, and each sort of mistake is told."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from genframe import Ge, Le, Level, Levels, Noise, Positive, draw_level, per_example

from .live import failures, results

# What is right


class Speckle(Noise):
    columns = ("std",)

    def __init__(self, *, std: Level = 0.3) -> None:
        self.std = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.std, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x * (1 + per_example(level.squeeze(1), x) * torch.randn_like(x))


class Clipped(Speckle):
    """Gaussian, clipped to what pictures may hold."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        noised = x + per_example(level[:, 0], x) * torch.randn_like(x)
        return torch.where(per_example(level[:, 0], x) > 0, noised.clamp(0, 1), x)


class OneLevel(Noise):
    """A noise with the one column `amount`."""

    columns = ("amount",)

    def __init__(self, *, amount: Annotated[Level, Ge(0), Le(1)] = 0.3) -> None:
        self.amount = amount

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.amount, x)


class Masking(OneLevel):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return torch.where(torch.rand_like(x) < per_example(level[:, 0], x), torch.zeros_like(x), x)


class SaltAndPepper(OneLevel):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        hit = torch.rand_like(x) < per_example(level[:, 0], x)
        return torch.where(hit, torch.randint_like(x, 2), x)


class RareSalt(SaltAndPepper):
    def __init__(self, *, amount: Level = 0.01) -> None:
        self.amount = amount


class Blend(OneLevel):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        share = per_example(level[:, 0], x)
        return (1 - share) * x + share * torch.rand_like(x)


class VariancePreserving(OneLevel):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        share = per_example(level[:, 0], x)
        return (1 - share**2).sqrt() * x + share * torch.randn_like(x)


class Poisson(OneLevel):
    """Counts of photons; its level is the share of one photon in a grey value of 1."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        scale = per_example(level[:, 0], x)
        counted = torch.poisson(x.clamp(min=0) / scale.clamp(min=1e-6)) * scale
        return torch.where(scale > 0, counted, x)


class Flips(OneLevel):
    """Turns a whole picture upside down, with the level as its chance."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        turned = torch.rand(len(x), device=x.device) < level[:, 0]
        return torch.where(per_example(turned, x), x.flip(-1), x)


class Blur(Noise):
    """Its level is the width of a Gaussian kernel in pixels."""

    columns = ("sigma",)

    def __init__(self, *, sigma: Level = (0.5, 2.0)) -> None:
        self.sigma = sigma

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.sigma, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        offsets = torch.arange(-6.0, 7.0)
        kernel = torch.exp(-0.5 * (offsets / level.clamp(min=1e-3)) ** 2)
        kernel = kernel / kernel.sum(1, keepdim=True)  # (batch, 13)
        batch, channels = x.shape[:2]
        kernels = kernel.repeat_interleave(channels, 0)  # (batch * channels, 13)
        flat = x.reshape(1, batch * channels, *x.shape[2:])
        padded = F.pad(flat, (6, 6, 6, 6), mode="replicate")
        rows = F.conv2d(padded, kernels.reshape(-1, 1, 13, 1), groups=batch * channels)
        both = F.conv2d(rows, kernels.reshape(-1, 1, 1, 13), groups=batch * channels).reshape(x.shape)
        return torch.where(per_example(level[:, 0], x) > 0, both, x)


class Cutout(OneLevel):
    """A square with this share of the side, at a random place, becomes grey."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        side = (level * min(height, width)).round()  # (batch, 1)
        top = torch.rand(len(x), 1) * (height - side)
        left = torch.rand(len(x), 1) * (width - side)
        down, across = torch.arange(height), torch.arange(width)
        rows = (down >= top.floor()) & (down < top.floor() + side)
        columns = (across >= left.floor()) & (across < left.floor() + side)
        hole = (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)
        return torch.where(hole, torch.full_like(x, 0.5), x)


class Quantised(OneLevel):
    """As a JPEG loses detail: steps of brightness."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        step = per_example(level[:, 0], x)
        return torch.where(step > 0, (x / step.clamp(min=1e-6)).round() * step, x)


class Coarse(Noise):
    """Down-sampled by a whole number and up again; at level 0 and 1 nothing happens."""

    columns = ("factor",)

    def __init__(self, *, factor: Level = 4.0) -> None:
        self.factor = factor

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.factor, x).round()

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        result = x.clone()
        for factor in (2, 3, 4):
            small = F.avg_pool2d(x, factor, ceil_mode=True)
            large = small.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
            chosen = per_example(level[:, 0].round() == factor, x)
            result = torch.where(chosen, large[..., : x.shape[-2], : x.shape[-1]], result)
        return result


class TurnedCircle(Noise):
    """A circle of the picture is turned: by `angle` degrees, around (row, column), within `radius`."""

    columns = ("angle", "row", "column", "radius")

    def __init__(self, *, angle: Level = (-40.0, 40.0), radius: Positive = 0.5) -> None:
        self.angle, self.radius = angle, radius

    def draw(self, x: Tensor) -> Tensor:
        place = torch.rand(len(x), 2) - 0.5
        radius = torch.full((len(x), 1), self.radius)
        return torch.cat([draw_level(self.angle, x).unsqueeze(1), place, radius], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        down, across = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        angle, row, column, radius = (one.reshape(-1, 1, 1) for one in level.T)
        dy, dx = down - row, across - column  # (batch, height, width)
        inside = dy**2 + dx**2 < radius**2
        turn = torch.where(inside, angle * math.pi / 180, torch.zeros(()))
        grid = torch.stack(
            [
                column + turn.cos() * dx - turn.sin() * dy,
                row + turn.sin() * dx + turn.cos() * dy,
            ],
            -1,
        )
        turned = F.grid_sample(x, grid, align_corners=True, padding_mode="border")
        return torch.where((inside & (angle != 0)).unsqueeze(1), turned, x)


class Both(Noise):
    """Salt, then Gaussian: the columns of both."""

    columns = ("amount", "std")

    def __init__(self, *, amount: Level = (0.0, 0.2), std: Level = 0.1) -> None:
        self.amount, self.std = amount, std

    def draw(self, x: Tensor) -> Tensor:
        return torch.stack([draw_level(self.amount, x), draw_level(self.std, x)], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        salted = torch.where(torch.rand_like(x) < per_example(level[:, 0], x), torch.ones_like(x), x)
        return salted + per_example(level[:, 1], x) * torch.randn_like(x)


class OneOf(Both):
    """Salt or Gaussian, each example the one or the other; the other's column is zero."""

    def draw(self, x: Tensor) -> Tensor:
        chosen = torch.rand(len(x), 1) < 0.5
        return super().draw(x) * torch.cat([chosen, ~chosen], 1)


class LabelNoise(Noise):
    """Another label, with the level as its chance."""

    columns = ("share",)

    def __init__(self, classes: int, *, share: Level = 0.1) -> None:
        self.classes, self.share = classes, share

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        other = (x + torch.randint(1, self.classes, x.shape)) % self.classes
        return torch.where(torch.rand(x.shape) < level[:, 0], other, x)


class NoLevel(Noise):
    """Without an option."""

    def draw(self, x: Tensor) -> Tensor:
        return torch.full((len(x),), 0.2)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * torch.randn_like(x)


class InDegrees(TurnedCircle):
    """Its column is in another unit than its option, and so it has another name."""

    columns = ("turn", "row", "column", "radius")

    def draw(self, x: Tensor) -> Tensor:
        return super().draw(x) * torch.tensor([math.pi / 180, 1, 1, 1])

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return super().apply(x, level * torch.tensor([180 / math.pi, 1, 1, 1]))


class WithoutBase:
    """No class of genframe's above it."""

    def __init__(self, *, amount: Level = 0.2) -> None:
        self.amount = amount

    def __call__(self, x: Tensor, level: Any = None) -> tuple[Tensor, Levels]:
        if isinstance(level, Levels):
            level = level.table
        drawn = draw_level(self.amount, x) if level is None else torch.as_tensor(level)
        table = drawn.reshape(-1, 1).expand(len(x), 1)
        return x + per_example(table[:, 0], x) * torch.rand_like(x), Levels(table, ("amount",))


ANY = (Speckle, Clipped, Masking, SaltAndPepper, RareSalt, Blend, VariancePreserving, Poisson, Flips)
PICTURES = (Blur, Cutout, Coarse, TurnedCircle, InDegrees)


@pytest.mark.parametrize("noise", [*ANY, Quantised, Both, OneOf, NoLevel, WithoutBase])
def test_right_noises_pass(noise: type) -> None:
    assert failures("noise", noise) == {}


@pytest.mark.parametrize("noise", PICTURES)
def test_right_noises_of_pictures_pass(noise: type) -> None:
    assert failures("noise", noise, needs=("image",)) == {}


def test_a_noise_of_labels_passes() -> None:
    made = results("noise", LabelNoise, needs=("labels",))
    assert {name for name, result in made.items() if result.outcome == "failed"} == set()
    assert made["level_is_what_it_says"].outcome == "passed"
    assert made["gradient_flows_through"].outcome == "skipped"


def test_what_does_not_apply_says_why() -> None:
    made = results("noise", Quantised)
    assert made["gradient_flows_through"].message.startswith("the noised value does not follow x smoothly")
    assert made["examples_have_their_own_draw"].message == "applying a level draws nothing"
    assert results("noise", NoLevel)["range_is_drawn_for_each_example"].message == "no option is a Level"


# What is wrong


class Constant(Speckle):
    """Ignores the level but at zero."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + 0.1 * per_example((level[:, 0] > 0).float(), x) * torch.randn_like(x)


class MeanLevel(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + level.mean() * torch.randn_like(x)


class Shared(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * torch.randn_like(x[:1])


class Variance(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x).sqrt() * torch.randn_like(x)


class Detached(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x.detach() + per_example(level[:, 0], x) * torch.randn_like(x)


class InPlace(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x.add_(per_example(level[:, 0], x) * torch.randn_like(x))


class OwnSeed(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        epsilon = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        return x + per_example(level[:, 0], x) * epsilon


class BatchScale(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * x.std() * torch.randn_like(x)


class Frozen(Speckle):
    """What __init__ works out does not follow a schedule."""

    def __init__(self, *, std: Level = 0.3) -> None:
        self.kept = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.kept, x)


class OneDraw(Speckle):
    """One level for the whole batch."""

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.std, x[:1]).expand(len(x))


class Squared(Speckle):
    """Levels that lie mostly at the lower end."""

    def draw(self, x: Tensor) -> Tensor:
        if isinstance(self.std, float):
            return draw_level(self.std, x)
        low, high = self.std
        return low + (high - low) * torch.rand(len(x)) ** 3


class Reads(Speckle):
    """apply reads what draw left."""

    def draw(self, x: Tensor) -> Tensor:
        self.epsilon = torch.randn_like(x)
        return draw_level(self.std, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * self.epsilon[: len(x)]


class DrawsAgain(TurnedCircle):
    """The angle that is applied is not the one that is told."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        again = self.draw(x)[:, :1] * (level[:, :1] != 0)
        return super().apply(x, torch.cat([again, level[:, 1:]], 1))


class TellsAnother(Speckle):
    """Its levels are drawn a second time."""

    def __call__(self, x: Tensor, level: Any = None) -> tuple[Tensor, Levels]:
        noised, levels = super().__call__(x, level)
        return noised, levels if level is not None else Levels(self.draw(x).unsqueeze(1), levels.names)


class Bytes(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return super().apply(x, level).double()


class Flat(Speckle):
    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return super().apply(x, level).flatten(1)


class Shuffled(Speckle):
    """The levels reach other rows than their own."""

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return super().apply(x, level[torch.randperm(len(level))])


WRONG = {
    Constant: ("level_is_what_it_says", "R²"),
    MeanLevel: ("level_is_what_it_says", "that row's own"),
    Shuffled: ("level_is_what_it_says", "that row's own"),
    Shared: ("examples_have_their_own_draw", "all 8 rows of the batch"),
    Variance: ("std_is_the_standard_deviation", "standard deviation"),
    Detached: ("gradient_flows_through", "no gradient"),
    InPlace: ("leaves_x_as_it_was", "in place"),
    OwnSeed: ("seed_decides_the_draw", "generator of its own"),
    BatchScale: ("rows_are_independent", "over the batch"),
    Frozen: ("scheduled_level_takes_effect", "self.std"),
    OneDraw: ("range_is_drawn_for_each_example", "for all of them"),
    Squared: ("range_is_drawn_for_each_example", "uniform"),
    Reads: ("drawn_level_can_be_given_back", "left on self"),
    TellsAnother: ("drawn_level_is_the_applied_one", "slope in the level"),
    Bytes: ("noised_has_the_form_of_x", "float64"),
    Flat: ("noised_has_the_form_of_x", "keeps the form"),
}


@pytest.mark.parametrize("noise", WRONG, ids=lambda noise: noise.__name__)
def test_each_mistake_is_told(noise: type) -> None:
    check, words = WRONG[noise]
    assert words in failures("noise", noise)[check]


def test_a_column_that_is_drawn_again_is_told() -> None:
    assert "'angle'" in failures("noise", DrawsAgain, needs=("image",))["every_column_is_used"]
