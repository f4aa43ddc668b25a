"""The checks of every kind: right components of many sorts pass, and each sort of mistake is told."""

from __future__ import annotations

import os
import random
import warnings
from functools import cache
from typing import Annotated, Any, Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Count, Ge, Le, Level, Noise, Probability, Schedulable, Shape, Terms, Verdict, draw_level
from genframe.discovery import discover
from genframe.hooks import Component
from genframe.registry import Offer, Plugin, PluginStatus, Registry
from genframe.testing.kit import Result, Trial, checks
from genframe.testing.subject import Subject

from . import zoo
from .test_noise_checks import ANY, PICTURES

MODULES = ("behaviour", "devices", "options", "parameters", "precision", "randomness", "recipes", "state")
"""The modules of checks that are made of components of every kind."""


@cache
def first_party() -> tuple[Plugin, ...]:
    return discover(blocked="all", local=False).loaded


def results(kind: str, target: Any, *names: str, **fields: Any) -> dict[str, Result]:
    """What comes of the checks of every kind (or of those of these names) on a class or function of a test."""
    offer = Offer(kind, Component("made", f"tests:{target.__name__}", **fields), "made-up", live=target)
    plugin = Plugin(PluginStatus("made-up", "tests", "ok"), (offer,))
    subject = Subject(offer, Registry((*first_party(), plugin)))
    asked = [
        check
        for check in checks()
        if check.function.__module__.rpartition(".")[2] in MODULES and check.asks(subject)
    ]
    return {c.name: Trial(c, subject).result(None) for c in asked if not names or c.name in names}


def complaints(kind: str, target: Any, **fields: Any) -> list[str]:
    made = results(kind, target, **fields)
    return [f"{result.id}\n{result.message}" for result in made.values() if result.outcome == "failed"]


def told(kind: str, target: Any, check: str, **fields: Any) -> str:
    """The message of a check that fails."""
    result = results(kind, target, check, **fields)[check]
    assert result.outcome == "failed", f"{check}: {result.outcome} {result.message}"
    return result.message


# What is right, and unusual


