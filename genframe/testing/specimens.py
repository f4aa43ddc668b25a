"""Priors, posteriors and likelihoods as the checks take them: small events, options away from their defaults, and
parameters a few steps away from where they start, so that no zero or one hides a bug."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_origin

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe.testing.examples import edges
from genframe.testing.kit import Failure, NotApplicable
from genframe.testing.laws import Law
from genframe.testing.subject import Subject
from genframe.testing.toys import Case
from genframe.values import Shape

LAWS = ("prior", "posterior", "likelihood")
"""The kinds whose call gives a distribution."""

ROWS = 3
"""Rows of the batch that a distribution is conditioned on."""

TINY: tuple[Shape, ...] = ((1,), (2,), (3,))
"""Events whose laws have one or two dimensions: the circle needs two numbers, the sphere and a simplex three."""

SMALL: tuple[Shape, ...] = ((2, 3), (6,))
"""Events of several dimensions, no square."""


@dataclass(frozen=True)
class Specimen:
    """A built component and what it is called with: `arguments[0]` are a posterior's or a likelihood's features."""

    subject: Subject
    case: Case
    label: str
    part: Any
    arguments: tuple[Any, ...]

    @property
    def features(self) -> Tensor:
        found: Tensor = self.arguments[0]
        return found

    def distribution(self, features: Tensor | None = None) -> Distribution:
        """The distribution, of other features where they are given."""
        arguments = self.arguments if features is None else (features, *self.arguments[1:])
        found = self.part(*arguments)
        if not isinstance(found, Distribution):
            raise Failure(f"{self.label} returns a torch Distribution", came=f"{type(found).__name__}")
        return found

    @cached_property
    def law(self) -> Law:
        return Law(self.distribution(), self.label)

    def trainable(self) -> tuple[dict[str, Tensor], Law]:
        """The law anew, of all that may be trained: parameters by name, and `features`."""
        named = self.part.named_parameters() if isinstance(self.part, nn.Module) else ()
        leaves: dict[str, Tensor] = {name: p for name, p in named if p.requires_grad}
        features = None
        if self.subject.kind != "prior":
            features = leaves["features"] = self.features.clone().requires_grad_()
        return leaves, Law(self.distribution(features), self.label)


def specimens(subject: Subject, shapes: Sequence[Shape], *, plain: bool = False) -> Iterator[Specimen]:
    """The component with events of `shapes`, as far as it can be built so, in each variant of its options.

    A prior gets its event by an option `dim`, where it has one, else as its latent_shape; a posterior by
    latent_shape, a likelihood by data_shape (pictures of one row where it does not take vectors). plain: with the
    defaults of its options alone. Where it takes none of the shapes, the first other one of TINY and SMALL that it
    does take stands for them. Raises NotApplicable where there is none: that it can't be built is another check's.
    """
    seen: set[tuple[str, Shape, Shape]] = set()
    trouble: Exception | None = None
    for changed in [{}] if plain else variants(subject):
        for shape in (*shapes, *TINY, *SMALL):
            if seen and shape not in shapes:
                break
            try:
                specimen = _specimen(subject, shape, changed)
            except (NotApplicable, Failure):
                raise
            except Exception as error:
                trouble = trouble or error
                continue
            # A prior that is not told its dimension may have the same event in all cases: once is enough.
            told = subject.kind != "prior" or "dim" in subject.signature.options
            key = (str(changed), specimen.law.event_shape, shape if told else ())
            if key not in seen:
                seen.add(key)
                yield specimen
    if not seen and trouble:
        raise NotApplicable(f"no event of few numbers could be had: {type(trouble).__name__}: {trouble}")


def whole(subject: Subject) -> Iterator[Specimen]:
    """The component in each of its cases: pictures, and vectors where it takes them."""
    for case in subject.cases:
        with suppress(RuntimeError, ValueError, TypeError, IndexError, AssertionError):
            yield _built(subject, case, {})


def ask(found: Iterator[Specimen], question: Callable[[Specimen], None]) -> None:
    """Put a question to each; NotApplicable only where it applies to none."""
    reason: NotApplicable | None = None
    asked = False
    for specimen in found:
        try:
            question(specimen)
            asked = True
        except NotApplicable as error:
            reason = reason or error
    if not asked:
        raise reason or NotApplicable("no event of few numbers could be had: offer an option `dim`")


def variants(subject: Subject) -> Iterator[dict[str, Any]]:
    """Options to try: the defaults, each other choice and truth value, and all positive numbers times 0.6."""
    yield {}
    options = subject.signature.options.values()
    for option in options:
        if option.annotation is bool or get_origin(option.annotation) is not None:
            choices = [value for value in edges(option.annotation) if isinstance(value, (bool, str))]
            yield from ({option.name: value} for value in choices if value != option.default)
    smaller = {option.name: 0.6 * option.default for option in options if _is_positive(option.default)}
    allowed = {
        name: value
        for name, value in smaller.items()
        if _allows(subject.signature.options[name].annotation, value)
    }
    if allowed:
        yield allowed


def _is_positive(value: Any) -> bool:
    return isinstance(value, float) and value > 0


def _allows(annotation: Any, value: float) -> bool:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:
        TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError:
        return False
    return True


def _specimen(subject: Subject, shape: Shape, changed: Mapping[str, Any]) -> Specimen:
    errors: list[Exception] = []
    for case, more in _contexts(subject, shape):
        options = {**changed, **more}
        try:
            return _built(subject, case, options)
        except (NotApplicable, Failure):
            raise
        except Exception as error:
            errors.append(error)
    raise errors[0] if errors else NotApplicable(f"{subject.name} has no events of the shape {shape}")


def _contexts(subject: Subject, shape: Shape) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Cases and options under which the event may get the shape, best first."""
    picture = (1, *(1,) * max(0, 2 - len(shape)), *shape)
    coloured = (3, *picture[1:])
    as_data = (picture, coloured) if "image" in subject.needs else (shape, picture, coloured)
    if subject.kind == "likelihood":
        yield from ((Case(f"data_shape={data}", data), {}) for data in as_data)
        return
    data = picture if "image" in subject.needs else (6,)
    if subject.kind == "prior" and "dim" in subject.signature.options:
        dim = math.prod(shape)
        yield Case(f"dim={dim}", data, (dim,)), {"dim": dim}
    else:
        yield Case(f"latent_shape={shape}", data, shape), {}


