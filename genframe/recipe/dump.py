"""Plain data to YAML text that reads well and loads back to the same data, by YAML 1.2 and by 1.1."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genframe.recipe.scalars import ScalarError, resolve

_WIDTH = 100
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z_./<][A-Za-z0-9_./ ()<>=+*$^~-]*")
_PLAIN_IN_BLOCK = re.compile(r"[A-Za-z_./<][A-Za-z0-9_./ ()<>=+*$^~,\[\]-]*")
_WORDS_OF_OLD = re.compile(r"(?i)yes|no|on|off|null|true|false")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_MAX_DEPTH = 60


class UnwritableError(TypeError):
    """A value that YAML can't say; `path` is its place."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


def dump(data: Mapping[str, Any]) -> str:
    """A mapping as YAML: blocks outside, short lists and mappings on one line. Raises UnwritableError."""
    return "".join(f"{line}\n" for line in _block(data, "", 0)) or "{}\n"


def _block(data: Mapping[str, Any], path: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise UnwritableError("it nests too deep, or contains itself", path)
    pad = "  " * depth
    for key, value in data.items():
        if not isinstance(key, str):
            raise UnwritableError(f"a key is text, not {key!r}", path)
        place = f"{path}.{key}" if path else key
        flow = _flow(value, place, depth)
        head = f"{pad}{_text(key, in_flow=False)}:"
        if not isinstance(value, Mapping) or not value or (depth and len(head) + len(flow) < _WIDTH):
            yield f"{head} {_text(value, in_flow=False) if isinstance(value, str) else flow}"
        else:
            yield head
            yield from _block(value, place, depth + 1)


def _flow(value: Any, path: str, depth: int) -> str:
    """A value on one line."""
    if depth > _MAX_DEPTH:
        raise UnwritableError("it nests too deep, or contains itself", path)
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return _text(value, in_flow=True)
        case list() | tuple():
            return f"[{', '.join(_flow(item, f'{path}.{i}', depth + 1) for i, item in enumerate(value))}]"
        case Mapping():
            return f"{{{', '.join(_entry(key, item, path, depth) for key, item in value.items())}}}"
    raise UnwritableError(f"a {type(value).__name__} can't stand in a recipe", path)


def _entry(key: Any, value: Any, path: str, depth: int) -> str:
    if not isinstance(key, str):
        raise UnwritableError(f"a key is text, not {key!r}", path)
    return f"{_text(key, in_flow=True)}: {_flow(value, f'{path}.{key}', depth + 1)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, exponent, power = repr(value).partition("e")
    return f"{mantissa}{exponent}{power}" if not exponent or "." in mantissa else f"{mantissa}.0e{power}"


def _text(value: str, in_flow: bool) -> str:
    """Text, quoted where it would mean something else."""
    plain = _PLAIN_IN_FLOW if in_flow else _PLAIN_IN_BLOCK
    if plain.fullmatch(value) and value[-1] != " " and value != "<<" and _is_text(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _is_text(value: str) -> bool:
    """Whether a plain scalar of these characters is text, in YAML 1.2 and in YAML 1.1."""
    try:
        return isinstance(resolve(value), str) and not _WORDS_OF_OLD.fullmatch(value)
    except ScalarError:
        return False
