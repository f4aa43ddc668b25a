"""Blocks of a recipe: `{use: conv, width: 64}` to an instance of a component, with every option."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from genframe.annotations import FilePath, Ranged, Schedulable, Scheduled
from genframe.errors import Mark
from genframe.kinds import KINDS
from genframe.recipe.load import kind_of
from genframe.recipe.model import Instance, Schedule
from genframe.recipe.names import name_fault
from genframe.recipe.places import ENGINE_KEYS, named
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.values import INVALID, beside, check_value, convert
from genframe.recipe.words import (
    described,
    is_path,
    marked,
    number_of,
    part_of,
    range_of,
    shown,
    takes_null,
)
from genframe.registry import LookupProblem, Offer, Registry
from genframe.signature import REQUIRED, Option, Signature, SignatureError


def entries(node: Node | None) -> dict[str, Node]:
    """What a mapping says, without its nulls; nothing of what is no mapping."""
    if node is None or not isinstance(node.value, dict):
        return {}
    return {key: inside for key, inside in node.value.items() if inside.value is not None}


@dataclass(slots=True)
class Blocks:
    """Makes instances and schedules from blocks; what is wrong is noted, and what can be made is made."""

    registry: Registry
    listed: Collection[str]
    problems: Problems

    def instance(
        self, node: Node, kind: str, name: str, path: str, engine_keys: Collection[str] = ENGINE_KEYS
    ) -> Instance | None:
        """The instance that a block describes; `engine_keys` are the keys that are no options."""
        if not isinstance(node.value, (str, dict)):
            message = f"expected the name of a {kind}, or a mapping with `use`, got {kind_of(node)}"
            command = f"genframe list {kind}"
            self.problems.add("GF205", message, node.mark, path, command=command)
            return None
        use = node if isinstance(node.value, str) else entries(node).get("use")
        offer = self._offer(use, node, kind, path)
        if offer is None:
            return None
        block = node.value if isinstance(node.value, dict) else {}
        written = {key: n for key, n in block.items() if key != "use"}
        own = {key: n for key, n in written.items() if key not in engine_keys}
        options = self.options(offer, own, node.place, path, engine_keys)
        settings = {key: n for key, n in written.items() if key in engine_keys and n.value is not None}
        made = self._settings(settings, path)
        return None if options is None else Instance(name, kind, offer, options, node.place, **made)

    def options(
        self,
        offer: Offer,
        written: Mapping[str, Node],
        mark: Mark,
        path: str,
        engine_keys: Collection[str] = (),
    ) -> dict[str, Any] | None:
        """Every option of a component by its recipe key, with defaults; None if they can't be read."""
        try:
            signature = offer.signature()
        except SignatureError as error:
            cause = error.problems[0]
            message = f"the options of {offer.name} can't be read: {cause.message}"
            related = ((cause.mark, "its source"),) if cause.mark else ()
            self.problems.add("GF214", message, mark, path, related=related)
            return None
        for key, node in written.items():
            if key not in signature.options:
                self._unknown_option(offer, signature, key, node, f"{path}.{key}", engine_keys)
        options = {}
        for key, option in signature.options.items():
            node_or_none = written.get(key)
            if node_or_none is not None and self._holds_none(node_or_none, offer, key, option, path):
                options[key] = INVALID
            elif node_or_none is not None and _is_written(node_or_none, option):
                options[key] = self.value(node_or_none, option.annotation, f"{path}.{key}")
            elif option.default is REQUIRED:
                message = f"{offer.name} needs the option {key!r}: {described(option.annotation)}"
                command = f"genframe show {offer.kind} {offer.name}"
                self.problems.add("GF204", message, mark, f"{path}.{key}", command=command)
            else:
                options[key] = _default(option)
        return options

    def value(self, node: Node, annotation: Any, path: str) -> Any:
        """A value for an annotation, a schedule or a range where it takes one."""
        if marked(annotation, Scheduled) and isinstance(node.value, dict):
            return self.schedule(node, path, number_of(annotation))
        if marked(annotation, Ranged):
            if isinstance(node.value, list):
                return self._range(node, annotation, path)
            if node.value is not None:
                return check_value(node, number_of(annotation), path, self.problems)
        part = part_of(annotation)
        if part is not None and node.value is not None:
            one = node if not part.several else None
            return self.instance(one, part.kind, path, path, ()) if one else self.parts(node, part.kind, path)
        value = check_value(node, annotation, path, self.problems)
        return beside(node, value) if is_path(annotation, value) else value

    def schedule(self, node: Node, path: str, number: Any = float) -> Schedule | None:
        """`{linear: {from: 0, to: 1, epochs: 100}}`, whose ends are to be what the option takes as a `number`."""
        found = entries(node)
        if len(found) != 1:
            message = f"expected {described(Schedulable)}, got {shown(node.plain())}"
            self.problems.add("GF205", message, node.mark, path, command="genframe list schedule")
            return None
        ((name, inside),) = found.items()
        try:
            offer = self.registry.find("schedule", name, self.listed)
        except LookupProblem as problem:
            self.problems.append(problem.at(inside.place, path))
            return None
        self.problems.remark_on(offer, name, inside.place, path)
        if not isinstance(inside.value, dict):
            message = f"expected the options of the schedule {name!r}, got {shown(inside.plain())}"
            self.problems.add("GF205", message, inside.mark, f"{path}.{name}")
            return None
        options = self.options(offer, inside.value, inside.place, f"{path}.{name}")
        if options is None:
            return None
        for key in ENDS & inside.value.keys() & options.keys():
            if options[key] is not INVALID:
                several = isinstance(options[key], tuple)
                annotation = tuple.__class_getitem__((number, ...)) if several else number
                check_value(inside.value[key], annotation, f"{path}.{name}.{key}", self.problems)
        return Schedule(offer, options, inside.place)

    def parts(self, node: Node, kind: str, path: str) -> Any:
        """The components that an option holds: a mapping of names, or a list in which each is named by its component.

        In the recipe each is called by its place: `noise.parts.grain`.
        """
        mapping = named(node)
        if not isinstance(mapping.value, dict) or "use" in mapping.value:
            message = f"expected {KINDS[kind].plural} by different names, `{{NAME: {kind}, ...}}`, got {kind_of(node)}"
            self.problems.add("GF205", message, node.mark, path, command=f"genframe list {kind}")
            return INVALID
        found = {}
        for name, inside in entries(mapping).items():
            place = f"{path}.{name}"
            fault = name_fault(name.replace("-", "_"))
            if fault:
                self.problems.add("GF210", fault, inside.place, place)
            found[name] = self.instance(inside, kind, place, place, ())
        if not found:
            message = f"expected at least one {kind}: `{path}: {{NAME: {kind}, ...}}`"
            self.problems.add("GF205", message, node.mark, path, command=f"genframe list {kind}")
        return found

    def _holds_none(self, node: Node, offer: Offer, key: str, option: Option, path: str) -> bool:
        """Whether a component is to stand in an option where none can be built; that is noted."""
        part = part_of(option.annotation)
        if part is None or node.value is None:
            return False
        if offer.kind not in HOLDS_NONE and KINDS[part.kind].slotted:
            return False
        what = f"the {offer.kind} {offer.name} has the option {key!r} of a {part.kind}, and "
        if offer.kind in HOLDS_NONE:
            what += f"a {offer.kind} can hold no component: it is made beside the model"
        else:
            what += f"a {part.kind} can't stand in an option: it is no part of a model"
        command = f"genframe show {offer.kind} {offer.name}"
        self.problems.add(
            "GF221", f"{what}; ask the plugin's author", node.place, f"{path}.{key}", command=command
        )
        return True

    def _range(self, node: Node, annotation: Any, path: str) -> Any:
        ends = check_value(node, range_of(annotation), path, self.problems)
        if ends is not INVALID and ends[0] > ends[1]:
            message = f"expected a range [low, high], got one that falls: {shown(ends)}"
            self.problems.add("GF205", message, node.mark, path)
        return ends

    def _offer(self, use: Node | None, node: Node, kind: str, path: str) -> Offer | None:
        if use is None:
            message = f"no {kind} is named here: write {path}: NAME, or {{use: NAME, ...}}"
            self.problems.add("GF211", message, node.place, path, command=f"genframe list {kind}")
            return None
        if not isinstance(use.value, str):
            message = f"expected the name of a {kind}, got {shown(use.plain())}"
            self.problems.add("GF205", message, use.mark, f"{path}.use", command=f"genframe list {kind}")
            return None
        try:
            offer = self.registry.find(kind, use.value, self.listed)
        except LookupProblem as problem:
            self.problems.append(problem.at(use.mark, path))
            return None
        self.problems.remark_on(offer, use.value, use.mark, path)
        return offer

    def _unknown_option(
        self,
        offer: Offer,
        signature: Signature,
        key: str,
        node: Node,
        path: str,
        engine_keys: Collection[str],
    ) -> None:
        command = f"genframe show {offer.kind} {offer.name}"
        if key in (*signature.givens, *signature.optional_givens):
            message = f"{key!r} of {offer.name} comes from the engine, not from the recipe"
            if "given" in engine_keys:
                message += f"; `given: {{{key}: ...}}` binds it to something else"
            self.problems.add("GF206", message, node.place, path, command=command)
            return
        known = [*signature.options, *(k for k in engine_keys if k != "use")]
        message = f"{offer.name} has no option {key!r}"
        if not signature.options:
            message += "; it has none"
        self.problems.add("GF202", message, node.place, path, name=key, known=known, command=command)

    def _settings(self, written: Mapping[str, Node], path: str) -> dict[str, Any]:
        """The engine's keys of an instance."""
        settings: dict[str, Any] = {}
        for key, annotation in SETTINGS.items():
            if key in written:
                value = self.value(written[key], annotation, f"{path}.{key}")
                if value is not INVALID:
                    settings[key] = value
        return settings


HOLDS_NONE = ("dataset", "tracker", "alarm", "schedule")
"""Kinds whose options hold no components: they are made before the model is, or without it."""

ENDS = frozenset(("from", "to", "values"))
"""The options of schedules that are values which the schedule takes."""

SETTINGS: dict[str, Any] = {
    "at": str | list[str],
    "init": FilePath,
    "frozen": bool | list[str],
    "given": dict[str, str | list[int]],
}


def _is_written(node: Node, option: Option) -> bool:
    """Null is a value where the option takes it, and else takes back what a base says."""
    return node.value is not None or takes_null(option.annotation)


def _default(option: Option) -> Any:
    """A default as a recipe's value would stand: a list where the annotation says list."""
    default = option.default
    return convert(default, option.annotation) if isinstance(default, (list, tuple)) else default