def _built(subject: Subject, case: Case, options: Mapping[str, Any]) -> Specimen:
    """Built, moved and called once, so that what does not work with this case shows here."""
    part = subject.build(case, **options)
    if isinstance(part, nn.Module):
        move(part.eval())
    shown = [f"{key}={value!r}" for key, value in options.items() if key != "dim"]
    label = f"{subject.name} ({', '.join([case.name, *shown])})"
    arguments = _arguments(subject, case, part)
    specimen = Specimen(subject, case, label, part, tuple(arguments))
    assert specimen.law.event_shape is not None
    return specimen


def _arguments(subject: Subject, case: Case, part: Any) -> list[Any]:
    if subject.kind != "likelihood":
        return subject.arguments(case, batch=ROWS)
    others = subject.entries()[0].parameters[1:]
    found = subject.arguments(case, batch=ROWS) if others else [None]
    generator = torch.Generator().manual_seed(3)
    found[0] = 1.5 * torch.randn(ROWS, *part.takes(case.data_shape), generator=generator)
    return found


def move(part: nn.Module) -> None:
    """Move what can be trained as some steps would: matrices by 0.2 in each result, others by 0.3 to 0.5 of their size.

    What is 0 moves by 0.3 to 0.5 itself; no number moves beyond 0, so that a scale stays one.
    """
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in part.parameters():
            if not (parameter.requires_grad and parameter.is_floating_point() and parameter.numel()):
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.add_(0.2 / math.sqrt(parameter[0].numel()) * noise)
            else:
                step = noise.sign() * (0.3 + 0.2 * torch.rand(parameter.shape, generator=generator))
                size = torch.where(parameter == 0, 1.0, parameter.abs().clamp(max=1))
                parameter.add_(step * size)
