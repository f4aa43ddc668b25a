"""A recipe, checked: the typed object that is compiled into a plan. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

from genframe.errors import Mark, Problem
from genframe.recipe.expression import Expression
from genframe.recipe.tree import Node
from genframe.registry import Offer, Registry


@dataclass(frozen=True, slots=True)
class Schedule:
    """A number that changes with the step: the schedule component and its validated options."""

    offer: Offer
    options: Mapping[str, Any]
    mark: Mark | None = field(default=None, compare=False)

    def keywords(self) -> dict[str, Any]:
        """The options as the component is called with them: `from_` for the key `from`."""
        return _keywords(self.offer, self.options)


@dataclass(frozen=True, slots=True)
class Instance:
    """One component of the recipe, its options checked and every default filled in.

    `options` go by their recipe keys (`from`, not `from_`). A scheduled option is a `Schedule`, one that holds a
    component an `Instance` or a mapping of names to them. `given` rebinds a given: to an instance's name, or to a
    shape.
    """

    name: str
    kind: str
    offer: Offer
    options: Mapping[str, Any]
    mark: Mark
    given: Mapping[str, Any] = field(default_factory=dict)
    at: str | list[str] | None = None
    init: str | None = None
    frozen: bool | list[str] = False  # all of it, or parts by path: [net.0, net.2], [not last]

    def keywords(self) -> dict[str, Any]:
        """The options as the component is called with them: `from_` for the key `from`."""
        return _keywords(self.offer, self.options)

    def frozen_parts(self) -> tuple[Chosen, ...]:
        """The parts that are frozen; none where all of it is, or nothing."""
        if isinstance(self.frozen, bool):
            return ()
        texts = ((text.removeprefix("not ").strip(), text.startswith("not ")) for text in self.frozen)
        return tuple(Chosen(self.name, self.mark, path, left_out) for path, left_out in texts)

    def parts(self) -> Iterator[Instance]:
        """The components that its options hold, and those that theirs do."""
        for value in self.options.values():
            for part in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(part, Instance):
                    yield part
                    yield from part.parts()


@dataclass(frozen=True, slots=True)
class Site:
    """Where a noise stands that no wire calls.

    `what` is `input` or `output` of the module at `path` in the component `owner` (`path` is empty for the whole
    component), or `gradients` or `weights` of the player `owner`.
    """

    noise: str
    owner: str
    what: str
    path: str
    mark: Mark

    @property
    def inside(self) -> bool:
        """Whether it is inside a component, rather than on what a player moves."""
        return self.what in ("input", "output")

    def __str__(self) -> str:
        path = f"{self.owner}.{self.path}" if self.path else self.owner
        return f"{path}:{self.what}" if self.inside else f"{self.owner}.{self.what}"


@dataclass(frozen=True, slots=True)
class Wire:
    """`names: expression`. Several names unpack; `params` make it a wire with arguments.

    `mark` is the place of the value: a column inside the expression is `mark.shifted(column)`.
    """

    names: tuple[str, ...]
    params: tuple[str, ...]
    expression: Expression
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A count of steps, or of epochs."""

    steps: int | None = None
    epochs: float | None = None

    def __str__(self) -> str:
        return f"step {self.steps}" if self.steps is not None else f"epoch {self.epochs:g}"

    def in_steps(self, steps_per_epoch: int) -> int:
        return self.steps if self.steps is not None else round((self.epochs or 0) * steps_per_epoch)


@dataclass(frozen=True, slots=True)
class Term:
    """A wire that a player minimises: its weight, and when it is added."""

    wire: str
    mark: Mark
    weight: float | Schedule = 1.0
    every: int = 1
    start: Span = Span(steps=0)
    until: Span | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """An instance, or a part of it by the path of a module or a parameter; left_out: all of it but that part."""

    instance: str
    mark: Mark
    path: str = ""
    left_out: bool = False

    @classmethod
    def of(cls, text: str, mark: Mark) -> Chosen:
        """`encoder`, `encoder.net.0` or `not encoder.last`."""
        words = text.split()
        left_out = len(words) == 2 and words[0] == "not"
        instance, _, path = (words[1] if left_out else text).partition(".")
        return cls(instance, mark, path, left_out)

    @property
    def name(self) -> str:
        return f"{self.instance}.{self.path}" if self.path else self.instance

    def __str__(self) -> str:
        return f"not {self.name}" if self.left_out else self.name


