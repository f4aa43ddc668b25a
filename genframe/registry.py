"""Who offers what: components by kind and owned name, and the plugins they come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

from genframe.errors import Mark, PluginError, Problem, nearest
from genframe.hooks import Component
from genframe.kinds import KINDS
from genframe.signature import Signature, SignatureError, read_signature, runtime_signature


class LookupProblem(Exception):
    """A name that leads to no component, recipe or plugin; the caller adds the place with `at`."""

    def __init__(
        self, code: str, message: str, nearest: str | None = None, command: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.nearest = nearest
        self.command = command

    def at(self, mark: Mark | None, path: str = "") -> Problem:
        """The same as a problem with its place."""
        return Problem(self.code, self.message, mark, path, self.nearest, self.command)


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A plugin file that was loaded: targets name it by its stem, which no import would find."""

    stem: str
    path: Path
    module: ModuleType


@dataclass(frozen=True, slots=True)
class Offer:
    """A component, with its kind and its owner.

    `local` is the plugin file it stands in, `live` the class or function itself where one was registered.
    """

    kind: str
    component: Component
    plugin: str
    distribution: str = ""
    version: str = ""
    first_party: bool = False
    local: LocalModule | None = field(default=None, compare=False, repr=False)
    live: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The owned name, `plugin/name`."""
        return f"{self.plugin}/{self.component.name}"

    @property
    def bare(self) -> str:
        """The name without its owner."""
        return self.component.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its bare names, the former ones included."""
        return (self.component.name, *self.component.aliases)

    def signature(self) -> Signature:
        """Givens and options, read from the source without importing it. Raises SignatureError."""
        if self.live is not None and self.component.config is None:
            return runtime_signature(self.live)
        files = {self.local.stem: self.local.path} if self.local else None
        return read_signature(self.component.target, self.component.config, files)

    def summary(self) -> str:
        """One line: what the plugin says, else the first line of the docstring."""
        if self.component.summary:
            return self.component.summary
        try:
            return self.signature().summary
        except SignatureError:
            return ""

    def load(self) -> Any:
        """Import the target. Raises PluginError, from the error that the import raised."""
        if self.live is not None:
            return self.live
        module, _, attribute = self.component.target.partition(":")
        try:
            if self.local and module == self.local.stem:
                return getattr(self.local.module, attribute)
            return getattr(import_module(module), attribute)
        except (Exception, SystemExit) as error:
            message = (
                f"{self.kind} {self.name} of {owner(self.plugin, self.distribution, self.version)} can't be "
                f"imported from {self.component.target}: {type(error).__name__}: {error}"
            )
            raise PluginError(Problem("GF320", message, command="genframe plugins list")) from error

    def alias_note(self, written: str) -> str | None:
        """What to say of a recipe that writes a former name; None where it writes the present one."""
        bare = _plain(written).rpartition("/")[2]
        return None if bare == self.bare else f"{self.kind} {written!r} is now called {self.bare!r}"

    def deprecation_note(self) -> str | None:
        """What to say of a component that is to go; None of one that is here to stay."""
        instead = self.component.deprecated
        return f"{self.kind} {self.name} is deprecated by its author: use {instead}" if instead else None


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe that a plugin ships: `vae/digits`, a path in its folder, or a pipeline, `vae`."""

    name: str
    plugin: str
    path: Path
    pipeline: bool
    first_party: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def written(self) -> str:
        """What finds it without its plugin being listed: `vae/digits`, and of a stranger's `mine/my-recipe`."""
        return self.name if self.first_party else f"{self.plugin}/{self.name}"


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """What became of a plugin.

    state: `ok`, `broken` (it raised, or what it offers is malformed), `incompatible` (another API version),
    `conflict` (a name taken twice) or `blocked`. cause: one line; traceback: the whole text where it raised.
    source: the module of its entry point, or its file. milliseconds: to import it and call its hooks.
    place: `file:line` in the plugin that the cause points at. warnings: what its author is to mend, each with its
    place. imported: the heavy packages that declaring it brought in; empty too where they were in already.
    """

    name: str
    source: str
    state: str
    distribution: str = ""
    version: str = ""
    first_party: bool = False
    api: int | None = None
    hooks: tuple[str, ...] = ()
    offers: int = 0
    milliseconds: float = 0.0
    cause: str = ""
    traceback: str = field(default="", repr=False)
    place: str = ""
    warnings: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.state == "ok"

    @property
    def condition(self) -> str:
        """What stands after `it is`."""
        return condition(self.state)

    @property
    def title(self) -> str:
        """`plugin 'mine' (genframe-mine 1.0)`."""
        return owner(self.name, self.distribution, self.version)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin's status and what it offers: nothing unless it is ok."""

    status: PluginStatus
    offers: tuple[Offer, ...] = ()
    recipes: tuple[RecipeFile, ...] = ()


