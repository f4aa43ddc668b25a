"""The trial run: two rows of the promised shapes through every wire, forward and backward, on the CPU.

It builds each component at its first call, checks every attribute and shape, and measures by autograd which term
teaches which component.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe.binding import public_methods
from genframe.bound import (
    Bound,
    BoundWire,
    Field,
    FromArgument,
    FromEngine,
    FromWire,
    Invoke,
    Items,
    Literal,
    Part,
    Template,
)
from genframe.call_checks import Tracked, called_name, check_event, check_laws, check_samples, path_of
from genframe.described import attributes_of, describe, reason_of
from genframe.errors import Mark, Problem, RecipeError
from genframe.kinds import KINDS
from genframe.parts import Parts, random_rows
from genframe.scored import Scored
from genframe.slopes import Slopes, normalised
from genframe.values import Terms

ROWS = 2
_DRAWS = ("sample", "rsample")


class MoreRows(Exception):
    """A component takes batches that divide by a number, and so has to be tried with a multiple of `rows`."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass
class Trial:
    """Evaluates bound expressions with care. `shapes` are the wires' shapes, as text, once they were computed.

    `remarks` are worth saying and stop nothing; `scored` are the fields of data that a likelihood's log_prob was asked
    of, `figures` whether outputs ask.
    """

    parts: Parts
    data: dict[str, Tracked] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    values: dict[str, Tracked] = field(default_factory=dict)
    gradient: Callable[[str], bool] = lambda name: True
    scored: dict[tuple[str, str], Scored] = field(default_factory=dict)
    figures: bool = False
    remarks: list[Problem] = field(default_factory=list)
    _buffers: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    _heard: list[Distribution] = field(default_factory=list)

    def wire(self, name: str) -> Tracked:
        """The value of a plain wire or a data field, computed once."""
        if name in self.data:
            return self.data[name]
        if name not in self.values:
            bound = self.parts.wiring.plain[name]
            with torch.set_grad_enabled(self.gradient(name)):
                tracked = self.bound(bound.bound, {}, bound)
            self._keep(bound, tracked)
        return self.values[name]

    def _keep(self, bound: BoundWire, tracked: Tracked) -> None:
        names = bound.wire.names
        if len(names) == 1:
            parts: list[Any] = [tracked.value]
        else:
            parts = list(tracked.value) if isinstance(tracked.value, (tuple, list)) else []
            if len(parts) != len(names):
                count = len(parts) or "one value"
                message = f"{bound.label} unpacks {len(names)} values, and {bound.wire.text} gives {count}"
                raise RecipeError(Problem("GF507", message, bound.wire.mark, f"wires.{bound.label}"))
        for name, value in zip(names, parts, strict=True):
            if name != "_":
                self.values[name] = Tracked(value, tracked.lead)
                self.shapes[name] = describe(value)

    def bound(self, bound: Bound, frame: dict[str, Tracked], wire: BoundWire) -> Tracked:
        """Evaluate, tracking the dimensions in front. Raises RecipeError with the place of whatever fails."""
        match bound:
            case Literal(value=value):
                return Tracked(value)
            case FromWire(name=name):
                return self.wire(name)
            case FromArgument(name=name):
                return frame[name]
            case FromEngine():
                return Tracked(self.parts.rows)
            case Part(instance=name):
                handed = self.parts.handed(name)
                self._remember_buffers(name)
                return Tracked(handed)
            case Template(name=name):
                return Tracked(self._callable(name))
            case Items(items=items):
                found = [self.bound(item, frame, wire) for item in items]
                return Tracked([one.value for one in found], max((one.lead for one in found), default=0))
            case Field():
                return self._field(bound, frame, wire)
            case Invoke():
                return self._invoke(bound, frame, wire)

    def _callable(self, name: str) -> Callable[..., Any]:
        """A wire with arguments, as components see it: called from Python with (batch, ...)."""
        template = self.parts.wiring.templates[name]

        def call(*args: Any) -> Any:
            frame = {key: Tracked(arg, 1) for key, arg in zip(template.wire.params, args, strict=True)}
            return self.bound(template.bound, frame, template).value

        return call

    def _field(self, bound: Field, frame: dict[str, Tracked], wire: BoundWire) -> Tracked:
        if isinstance(bound.value, Part):
            return self._method(bound.value.instance, bound, wire)
        inner = self.bound(bound.value, frame, wire)
        allowed = attributes_of(inner.value)
        if bound.name not in allowed:
            what = describe(inner.value)
            has = (
                f"it has {', '.join(sorted(allowed))}"
                if allowed
                else "of a tensor none is reachable: call a function"
            )
            raise RecipeError(
                Problem(
                    "GF506", f"{what} has no attribute {bound.name!r} here; {has}", bound.place, path_of(wire)
                )
            )
        try:
            return Tracked(getattr(inner.value, bound.name), inner.lead)
        except (AttributeError, NotImplementedError) as error:
            message = f"{describe(inner.value)} offers no {bound.name!r}: {error or type(error).__name__}"
            raise RecipeError(Problem("GF506", message, bound.place, path_of(wire))) from error

    def _method(self, name: str, bound: Field, wire: BoundWire) -> Tracked:
        methods = public_methods(self.parts.wiring.instances[name].offer.load())
        if bound.name not in methods:
            has = f"it has {', '.join(methods)}" if methods else "it has none"
            message = f"{bound.name!r} is no public method of {name!r}; {has}"
            raise RecipeError(Problem("GF506", message, bound.place, path_of(wire)))
        method = getattr(self.parts[name], bound.name)
        self._remember_buffers(name)
        return Tracked(method)

    def _invoke(self, call: Invoke, frame: dict[str, Tracked], wire: BoundWire) -> Tracked:
        args = [self.bound(arg, frame, wire) for arg in call.args]
        keywords = {key: self.bound(value, frame, wire) for key, value in call.keywords}
        lead = max((arg.lead for arg in (*args, *keywords.values())), default=0)
        if isinstance(call.function, Template):
            template = self.parts.wiring.templates[call.function.name]
            return self.bound(template.bound, dict(zip(template.wire.params, args, strict=True)), template)
        if isinstance(call.function, Part):
            check_event(self.parts, call, args, wire)
            function = self._component(call.function.instance, args, call.place, wire)
            lead = self._lead(call.function.instance, args, lead)
        else:
            inner = self.bound(call.function, frame, wire)
            function, lead = inner.value, max(lead, inner.lead)
            if isinstance(call.function, Field) and call.function.name in _DRAWS:
                lead += sum(len(a.value) for a in args if isinstance(a.value, list))
                check_samples(self.parts, self.data, args, call.place, wire)
            lead += getattr(function, "sample_ndim", 0)  # a method's or a function's own
        values = [arg.value for arg in args]
        check_laws(self.parts, call, values, wire)
        slopes = Slopes(self.parts.rows)
        try:
            with slopes if any(isinstance(arg, (Part, Template)) for arg in call.args) else nullcontext():
                value = function(*values, **{key: arg.value for key, arg in keywords.items()})
        except (RecipeError, MoreRows):
            raise
        except Exception as error:
            raise RecipeError(self._failure(call, values, wire, error)) from error
        if slopes.taken:
            self._check_slopes(call, values, slopes, wire)
        if isinstance(call.function, Part) and isinstance(value, Distribution):
            self._listen(call.function.instance, value)
        return Tracked(value, lead)

    def _listen(self, name: str, law: Distribution) -> None:
        """Note which fields of the data a likelihood's law is asked the log_prob of, until `stop_listening`."""
        if self.parts.wiring.instances[name].kind != "likelihood" or "log_prob" in vars(law):
            return
        told = law.log_prob

        def log_prob(value: Any) -> Any:
            for key, tracked in self.data.items():
                if tracked.value is value:
                    figure = self.figures or ((name, key) in self.scored and self.scored[name, key].figure)
                    self.scored[name, key] = Scored(name, key, law, figure)
            return told(value)

        law.log_prob = log_prob  # type: ignore[method-assign]
        self._heard.append(law)

    def stop_listening(self) -> None:
        """Leave the laws as they were."""
        for law in self._heard:
            vars(law).pop("log_prob", None)
        self._heard.clear()

    def _check_slopes(self, call: Invoke, values: Sequence[Any], slopes: Slopes, wire: BoundWire) -> None:
        """What a call differentiates is remembered; the slope at one example must not depend on the others."""
        handed = [arg for arg in call.args if isinstance(arg, (Part, Template))]
        self.parts.differentiated.update(arg.name for arg in handed if isinstance(arg, Template))
        pairs = zip(call.args, values, strict=True)
        if not slopes.mixed([value for arg, value in pairs if isinstance(arg, (Part, Template))]):
            return
        asks = called_name(call.function)
        for name in sorted(frozenset().union(*(self.parts.wiring.touches(arg) for arg in handed))):
            part, instance = self.parts.built.get(name), self.parts.wiring.instances[name]
            layer = normalised(part) if isinstance(part, nn.Module) and not instance.frozen else None
            if layer:
                message = f"{asks} takes the slope of {name!r} at each example, and its layer {layer} normalises over "
                message += "the batch, so that the slope at one example depends on the others: choose another norm, of "
                message += "each example by itself (layer, group or instance), or none"
                related = ((instance.mark, f"{instance.offer.name} is chosen here"),)
                raise RecipeError(Problem("GF514", message, call.place, path_of(wire), related=related))
        message = (
            f"the slope that {asks} takes at one example depends on the other examples of its batch; where "
        )
        message += (
            "several are judged at once (pack), the slope meant is the pack's: hand it packs, and the critic"
        )
        self.remarks.append(Problem("GF524", message, call.place, path_of(wire), severity="remark"))

    def _component(self, name: str, args: list[Tracked], place: Mark, wire: BoundWire) -> Callable[..., Any]:
        shapes = [tuple(a.value.shape[a.lead :]) for a in args if isinstance(a.value, Tensor)]
        if name in self.parts.built:
            # One that was built before, for a method's sake say, is folded by what it is first called with.
            self.parts.shapes[name] = self.parts.shapes[name] or tuple(shapes)
        else:
            try:
                self.parts.build(name, shapes)
            except RecipeError as error:
                related = ((place, f"built here, for {path_of(wire)}"),)
                problems = (_with_related(problem, related) for problem in error.problems)
                raise RecipeError(*problems) from error.__cause__
        self._remember_buffers(name)
        self._check_batches(name, place, wire)
        return self.parts.caller(name)

    def _check_batches(self, name: str, place: Mark, wire: BoundWire) -> None:
        """A component that offers `batch_multiple` takes batches that divide by it; the trial's make two parts.

        Raises RecipeError for a batch size that does not, MoreRows where the trial has too few.
        """
        multiple: int = getattr(self.parts.built[name], "batch_multiple", 1)
        for dataset in self._feeding(wire) if multiple > 1 else ():
            data = self.parts.wiring.recipe.datasets[dataset]
            if data.batch_size % multiple:
                message = (
                    f"{name} takes batches that divide by {multiple}, and batch_size is {data.batch_size}: "
                )
                message += f"{data.batch_size - data.batch_size % multiple or multiple}, say"
                related = ((data.instance.mark, "the data's batch_size is read here"),)
                raise RecipeError(Problem("GF547", message, place, path_of(wire), related=related))
        if self.parts.rows % (ROWS * multiple):
            raise MoreRows(ROWS * multiple)

    def _feeding(self, wire: BoundWire) -> tuple[str, ...]:
        """The datasets whose batches come to a wire; where none does, the first, whose size draws have."""
        wiring = self.parts.wiring
        needs = wiring.needs(wire.bound)
        bounds = [wire.bound, *(wiring.plain[name].bound for name in wiring.ancestors(needs))]
        read = {name for bound in bounds for name in wiring.needs(bound)} & {*wiring.data}
        names = {name.rpartition(".")[0] for name in read}
        return tuple(names) or tuple(wiring.recipe.datasets)[:1]

    def _lead(self, name: str, args: list[Tracked], lead: int) -> int:
        """The dimensions in front of a net's result: those of its first argument, whose event it knows.

        And those that it says it puts there itself (`sample_ndim`): the steps of a network that takes several.
        """
        shapes = self.parts.shapes[name]
        if (
            KINDS[self.parts.wiring.instances[name].kind].folds
            and shapes
            and isinstance(args[0].value, Tensor)
        ):
            ahead: int = getattr(self.parts.built[name], "sample_ndim", 0)
            return args[0].value.ndim - len(shapes[0]) + ahead
        return lead

    def _remember_buffers(self, name: str) -> None:
        """Running averages and chains must not move in a trial: they are put back when it ends."""
        part = self.parts.built[name]
        for key, buffer in part.named_buffers() if isinstance(part, nn.Module) else ():
            if (name, key) not in self._buffers:
                self._buffers[name, key] = buffer.detach().clone()

    def restore_buffers(self) -> None:
        """Put them back, those too that a call has assigned anew."""
        with torch.no_grad():
            for (name, key), kept in self._buffers.items():
                self.parts.built[name].get_buffer(key).copy_(kept)

    def _failure(self, call: Invoke, values: list[Any], wire: BoundWire, error: Exception) -> Problem:
        name = called_name(call.function)
        given = ", ".join(describe(value) for value in values)
        message = f"{name}({given}) failed in the trial run: {type(error).__name__}: {reason_of(error)}"
        related: tuple[tuple[Mark, str], ...] = ()
        if isinstance(call.function, Part):
            instance = self.parts.wiring.instances[call.function.instance]
            related = ((instance.mark, f"{instance.offer.name} is declared here"),)
        return Problem("GF508", message, call.place, path_of(wire), related=related)


