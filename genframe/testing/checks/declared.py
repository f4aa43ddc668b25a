"""How a plugin declares what it offers: it loads, lightly and without a trace, and its signatures can be read."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from genframe import isolation
from genframe.deprecated import GenframeDeprecationWarning
from genframe.discovery import LOCAL
from genframe.errors import nearest
from genframe.kinds import KINDS
from genframe.parts import GIVENS
from genframe.registry import PluginStatus
from genframe.signature import Signature, SignatureError, runtime_signature
from genframe.testing.kit import EVERY, Failure, NotApplicable, check
from genframe.testing.subject import PluginSubject, Subject

TIMEOUT = 120.0
"""Seconds that a process has to declare a plugin and import its components."""


@check("plugin")
def loads(subject: PluginSubject) -> None:
    """The plugin loads. What it uses of the API that is about to go is a warning: no level asks for more later."""
    status = subject.plugin.status
    if not status.ok:
        place = f" ({status.place})" if status.place else ""
        raise Failure(
            "the plugin loads", came=f"it is {status.state}: {status.cause}{place}", hint=_doctor(status)
        )
    for warning in status.warnings:
        if found := re.fullmatch(r"(.+?):(\d+): (.+)", warning, re.DOTALL):
            warnings.warn_explicit(found[3], GenframeDeprecationWarning, found[1], int(found[2]))


@check("plugin")
def declares_without_torch(subject: PluginSubject) -> None:
    """Declaring it imports neither torch nor wandb: `genframe list` waits for no plugin."""
    if not subject.plugin.status.distribution:
        raise NotApplicable("a file holds its components itself, and is loaded only where it is named")
    declared = _declared(subject)
    for package in declared["imported"]:
        raise Failure(
            f"declaring it imports no {package}",
            came=_importer(subject.plugin.status, package)
            or f"it is imported, see {_doctor(subject.plugin.status)}",
            hint="components stand in modules of their own, which their targets name; beside the hooks import only "
            "from genframe",
        )


@check("plugin")
def declares_without_side_effects(subject: PluginSubject) -> None:
    """Declaring it prints nothing and changes nothing: environment, folder, handlers, filters, seeds; no thread."""
    declared = _declared(subject)
    printed = declared["printed"].strip()
    found = [f"it prints {printed.partition(chr(10))[0]!r}"] if printed else []
    module = subject.plugin.status.source.partition(":")[0].partition(".")[0]
    alone = set(declared["packages"]) <= {module}  # what others do when they are imported is not the plugin's
    found += _traces(declared, severe_only=not alone)
    if found:
        raise Failure(
            "declaring it leaves no trace", came="; ".join(found), hint="do it where a component is built"
        )


@check("plugin")
def imports_without_side_effects(subject: PluginSubject) -> None:
    """Importing its components changes nothing that results depend on: defaults of torch, seeds, folder, handlers."""
    left = next(iter(_examined(subject).all("left")), None)
    if left is None:
        raise NotApplicable("it offers no components")
    found = list(_traces(left, severe_only=True))
    if found:
        raise Failure("importing its components leaves no trace", came="; ".join(found))


@check(EVERY)
def signature_is_readable(subject: Subject) -> None:
    """Its givens and options can be read without importing it, as `genframe validate --quick` does."""
    try:
        subject.offer.signature()
    except SignatureError as error:
        problem = error.problems[0]
        place = f" ({problem.mark})" if problem.mark else ""
        raise Failure(
            "its signature can be read from its source", came=f"{problem.message}{place}"
        ) from error


@check(EVERY)
def parameters_are_told_apart(subject: Subject) -> None:
    """A constructor's positional parameters are givens that the engine knows; options are keyword-only, annotated."""
    signature = subject.signature
    for name in signature.givens if signature.is_class else ():
        near = None if name in _KNOWN else nearest(name, _KNOWN)
        if near:
            raise Failure(
                f"{name!r} is a given: {', '.join(GIVENS)}, or a component of the recipe",
                came="no given of that name",
                hint=f"did you mean {near!r}?",
            )
    for name in signature.optional_givens if signature.is_class else ():
        if name not in _KNOWN:
            raise Failure(
                f"{name!r}, which has a default, is an option that a recipe can set",
                came="a positional parameter, which comes from the engine",
                hint=f"stand it behind a `*`: def __init__(self, in_shape, *, {name}: int = ...)",
            )
    for option in signature.options.values():
        if option.annotation is Any and not _annotated(subject, option.parameter):
            raise Failure(
                f"the option {option.name!r} says what it takes",
                came="no annotation, so that a recipe may give it anything",
                hint=f"{option.parameter}: int = ..., Count, Positive, Literal[...]",
            )


