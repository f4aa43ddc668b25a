"""Toy values for givens and wires: small, random, and a function of a seed.

The wires go by their public names (`x`, `q_z`, `fake_verdict` ...), as the shipped pipelines have them; any other
name goes by its annotation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution

from genframe.distributions import Bernoulli, DiagonalGaussian
from genframe.testing.kit import NotApplicable
from genframe.values import Levels, Noise, Shape, Verdict

if TYPE_CHECKING:
    from genframe.testing.subject import Subject

FEATURES = 5
"""Width of the features between a toy encoder and a posterior."""

TRAIN_SIZE = 20
"""Examples that a toy model is said to be trained on."""


@dataclass(frozen=True, slots=True)
class Case:
    """A context that a recipe could put a component in: shapes, the number of classes, whether the data are bits.

    samples: so many different samples of each code, as z: (*samples, batch, ...), for bounds of several.
    """

    name: str
    data_shape: Shape
    latent_shape: Shape = (2,)
    classes: int = 3
    bits: bool = False
    samples: Shape = ()

    @property
    def is_image(self) -> bool:
        return len(self.data_shape) == 3

    def __str__(self) -> str:
        return self.name


def image(channels: int, height: int, width: int, **more: Any) -> Case:
    """Pictures (channels, height, width)."""
    return Case(f"{channels}x{height}x{width}", (channels, height, width), **more)


def vector(features: int, **more: Any) -> Case:
    """Vectors (features,)."""
    return Case(f"vector of {features}", (features,), **more)


@dataclass
class Toys:
    """A toy model of a case, at work on one batch.

    Everything that a loss could be minimised by is a leaf in `leaves`: the posterior's parameters, the decoder's
    logits, the fakes, the scores. `quality` is how good the model is, from 0 (random) to 1: then its
    reconstructions are the data, its fakes look like data, and its codes follow the prior. `critic` is how well the
    discriminator tells real from fake: 1 (real above fake) to -1 (the reverse).

    rows: which examples of the batch stand in it, in this order; an example keeps its data, code and scores wherever
    it stands, so (2, 0, 1) permutes a batch of three, and (0, 0) holds one twice. samples: with M, `z` is
    (M, batch, ...), M times the same sample. leaves, modules: those of other toys, to be used again.
    """

    case: Case
    seed: int = 1
    batch: int = 4
    quality: float = 0.5
    critic: float = 0.0
    rows: tuple[int, ...] | None = None
    samples: int = 0
    leaves: dict[str, nn.Parameter] = field(default_factory=dict)
    modules: dict[str, nn.Module] = field(default_factory=dict)

    def given(self, name: str, kind: str, inputs: int = 1) -> Any:
        """A constructor's given for a component of `kind` whose call takes `inputs` tensors.

        Raises NotApplicable for one that is neither a given nor a toy component.
        """
        case = self.case
        table: dict[str, Callable[[], Any]] = {
            "in_shape": lambda: self._in_shape(kind, inputs),
            "out_shape": lambda: case.data_shape,
            "data_shape": lambda: case.data_shape,
            "latent_shape": lambda: case.latent_shape,
            "classes": lambda: case.classes,
            "train_size": lambda: TRAIN_SIZE,
        }
        if name in table:
            return table[name]()
        if name in COMPONENTS:
            return getattr(self, name)
        raise NotApplicable(f"the kit has no toy for the given {name!r}")

    def _in_shape(self, kind: str, inputs: int) -> Any:
        first: Shape = {"decoder": self.case.latent_shape, "posterior": (FEATURES,)}.get(
            kind, self.case.data_shape
        )
        return first if inputs == 1 else (first, *[self.case.latent_shape] * (inputs - 1))

    def input(self, kind: str, subject: Subject, part: Any = None) -> Tensor:
        """What a net, a posterior or a likelihood is called with first; `part` is it, where it has options changed."""
        if kind == "likelihood":
            takes = (part or subject.build(self.case)).takes
            return self.randn("features", *takes(self.case.data_shape))
        if kind == "posterior":
            return self.randn("features", FEATURES)
        if kind == "noise" and "labels" in subject.needs:
            return self.y
        return self.z if kind == "decoder" else self.x

    def wire(self, name: str, annotation: Any = None) -> Any:
        """The toy value of a wire or a component. Raises NotApplicable for a name and annotation that have none."""
        written = _OWNERS.sub("", str(annotation))
        verdict = (
            "Verdict" in written and "Callable" not in written
        )  # `fake: Verdict` is what is said of a fake
        if name in WIRES and (not verdict or name.endswith("_verdict")):
            return getattr(self, name)
        for word, make in _BY_ANNOTATION.items():
            if word in written and ("Callable" in word or "Callable" not in written):
                return make(self, name)
        raise NotApplicable(
            f"the kit has no toy value for the wire {name!r}: annotate it as Tensor, Distribution or Verdict"
        )

    def generator(self, name: str) -> torch.Generator:
        """A generator of its own for each toy, so that none depends on which others were made."""
        words = sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 2**31
        return torch.Generator().manual_seed(self.seed * 1_000_003 + words)

    def randn(self, name: str, *shape: int) -> Tensor:
        """Standard normal rows (batch, *shape)."""
        return self.ordered(torch.randn(self.batch, *shape, generator=self.generator(name)))

    def rand(self, name: str, *shape: int) -> Tensor:
        """Rows (batch, *shape), uniform on [0, 1)."""
        return self.ordered(torch.rand(self.batch, *shape, generator=self.generator(name)))

    def ordered(self, value: Tensor) -> Tensor:
        """The rows of a whole batch that stand in these toys."""
        return value if self.rows is None else value[list(self.rows)]

    def leaf(self, name: str, value: Tensor) -> nn.Parameter:
        """A tensor that a loss may be minimised by."""
        return self.leaves.setdefault(name, nn.Parameter(value.clone()))

    def module(self, name: str, make: Callable[[], nn.Module]) -> nn.Module:
        """A toy component with parameters: that of other toys, or a new one."""
        if name not in self.modules:
            self.modules[name] = make()
        return self.modules[name]

    @cached_property
    def x(self) -> Tensor:
        """Data (batch, *data_shape): pictures in [0, 1], vectors around 0; or bits."""
        if self.case.bits:
            return self.rand("x", *self.case.data_shape).round()
        if self.case.is_image:
            return self.rand("x", *self.case.data_shape)
        return self.randn("x", *self.case.data_shape)

    @cached_property
    def y(self) -> Tensor:
        """Labels int64 (batch,)."""
        return self.ordered(torch.randint(self.case.classes, (self.batch,), generator=self.generator("y")))

    @cached_property
    def index(self) -> Tensor:
        """Positions in the data set, int64 (batch,)."""
        return self.ordered(torch.arange(self.batch))

    @cached_property
    def q_z(self) -> DiagonalGaussian:
        """q(z|x): means that shrink towards the prior's with quality."""
        shape = self.case.latent_shape
        mean = self.leaf("q_mean", 2 * (1 - self.quality) * self.randn("q_mean", *shape) + 0.05)
        log_std = self.leaf(
            "q_log_std", torch.full((self.batch_size, *shape), -0.5 * (1 - self.quality) - 0.1)
        )
        return DiagonalGaussian(mean, log_std.exp(), event_ndim=len(shape))

    @cached_property
    def z(self) -> Tensor:
        """A sample of q(z|x): ([samples], batch, *latent_shape), with gradient."""
        shape = self.case.latent_shape
        if self.samples or not self.case.samples:
            epsilon = self.randn("z", *shape)
            if self.samples:
                epsilon = epsilon.expand(self.samples, *epsilon.shape)
        else:
            count = math.prod(self.case.samples)
            drawn = torch.stack([self.randn(f"z_{number}", *shape) for number in range(count)])
            epsilon = drawn.reshape(*self.case.samples, *drawn.shape[1:])
        return torch.addcmul(self.q_z.mean, self.q_z.stddev, epsilon)

    @cached_property
    def p_z(self) -> DiagonalGaussian:
        """The standard Gaussian prior."""
        shape = self.case.latent_shape
        return DiagonalGaussian(torch.zeros(shape), torch.ones(shape), event_ndim=len(shape), standard=True)

    @cached_property
    def p_x(self) -> Distribution:
        """p(x|z): its mean nears x with quality."""
        return self.observe(self.z)

    def observe(self, z: Tensor) -> Distribution:
        """z (..., *latent_shape) -> p(x|z): the mean nears x with quality, and depends a little on z."""
        shape = self.case.data_shape
        wrong = self.rand("wrong", *shape)
        target = self.quality * self.x + (1 - self.quality) * (wrong if self.case.is_image else 3 * wrong)
        leaf = self.leaf("p_logits", torch.logit(target, 0.05) if self.case.is_image else target)
        shift = 0.01 * z.flatten(-len(self.case.latent_shape)).sum(-1)
        features = leaf + shift.reshape(*shift.shape, *[1] * len(shape))
        if self.case.is_image:
            return Bernoulli(features, event_ndim=len(shape))
        return DiagonalGaussian(features, torch.ones(()), event_ndim=len(shape))

    def restore(self, noised: Tensor) -> Distribution:
        """A noised x (..., *data_shape) -> p(x|noised): the mean nears x with quality, and depends a little on it."""
        per_value = len(self.case.data_shape)
        return self.observe(
            noised.mean(tuple(range(-per_value, 0))).reshape(-1, *[1] * len(self.case.latent_shape))
        )

    @cached_property
    def fake(self) -> Tensor:
        """Generated data (batch, *data_shape): other examples at quality 1, noise far from the data at 0."""
        own = Toys(self.case, self.seed + 7, self.batch, rows=self.rows).x
        noise = 2 + self.randn("fake", *self.case.data_shape)
        return self.leaf("fake", self.quality * own + (1 - self.quality) * noise)

    @cached_property
    def real_verdict(self) -> Verdict:
        """What the critic says of real data: scores (batch,)."""
        scores = 2 * self.critic + 0.3 * self.randn("real_score")
        features = self.leaf("real_features", self.randn("real_features", FEATURES))
        return Verdict(self.leaf("real_score", scores), features)

    @cached_property
    def fake_verdict(self) -> Verdict:
        """What the critic says of generated data: scores (batch,)."""
        scores = -2 * self.critic + 0.3 * self.randn("fake_score")
        features = self.leaf("fake_features", self.randn("fake_features", FEATURES))
        return Verdict(self.leaf("fake_score", scores), features)

    @cached_property
    def x_level(self) -> Levels:
        """The level of a noise for each example: (batch, 1)."""
        return Levels(self.rand("level", 1), ("level",))

    @cached_property
    def level(self) -> Tensor:
        """The level of a noise for each example, above 0: (batch,)."""
        return 0.1 + self.rand("level")

    @cached_property
    def x_noised(self) -> Tensor:
        """Data, noised at its level."""
        level = self.x_level.table.reshape(-1, *[1] * len(self.case.data_shape))
        return self.x + level * self.randn("x_noised", *self.case.data_shape)

    @cached_property
    def restored(self) -> Tensor:
        """What a restorer made of noised data (batch, *data_shape): with quality it nears x."""
        return _tensor(self, "restored")

    @cached_property
    def p_y(self) -> Distribution:
        """p(y|x): logits (batch, classes), that favour y with quality."""
        right = torch.nn.functional.one_hot(self.y, self.case.classes).to(torch.get_default_dtype())
        noise = 0.3 * self.randn("y_logits", self.case.classes)
        return Categorical(logits=self.leaf("y_logits", 4 * self.quality * right + noise))

    @cached_property
    def code(self) -> Tensor:
        """What a generator was given beside its noise: (batch, *latent_shape), drawn from the prior."""
        return self.randn("code", *self.case.latent_shape)

    @cached_property
    def q_code(self) -> DiagonalGaussian:
        """q(code|fake): with quality its mean nears the code."""
        shape = self.case.latent_shape
        mean = self.code + 2 * (1 - self.quality) * self.randn("code_mean", *shape)
        return DiagonalGaussian(self.leaf("code_mean", mean), torch.ones(()), event_ndim=len(shape))

    @cached_property
    def condition(self) -> Tensor:
        """Features of what is asked for (batch, FEATURES)."""
        return self.randn("condition", FEATURES)

    @cached_property
    def noise(self) -> Noise:
        """x -> (noised x, levels)."""
        return _Noise()

    @cached_property
    def encoder(self) -> nn.Module:
        """x (..., *data_shape) -> (..., FEATURES)."""
        return self.module("encoder", lambda: _Net(self.case.data_shape, (FEATURES,), self.seed))

    @cached_property
    def decoder(self) -> nn.Module:
        """z (..., *latent_shape) -> (..., *data_shape)."""
        return self.module(
            "decoder", lambda: _Net(self.case.latent_shape, self.case.data_shape, self.seed + 1)
        )

    @cached_property
    def posterior(self) -> nn.Module:
        """Features (..., FEATURES) -> q(z|x)."""
        return self.module("posterior", lambda: _Posterior(self.case.latent_shape, self.seed + 2))

    @cached_property
    def prior(self) -> Callable[[], DiagonalGaussian]:
        """The prior as a component: called with nothing."""
        return lambda: self.p_z

    @cached_property
    def likelihood(self) -> Callable[[Tensor], Distribution]:
        """Features (..., *data_shape) -> p(x|z)."""
        ndim = len(self.case.data_shape)
        if self.case.is_image:
            return lambda logits: Bernoulli(logits, event_ndim=ndim)
        return lambda means: DiagonalGaussian(means, torch.ones(()), event_ndim=ndim)

    @cached_property
    def discriminator(self) -> nn.Module:
        """x (batch, *data_shape) -> Verdict; smooth, so that penalties have second derivatives."""
        return self.module("discriminator", lambda: _Critic(self.case.data_shape, self.seed + 3))

    @cached_property
    def rbm(self) -> nn.Module:
        """A model of the data by an energy: free_energy(v), gibbs(v, k), and persistent chains, chain(k)."""
        return self.module("rbm", lambda: _Machine(self.case.data_shape, self.seed + 6))

    @cached_property
    def generate(self) -> Callable[[Tensor], Tensor]:
        """z -> data: the mean of p(x|z)."""
        return lambda z: self.likelihood(self.decoder(z)).mean

    @cached_property
    def infer(self) -> Callable[[Tensor], DiagonalGaussian]:
        """x -> q(z|x)."""
        return lambda x: self.posterior(self.encoder(x))

    @cached_property
    def transform(self) -> Callable[[Tensor], Tensor]:
        """Data -> data, by a net; or z -> data."""
        shape, rank = self.case.data_shape, len(self.case.data_shape)
        net = self.module("transform", lambda: _Net(shape, shape, self.seed + 5))
        return lambda value: net(value) if value.shape[value.ndim - rank :] == shape else self.generate(value)

    k: int = 3
    n: int = 3
    step: int = 0

    @property
    def batch_size(self) -> int:
        return self.batch if self.rows is None else len(self.rows)


