"""The parameters of a constructor, found in source: of an `__init__`, a dataclass's fields, or a base."""

from __future__ import annotations

import ast
import copy

from genframe.source import SignatureError, Source

NO_OPTIONS = {
    "object",
    "abc.ABC",
    "genframe.Noise",
    "genframe.values.Noise",
    "torch.nn.Module",
    "torch.nn.modules.module.Module",
    "torch.utils.data.Dataset",
    "typing.Generic",
    "typing.Protocol",
}
"""Bases whose constructors take nothing from a recipe."""

_FACTORIES: dict[str | None, ast.expr] = {
    "list": ast.List([], ast.Load()),
    "dict": ast.Dict([], []),
    "tuple": ast.Tuple([], ast.Load()),
}

NOTHING = ast.arguments([], [], None, [], [], None, [])
"""The parameters of a class without a constructor of its own."""


def constructor(source: Source, definition: ast.ClassDef) -> ast.arguments:
    """The parameters that a class is called with, without `self`.

    Bases in the same file are followed. Raises SignatureError where the constructor stands in another file.
    """
    return _own_or_inherited(source, definition) or NOTHING


def _own_or_inherited(source: Source, definition: ast.ClassDef) -> ast.arguments | None:
    for statement in definition.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return without_self(statement.args)
    if dataclass_decorator(source, definition):
        return field_arguments(source, definition)
    for base in definition.bases:
        inherited = _inherited(source, definition, base)
        if inherited is not None:
            return inherited
    return None


def _inherited(source: Source, definition: ast.ClassDef, base: ast.expr) -> ast.arguments | None:
    parent = _parent(source, definition, base)
    if parent is not None:
        return _own_or_inherited(source, parent)
    name = source.dotted(base.value if isinstance(base, ast.Subscript) else base)
    if name in NO_OPTIONS:
        return None
    raise SignatureError(
        f"{definition.name} inherits its constructor from {ast.unparse(base)}, which stands in another file: "
        "give it an __init__ of its own, or name a torch-free dataclass by config=",
        source.mark(base),
    )


def _parent(source: Source, definition: ast.ClassDef, base: ast.expr) -> ast.ClassDef | None:
    """The base, where the same file defines it above the class."""
    found = source.definitions.get(base.id) if isinstance(base, ast.Name) else None
    return found if isinstance(found, ast.ClassDef) and found.lineno < definition.lineno else None


def without_self(arguments: ast.arguments) -> ast.arguments:
    """The parameters of a method as its caller sees them."""
    seen = copy.copy(arguments)
    if seen.posonlyargs:
        seen.posonlyargs = seen.posonlyargs[1:]
    else:
        seen.args = seen.args[1:]
    return seen


def dataclass_decorator(source: Source, definition: ast.ClassDef) -> ast.expr | None:
    """The `@dataclass` of a class, with or without arguments."""
    for decorator in definition.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if source.dotted(called) == "dataclasses.dataclass":
            return decorator
    return None


def field_arguments(source: Source, definition: ast.ClassDef) -> ast.arguments:
    """The parameters of the `__init__` that a dataclass gets, from its fields and those of its bases."""
    fields = _fields(source, definition).values()
    positional = [(argument, default) for argument, default, keyword_only in fields if not keyword_only]
    keywords = [(argument, default) for argument, default, keyword_only in fields if keyword_only]
    return ast.arguments(
        posonlyargs=[],
        args=[argument for argument, _ in positional],
        vararg=None,
        kwonlyargs=[argument for argument, _ in keywords],
        kw_defaults=[default for _, default in keywords],
        kwarg=None,
        defaults=[default for _, default in positional if default is not None],
    )


_Fields = dict[str, tuple[ast.arg, ast.expr | None, bool]]
"""Name -> (parameter, default, whether it is keyword-only)."""


def _fields(source: Source, definition: ast.ClassDef) -> _Fields:
    fields: _Fields = {}
    for base in reversed(definition.bases):
        parent = _parent(source, definition, base)
        if parent is not None:
            fields |= _fields(source, parent)
        else:
            _inherited(source, definition, base)  # refuses what can't be read
    decorator = dataclass_decorator(source, definition)
    return fields | _own_fields(source, definition, decorator) if decorator else fields


def _own_fields(source: Source, definition: ast.ClassDef, decorator: ast.expr) -> _Fields:
    fields: _Fields = {}
    keyword_only = _flag(decorator, "kw_only", False)
    for statement in definition.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        note, value = statement.annotation, statement.value
        kind = source.dotted(note.value if isinstance(note, ast.Subscript) else note)
        call = (
            value
            if isinstance(value, ast.Call) and source.dotted(value.func) == "dataclasses.field"
            else None
        )
        if kind == "dataclasses.KW_ONLY":
            keyword_only = True
        elif kind != "typing.ClassVar" and _flag(call, "init", True):
            argument = ast.copy_location(ast.arg(statement.target.id, note), statement)
            default = _field_default(source, call) if call else value
            fields[argument.arg] = (argument, default, _flag(call, "kw_only", keyword_only))
    return fields


def _flag(call: ast.expr | None, name: str, otherwise: bool) -> bool:
    """The constant given as `name=` in the call of `dataclass` or `field`."""
    words = call.keywords if isinstance(call, ast.Call) else []
    given = [word.value.value for word in words if word.arg == name and isinstance(word.value, ast.Constant)]
    return bool(given[0]) if given else otherwise


def _field_default(source: Source, call: ast.Call) -> ast.expr | None:
    words = {word.arg: word.value for word in call.keywords}
    if "default_factory" not in words:
        return words.get("default")
    factory = source.dotted(words["default_factory"])
    if factory not in _FACTORIES:
        raise SignatureError("a default_factory must be list, dict or tuple to be read", source.mark(call))
    return _FACTORIES[factory]
