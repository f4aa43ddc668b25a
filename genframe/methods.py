"""What a component's methods ask for: their required parameters, read from source without importing it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from genframe.constructor import NO_OPTIONS
from genframe.registry import Offer
from genframe.source import Source, module_file, read_source

CALLED = {"metric": ("forward", "__call__"), "sampler": ("sample", "fit"), "alarm": ("measure",)}
"""The methods that the engine calls of a class of these kinds; what they ask for is found by name."""


def asked(offer: Offer) -> tuple[str, ...] | None:
    """The names that a function, or the methods of a class that the engine calls, ask the recipe for.

    None where only importing tells: a method is inherited from another file. Raises SignatureError.
    """
    signature = offer.signature()
    if not signature.is_class:
        return signature.givens
    if offer.live is not None:
        return _of_class(offer.live, CALLED[offer.kind])
    module, _, name = offer.component.target.partition(":")
    files = {offer.local.stem: offer.local.path} if offer.local else None
    source = read_source(module_file(module, files))
    bases = list(_bases(source, name))
    if any(source.dotted(base) not in NO_OPTIONS for base in _elsewhere(source, bases)):
        return None
    found: dict[str, ast.FunctionDef] = {}
    for definition in bases:
        found = {item.name: item for item in definition.body if isinstance(item, ast.FunctionDef)} | found
    methods = [found[method] for method in CALLED[offer.kind] if method in found]
    return tuple(dict.fromkeys(name for method in methods for name in _required(method)))


def _of_class(target: Any, methods: tuple[str, ...]) -> tuple[str, ...] | None:
    functions = [
        getattr(target, method) for method in methods if inspect.isfunction(getattr(target, method, None))
    ]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [
        parameter.name
        for function in functions
        for parameter in list(inspect.signature(function).parameters.values())[1:]
        if parameter.kind in kinds and parameter.default is parameter.empty
    ]
    return tuple(dict.fromkeys(names)) if functions else None


def _bases(source: Source, name: str) -> Iterator[ast.ClassDef]:
    """A class and those of its bases that stand in the same file, nearest first."""
    waiting, seen = [name], set[str]()
    while waiting:
        definition = source.definitions.get(name := waiting.pop(0))
        if isinstance(definition, ast.ClassDef) and name not in seen:
            seen.add(name)
            yield definition
            waiting += [base.id for base in definition.bases if isinstance(base, ast.Name)]


def _elsewhere(source: Source, definitions: list[ast.ClassDef]) -> Iterator[ast.expr]:
    """The bases of classes that stand in no sight."""
    for definition in definitions:
        for base in definition.bases:
            if not (isinstance(base, ast.Name) and isinstance(source.definitions.get(base.id), ast.ClassDef)):
                yield base


def _required(method: ast.FunctionDef) -> list[str]:
    """The required positional parameters of a method, without its first."""
    names = [argument.arg for argument in (*method.args.posonlyargs, *method.args.args)]
    return names[1 : len(names) - len(method.args.defaults)]
