"""The merged tree of a recipe, checked: every problem is found, and the typed `Recipe` made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from genframe.annotations import Ge
from genframe.errors import Mark
from genframe.kinds import SLOTS
from genframe.recipe.bases import check_format
from genframe.recipe.blocks import Blocks, entries
from genframe.recipe.datasets import datasets
from genframe.recipe.load import kind_of
from genframe.recipe.model import Instance, Player, Recipe, Site, Train, Wire
from genframe.recipe.names import name_fault, stem_name, title_fault
from genframe.recipe.places import KEYS, named
from genframe.recipe.players import Players
from genframe.recipe.plugins import Plugins
from genframe.recipe.problems import Problems
from genframe.recipe.scope import Scope, check_clashes, check_given
from genframe.recipe.settings import fields
from genframe.recipe.sites import Sites
from genframe.recipe.sources import Source
from genframe.recipe.training import training
from genframe.recipe.tree import Node
from genframe.recipe.wires import Wires

_LISTED_KINDS = {"evaluate": "metric", "samplers": "sampler", "track": "tracker", "watch": "alarm"}
_REBOUND = ("evaluate", "samplers", "watch")  # lists whose components are given values by name, or by `given`
TOP_VALUES: dict[str, Any] = {
    "seed": Annotated[int, Ge(0)],
    "device": str,
    "name": str,
    "play": Literal["alternating", "simultaneous"],
}


@dataclass(slots=True)
class Check:
    """Checks one merged tree."""

    tree: Node
    source: Source
    plugins: Plugins
    problems: Problems
    meant: set[str] = field(default_factory=set)  # keys that are there, though misspelt

    def recipe(self) -> Recipe:
        """The recipe. Raises RecipeError or PluginError with every problem there is."""
        top = self._top()
        blocks = Blocks(self.plugins.registry, self.plugins.listed, self.problems)
        data = datasets(top, self._start, blocks, bool(self.meant & {"data", "datasets"}))
        instances = list(self._instances(top, blocks))
        wires = self._wires(top.get("wires"), "wires")
        outputs = self._wires(top.get("outputs"), "outputs")
        listed = {key: self._listed(top.get(key), key, blocks) for key in _LISTED_KINDS}
        scope = self._scope(top, wires)
        self._check_names(scope, outputs, instances, listed)
        check_clashes(wires, instances, data.values(), self.problems)
        players = self._players(top, blocks, scope)
        sites = tuple(self._sites(top, scope, instances))
        train = self._train(top.get("train"))
        values = fields(top, TOP_VALUES, "", self.problems)
        self.problems.raise_errors()
        assert train is not None
        return Recipe(
            name=values.get("name", stem_name(self.source.stem)),
            seed=values.get("seed", 0),
            device=values.get("device"),
            datasets=data,
            instances={instance.name: instance for instance in instances},
            wires=wires,
            players=players,
            outputs=outputs,
            train=train,
            evaluate=listed["evaluate"],
            track=listed["track"],
            watch=listed["watch"],
            registry=self.plugins.registry,
            tree=self.tree,
            written=self.source.text,
            folder=self.source.folder,
            remarks=self.problems.remarks,
            plugins=tuple(self.plugins.listed),
            samplers=listed["samplers"],
            sites=sites,
            play=values.get("play", "alternating"),
        )

    @property
    def _start(self) -> Mark:
        """Where to point for what is missing: the start of the recipe's own file."""
        return Mark(self.source.file, 1, 1)

    def _top(self) -> dict[str, Node]:
        """The entries of the recipe, its keys and its version checked."""
        assert isinstance(self.tree.value, dict)
        for key, node in self.tree.value.items():
            if key not in KEYS:
                message = f"a recipe has no key {key[:80]!r}"
                self.problems.add("GF201", message, node.place, key, name=key, known=KEYS)
                self.meant.add(self.problems[-1].nearest or key)
        top = entries(self.tree)
        check_format(top.get("genframe"), self._start, self.problems)
        name = top.get("name")
        fault = title_fault(name.value) if name is not None and isinstance(name.value, str) else None
        if name is not None and fault:
            self.problems.add("GF210", fault, name.mark, "name")
        return top

    def _scope(self, top: dict[str, Node], wires: tuple[Wire, ...]) -> Scope:
        """The names there are, those of blocks that are wrong or misspelt included."""
        instances = [name for name, _, _, _ in self._slots(top)] + sorted(self.meant & SLOTS.keys())
        single = [""] if "data" in (*top, *self.meant) else []
        names = [*single, *entries(top.get("datasets"))]
        return Scope(self.plugins.registry, self.plugins.listed, wires, instances, names, self.problems)

    def _train(self, node: Node | None) -> Train | None:
        if node is None and "train" in self.meant:
            return None
        return training(node, self._start, self.problems)

    def _slots(self, top: dict[str, Node]) -> Iterator[tuple[str, str, Node, str]]:
        """Name, kind, block and path of every instance that the slots hold."""
        for key, (kind, several) in SLOTS.items():
            node = top.get(key)
            if node is None:
                continue
            if not several:
                yield key, kind.name, node, key
            for name, inside in entries(node).items() if several else ():
                yield name, kind.name, inside, f"{key}.{name}"

    def _instances(self, top: dict[str, Node], blocks: Blocks) -> Iterator[Instance]:
        for key, (_, several) in SLOTS.items():
            node = top.get(key)
            if several and node is not None and not isinstance(node.value, dict):
                message = f"expected a mapping of names to {key}, got {kind_of(node)}"
                self.problems.add("GF205", message, node.mark, key)
        for name, kind, node, path in self._slots(top):
            fault = name_fault(name)
            if fault:
                self.problems.add("GF210", fault, node.place, path)
            instance = blocks.instance(node, kind, name, path)
            if instance is not None:
                yield instance

    def _sites(self, top: dict[str, Node], scope: Scope, instances: list[Instance]) -> Iterator[Site]:
        """Where the noises stand that have a site of their own."""
        reader = Sites(scope.instances, [*entries(top.get("players"))], self.problems)
        made = {instance.name: instance for instance in instances if instance.at is not None}
        for name, _, node, path in self._slots(top):
            if name in made:
                yield from reader.of(made[name], entries(node)["at"], f"{path}.at")

    def _wires(self, node: Node | None, section: str) -> tuple[Wire, ...]:
        if node is None:
            if section == "wires" and section not in self.meant:
                message = "a recipe needs wires, its own or those of a pipeline: `pipeline: vae`"
                command = "genframe recipes list"
                self.problems.add("GF203", message, self._start, "wires", command=command)
            return ()
        if not isinstance(node.value, dict):
            message = f"expected a mapping of names to expressions, got {kind_of(node)}"
            self.problems.add("GF205", message, node.mark, section)
        reader = Wires(self.problems)
        made = (reader.wire(key, inside, section) for key, inside in entries(node).items())
        wires = tuple(wire for wire in made if wire is not None)
        if section == "outputs":
            check_clashes(wires, (), (), self.problems)
        return wires

    def _check_names(
        self,
        scope: Scope,
        outputs: tuple[Wire, ...],
        instances: list[Instance],
        listed: dict[str, tuple[Instance, ...]],
    ) -> None:
        scope.check(scope.wires, "wires")
        scope.check(outputs, "outputs")
        scope.check_cycles()
        check_given(instances, scope.names(), self.problems)
        shown = [output.names[0] for output in outputs]
        for section in _REBOUND:
            drawn = [sampler.name for sampler in listed["samplers"]] if section == "evaluate" else []
            check_given(listed[section], [*scope.names(), *shown, *drawn], self.problems, f"{section}.")

    def _players(self, top: dict[str, Node], blocks: Blocks, scope: Scope) -> tuple[Player, ...]:
        node = top.get("players")
        if node is None or node.value == {}:
            if "players" in self.meant:
                return ()
            message = "a recipe needs players, who train its components: "
            message += "`players: {model: {trains: [...], minimises: {...: 1}}}`, or those of a pipeline"
            self.problems.add("GF203", message, self._start, "players")
            return ()
        return Players(blocks, self.problems, scope, top.get("optimizer")).all(node)

    def _listed(self, node: Node | None, key: str, blocks: Blocks) -> tuple[Instance, ...]:
        """`evaluate`, `samplers`, `track` and `watch`: components by name."""
        if node is None:
            return ()
        mapping = named(node)
        if not isinstance(mapping.value, dict) or "use" in mapping.value:
            message = f"expected {_LISTED_KINDS[key]}s by name, or a list of them, got {kind_of(node)}"
            self.problems.add("GF205", message, node.mark, key)
            return ()
        if key == "samplers":
            self._check_file_names(mapping)
        keys = ("use", "given") if key in _REBOUND else ("use",)
        made = (
            blocks.instance(inside, _LISTED_KINDS[key], name, f"{key}.{name}", keys)
            for name, inside in entries(mapping).items()
        )
        return tuple(instance for instance in made if instance is not None)

    def _check_file_names(self, samplers: Node) -> None:
        """A sampler's name is part of the name of the file that its fitted state is stored in."""
        for name, inside in entries(samplers).items():
            fault = title_fault(name, "sampler")
            if fault:
                self.problems.add("GF210", fault, inside.place, f"samplers.{name[:80]}")