class _Named(Protocol):
    """What is found by a bare or an owned name."""

    @property
    def plugin(self) -> str: ...
    @property
    def first_party(self) -> bool: ...
    @property
    def names(self) -> tuple[str, ...]: ...


_Item = TypeVar("_Item", bound=_Named)


@dataclass(frozen=True, slots=True)
class Registry:
    """Every plugin there is and what it offers; a value, never changed.

    Each name has one owner, `plugin/name`. A bare name means a first-party plugin's, or that of a plugin in
    `listed`, so nothing that gets installed changes what a recipe means. `_` and `-` are the same in names.
    `blocked` are the names that were kept out, and keep plugin files out that are added later.
    """

    loaded: tuple[Plugin, ...] = ()
    blocked: frozenset[str] = frozenset()

    @property
    def plugins(self) -> tuple[PluginStatus, ...]:
        return tuple(plugin.status for plugin in self.loaded)

    def plugin(self, name: str) -> PluginStatus:
        """The status of a usable plugin. Raises LookupProblem where there is none, or where it is not ok."""
        found = self._status(name)
        if found is None:
            near = nearest(name, [status.name for status in self.plugins])
            raise LookupProblem("GF305", f"there is no plugin {name!r}", near, "genframe plugins list")
        if not found.ok:
            raise _unusable(found)
        return found

    def offers(self, kind: str | None = None) -> list[Offer]:
        """What is offered under a kind, or at all. Raises LookupProblem for an unknown kind."""
        if kind is not None:
            _known_kind(kind)
        return [offer for plugin in self.loaded for offer in plugin.offers if kind in (None, offer.kind)]

    def find(self, kind: str, name: str, listed: Collection[str] = ()) -> Offer:
        """The component that a recipe means by a name, bare or owned.

        `listed` are the plugins that the recipe lists. Raises LookupProblem: for an unknown name, one with
        several owners, one of a plugin that is not listed, and one of a plugin that can't be used.
        """
        offers = self.offers(kind)
        found = _named(offers, name, listed)
        if len(found) == 1:
            return found[0]
        if found:
            raise _several(kind, name, [offer.name for offer in found])
        elsewhere = sorted({offer.kind for offer in self.offers() if _matches(offer, name, listed)})
        remark = f"; there is a {' and a '.join(elsewhere)} of that name" if elsewhere else ""
        raise self._missing(kind, name, listed, offers, f"genframe list {kind}", remark)

    def recipes(self) -> list[RecipeFile]:
        """Every recipe that a plugin ships, pipelines included."""
        return [recipe for plugin in self.loaded for recipe in plugin.recipes]

    def find_recipe(self, name: str, pipeline: bool = False, listed: Collection[str] = ()) -> RecipeFile:
        """A recipe (`vae/digits`) or a pipeline (`vae`) by its bare or owned name. Raises LookupProblem."""
        recipes = [recipe for recipe in self.recipes() if recipe.pipeline == pipeline]
        found = _named(recipes, name, listed)
        if len(found) == 1:
            return found[0]
        word = "pipeline" if pipeline else "recipe"
        if found:
            raise _several(word, name, [f"{recipe.plugin}/{recipe.name}" for recipe in found])
        raise self._missing(word, name, listed, recipes, "genframe recipes list")

    def with_files(self, paths: Iterable[Path]) -> Registry:
        """This registry and the plugin files at `paths`. Raises PluginError."""
        from genframe.discovery import add_files  # discovery makes registries, and so stands above them

        return add_files(self, paths)

    def _status(self, name: str) -> PluginStatus | None:
        """A plugin's status; of several that dispute a name, one that is ok if any is."""
        found = [status for status in self.plugins if _plain(status.name) == _plain(name)]
        return min(found, key=lambda status: not status.ok, default=None)

    def _missing(
        self,
        word: str,
        name: str,
        listed: Collection[str],
        known: Sequence[_Named],
        command: str,
        remark: str = "",
    ) -> LookupProblem:
        """Why a name is not found: its owner is unusable, or not listed, or nothing of that name is known."""
        plugin, owned, _ = name.rpartition("/")
        status = self._status(plugin) if owned else None
        if status is not None and not status.ok:
            return _unusable(status, f"{word} {name!r}: ")
        unlisted = sorted({item.plugin for item in known if _plain(name) in map(_plain, item.names)})
        if unlisted:
            return LookupProblem(
                "GF304",
                f"{word} {name!r} belongs to {_quoted(unlisted)}: write {unlisted[0]}/{name}, "
                f"or list the plugin under `plugins:`",
                f"{unlisted[0]}/{name}",
                "genframe plugins list",
            )
        near = nearest(name, _spellings(known, listed))
        message = f"there is no {word} {name!r}{remark}{self._possible_owners(listed)}"
        if owned and status is None and word != "recipe":  # a recipe's bare name has a slash too
            message = f"{word} {name!r}: there is no plugin {plugin!r}"
        elif owned and status is None and near is None:
            message += f"; if a plugin {plugin.partition('/')[0]!r} offers it, install that"
        return LookupProblem("GF301", message, near, command)

    def _possible_owners(self, listed: Collection[str]) -> str:
        """The plugins that a bare name may be of and that can't be used."""
        asked = {_plain(name) for name in listed}
        lost = [s for s in self.plugins if not s.ok and (s.first_party or _plain(s.name) in asked)]
        return "".join(f"; {status.title} is {status.condition}: {status.cause}" for status in lost)