COMPONENTS = ("encoder", "decoder", "posterior", "prior", "likelihood", "discriminator", "noise", "rbm")
"""The toy components that a constructor may ask for."""

WIRES = (
    *COMPONENTS,
    *("x", "y", "index", "q_z", "z", "p_z", "p_x", "observe", "infer", "generate", "restore", "fake"),
    *("real_verdict", "fake_verdict", "x_noised", "x_level", "level", "restored"),
    *("p_y", "code", "q_code", "condition"),
    *("k", "n", "step", "batch_size"),
)
"""The public wires that toys are made of."""


def _distribution(toys: Toys, name: str) -> Distribution:
    return toys.p_x


def _verdict(toys: Toys, name: str) -> Verdict:
    """A verdict on what its name says: `real...` and `fake...` scores part as the toys' critic tells them."""
    side = 2 * toys.critic * (("real" in name) - ("fake" in name))
    features = toys.leaf(f"{name}_features", toys.randn(f"{name}_features", FEATURES))
    return Verdict(toys.leaf(f"{name}_score", side + 0.3 * toys.randn(f"{name}_score")), features)


def _tensor(toys: Toys, name: str) -> Tensor:
    """A tensor of the data's shape with a leaf; with quality two of different names come closer."""
    noise = 0.3 * (1 - toys.quality) * toys.randn(name, *toys.case.data_shape)
    return toys.leaf(name, toys.x + noise)


