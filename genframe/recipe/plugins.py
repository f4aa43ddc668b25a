"""`plugins:` of a recipe: files beside it, and installed plugins whose bare names it may use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from genframe.errors import PluginError
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.words import shown
from genframe.registry import LookupProblem, Registry

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_.-]*)\s*((?:===|==|~=|!=|<=|>=|<|>).*)?")


@dataclass(slots=True)
class Plugins:
    """The registry that a recipe and its bases see, and the plugins that they list."""

    registry: Registry
    problems: Problems
    entries: list[str] = field(default_factory=list)  # as a resolved recipe lists them
    listed: list[str] = field(default_factory=list)  # by their names

    def add(self, node: Node | None, folder: Path) -> None:
        """Take in what one recipe lists; paths start from its folder."""
        if node is None or node.value is None:
            return
        if not isinstance(node.value, list):
            message = "expected a list of plugins: `./my_parts.py`, `vq`, `vq >= 0.3`"
            self.problems.add("GF205", message, node.mark, "plugins")
            return
        for item in node.value:
            if not isinstance(item.value, str):
                message = f"expected a plugin's name or file, got {shown(item.plain())}"
                self.problems.add("GF205", message, item.mark, "plugins")
            elif item.value.endswith(".py"):
                self._file(item, folder / item.value)
            else:
                self._installed(item, item.value)

    def _file(self, item: Node, path: Path) -> None:
        try:
            there = path.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            message = f"there is no plugin file {str(path)!r}"
            self.problems.add("GF313", message, item.mark, "plugins")
            return
        try:
            self.registry = self.registry.with_files([path])
            self.registry.plugin(path.stem)
        except PluginError as error:
            self.problems.extend(replace(p, mark=p.mark or item.mark, path="plugins") for p in error.problems)
        except LookupProblem as problem:
            self.problems.append(problem.at(item.mark, "plugins"))
        self._list(str(path.resolve()), path.stem)

    def _installed(self, item: Node, text: str) -> None:
        match = _REQUIREMENT.fullmatch(text)
        if match is None:
            message = f"expected a plugin, such as `vq >= 0.3` or `./my_parts.py`, got {shown(text)}"
            self.problems.add("GF205", message, item.mark, "plugins")
            return
        name, bounds = match[1], (match[2] or "").strip()
        try:
            status = self.registry.plugin(name)
        except LookupProblem as problem:
            missing = problem.code == "GF305"
            command = f"pip install genframe-{name}" if missing else problem.command
            code = "GF310" if missing else "GF312"
            self.problems.append(replace(problem.at(item.mark, "plugins"), code=code, command=command))
            return
        if bounds:
            self._version(item, name, bounds, status.version)
        self._list(text, name)

    def _version(self, item: Node, name: str, bounds: str, version: str) -> None:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
        from packaging.version import InvalidVersion

        try:
            fits = SpecifierSet(bounds).contains(version, prereleases=True)
        except InvalidSpecifier:
            message = f"{bounds!r} is not a bound on versions, such as `>= 0.3`"
            self.problems.add("GF205", message, item.mark, "plugins")
            return
        except InvalidVersion:
            fits = False
        if not fits:
            message = f"plugin {name!r} is installed as {version or 'a version unknown'}, not {bounds}"
            command = f"pip install 'genframe-{name}{bounds.replace(' ', '')}'"
            self.problems.add("GF311", message, item.mark, "plugins", command=command)

    def _list(self, entry: str, name: str) -> None:
        if entry not in self.entries:
            self.entries.append(entry)
        if name not in self.listed:
            self.listed.append(name)