def condition(state: str) -> str:
    """A plugin's state as a sentence says it: it is `broken`, `in conflict`."""
    return "in conflict" if state == "conflict" else state


def owner(plugin: str, distribution: str = "", version: str = "") -> str:
    """How a plugin is called in messages: with its distribution, where it has one."""
    whence = f" ({distribution} {version})".replace(" )", ")") if distribution else ""
    return f"plugin {plugin!r}{whence}"


def _plain(name: str) -> str:
    """`_` reads as `-`, so that a name can stand in an expression."""
    return name.replace("_", "-")


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise LookupProblem("GF300", f"there is no kind {kind!r}", nearest(kind, KINDS), "genframe list")


def _in_scope(item: _Named, listed: Collection[str]) -> bool:
    """Whether a bare name may mean this."""
    return item.first_party or _plain(item.plugin) in map(_plain, listed)


def _matches(item: _Named, name: str, listed: Collection[str]) -> bool:
    wanted = _plain(name)
    for own in item.names:
        if wanted == _plain(f"{item.plugin}/{own}") or (wanted == _plain(own) and _in_scope(item, listed)):
            return True
    return False


def _named(items: Iterable[_Item], name: str, listed: Collection[str]) -> list[_Item]:
    return [item for item in items if _matches(item, name, listed)]


def _spellings(known: Iterable[_Named], listed: Collection[str]) -> Iterator[str]:
    """How each known thing may be written: its bare name where that is enough, and its owned name."""
    for item in known:
        for own in item.names:
            if _in_scope(item, listed):
                yield own
            yield f"{item.plugin}/{own}"


def _several(word: str, name: str, owners: list[str]) -> LookupProblem:
    message = f"{word} {name!r} has several owners: write {' or '.join(sorted(owners))}"
    return LookupProblem("GF302", message, sorted(owners)[0], "genframe plugins list")


def _unusable(status: PluginStatus, before: str = "") -> LookupProblem:
    at = f" ({status.place})" if status.place and status.place not in status.cause else ""
    command = (
        f"genframe plugins doctor {status.name}" if status.state == "broken" else "genframe plugins list"
    )
    message = f"{before}{status.title} is {status.condition}: {status.cause}{at}"
    return LookupProblem("GF303", message, command=command)


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"plugin {name!r}" for name in names)