def _annotated(subject: Subject, parameter: str) -> bool:
    """Whether the author wrote an annotation: `Any` may be meant."""
    if subject.offer.component.config:
        return True
    parameters = inspect.signature(subject.target).parameters
    return parameter not in parameters or parameters[parameter].annotation is not inspect.Parameter.empty


_KNOWN = (*GIVENS, *KINDS)
"""What a constructor may ask for by a name that needs no recipe of its own."""


@check(EVERY)
def static_signature_is_runtime_signature(subject: Subject) -> None:
    """What is read from its source is what Python sees once it is imported."""
    if subject.offer.component.config:
        raise NotApplicable("its options are those of its config")
    static = subject.signature
    try:
        seen = runtime_signature(subject.target)
    except SignatureError as error:
        raise NotApplicable(f"Python can't resolve its annotations: {error}") from error
    differing = list(_differences(static, seen))
    if differing:
        raise Failure(
            "its source says what Python sees",
            came="; ".join(differing),
            hint="a decorator or a metaclass that changes the signature? Name a torch-free dataclass by config=",
        )


@check(EVERY)
def has_a_summary(subject: Subject) -> None:
    """`genframe list` has a line about it: its summary, or the first line of its docstring."""
    summary = subject.offer.summary()
    if not summary.strip() or "\n" in summary.strip():
        raise Failure(
            "one line says what it is",
            came=repr(summary[:80]),
            hint="Component(..., summary=...), or a docstring whose first line says it",
        )


def _declared(subject: PluginSubject) -> Mapping[str, Any]:
    """What a process of its own reported of the declaration. Raises NotApplicable where it does not load."""
    if not subject.plugin.status.ok:
        raise NotApplicable("it does not load")
    outcome = _examined(subject)
    for declared in outcome.all("declared"):
        return declared
    raise Failure("it can be loaded in a process of its own", came=outcome.death or outcome.last_words())


def _examined(subject: PluginSubject) -> isolation.Outcome:
    status = subject.plugin.status
    if status.name == LOCAL:
        raise NotApplicable("it was registered in this process, and no other one can load it")
    return _process(status)


@lru_cache(maxsize=8)
def _process(status: PluginStatus) -> isolation.Outcome:
    """What becomes of a plugin that is declared, and whose components are imported, in a process of its own.

    Once for each time that it was loaded here, which its status tells by the time that it took.
    """
    return isolation.run("examine", [_request(status)], TIMEOUT)


def _request(status: PluginStatus) -> dict[str, str]:
    """A plugin, as a process of its own is given it."""
    if status.source.endswith(".py"):
        return {"file": status.source}
    whence = {"distribution": status.distribution, "version": status.version}
    return {"name": status.name, "value": status.source, **whence}


def _traces(left: Mapping[str, Any], severe_only: bool) -> Iterator[str]:
    for change in left["changes"]:
        if change["severity"] == "error" or not severe_only:
            yield f"it changes {change['what']}"
    yield from (f"it leaves the thread {thread} running" for thread in left["threads"])
    yield from (f"it leaves the process {child} running" for child in left["children"])


# Runs where the plugin is loaded anew: stops at the first import of a package, and says which lines led there.
_FINDER = """
import json, os, sys, traceback
sys.path[:] = json.loads(sys.argv[3])
from genframe.probe import loaded

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            steps = [s for s in traceback.extract_stack()[:-1] if "importlib" not in s.filename]
            own = [s for s in steps if os.sep + "genframe" + os.sep not in s.filename and s.filename != "<string>"]
            lines = dict.fromkeys(f"{s.filename}:{s.lineno}: {s.line}" for s in own and (own[0], own[-1]))
            os.write(1, "\\n".join(lines).encode())
            os._exit(0)

sys.meta_path.insert(0, Finder())
loaded(json.loads(sys.argv[1]), sys.stderr)
"""


def _importer(status: PluginStatus, package: str) -> str:
    """The lines by which declaring a plugin comes to import a package."""
    command = [sys.executable, "-c", _FINDER, json.dumps(_request(status)), package, json.dumps(sys.path)]
    environment = {**os.environ, isolation.INSIDE: "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT, env=environment, check=False
    )
    return done.stdout.strip()


def _doctor(status: PluginStatus) -> str:
    return f"genframe plugins doctor {status.source if status.source.endswith('.py') else status.name}"


def _differences(static: Signature, seen: Signature) -> Iterator[str]:
    """What two signatures do not share, in words."""
    for what in ("givens", "optional_givens", "variadic", "is_class"):
        one, other = getattr(static, what), getattr(seen, what)
        if one != other:
            yield f"{what.replace('_', ' ')}: the source says {one}, Python {other}"
    for name in dict.fromkeys((*static.options, *seen.options)):
        mine, theirs = static.options.get(name), seen.options.get(name)
        if mine != theirs:
            yield f"the option {name!r}: the source says {mine}, Python {theirs}"