def _list_of_tensors(toys: Toys, name: str) -> list[Tensor]:
    return [_tensor(toys, f"{name}_{number}") for number in range(2)]


_OWNERS = re.compile(r"\b\w+\.")
"""What stands in front of a name in an annotation that is no string: `torch.Tensor`."""

# In this order: `Callable[[Tensor], Verdict]` holds other words too.
_BY_ANNOTATION: Mapping[str, Callable[[Toys, str], Any]] = {
    "Callable[[Tensor], Verdict]": lambda toys, name: toys.discriminator,
    "Callable[[Tensor], Distribution]": lambda toys, name: toys.observe,
    "Callable[[Tensor], Tensor]": lambda toys, name: toys.transform,
    "Sequence[Tensor]": _list_of_tensors,
    "list[Tensor]": _list_of_tensors,
    "Verdict": _verdict,
    "Distribution": _distribution,
    "DiagonalGaussian": lambda toys, name: toys.q_z,
    "Bernoulli": _distribution,
    "Levels": lambda toys, name: toys.x_level,
    "Tensor": _tensor,
    "int": lambda toys, name: 3,
    "float": lambda toys, name: 0.5,
}


class _Noise(Noise):
    """x + level * epsilon, at a level between 0 and 1 for each example."""

    def draw(self, x: Tensor) -> Tensor:
        return torch.rand(len(x))

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + level.reshape(-1, *[1] * (x.ndim - 1)) * torch.randn_like(x)


