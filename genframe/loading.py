"""Loading one plugin inside a guard: its module, its API version, its hooks, and what they return."""

from __future__ import annotations

import re
import reprlib
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from importlib.metadata import EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any, TextIO

import pluggy

from genframe import deprecated, hooks, places
from genframe.errors import nearest
from genframe.hooks import GENFRAME_API, Component
from genframe.kinds import KINDS
from genframe.registry import LocalModule, Offer, Plugin, PluginStatus, RecipeFile

HEAVY = ("torch", "wandb")
"""Packages that a plugin's components may import, and its declaration may not."""

ARGUMENTS: Mapping[str, Any] = {}
"""What hooks are called with, by name; a plugin's function gets those of them that it names. There are none yet.

An argument may be added (here and to the specification in hooks.py) and none removed: functions that were written
before go on without it.
"""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TARGET = re.compile(r"[\w-]+(\.\w+)*:\w+")

_KIND_OF_HOOK = {kind.hook: kind.name for kind in KINDS.values()}
_RECIPES = "genframe_recipes"


class _Refusal(Exception):
    """What is wrong with a plugin, found by genframe; `state` is the plugin's, `place` its `file:line`."""

    def __init__(self, state: str, cause: str, place: str = "") -> None:
        super().__init__(cause)
        self.state = state
        self.place = place


def load_entry_point(point: EntryPoint, status: PluginStatus, out: TextIO | None = None) -> Plugin:
    """The plugin behind an entry point; `status` is what its metadata says. Raises nothing that it raises.

    out: where what it prints goes, by default to stderr.
    """
    return _guarded(status, lambda: _loaded(point.load(), status), lambda: places.files_of(point.module), out)


def load_file(path: Path, out: TextIO | None = None) -> Plugin:
    """The plugin in a file, executed under a private module name. Raises nothing that it raises."""
    status = PluginStatus(path.stem, str(path), "ok")

    def load() -> Plugin:
        module = _executed(path)
        return _loaded(module, status, LocalModule(path.stem, path, module))

    return _guarded(status, load, lambda: (path,), out)


def malformed(component: Any, check_target: bool = True) -> str | None:
    """What is wrong with something that a hook returned in place of a component; None where nothing is."""
    if not isinstance(component, Component):
        return f"a component was expected, and {reprlib.repr(component)} came"
    if not isinstance(component.aliases, tuple) or not isinstance(component.needs, tuple):
        return f"component {component.name!r}: aliases and needs are tuples of words"
    if not isinstance(component.deprecated, str) or type(component.revision) is not int:
        return f"component {component.name!r}: deprecated is text, revision a whole number"
    for name in (component.name, *component.aliases):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return f"{name!r} is no name for a component: lower-case words and digits, joined by '-'"
    targets = (component.target, component.config) if check_target else (component.config,)
    for target in targets:
        if target is not None and not (isinstance(target, str) and TARGET.fullmatch(target)):
            return f"component {component.name!r}: {target!r} is not of the form 'package.module:Name'"
    return None


def _guarded(
    status: PluginStatus,
    load: Callable[[], Plugin],
    files: Callable[[], Collection[Path]],
    out: TextIO | None,
) -> Plugin:
    """What `load` gives, or the status of a plugin that failed; `files` are the plugin's own, for the place."""
    start = perf_counter()
    before = {name for name in HEAVY if name in sys.modules}
    with deprecated.heard() as warnings:
        try:
            with redirect_stdout(out or sys.stderr):  # what is printed must not end up in `--json` output
                plugin = load()
        except _Refusal as refusal:
            plugin = Plugin(replace(status, state=refusal.state, cause=str(refusal), place=refusal.place))
        except (Exception, SystemExit) as error:
            plugin = Plugin(_broken(status, error, files()))
    observed = replace(
        plugin.status,
        milliseconds=(perf_counter() - start) * 1000,
        warnings=tuple(warnings),
        imported=tuple(name for name in HEAVY if name in sys.modules and name not in before),
    )
    return replace(plugin, status=observed)


def _broken(status: PluginStatus, error: BaseException, files: Collection[Path]) -> PluginStatus:
    line = traceback.format_exception_only(error)[-1].strip().partition("\n")[0]
    if isinstance(error, SyntaxError) and error.filename:
        line += f" ({error.filename}:{error.lineno}:{error.offset})"
    text = "".join(traceback.format_exception(error))
    return replace(status, state="broken", cause=line, traceback=text, place=places.culprit(error, files))


def _loaded(module: Any, status: PluginStatus, local: LocalModule | None = None) -> Plugin:
    """A plugin's offers, each hook called on its own."""
    api = _api(module, optional=local is not None)
    offers: list[Offer] = []
    recipes: list[RecipeFile] = []
    implementations = list(_implementations(module, status.name))
    for hook, implementation in implementations:
        with _at(implementation.function):
            if hook == _RECIPES:
                for folder in _items(hook, implementation):
                    recipes.extend(_recipe_files(hook, folder, status))
            else:
                made = _items(hook, implementation)
                offers.extend(_offer(hook, component, status, local) for component in made)
            _check_once(offers, recipes)
    hook_names = tuple(hook for hook, _ in implementations)
    whole = replace(status, api=api, hooks=hook_names, offers=len(offers))
    return Plugin(whole, tuple(offers), tuple(recipes))