def trial_data(parts: Parts) -> dict[str, Tracked]:
    """A few random rows of each dataset, by the names that wires use."""
    rows: dict[str, Tracked] = {}
    for name, spec in parts.specs.items():
        prefix = f"{name}." if name else ""
        made = random_rows(
            spec.fields, parts.rows, bits=parts.wiring.recipe.datasets[name].binarise != "none"
        )
        rows.update({f"{prefix}{key}": Tracked(value, 1) for key, value in made.items()})
        index = f"{prefix}index"  # the row's number in the data, which every dataset has and none promises
        if any(index in parts.wiring.needs(wire.bound) for wire in parts.wiring.plain.values()):
            rows.setdefault(index, Tracked(torch.arange(parts.rows), 1))
    return rows


def reduced(value: Any, name: str, mark: Mark | None = None) -> Tensor:
    """A term as a number: (batch,) is averaged, `Terms` gives its total. Raises RecipeError for anything else."""
    total = value.total if isinstance(value, Terms) else value
    if isinstance(total, Tensor) and total.ndim <= 1 and total.is_floating_point():
        return total.mean() if total.ndim else total
    message = f"the term {name!r} must be a number or one a row, and is {describe(value)}"
    raise RecipeError(Problem("GF509", message, mark, f"wires.{name}"))


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Random draws and modes of a trial leave the process as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _with_related(problem: Problem, related: tuple[tuple[Mark, str], ...]) -> Problem:
    return replace(problem, related=(*problem.related, *related))