class _Net(nn.Module):
    """A linear map between shapes, any number of dimensions in front, and a tanh."""

    def __init__(self, in_shape: Shape, out_shape: Shape, seed: int) -> None:
        super().__init__()
        self.in_ndim, self.out_shape = len(in_shape), out_shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.linear = nn.Linear(math.prod(in_shape), math.prod(out_shape))

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.tanh(self.linear(x.flatten(-self.in_ndim)))
        return flat.reshape(*flat.shape[:-1], *self.out_shape)


class _Posterior(nn.Module):
    def __init__(self, latent_shape: Shape, seed: int) -> None:
        super().__init__()
        self.net = _Net((FEATURES,), (2, *latent_shape), seed)
        self.event_ndim = len(latent_shape)

    def forward(self, features: Tensor) -> DiagonalGaussian:
        mean, log_std = self.net(features).unbind(-1 - self.event_ndim)
        return DiagonalGaussian(mean, log_std.exp(), event_ndim=self.event_ndim)


class _Critic(nn.Module):
    def __init__(self, data_shape: Shape, seed: int) -> None:
        super().__init__()
        self.net = _Net(data_shape, (FEATURES,), seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            self.last = nn.Linear(FEATURES, 1)

    def forward(self, x: Tensor) -> Verdict:
        features = self.net(x)
        return Verdict(self.last(features).squeeze(-1), features)


class _Machine(nn.Module):
    """Real values v and a few binary h: E = |v - b|^2 / 2 - h.(v W)."""

    def __init__(self, data_shape: Shape, seed: int) -> None:
        super().__init__()
        self.event_shape = data_shape
        size = math.prod(data_shape)
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(size, FEATURES, generator=generator) / size**0.5)
        self.bias = nn.Parameter(0.5 * torch.randn(size, generator=generator))
        self.chains: Tensor
        self.register_buffer("chains", torch.randn(3, *data_shape, generator=generator))

    def free_energy(self, v: Tensor) -> Tensor:
        """(batch, ...) -> (batch,)."""
        flat = v.flatten(1)
        linked = torch.nn.functional.softplus(flat @ self.weight).sum(1)
        return 0.5 * (flat - self.bias).square().sum(1) - linked

    @torch.no_grad()
    def gibbs(self, v: Tensor, k: int) -> Tensor:
        for _ in range(k):
            h = torch.bernoulli(torch.sigmoid(v.flatten(1) @ self.weight))
            v = (self.bias + h @ self.weight.T + torch.randn_like(v.flatten(1))).view_as(v)
        return v

    def chain(self, k: int) -> Tensor:
        return self.gibbs(self.chains, k)
