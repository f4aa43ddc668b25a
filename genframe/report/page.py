"""A page from its template: one file, everything escaped, and a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from genframe import __version__

PAGES = Path(__file__).with_name("pages")

_KEY = re.compile(r"(?P<indent>\s*(?:- )*)(?P<key>[^\s#:'\"\[{][^:]*?)(?P<colon>:)(?=\s|$)(?P<rest>.*)")
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")
_COMMENT = re.compile(r"(^|\s)#.*$")


def page(
    template: str, *, title: str, sections: Sequence[tuple[str, str]], data: Mapping[str, Any], **context: Any
) -> str:
    """A page: `sections` (anchor, name) for its navigation, `data` by the id of the script block that holds it."""
    style, script = _own("style.css"), _own("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _environment().get_template(template).render(
        title=title, sections=sections, policy=policy, style=Markup(style), script=Markup(script),
        data={key: as_script(value) for key, value in data.items()},
        version=__version__, written_at=time.strftime("%Y-%m-%d %H:%M %Z"), **context,
    )  # fmt: skip


def as_script(value: Any) -> Markup:
    """JSON for a script block: no `<`, so that nothing in it ends the block or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, code)
    return Markup(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def yaml(text: str) -> Markup:
    """YAML with its keys and comments marked, all of it escaped."""
    return Markup("\n").join(_line(line) for line in text.splitlines())


def figure(value: Any) -> str:
    """A number as tables have it: six digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return text(value)
    return f"{value:.6g}" if math.isfinite(value) else str(value)


def short(value: float) -> str:
    """An error: two digits."""
    return f"{value:.2g}"


def text(value: Any) -> str:
    """Settings as one writes them: `beta: 1, free_bits: 0`."""
    match value:
        case None:
            return "null"
        case str():
            return value
        case Mapping():
            return ", ".join(
                f"{key}: {_nested(inner)}" if key else _nested(inner) for key, inner in value.items()
            )
        case list() | tuple():
            return f"[{', '.join(_nested(inner) for inner in value)}]"
    return json.dumps(value, default=str)


def protocol(facts: Mapping[str, Any]) -> str:
    """A protocol in a line, what says nothing left out, digests by their first digits."""
    kept = {key: value for key, value in facts.items() if value not in (None, "", {}, [])}
    return _DIGEST.sub(r"\1…", " · ".join(f"{key} {text(value)}" for key, value in kept.items()))


def moment(written: Any) -> str:
    """`2026-11-23T04:58:16+0000` as one reads it."""
    try:
        return f"{datetime.fromisoformat(str(written)):%-d %B %Y, %H:%M %Z}"
    except ValueError:
        return str(written)


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _nested(value: Any) -> str:
    return f"{{{text(value)}}}" if isinstance(value, Mapping) else text(value)


def _line(line: str) -> Markup:
    comment = _COMMENT.search(line)
    said, rest = (line[: comment.start()], line[comment.start() :]) if comment else (line, "")
    found = _KEY.fullmatch(said)
    marked = (
        Markup('{}<span class="k">{}</span>:{}').format(found["indent"], found["key"], found["rest"])
        if found
        else escape(said)
    )
    return marked + Markup('<span class="c">{}</span>').format(rest) if rest else marked


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "figure": figure,
        "short": short,
        "protocol": protocol,
        "capital": capital,
        "moment": moment,
    }
    return environment


@cache
def _own(name: str) -> str:
    return f"\n{(PAGES / name).read_text(encoding='utf-8')}"


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
