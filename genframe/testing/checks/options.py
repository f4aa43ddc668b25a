"""Options: what an annotation allows works, what it does not allow is refused, and a schedule moves what it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from genframe.annotations import Ranged, Scheduled
from genframe.errors import Mark
from genframe.recipe.blocks import Blocks
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.words import described, marked, number_of, shown
from genframe.signature import REQUIRED, Option
from genframe.testing.examples import NONE, edges, example, outside
from genframe.testing.kit import EVERY, Failure, NotApplicable, check
from genframe.testing.runs import RUNNING, Refusal, built, difference, not_finite, promised, result, runs
from genframe.testing.subject import Subject
from genframe.testing.toys import Case

MOST = 64
"""The largest whole number that is tried: an upper bound of a width may be beyond what fits in memory."""


@check(EVERY)
def defaults_are_valid(subject: Subject) -> None:
    """Each default is a value that a recipe could write: a run's resolved recipe does."""
    for option in _options(subject):
        if option.default is REQUIRED:
            continue
        wrong = _refusal(subject, option, option.default)
        if wrong:
            raise Failure(
                f"the default of {option.name!r} is {described(option.annotation)}",
                came=f"{shown(option.default)}: {wrong}",
                hint="annotate with what it takes (float | None, Annotated[int, Ge(1)] ...), or change the default",
            )


@check(EVERY)
def values_outside_are_refused(subject: Subject) -> None:
    """A recipe that gives an option what its annotation does not allow is refused, before anything is built."""
    tried = 0
    for option in _options(subject):
        for value in outside(option.annotation):
            tried += 1
            if not _refusal(subject, option, value):
                raise Failure(f"{option.name}: {shown(value)} is refused", came="it is taken")
    if not tried:
        raise NotApplicable("its options have neither bounds nor choices")


@check(*RUNNING)
def edges_build_and_run(subject: Subject) -> None:
    """Every value at the edge of what an option allows works: each choice, each closed bound, both truth values.

    Or it is refused by a ValueError that names the option.
    """
    changes = [(option, value) for option in _options(subject) for value in _edges(option)]
    if not changes:
        raise NotApplicable("its options have neither closed bounds nor choices")
    for case in _two_cases(subject):
        for option, value in changes:
            _try(subject, case, option, value)


@check(*RUNNING)
def schedulable_options_move(subject: Subject) -> None:
    """An option that takes a schedule is read at every call: the engine writes the step's number before it."""
    found = [option for option in _options(subject) if marked(option.annotation, Scheduled)]
    if not found:
        raise NotApplicable("no option takes a schedule")
    case = next(iter(_two_cases(subject)))
    for option in found:
        for value in _numbers(option):
            if subject.is_class:
                _try_attribute(subject, case, option, value)
            else:
                _try(subject, case, option, value)


def _options(subject: Subject) -> list[Option]:
    options = list(subject.signature.options.values())
    if not options:
        raise NotApplicable("it has no options")
    return options


def _refusal(subject: Subject, option: Option, value: Any) -> str:
    """Why a recipe may not give an option this value; empty where it may."""
    problems = Problems()
    blocks = Blocks(subject.registry, (subject.offer.plugin,), problems)
    blocks.value(_node(value), option.annotation, option.name)
    return problems[0].message if problems else ""


def _node(value: Any) -> Node:
    """A value as a recipe's tree has it."""
    mark = Mark("recipe.yaml", 1, 1)
    if isinstance(value, (list, tuple)):
        return Node([_node(item) for item in value], mark)
    if isinstance(value, Mapping):
        return Node({str(key): _node(item) for key, item in value.items()}, mark)
    return Node(value, mark)


def _edges(option: Option) -> Iterator[Any]:
    """The edges of an option's annotation that are not its default, without enormous sizes."""
    for value in edges(option.annotation):
        large = isinstance(value, int) and value > MOST
        if not large and value != option.default:
            yield value


def _two_cases(subject: Subject) -> Iterator[Case]:
    """The first case of vectors and the first of pictures that it takes."""
    seen = set()
    for run in runs(subject):
        if run.case.is_image not in seen:
            seen.add(run.case.is_image)
            yield run.case


def _try(subject: Subject, case: Case, option: Option, value: Any) -> None:
    """Build and call with one option changed."""
    what = f"{option.name}: {shown(value)}"
    allowed = f"which {described(option.annotation)} allows"
    hint = f"narrow its annotation, or refuse it by a ValueError that names {option.name!r}"
    try:
        with promised(f"it builds and runs with {what}, {allowed}, for {case}", hint):
            part = built(subject, case, **{option.name: value})
            found = _results(subject, part, case)
    except Refusal as refusal:
        if option.name in str(refusal):
            return
        raise Failure(f"a refusal of {what} names the option", came=str(refusal)) from refusal
    for name, tensor in found.items():
        if not_finite(name, tensor):
            came = f"{int((~tensor.isfinite()).sum())} values of {tensor.numel()} are not"
            raise Failure(f"{name} is finite with {what}, {allowed}, for {case}", came=came, hint=hint)


def _numbers(option: Option) -> Iterator[float]:
    """Two numbers that a schedule could give an option, other than its default."""
    annotation = number_of(option.annotation) if marked(option.annotation, Ranged) else option.annotation
    usual = option.default if isinstance(option.default, (int, float)) else example(annotation)
    candidates = (0.5 * usual, usual + 0.25) if usual is not NONE else ()
    yield from (float(number) for number in candidates if number != option.default)


def _try_attribute(subject: Subject, case: Case, option: Option, value: float) -> None:
    part = built(subject, case)
    name = option.parameter
    if not hasattr(part, name):
        raise Failure(
            f"an instance has the schedulable option {option.name!r} as its attribute {name}",
            came=f"a {type(part).__name__} has none",
            hint=f"self.{name} = {name} in __init__",
        )
    before = _results(subject, built(subject, case), case)
    try:
        setattr(part, name, value)
    except (AttributeError, TypeError) as error:
        raise Failure(f"a number can be written to {name} before each step", came=str(error)) from error
    with _watched(part, name) as reads:
        after = _results(subject, part, case)
    if not difference(before, after) and not reads:
        raise Failure(
            f"a call reads {name}, which a schedule writes before each step",
            came=f"the same result after {name} = {value:g}, and no call reads it",
            hint="keep what is computed from it out of __init__",
        )


def _results(subject: Subject, part: Any, case: Case) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for entry in subject.entries():
        found |= {f"{name} of {entry}": t for name, t in result(subject, part, case, entry).items()}
    return found


@contextmanager
def _watched(part: Any, name: str) -> Iterator[list[str]]:
    """The reads of an attribute of an object, noted while they happen."""
    reads: list[str] = []

    class Watched(type(part)):  # type: ignore[misc]
        def __getattribute__(self, key: str) -> Any:
            if key == name:
                reads.append(key)
            return super().__getattribute__(key)

    usual = type(part)
    try:
        part.__class__ = Watched
    except TypeError:  # slots: nothing to be seen, so the result alone tells
        yield ["unseen"]
        return
    try:
        yield reads
    finally:
        part.__class__ = usual
