"""What a new plugin is called, and what is wrong with what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from genframe.discovery import ALL, FIRST_PARTY, GROUP, LOCAL
from genframe.errors import Problem, RecipeError, nearest
from genframe.kinds import KINDS

PREFIX = "genframe-"
"""What the name of a plugin's distribution starts with; the rest is the plugin's."""

_PLUGIN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40
_RESERVED = {"core", "plugins", LOCAL, ALL}
"""Names that mean something else: `genframe_plugins` is the package of the first-party plugins."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that follow from that of the distribution, `genframe-super-salt`."""

    distribution: str

    @property
    def plugin(self) -> str:
        """The entry point, and the name of its components: `super-salt`."""
        return self.distribution.removeprefix(PREFIX)

    @property
    def module(self) -> str:
        """`genframe_super_salt`."""
        return self.distribution.replace("-", "_")

    @property
    def owned(self) -> str:
        """The components as a recipe names them: `super-salt/super-salt`."""
        return f"{self.plugin}/{self.plugin}"

    def target(self, kind: str, is_class: bool) -> str:
        """The class or function of a kind: `SuperSaltNoise`, `super_salt_loss`."""
        words = self.plugin.split("-")
        return "".join(map(str.title, (*words, kind))) if is_class else "_".join((*words, kind))


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: a distribution's name, kinds, and who writes it ("" for nobody in particular)."""

    distribution: str
    kinds: Sequence[str]
    author: str = ""

    def checked(self) -> Names:
        """The names. Raises RecipeError with everything that is wrong."""
        problems = [*_name_problems(self.distribution), *_kind_problems(self.kinds), *self._author_problems()]
        RecipeError.collect(problems)
        return Names(self.distribution)

    def _author_problems(self) -> Iterator[Problem]:
        if not self.author.isprintable():
            message = f"an author's name is one line of text, and {self.author[:40]!r} is not"
            yield Problem("GF815", message, path="--author")


def first_party() -> set[str]:
    """The plugins that come with genframe, from its metadata."""
    points = entry_points(group=GROUP)
    return {point.name for point in points if point.dist is not None and point.dist.name == FIRST_PARTY}


def _name_problems(name: str) -> Iterator[Problem]:
    plugin = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or not _PLUGIN.fullmatch(plugin):
        message = (
            f"{name[:80]!r} is no name for a plugin's distribution: {PREFIX} and then words of lower-case letters "
            "and digits that are joined by '-', the first of which starts with a letter"
        )
        yield Problem("GF811", message, nearest=_mended(name))
    elif len(name) > _LONGEST:
        yield Problem(
            "GF811", f"a distribution's name has at most {_LONGEST} characters, this one {len(name)}"
        )
    elif plugin in _RESERVED | first_party():
        message = f"the name {plugin!r} belongs to genframe: a plugin of its own needs another"
        yield Problem("GF812", message, command="genframe plugins list")


def _mended(name: str) -> str | None:
    """The right name that was probably meant: `genframe-my-salt` for `My_Salt`."""
    plugin = re.sub(r"[^a-z0-9]+", "-", name.lower()).removeprefix(PREFIX).strip("-")
    return PREFIX + plugin if _PLUGIN.fullmatch(plugin) else None


def _kind_problems(kinds: Sequence[str]) -> Iterator[Problem]:
    if not kinds:
        message = f"a plugin offers something: --kind noise. There are {', '.join(KINDS)}"
        yield Problem("GF814", message, path="--kind")
    for kind in kinds:
        if kind not in KINDS:
            message = f"there is no kind {kind[:80]!r}; there are {', '.join(KINDS)}"
            yield Problem("GF300", message, path="--kind", nearest=nearest(kind, KINDS))
