"""Recipes gone wrong: seeded mutations of a recipe's text, of the kinds that people and attackers write."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

VALUES = (
    *("3", '"3"', "3.5", "-1", "0", "true", "on", "null", "~", "[]", "{}", "[1, [2]]", "{a: {b: c}}", "text"),
    *(
        "1e999",
        "99999999999999999999999",
        "9" * 5000,
        "0x" + "f" * 40,
        ".inf",
        "-.inf",
        ".nan",
        "010",
        "1_000",
    ),
    *("12:30:00", "2026-01-01", "!!python/object/apply:os.system [ls]", "&a [*a]", "*nothing", "'it''s", '"'),
    *(
        "${env:HOME}",
        "${env:GENFRAME_NOT_SET}",
        "${env:}",
        "${env:A B}",
        "{linear: {from: 0, to: 1, epochs: 2}}",
    ),
    *("{linear: 3}", "{linear: {}, cosine: {}}", "[0.2, 0.6]", "[0.6, 0.2]", "[1, 2, 3]", "{epochs: 2}"),
    *("{steps: 1, epochs: 1}", "{use: nothing}", "{use: [mlp]}", "{hidden: 3}", "|\n    folded", ">-\n  x"),
)
NAMES = (
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "a b",
        "a/b",
        "a/b/c",
        "__class__",
        "__import__",
        "lambda",
        "None",
    ),
    *(
        "batch_size",
        "n",
        "step",
        "é",
        "ﬁ",
        "x" * 500,
        "con",
        "-",
        "_",
        "1",
        "1.5",
        "true",
        "<<",
        "?",
        "${env:HOME}",
    ),
)
EXPRESSIONS = (
    *('open("/etc/passwd").read()', '__import__("os").system("touch x")', "().__class__.__bases__[0]"),
    *(
        "(lambda: 0)()",
        "[i for i in x]",
        "x if x else y",
        "x + 1",
        "x[0]",
        "f'{x}'",
        "f(*x)",
        "f(**x)",
        "f(x",
        "f(x))",
    ),
    *("posterior(encoder(x)", "q_z.__class__", "loss.critic", "x.", ".x", "x y", "", "x; y", "x\ny", "1or x"),
    *(
        "(" * 60 + "x" + ")" * 60,
        "f(" * 3000,
        "-" * 3000 + "1",
        "x." * 900 + "x",
        "9" * 5000,
        "1j",
        "b'x'",
        "\\",
    ),
    *(
        "breakpoint()",
        "exec('x')",
        "eval",
        "self",
        "x := 3",
        "await x",
        "yield",
        "not x",
        "loss(loss(loss(loss)))",
    ),
)
TEXTS = (
    *(
        "[" * 25_000,
        "{" * 25_000,
        "a: " + "[" * 25_000 + "]" * 25_000,
        "- " * 25_000,
        "? " * 25_000,
        "",
        "\n",
        "# x\n",
    ),
    *(
        "%YAML 1.1\n---\n",
        "---\n---\n",
        "...",
        "\x00",
        "\x1b[31m",
        "\ufeff",
        "\ud800",
        "\u2028",
        "\t",
        "key:\n\t- x\n",
    ),
    *(
        "<<: {a: 1}\n",
        "? [a, b]\n: c\n",
        "a: &x 1\nb: *x\n",
        "- a\n- b\n",
        "a: b: c\n",
        "\r\n",
        "\r",
        "!x\n",
        "*x\n",
    ),
)
BOMB = (
    "a: &a ["
    + ", ".join(["x"] * 10)
    + "]\n"
    + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
)
PUNCTUATION = "[]{}:,&*!|>'\"%@`#-?=()\\\t \n"
TOP_LEVEL = (
    "extends: nothing.yaml",
    "extends: ../../../../etc/passwd",
    "extends: .",
    "extends: [a]",
    "pipeline: vae",
    "pipeline: gan",
    "pipeline: vea",
    "pipeline: {}",
    "plugins: [./nothing.py]",
    "plugins: [nothing >= 1]",
    "plugins: [vae ==, 3, null]",
    "plugins: [vae >= 99]",
    "plugins: vae",
    "play: {}",
    "samplers: 1",
    "device: cuda:9",
    "encoders: {encoder: mlp, x: mlp, batch_size: mlp}",
    "discriminators: {a: conv, b: null, c: [conv]}",
    "datasets: {x: digits, z: digits}",
    "track: [a, a]",
    "evaluate: [elbo, elbo, {use: elbo}, 3]",
    "genframe: 2",
    "name: ../../x",
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VALUE = re.compile(r"(?<=: )[^\n#]+")

Mutation = Callable[[str, random.Random], str]


def mutated(text: str, rng: random.Random) -> str:
    """The text after one to three mutations."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        text = rng.choice(MUTATIONS)(text, rng)
    return text


def setting(text: str, rng: random.Random) -> str:
    """A command-line override, wrong or right, of something in the text."""
    words = [*_WORD.findall(text), *NAMES]
    path = ".".join(rng.choice(words) for _ in range(rng.randint(1, 4)))
    return f"{path}{rng.choice(('=', '=', '=', '', '=='))}{rng.choice((*VALUES, *EXPRESSIONS))}"


def _replaced(pattern: re.Pattern[str], text: str, rng: random.Random, made: Callable[[str], str]) -> str:
    """The text with one match of a pattern replaced."""
    matches = list(pattern.finditer(text))
    if not matches:
        return text
    match = rng.choice(matches)
    return text[: match.start()] + made(match[0]) + text[match.end() :]


def changed_type(text: str, rng: random.Random) -> str:
    return _replaced(_VALUE, text, rng, lambda _: rng.choice(VALUES))


def misspelt(text: str, rng: random.Random) -> str:
    def slip(word: str) -> str:
        at = rng.randrange(len(word))
        return rng.choice(
            (word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word + "s", word.upper())
        )

    return _replaced(_WORD, text, rng, slip)


def renamed(text: str, rng: random.Random) -> str:
    return _replaced(_WORD, text, rng, lambda _: rng.choice(NAMES))


def exchanged(text: str, rng: random.Random) -> str:
    """A word for another of the text: cycles, clashes, and what means something else."""
    words = _WORD.findall(text) or ["x"]
    return _replaced(_WORD, text, rng, lambda _: rng.choice(words))


def other_expression(text: str, rng: random.Random) -> str:
    return _replaced(_VALUE, text, rng, lambda _: rng.choice(EXPRESSIONS))


def broken_character(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(PUNCTUATION) + text[at + rng.choice((0, 1)) :]


def without_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def repeated_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return "".join(lines)


def shifted_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((" ", "  ", "\t", "- ", "    " * 60)) + lines[at]
    return "".join(lines)


def cut_short(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def with_other_text(text: str, rng: random.Random) -> str:
    other = rng.choice((*TEXTS, BOMB))
    at = rng.choice((0, len(text), rng.randrange(len(text) + 1)))
    return rng.choice((other, text[:at] + other + text[at:]))


def with_top_level(text: str, rng: random.Random) -> str:
    return f"{text.rstrip()}\n{rng.choice(TOP_LEVEL)}\n"


MUTATIONS: tuple[Mutation, ...] = (
    *(changed_type, changed_type, misspelt, misspelt, renamed, exchanged, exchanged, other_expression),
    *(
        broken_character,
        without_line,
        repeated_line,
        shifted_line,
        cut_short,
        with_other_text,
        with_top_level,
    ),
)
