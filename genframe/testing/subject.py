"""What checks are made on: a component in the contexts that a recipe could put it in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genframe.binding import called, public_methods, required_parameters
from genframe.kinds import KINDS
from genframe.recipe.words import is_path, part_of
from genframe.registry import Offer, Plugin, RecipeFile, Registry
from genframe.signature import REQUIRED, Option, Signature
from genframe.testing.examples import NONE, example
from genframe.testing.kit import CheckSubject, NotApplicable
from genframe.testing.toys import Case, Toys, image, vector
from genframe.values import Shape

BATCH = 4
"""Rows of a toy batch."""


@dataclass(frozen=True, slots=True)
class PluginSubject:
    """A plugin as a whole: how it declares what it offers."""

    plugin: Plugin
    registry: Registry
    kind: str = "plugin"

    @property
    def name(self) -> str:
        return self.plugin.status.name


@dataclass(frozen=True, slots=True)
class RecipeSubject:
    """A recipe or a pipeline that a plugin ships."""

    file: RecipeFile
    plugin: Plugin
    registry: Registry
    kind: str = "recipe"

    @property
    def name(self) -> str:
        return f"pipelines/{self.file.name}" if self.file.pipeline else self.file.name


@dataclass(frozen=True, slots=True)
class Entry:
    """One way of calling a component: the object itself (name ""), or a public method of its class."""

    name: str
    parameters: tuple[str, ...]
    annotations: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name or 'call'}({', '.join(self.parameters)})"


@dataclass
class Subject:
    """A component: how to build it, with what to call it.

    `cases` are the contexts it is tried in: shapes of data and latents. All that is random is a function of seeds
    that the caller gives.
    """

    offer: Offer
    registry: Registry

    @property
    def kind(self) -> str:
        return self.offer.kind

    @property
    def name(self) -> str:
        """The name without its owner, as it stands in ids."""
        return self.offer.bare

    @property
    def signature(self) -> Signature:
        return self.offer.signature()

    @property
    def target(self) -> Any:
        """The class or function itself."""
        return self.offer.load()

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.target)

    @property
    def is_module(self) -> bool:
        """Whether it is a torch module: something that may have parameters."""
        return inspect.isclass(self.target) and issubclass(self.target, nn.Module)

    @property
    def needs(self) -> tuple[str, ...]:
        return self.offer.component.needs

    @property
    def cases(self) -> tuple[Case, ...]:
        """Pictures of odd sizes, grey and coloured; and vectors, unless the component says `needs=("image",)`.

        All of bits where it says `needs=("bits",)`.
        """
        bits = "bits" in self.needs
        pictures = tuple(image(*shape, bits=bits) for shape in ((1, 28, 28), (1, 28, 20), (3, 28, 20)))
        return pictures if "image" in self.needs else (vector(6, bits=bits), *pictures)

    def event(self, case: Case) -> Shape:
        """The shape of what a likelihood is a law of: data, or a label where it says `needs=("labels",)`."""
        return () if "labels" in self.needs else case.data_shape

    def options(self, **changed: Any) -> dict[str, Any]:
        """Options by their recipe keys: those of `Component.example`, a guess for each other one that is required.

        A path in the example is relative to the file that the component stands in. Raises NotApplicable where an
        option can't be guessed.
        """
        given = {**self._example(), **changed}
        for option in self.signature.options.values():
            if option.default is REQUIRED and option.name not in given:
                given[option.name] = self._guess(option)
        return given

    def build(self, case: Case, *, seed: int = 0, toys: Toys | None = None, **changed: Any) -> Any:
        """The component as the engine builds it, from the case's givens and its options; of a function, itself.

        A function comes back with its options bound. `changed` are options by their recipe keys. Raises
        NotApplicable for a given or an option that can't be guessed, and whatever the constructor raises.
        """
        with torch.random.fork_rng(devices=[]):
            make = self.maker(case, toys or Toys(case, seed), **changed)
            torch.manual_seed(seed)
            return make()

    def maker(self, case: Case, toys: Toys, **changed: Any) -> Callable[[], Any]:
        """What builds it: nothing of the component has run yet. Raises NotApplicable as `build` does."""
        declared = self.signature.options
        keywords = {
            declared[key].parameter: self._held(declared[key], value, case)
            for key, value in self.options(**changed).items()
        }
        target = self.target
        if not inspect.isclass(target):
            return lambda: _with(target, keywords)
        givens = [toys.given(name, self.kind, self._inputs()) for name in self.signature.givens]
        return lambda: target(*givens, **keywords)

    def entries(self) -> tuple[Entry, ...]:
        """How the engine calls it: the call itself where it has one, and for a loss its public methods."""
        target = self.target
        call = called(target)
        found = [] if call is None else [_entry("", call)]
        if self.kind == "loss":
            methods = [name for name in public_methods(target) if name != "forward"]
            found += [_entry(name, getattr(target, name)) for name in methods]
        return tuple(found)

    def arguments(
        self,
        case: Case,
        entry: Entry | None = None,
        *,
        batch: int = BATCH,
        seed: int = 1,
        toys: Toys | None = None,
        part: Any = None,
    ) -> list[Any]:
        """Toy values for the positional parameters of an entry (the call, unless told).

        The first of a net, a posterior or a likelihood is its input, whatever its name; others go by their name,
        or by their annotation. part: what is called, where it was built with other options: a likelihood may take
        other features then. Raises NotApplicable for one that can't be guessed.
        """
        entry = entry or self.entries()[0]
        toys = toys or Toys(case, seed, batch)
        values = []
        for place, name in enumerate(entry.parameters):
            if place == 0 and not entry.name and self.kind in _INPUTS:
                values.append(toys.input(self.kind, self, part))
            else:
                values.append(toys.wire(name, entry.annotations.get(name)))
        return values

    def call(self, part: Any, arguments: Sequence[Any], *, entry: str = "", seed: int = 2) -> Any:
        """Call a built part, or a method of it, under a seed.

        The sample dimensions that a net puts in front itself (`sample_ndim`) come behind the batch: rows are rows.
        """
        torch.manual_seed(seed)
        value = (getattr(part, entry) if entry else part)(*arguments)
        ahead: int = getattr(self.target, "sample_ndim", 0)
        return value.movedim(ahead, 0) if ahead and isinstance(value, Tensor) else value

    def run(self, case: Case, *, batch: int = BATCH, seed: int = 0, evaluating: bool = False) -> Any:
        """Build, and call with toy values: the result."""
        part = self.build(case, seed=seed)
        if evaluating and isinstance(part, nn.Module):
            part.eval()
        return self.call(part, self.arguments(case, batch=batch))

    def _held(self, option: Option, value: Any, case: Case) -> Any:
        """An option's value; where it holds components, as blocks of a recipe, these built."""
        part = part_of(option.annotation)
        if part is None or value is None:
            return value
        if part.several:
            blocks = value if isinstance(value, Mapping) else {_use(block): block for block in value}
            return {name: self._part(part.kind, block, case) for name, block in blocks.items()}
        return self._part(part.kind, value, case)

    def _part(self, kind: str, block: Any, case: Case) -> Any:
        offer = self.registry.find(kind, _use(block), (self.offer.plugin,))
        options = {} if isinstance(block, str) else {key: one for key, one in block.items() if key != "use"}
        return Subject(offer, self.registry).build(case, **options)

    def _inputs(self) -> int:
        """How many tensors its call takes."""
        call = called(self.target)
        return max(len(required_parameters(call)), 1) if call else 1

    def _example(self) -> dict[str, Any]:
        declared = self.signature.options
        folder = Path(self.signature.file).parent
        given = dict(self.offer.component.example or {})
        for key, value in given.items():
            if key in declared and is_path(declared[key].annotation, value):
                given[key] = str(folder / value)
        return given

    def _guess(self, option: Option) -> Any:
        value = example(option.annotation)
        if value is NONE:
            raise NotApplicable(
                f"the option {option.name!r} is required and can't be guessed: give one to the kit by "
                f"Component(..., example={{{option.name!r}: ...}})"
            )
        return value