@dataclass(frozen=True, slots=True)
class Player:
    """Components that are trained together, the terms they minimise, their optimizer and rhythm."""

    name: str
    trains: tuple[Chosen, ...]
    minimises: tuple[Term, ...]
    optimizer: Instance
    mark: Mark
    clip: float | None = None
    clamp: float | None = None
    ema: float | None = None
    every: int = 1
    start: Span = Span(steps=0)
    until: Span | None = None

    def stands_for(self, term: Term) -> int:
        """Of how many of the player's moves a lazy term is added to one: by so much its weight is multiplied."""
        return term.every // gcd(self.every, term.every)


@dataclass(frozen=True, slots=True)
class Data:
    """A dataset of the recipe and how it is fed. `instance.name` is "" for the single `data:`."""

    instance: Instance
    batch_size: int
    binarise: str = "none"  # none | threshold | static | dynamic
    validation: float | int = 0  # a count, or a share of the training set, cut off by the seed
    limit: int | None = None  # so many training examples and no more, evenly over the classes
    workers: int = 0
    in_memory: bool | None = None  # None: when it fits
    dequantise: bool = False  # noise within a grey level, for densities

    @property
    def way(self) -> str:
        """How pictures become wires: none, dequantise, or a way of binarising."""
        return "dequantise" if self.dequantise else self.binarise


@dataclass(frozen=True, slots=True)
class Checkpointing:
    every: Span | None = None  # None: at the end of each epoch
    keep: int = 2


@dataclass(frozen=True, slots=True)
class Sampling:
    every: Span | None = None  # None: with each checkpoint
    n: int = 64


@dataclass(frozen=True, slots=True)
class Logging:
    """Rows of metrics.jsonl: how often, and what they hold beyond the terms."""

    every: int = 50
    gradients: bool = False  # the share of each term in the gradient of each component
    latents: bool = False  # with each checkpoint, histograms of what `encode` makes of fixed examples


@dataclass(frozen=True, slots=True)
class Train:
    length: Span
    precision: str = "fp32"  # or bf16
    compile: bool = False
    checkpoint: Checkpointing = Checkpointing()
    samples: Sampling = Sampling()
    log: Logging = Logging()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A merged and checked recipe.

    `tree` is the merged source, each leaf with its place; `written` the text of the file as it was written;
    `folder` what relative paths in it start from; `plugins` the plugins that it lists, whose bare names it
    may use.
    """

    name: str
    seed: int
    device: str | None
    datasets: Mapping[str, Data]  # {"": ...} for the single `data:`
    instances: Mapping[str, Instance]
    wires: tuple[Wire, ...]
    players: tuple[Player, ...]
    outputs: tuple[Wire, ...]
    train: Train
    evaluate: tuple[Instance, ...]
    track: tuple[Instance, ...]
    registry: Registry
    tree: Node
    written: str
    folder: Path
    remarks: tuple[Problem, ...] = ()
    plugins: tuple[str, ...] = ()
    samplers: tuple[Instance, ...] = ()
    sites: tuple[Site, ...] = ()
    watch: tuple[Instance, ...] = ()
    play: str = "alternating"  # or simultaneous: all players move from one forward pass

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """The names of the instances of a kind."""
        return tuple(name for name, instance in self.instances.items() if instance.kind == kind)


def _keywords(offer: Offer, options: Mapping[str, Any]) -> dict[str, Any]:
    declared = offer.signature().options
    return {declared[key].parameter: value for key, value in options.items()}