def _executed(path: Path) -> ModuleType:
    """The module of a plugin file, from its present text: no bytecode is written beside it or read."""
    name = "_genframe_file" + re.sub(r"\W", "_", str(path))
    spec = spec_from_file_location(name, path)
    if spec is None:
        raise _Refusal("broken", f"{path} is not a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _at(function: Callable[..., Any]) -> Iterator[None]:
    """Give a refusal the place of the hook that it is about."""
    try:
        yield
    except _Refusal as refusal:
        refusal.place = refusal.place or places.defined(function)
        raise


def _api(module: Any, optional: bool) -> int:
    """The version of the plugin API that a module states. Warns its author where it is not the newest."""
    api = getattr(module, "GENFRAME_API", None)
    if api is None and optional:
        return GENFRAME_API
    file, line = places.assigned(module, "GENFRAME_API")
    wrong = _wrong_api(api)
    if wrong:
        state = "incompatible" if type(api) is int else "broken"
        raise _Refusal(state, wrong, f"{file}:{line}" if file else "")
    assert isinstance(api, int)
    old = deprecated.old_api(api)
    if old:
        old.warn_at(file, line)
    return api


def _wrong_api(api: Any) -> str:
    """What is wrong with a stated API version, and what to install; empty where nothing is."""
    from genframe import __version__

    takes = " to ".join(str(version) for version in sorted({min(deprecated.APIS), max(deprecated.APIS)}))
    host = f"this genframe ({__version__}) takes {takes}"
    if api is None:
        return (
            f"it states no plugin API version: write GENFRAME_API = {max(deprecated.APIS)} beside its hooks"
        )
    if type(api) is not int:
        return f"GENFRAME_API is a whole number, not {api!r}"
    if api > max(deprecated.APIS):
        return f"it was written for plugin API {api}, and {host}: pip install --upgrade genframe"
    if api not in deprecated.APIS:
        return f"it was written for plugin API {api}, and {host}: a newer version of the plugin is needed"
    return ""


def _implementations(module: Any, name: str) -> Iterator[tuple[str, pluggy.HookImpl]]:
    """The hooks that a plugin implements, checked by pluggy against their specifications."""
    manager = pluggy.PluginManager("genframe")
    manager.add_hookspecs(hooks)
    try:
        manager.register(module, name)
    except pluggy.PluginValidationError as error:
        raise _Refusal("broken", " ".join(str(error).split())) from error
    implemented = set()
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            near = nearest(caller.name, [*_KIND_OF_HOOK, _RECIPES])
            hint = f"; did it mean {near}?" if near else ""
            place = places.defined(getattr(module, caller.name))
            raise _Refusal("broken", f"there is no hook {caller.name}{hint}", place)
        implemented.add(caller.name)
        for implementation in caller.get_hookimpls():
            if implementation.wrapper or implementation.hookwrapper:
                place = places.defined(implementation.function)
                raise _Refusal("broken", f"{caller.name} is a wrapper, and genframe's hooks have none", place)
            yield caller.name, implementation
    for hook in (*_KIND_OF_HOOK, _RECIPES):
        unmarked = getattr(module, hook, None)
        if hook not in implemented and callable(unmarked):
            raise _Refusal("broken", f"{hook}() is not marked with @hookimpl", places.defined(unmarked))


def _items(hook: str, implementation: pluggy.HookImpl) -> list[Any]:
    """What a hook returns, called with the arguments that it names."""
    asked = (*implementation.argnames, *implementation.kwargnames)
    result = implementation.function(**{name: ARGUMENTS[name] for name in asked if name in ARGUMENTS})
    if not isinstance(result, Iterable):
        raise _Refusal("broken", f"{hook}() must return a list, and {reprlib.repr(result)} came")
    return list(result)


def _offer(hook: str, component: Any, status: PluginStatus, local: LocalModule | None) -> Offer:
    wrong = malformed(component)
    if wrong:
        raise _Refusal("broken", f"{hook}(): {wrong}")
    kind = _KIND_OF_HOOK[hook]
    return Offer(kind, component, status.name, status.distribution, status.version, status.first_party, local)


def _recipe_files(hook: str, folder: Any, status: PluginStatus) -> Iterator[RecipeFile]:
    """The recipes in a folder; those directly under `pipelines/` are pipelines."""
    if not isinstance(folder, (str, Path)):
        raise _Refusal("broken", f"{hook}(): {reprlib.repr(folder)} is not the path of a folder")
    if not Path(folder).is_dir():
        hint = "; is it in the package data of pyproject.toml?" if status.distribution else ""
        raise _Refusal("broken", f"{hook}(): {str(folder)!r} is not a folder{hint}")
    root = Path(folder)
    for path in sorted(root.rglob("*.yaml")):
        pipeline = path.parent == root / "pipelines"
        name = path.stem if pipeline else path.relative_to(root).with_suffix("").as_posix()
        yield RecipeFile(name, status.name, path, pipeline, status.first_party)


def _check_once(offers: Iterable[Offer], recipes: Iterable[RecipeFile]) -> None:
    """Each name of a plugin means one thing."""
    taken: set[tuple[str, str]] = set()
    claims = [(offer.kind, name) for offer in offers for name in offer.names]
    claims += [("pipeline" if recipe.pipeline else "recipe", recipe.name) for recipe in recipes]
    for claim in claims:
        if claim in taken:
            raise _Refusal("conflict", f"it offers the {claim[0]} {claim[1]!r} twice")
        taken.add(claim)