_INPUTS = (*(kind for kind in KINDS if KINDS[kind].folds), "posterior", "likelihood")


def _use(block: Any) -> str:
    return str(block if isinstance(block, str) else block["use"])


def subjects(plugin: Plugin, registry: Registry) -> Iterator[CheckSubject]:
    """The plugin itself, what it offers, the recipes that it ships."""
    yield PluginSubject(plugin, registry)
    for offer in plugin.offers:
        yield Subject(offer, registry)
    for file in plugin.recipes:
        yield RecipeSubject(file, plugin, registry)


def tensors(value: Any, name: str = "result") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in what a component returned, by a name that can be printed.

    Of a distribution its mean and standard deviation, a sample and the sample's log_prob, as far as it has them.
    """
    from torch.distributions import Distribution

    from genframe.values import Levels, Terms, Verdict

    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Distribution):
        yield from _of_distribution(value, name)
    elif isinstance(value, Verdict):
        yield f"{name}.score", value.score
        if value.features is not None:
            yield f"{name}.features", value.features
    elif isinstance(value, Terms):
        yield f"{name}.total", value.total
        yield from ((f"{name}.logged[{key!r}]", part) for key, part in value.logged.items())
    elif isinstance(value, Levels):
        yield f"{name}.table", value.table
    elif isinstance(value, (tuple, list)):
        for number, item in enumerate(value):
            yield from tensors(item, f"{name}[{number}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from tensors(item, f"{name}[{key!r}]")


def _of_distribution(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    for attribute in ("mean", "stddev"):
        with suppress(NotImplementedError):
            found = getattr(value, attribute)
            if isinstance(found, Tensor):
                yield f"{name}.{attribute}", found
    with suppress(NotImplementedError):
        sample = value.rsample() if value.has_rsample else value.sample()
        yield f"{name}.sample()", sample
        yield f"{name}.log_prob", value.log_prob(sample.detach())


def _entry(name: str, function: Any) -> Entry:
    """A callable's positional parameters that must be filled, `self` apart."""
    return Entry(name, required_parameters(function), dict(getattr(function, "__annotations__", {})))


def _with(function: Callable[..., Any], keywords: Mapping[str, Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return function(*arguments, **keywords)

    return call