class ZeroStart(nn.Module):
    """An encoder whose last layer starts at zero, with dropout, batch norm, and a fixed embedding."""

    def __init__(self, in_shape: Shape, *, rate: Probability = 0.5, features: Count = 4) -> None:
        super().__init__()
        self.rate = rate
        width = torch.Size(in_shape).numel()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(width, 8), nn.BatchNorm1d(8), nn.GELU())
        self.last = nn.Linear(8, features)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.basis = nn.Parameter(torch.randn(features), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.dropout(self.first(x), self.rate, self.training)
        features: Tensor = self.last(hidden) + self.basis
        return features


class Spectral(nn.Module):
    """A critic with spectral norm, of pictures with sides of eight at least, which says so."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        if len(in_shape) != 3 or min(in_shape[1:]) < 8:
            raise ValueError(f"pictures of at least 8x8 are needed, not {in_shape}")
        spectral = nn.utils.parametrizations.spectral_norm
        self.net = spectral(nn.Conv2d(in_shape[0], 4, 4, 4))
        self.last = spectral(nn.Linear(4, 1))

    def forward(self, x: Tensor) -> Verdict:
        features = F.leaky_relu(self.net(x), 0.2).mean((2, 3))
        return Verdict(self.last(features).squeeze(1), features)


class Tied(nn.Module):
    """A decoder by the transposed weights of the toy encoder, whose bias it has no use for."""

    def __init__(self, in_shape: Shape, out_shape: Shape, encoder: nn.Module) -> None:
        super().__init__()
        self.tied = encoder
        self.out_shape = tuple(out_shape)
        self.enter = nn.Linear(torch.Size(in_shape).numel(), len(self.weight))

    @property
    def weight(self) -> Tensor:
        return next(parameter for parameter in self.tied.parameters() if parameter.ndim == 2)

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(self.enter(z.flatten(1)), self.weight.T).reshape(-1, *self.out_shape)


class Sinusoidal(nn.Module):
    """A decoder with sines of 30 x: rough in bfloat16, and right."""

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.first = nn.Linear(torch.Size(in_shape).numel(), 32)
        self.last = nn.Linear(32, torch.Size(out_shape).numel())

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.last(torch.sin(5 * self.first(z.flatten(1))))
        return out.view(-1, *self.out_shape)


class Critics(nn.Module):
    """A loss with a learned temperature and two methods, one of which is for figures alone."""

    def __init__(
        self, *, start: Annotated[float, Ge(-2), Le(2)] = 0.0, kind: Literal["a", "b"] = "a"
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(start))
        self.sharper = kind == "b"

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        scale = self.log_scale.exp() * (2 if self.sharper else 1)
        total = F.softplus(-scale * real_verdict.score) + F.softplus(scale * fake_verdict.score)
        return Terms(total, {"scale": scale.detach()})

    def generator(self, fake_verdict: Verdict) -> Tensor:
        return -fake_verdict.score.mean()


class Contrast:
    """A loss over the batch with detached targets, whose weight may be scheduled."""

    def __init__(self, *, weight: Schedulable = 1.0) -> None:
        self.weight = weight

    def __call__(self, x: Tensor, z: Tensor) -> Tensor:
        own = z.flatten(1)
        scores = own @ own.detach().T
        return self.weight * F.cross_entropy(scores, torch.arange(len(own), device=own.device))


class Swapped(Noise):
    """Rows take another row's pixels; permutations drawn on the CPU."""

    columns = ("share",)

    def __init__(self, *, share: Annotated[Level, Ge(0), Le(1)] = 0.3) -> None:
        self.share = share

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        other = x.flatten(1)[:, torch.randperm(x[0].numel())].view_as(x)
        return torch.lerp(x, other, level.reshape(-1, *[1] * (x.ndim - 1)))


def stopped(x: Tensor) -> Tensor:
    """A function through which no gradient flows, and which counts."""
    return (x > 0.5).long().detach()


RIGHT = [
    ("encoder", ZeroStart, {}),
    ("discriminator", Spectral, {"needs": ("image",)}),
    ("decoder", Tied, {}),
    ("decoder", Sinusoidal, {}),
    ("loss", Critics, {}),
    ("loss", Contrast, {}),
    ("noise", Swapped, {}),
    ("function", stopped, {}),
    *(("noise", target, {}) for target in ANY),
]

ON_THE_CPU = [  # right but for torch.arange and others without a device
    *(("noise", target, {"needs": ("image",)}) for target in PICTURES),
    *(("posterior", zoo.posterior(make), {}) for make in zoo.POSTERIORS.values()),
    *(("likelihood", target, {}) for target in zoo.LIKELIHOODS.values()),
    *(("prior", target, {}) for target in zoo.PRIORS.values()),
]


@pytest.mark.parametrize(
    ("kind", "target", "fields"), RIGHT, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_right_passes(kind: str, target: Any, fields: dict[str, Any]) -> None:
    assert not complaints(kind, target, **fields)


@pytest.mark.parametrize(
    ("kind", "target", "fields"), ON_THE_CPU, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_right_on_the_cpu_passes_there(kind: str, target: Any, fields: dict[str, Any]) -> None:
    assert not [text for text in complaints(kind, target, **fields) if ":moves_to_device" not in text]


# What is wrong, and in which words that is told


class Doubling(nn.Module):
    """What the wrong encoders are made of: right itself."""

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.linear = nn.Linear(torch.Size(in_shape).numel(), 4)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.linear(x.flatten(1))
        return features


def test_what_the_wrong_ones_are_made_of_is_right() -> None:
    assert not complaints("encoder", Doubling)


class PlainTensor(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        self.shift = torch.randn(4)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.shift


class Forgotten(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        self.register_buffer("shift", torch.randn(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        shift: Tensor = self.get_buffer("shift")
        return super().forward(x) + shift


class Growing(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        self.register_buffer("seen", torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = torch.cat([self.seen, x.detach().flatten()[:1]])
        return super().forward(x)


class Extra(Doubling):
    def get_extra_state(self) -> dict[str, int]:
        return {"calls": 3}

    def set_extra_state(self, state: Any) -> None: ...


class Hidden(nn.Module):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.layers = [nn.Linear(torch.Size(in_shape).numel(), 4)]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers[0](x.flatten(1))
        return features


class OwnGenerator(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        self.drawn = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.randn(4, generator=self.drawn, device=x.device)


class ScatteredDtype(Doubling):
    def forward(self, x: Tensor) -> Tensor:
        features = super().forward(x)
        return x.new_zeros(features.shape).index_add(0, torch.arange(len(x), device=x.device), features)


class Validating(Doubling):
    def forward(self, x: Tensor) -> Tensor:
        Distribution.set_default_validate_args(False)
        torch.set_grad_enabled(True)
        warnings.filterwarnings("ignore", message="nothing")
        return super().forward(x)


class Environment(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        os.environ["GENFRAME_TEST_OF_TRACES"] = "1"
        super().__init__(in_shape)


class RandomWeights(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        nn.init.constant_(self.linear.bias, random.random())


class Secretive(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        raise ValueError("not today")


class Pictures(Doubling):
    def __init__(self, in_shape: Shape) -> None:
        channels, height, width = in_shape
        super().__init__((channels, height, width))


class Text(Doubling):
    def forward(self, x: Tensor) -> Any:
        return "features"


class Divides(Doubling):
    def __init__(self, in_shape: Shape, *, groups: Annotated[int, Ge(0), Le(4)] = 2) -> None:
        super().__init__(in_shape)
        self.width = 4 // groups


class Refuses(Doubling):
    def __init__(self, in_shape: Shape, *, kind: Literal["plain", "fancy"] = "plain") -> None:
        super().__init__(in_shape)
        if kind == "fancy":
            raise ValueError("this is no time for that")


class Default(Doubling):
    def __init__(self, in_shape: Shape, *, rate: Probability = 1.5) -> None:
        super().__init__(in_shape)


class FrozenLevel(Noise):
    columns = ("std",)

    def __init__(self, *, std: Level = 0.3) -> None:
        self.std = std
        self.level = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.level, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + level.reshape(-1, *[1] * (x.ndim - 1)) * torch.randn_like(x)


class NoAttribute(FrozenLevel):
    def __init__(self, *, std: Level = 0.3) -> None:
        self.level = std


class FrontOnly(nn.Module):
    """A posterior that counts its dimensions from the front."""

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.linear = nn.Linear(torch.Size(in_shape).numel(), 2 * torch.Size(latent_shape).numel())

    def forward(self, features: Tensor) -> Distribution:
        mean, log_std = self.linear(features).chunk(2, 1)
        normal = torch.distributions.Normal(mean, log_std.exp())
        return torch.distributions.Independent(normal, 1)


WRONG = [
    ("encoder", PlainTensor, "state_dict_round_trip", "register_buffer"),
    ("encoder", PlainTensor, "moves_to_device", "shift stayed on the CPU"),
    ("encoder", Forgotten, "state_dict_round_trip", "persistent=False"),
    ("encoder", Growing, "state_dict_round_trip", "size mismatch"),
    ("encoder", Extra, "state_dict_round_trip", "_extra_state is a dict"),
    ("encoder", Hidden, "every_parameter_is_registered", "self.layers[0].weight"),
    ("encoder", OwnGenerator, "draws_from_torchs_default_generator", "test_common_checks.py:"),
    ("encoder", ScatteredDtype, "runs_in_bf16", "torch.autocast"),
    ("encoder", Validating, "changes_no_global_state", "validate_args: True -> False"),
    ("encoder", Validating, "changes_no_global_state", "warnings filters"),
    ("encoder", Environment, "changes_no_global_state", "GENFRAME_TEST_OF_TRACES"),
    ("encoder", RandomWeights, "same_seed_same_result", "generator"),
    ("encoder", Secretive, "builds_and_runs", "not today"),
    ("encoder", Pictures, "builds_and_runs", "needs=('image',)"),
    ("encoder", Text, "builds_and_runs", "a str"),
    ("encoder", Divides, "edges_build_and_run", "groups: 0"),
    ("encoder", Refuses, "edges_build_and_run", "names the option"),
    ("encoder", Default, "defaults_are_valid", "1.5"),
    ("noise", FrozenLevel, "schedulable_options_move", "no call reads it"),
    ("noise", NoAttribute, "schedulable_options_move", "self.std = std"),
    ("posterior", FrontOnly, "accepts_sample_dimensions", "from the end"),
]


@pytest.mark.parametrize(
    ("kind", "target", "check", "words"), WRONG, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_wrong_is_told(
    kind: str, target: Any, check: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Distribution, "_validate_args", True)  # as torch has it, whatever ran before
    assert words in told(kind, target, check)


def test_what_a_check_changed_is_put_back() -> None:
    before = Distribution._validate_args, list(warnings.filters)
    results("encoder", Validating, "builds_and_runs")
    results("encoder", Environment, "builds_and_runs")
    assert (Distribution._validate_args, list(warnings.filters)) == before
    assert "GENFRAME_TEST_OF_TRACES" not in os.environ
