"""What the names in a recipe's expressions stand for, as far as that can be told without importing a part."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from genframe.errors import Mark, nearest
from genframe.kinds import SLOTS
from genframe.methods import CALLED, asked
from genframe.recipe.expression import Call, Expression, Name, walk
from genframe.recipe.model import Data, Instance, Wire
from genframe.recipe.names import RESERVED_NAMES
from genframe.recipe.problems import Problems
from genframe.registry import LookupProblem, Offer, Registry
from genframe.signature import REQUIRED, SignatureError

FIELDS = ("x", "y", "index", "factors")
"""Wires that datasets conventionally provide; only their `spec()` tells which."""

CALLABLE = ("function", "loss")
"""Kinds whose components need no instance."""


@dataclass(slots=True)
class Scope:
    """The names of one recipe. `instances` and `datasets` hold those that are written, whole or not."""

    registry: Registry
    listed: Collection[str]
    wires: tuple[Wire, ...]
    instances: Collection[str]
    datasets: Collection[str]
    problems: Problems
    missing: set[str] = field(default_factory=set)  # slots that were told of once

    @property
    def single(self) -> bool:
        """Whether the recipe has one dataset, whose fields are wires."""
        return "" in self.datasets

    def names(self) -> list[str]:
        """Every name that an expression may use, functions and losses without an instance apart."""
        wires = [name for wire in self.wires for name in wire.names if name != "_"]
        fields = FIELDS if self.single else ()
        return [*wires, *self.instances, *filter(None, self.datasets), *fields]

    def plain_wires(self) -> list[str]:
        """The wires that are values: those without arguments."""
        return [name for wire in self.wires if not wire.params for name in wire.names if name != "_"]

    def check(self, wires: tuple[Wire, ...], section: str) -> None:
        """Note every name in the expressions that stands for nothing."""
        known = {*self.names(), *RESERVED_NAMES}
        for wire in wires:
            path = f"{section}.{', '.join(wire.names)}"
            for name, called in _used(wire.expression):
                if name.id not in known and name.id not in wire.params:
                    self._unknown(name, called, wire, path)

    def check_cycles(self) -> None:
        """Note wires that need each other in a circle."""
        owners = {name: wire for wire in self.wires for name in wire.names if name != "_"}
        graph = {
            name: {used.id for used, _ in _used(wire.expression) if used.id not in wire.params}
            & owners.keys()
            for name, wire in owners.items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            first = owners[circle[0]]
            related = tuple((owners[name].mark, name) for name in dict.fromkeys(circle[1:-1]))
            message = f"wires that need each other in a circle: {' -> '.join(circle)}"
            self.problems.add("GF413", message, first.mark, f"wires.{circle[0]}", related=related)

    def _unknown(self, name: Name, called: bool, wire: Wire, path: str) -> None:
        offer = self._offer(name.id)
        if offer is not None:
            self.problems.remark_on(offer, name.id, wire.mark.shifted(name.column, len(name.id)), path)
            self._check_options(offer, name, wire, path)
            return
        known = [*self.names(), *wire.params, *RESERVED_NAMES, *self._functions()]
        near = nearest(name.id, known)
        if self.single and not called and near is None and name.id not in SLOTS:
            return  # perhaps a field of the dataset: the plan, which has its spec, will tell
        mark = wire.mark.shifted(name.column, len(name.id))
        if name.id in SLOTS and not SLOTS[name.id][1]:
            if name.id not in self.missing:
                self.missing.add(name.id)
                message = f"the recipe has no {name.id}: write `{name.id}: NAME`"
                self.problems.add("GF401", message, mark, path, command=f"genframe list {name.id}")
            return
        message = f"nothing is called {name.id!r}: no wire, instance, dataset or function"
        command = None if near else "genframe list function"
        self.problems.add("GF401", message, mark, path, name=name.id, known=known, command=command)

    def _offer(self, name: str) -> Offer | None:
        for kind in CALLABLE:
            try:
                return self.registry.find(kind, name, self.listed)
            except LookupProblem:
                continue
        return None

    def _check_options(self, offer: Offer, name: Name, wire: Wire, path: str) -> None:
        try:
            options = offer.signature().options.values()
        except SignatureError:
            return  # a component that can't be used is told of where it is called
        needed = [option.name for option in options if option.default is REQUIRED]
        if needed:
            message = f"{offer.name} needs the option {needed[0]!r}: give it an instance, "
            message += f"`{offer.kind}: {{use: {offer.component.name}, {needed[0]}: ...}}`"
            mark = wire.mark.shifted(name.column, len(name.id))
            command = f"genframe show {offer.kind} {offer.name}"
            self.problems.add("GF404", message, mark, path, command=command)

    def _functions(self) -> Iterator[str]:
        for kind in CALLABLE:
            for offer in self.registry.offers(kind):
                if offer.first_party or offer.plugin in self.listed:
                    yield offer.component.name.replace("-", "_")


def _used(expression: Expression) -> Iterator[tuple[Name, bool]]:
    """Every name in an expression, and whether it is called."""
    called = {id(part.function) for part in walk(expression) if isinstance(part, Call)}
    for part in walk(expression):
        if isinstance(part, Name):
            yield part, id(part) in called


def check_given(
    instances: Collection[Instance], names: Collection[str], problems: Problems, section: str = ""
) -> None:
    """Note every rebinding (`given: {encoder: encoder_b}`) of what is no given, or to a name that is not there."""
    for instance in instances:
        path = f"{section}{instance.name}.given"
        known = _givens(instance) if instance.given else ()
        for given, value in instance.given.items():
            if known is not None and given not in known:
                message = f"{instance.offer.name} is given no {given!r}"
                command = f"genframe show {instance.kind} {instance.offer.name}"
                problems.add("GF213", message, instance.mark, path, name=given, known=known, command=command)
            elif isinstance(value, str) and value.partition(".")[0] not in names:
                message = f"`given` binds {given!r} to {value!r}, which is no wire or instance of the recipe"
                problems.add("GF213", message, instance.mark, f"{path}.{given}", name=value, known=names)


def _givens(instance: Instance) -> tuple[str, ...] | None:
    """What can be rebound; None where only importing tells."""
    if instance.kind in CALLED:
        return asked(instance.offer)
    signature = instance.offer.signature()
    return (*signature.givens, *signature.optional_givens)


def check_clashes(
    wires: tuple[Wire, ...],
    instances: Collection[Instance],
    datasets: Collection[Data],
    problems: Problems,
) -> None:
    """Note every name that two wires, instances or datasets share."""
    owners = [(instance.name, instance.mark) for instance in instances]
    owners += [(data.instance.name, data.instance.mark) for data in datasets if data.instance.name]
    owners += [(name, wire.mark) for wire in wires for name in wire.names if name != "_"]
    first: dict[str, Mark] = {}
    for name, mark in owners:
        if name in first:
            related = ((first[name], "the other"),)
            message = f"two things are called {name!r}; wires, instances and datasets share their names"
            problems.add("GF209", message, mark, name, related=related)
        first.setdefault(name, mark)
