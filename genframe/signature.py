"""What a component takes, read from its source without importing it.

Positional parameters are givens (they come from the engine); keyword-only parameters are options (they come
from the recipe).
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import keyword
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from genframe.constructor import NO_OPTIONS, NOTHING, constructor, dataclass_decorator, field_arguments
from genframe.errors import Mark
from genframe.notation import annotation, constant
from genframe.source import SignatureError, Source, meant, module_file, read_source

__all__ = ["REQUIRED", "Option", "Signature", "SignatureError", "read_signature", "runtime_signature"]


class _Missing(Enum):
    REQUIRED = "required"


REQUIRED = _Missing.REQUIRED
"""The default of an option that has none."""


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword-only parameter: recipe key (`from` for a parameter `from_`), annotation, default, line."""

    name: str
    annotation: Any
    default: Any = REQUIRED
    line: int = field(default=0, compare=False)

    @property
    def parameter(self) -> str:
        """The Python name of the parameter (`from_` for the option `from`)."""
        return f"{self.name}_" if keyword.iskeyword(self.name) else self.name


@dataclass(frozen=True, slots=True)
class Signature:
    """Givens, optional givens and options of a class's `__init__` or of a function.

    `variadic` tells that any number of further positional arguments is taken (`*tensors`). Two signatures are
    equal when they take the same; where they stand and what they say of themselves does not count.
    """

    givens: tuple[str, ...]
    optional_givens: tuple[str, ...]
    options: Mapping[str, Option]
    is_class: bool
    doc: str = field(default="", compare=False)
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    variadic: bool = False

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0].strip()


_Definition = ast.ClassDef | ast.FunctionDef
_KEYWORDS = (
    "{} takes **keywords, so its options are unknown: write them as keyword-only parameters, "
    "or name a torch-free dataclass by config="
)


def read_signature(
    target: str, config: str | None = None, files: Mapping[str, Path] | None = None
) -> Signature:
    """The signature of `package.module:Name`, read with `ast`; nothing is imported.

    `config` names a dataclass whose every field is an option, for a target whose own options can't be read.
    `files` maps the module names of local plugins to their files. Raises SignatureError with file and line.
    """
    if config is not None:
        return _configured_signature(target, config, files)
    source, definition = _definition(target, files)
    arguments = _arguments(source, definition)
    if arguments.kwarg:
        raise SignatureError(_KEYWORDS.format(definition.name), source.mark(arguments.kwarg))
    options = _options(source, arguments.kwonlyargs, arguments.kw_defaults)
    return _signature(source, definition, arguments, options)


def _configured_signature(target: str, config: str, files: Mapping[str, Path] | None) -> Signature:
    """Options from the config dataclass; of the target itself, what is in sight."""
    settings, fields = _definition(config, files)
    options = _config_options(settings, fields)
    try:
        source, definition = _definition(target, files)
    except SignatureError:
        return _signature(settings, fields, NOTHING, options)
    try:
        arguments = _arguments(source, definition)
    except SignatureError:
        arguments = NOTHING
    return _signature(source, definition, arguments, options)


def _signature(
    source: Source, definition: _Definition, arguments: ast.arguments, options: Mapping[str, Option]
) -> Signature:
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(names) - len(arguments.defaults)
    return Signature(
        givens=tuple(names[:required]),
        optional_givens=tuple(names[required:]),
        options=options,
        is_class=isinstance(definition, ast.ClassDef),
        doc=ast.get_docstring(definition) or "",
        file=source.path,
        line=definition.lineno,
        variadic=arguments.vararg is not None,
    )


def _definition(target: str, files: Mapping[str, Path] | None) -> tuple[Source, _Definition]:
    """The top-level class or function that a target names, and its file."""
    module, _, name = target.partition(":")
    source = read_source(module_file(module, files))
    if name not in source.definitions:
        near, hint = meant(name, source.definitions)
        message = f"{target}: no class or function {name!r} stands at the top level of {module}{hint}"
        mark = source.mark(source.definitions[near]) if near else Mark(source.path, 1, 1)
        raise SignatureError(message, mark)
    return source, source.definitions[name]


def _arguments(source: Source, definition: _Definition) -> ast.arguments:
    return definition.args if isinstance(definition, ast.FunctionDef) else constructor(source, definition)


def _options(source: Source, arguments: list[ast.arg], defaults: list[ast.expr | None]) -> dict[str, Option]:
    """Options by their recipe keys. What has no annotation takes anything."""
    options = (
        Option(
            _key(argument.arg),
            Any if argument.annotation is None else annotation(source, argument.annotation),
            REQUIRED if default is None else constant(source, default),
            argument.lineno,
        )
        for argument, default in zip(arguments, defaults, strict=True)
    )
    return {option.name: option for option in options}


def _config_options(source: Source, definition: _Definition) -> dict[str, Option]:
    """Every field of a config dataclass, keyword-only or not."""
    if not isinstance(definition, ast.ClassDef) or not dataclass_decorator(source, definition):
        raise SignatureError(f"config {definition.name} is not a dataclass", source.mark(definition))
    fields = field_arguments(source, definition)
    padding: list[ast.expr | None] = [None] * (len(fields.args) - len(fields.defaults))
    return _options(
        source, fields.args + fields.kwonlyargs, padding + list(fields.defaults) + fields.kw_defaults
    )


def _key(parameter: str) -> str:
    """The recipe key of a parameter: `from` for `from_`."""
    bare = parameter.removesuffix("_")
    return bare if keyword.iskeyword(bare) else parameter


def runtime_signature(target: Any) -> Signature:
    """The signature of an imported class or function, by inspection. Raises SignatureError."""
    is_class = inspect.isclass(target)
    function = _runtime_constructor(target) if is_class else target
    parameters = list(inspect.signature(function).parameters.values()) if function else []
    if is_class:
        parameters = parameters[1:]  # without self
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise SignatureError(_KEYWORDS.format(target.__name__))
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    hints = _hints(function, {p.name for p in keywords})
    options = (Option(_key(p.name), hints.get(p.name, Any), _runtime_default(target, p)) for p in keywords)
    return Signature(
        givens=tuple(p.name for p in positional if p.default is p.empty),
        optional_givens=tuple(p.name for p in positional if p.default is not p.empty),
        options={option.name: option for option in options},
        is_class=is_class,
        doc=inspect.cleandoc(target.__doc__ or ""),
        variadic=any(p.kind is p.VAR_POSITIONAL for p in parameters),
    )


def _runtime_constructor(target: type) -> Any:
    """The `__init__` of a class, unless it is that of a base that takes nothing from a recipe."""
    owner = next(c for c in target.__mro__ if "__init__" in vars(c))
    if owner is object or f"{owner.__module__}.{owner.__qualname__}" in NO_OPTIONS:
        return None
    return vars(owner)["__init__"]


def _runtime_default(target: Any, parameter: inspect.Parameter) -> Any:
    if dataclasses.is_dataclass(target):
        for f in dataclasses.fields(target):
            if f.name == parameter.name and f.default_factory is not dataclasses.MISSING:
                return f.default_factory()
    return REQUIRED if parameter.default is parameter.empty else parameter.default


def _hints(function: Any, names: set[str]) -> dict[str, Any]:
    """The resolved annotations of some parameters; others may name what only type checkers see."""
    notes = {name: note for name, note in getattr(function, "__annotations__", {}).items() if name in names}
    holder = SimpleNamespace(__annotations__=notes)
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}), include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise SignatureError(f"{function.__qualname__}: {error}") from error
