"""A plan as a picture: data, wires with the components they call, and players, in layers from left to right.

A layered drawing (Sugiyama, Tagawa and Toda 1981): a node stands right of all that it needs, edges over several layers
pass through points in between, the order within a layer is that of the neighbours' middles, and each node stands as
near to its neighbours as the others let it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

LETTER, SMALL = 7.3, 6.3
"""Pixels of a letter of the names and of what stands below them, in the page's monospaced type."""

PAD, ROW, GAP, BETWEEN = 10, 17, 16, 46
"""Pixels inside a node, of a line, between nodes of a layer, and between layers."""

MOST = 24
"""Nodes of a layer that are drawn; the others are counted."""

SWEEPS = 8
_LONGEST = 34


@dataclass
class Node:
    """A box: its kind (data, wire, term, player, more, or a bend of an edge), lines of text, and chips below them.

    `chips` are components, each with the number of the player that trains it, or -1. x, y are its upper left corner,
    `column` is the width of its layer.
    """

    key: str
    kind: str
    title: str = ""
    notes: list[str] = field(default_factory=list)
    chips: list[tuple[str, int]] = field(default_factory=list)
    player: int = -1
    layer: int = 0
    x: float = 0
    y: float = 0
    column: float = 0

    @property
    def width(self) -> float:
        if self.kind == "bend":
            return 0
        chips = sum(len(name) * SMALL + 20 for name, _ in self.chips)
        return 2 * PAD + max(len(self.title) * LETTER, *(len(n) * SMALL for n in (*self.notes, "")), chips)

    @property
    def height(self) -> float:
        if self.kind == "bend":
            return 0
        return 2 * PAD + 6 + ROW * len(self.notes) + ROW * 0.8 + (25 if self.chips else 0)

    def chip_places(self) -> list[tuple[str, int, float, float]]:
        """Name, player, left edge and width of each chip."""
        places, x = [], self.x + PAD
        for name, player in self.chips:
            width = len(name) * SMALL + 14
            places.append((name, player, x, width))
            x += width + 6
        return places


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one node to another, as an SVG path; `kind` is `value` or `trains`."""

    path: str
    kind: str
    player: int = -1


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and edges in their places, and the size of the whole. `left_out` counts what was not drawn."""

    nodes: list[Node]
    edges: list[Edge]
    width: float
    height: float
    left_out: int


def drawing(plan: Mapping[str, Any]) -> Drawing | None:
    """The picture of `plan.json`; None where it says nothing of wires."""
    nodes = {node.key: node for node in _nodes(plan)}
    links = [(a, b, kind, player) for a, b, kind, player in _links(plan) if a in nodes and b in nodes]
    if not nodes or not plan.get("wires"):
        return None
    used = {key for a, b, *_ in links for key in (a, b)}
    nodes = {key: node for key, node in nodes.items() if key in used or node.kind != "data"}
    _place_in_layers(nodes, links)
    left_out = _leave_out(nodes, links)
    links = [link for link in links if link[0] in nodes and link[1] in nodes]
    chains = [_chain(nodes, *link[:2], number) for number, link in enumerate(links)]
    neighbours: dict[str, tuple[list[str], list[str]]] = {key: ([], []) for key in nodes}
    for chain in chains:
        for one, other in pairwise(chain):
            neighbours[one][1].append(other)
            neighbours[other][0].append(one)
    layers = _ordered(nodes, neighbours)
    width, height = _positions(nodes, layers, neighbours)
    edges = [
        Edge(_path([nodes[key] for key in chain]), link[2], link[3])
        for chain, link in zip(chains, links, strict=True)
    ]
    return Drawing([n for n in nodes.values() if n.kind != "bend"], edges, width, height, left_out)


def _nodes(plan: Mapping[str, Any]) -> Iterable[Node]:
    """A node for each field of the data, each wire, and each player."""
    trainer = {
        component["name"]: number
        for number, player in enumerate(plan.get("players", ()))
        for component in plan.get("components", ())
        if player["name"] in component["trained_by"]
    }
    terms = {term["wire"]: term for player in plan.get("players", ()) for term in player["terms"]}
    for dataset in plan.get("datasets", ()):
        for wire, shape in dataset["wires"].items():
            notes = ["x".join(map(str, shape)) or "a number", dataset["component"]]
            yield Node(f"wire:{wire}", "data", wire, [_cut(note) for note in notes])
    for wire in plan.get("wires", ()):
        name = wire["name"]
        chips = [(called, trainer.get(called, -1)) for called in wire.get("calls", ())]
        shapes = [_cut(shape) for shape in list(wire.get("shapes", {}).values())[:1]]
        yield Node(
            f"wire:{name}",
            "term" if name in terms else "wire",
            _cut(name),
            [_cut(wire["expression"]), *shapes],
            chips,
        )
    for number, player in enumerate(plan.get("players", ())):
        optimizer = player["optimizer"]["component"].rpartition("/")[2]
        notes = [f"{player['parameters']:,} parameters", f"by {optimizer}"]
        trains = [(str(name), number) for name in player["trains"][:6]]
        trains += [(f"+ {len(player['trains']) - 6}", number)] if len(player["trains"]) > 6 else []
        yield Node(f"player:{player['name']}", "player", _cut(player["name"]), notes, trains, number)


def _links(plan: Mapping[str, Any]) -> Iterable[tuple[str, str, str, int]]:
    by_name = {
        part.strip(): wire["name"] for wire in plan.get("wires", ()) for part in wire["name"].split(",")
    }
    for wire in plan.get("wires", ()):
        for read in wire.get("reads", ()):
            yield f"wire:{by_name.get(read, read)}", f"wire:{wire['name']}", "value", -1
    for number, player in enumerate(plan.get("players", ())):
        for term in player["terms"]:
            yield (
                f"wire:{by_name.get(term['wire'], term['wire'])}",
                f"player:{player['name']}",
                "trains",
                number,
            )


def _place_in_layers(nodes: Mapping[str, Node], links: Sequence[tuple[str, str, str, int]]) -> None:
    """The longest way from any source; players all stand in the last layer."""
    above: dict[str, list[str]] = {key: [] for key in nodes}
    for one, other, *_ in links:
        above[other].append(one)
    done: dict[str, int] = {}

    def layer(key: str, inside: frozenset[str] = frozenset()) -> int:
        if key not in done:
            needed = [other for other in above[key] if other not in inside]
            done[key] = max((layer(other, inside | {key}) + 1 for other in needed), default=0)
        return done[key]

    for key, node in nodes.items():
        node.layer = layer(key)
    last = max(node.layer for node in nodes.values())
    for node in nodes.values():
        if node.kind == "player":
            node.layer = last
    below: dict[str, list[str]] = {key: [] for key in nodes}
    for one, other, *_ in links:
        below[one].append(other)
    for key in sorted(nodes, key=lambda key: -nodes[key].layer):  # sources stand beside what first needs them
        if not above[key] and below[key]:
            nodes[key].layer = max(0, min(nodes[other].layer for other in below[key]) - 1)


def _leave_out(nodes: dict[str, Node], links: Sequence[tuple[str, str, str, int]]) -> int:
    """Of a layer with too many nodes keep the first, and say how many more there are."""
    layers: dict[int, list[str]] = {}
    for key, node in nodes.items():
        layers.setdefault(node.layer, []).append(key)
    count = 0
    for number, keys in layers.items():
        for key in keys[MOST:]:
            del nodes[key]
        if len(keys) > MOST:
            count += len(keys) - MOST
            nodes[f"more:{number}"] = Node(
                f"more:{number}", "more", f"+ {len(keys) - MOST} more", layer=number
            )
    return count


def _chain(nodes: dict[str, Node], one: str, other: str, number: int) -> list[str]:
    """The keys of an edge's ends with a bend in each layer between."""
    between = []
    for layer in range(nodes[one].layer + 1, nodes[other].layer):
        key = f"bend:{number}:{layer}"
        nodes[key] = Node(key, "bend", layer=layer)
        between.append(key)
    return [one, *between, other]


def _ordered(
    nodes: Mapping[str, Node], neighbours: Mapping[str, tuple[list[str], list[str]]]
) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(node.layer for node in nodes.values()) + 1)]
    for key, node in nodes.items():
        layers[node.layer].append(key)
    for sweep in range(SWEEPS):
        side = sweep % 2
        for layer in layers[1:] if side == 0 else layers[-2::-1]:
            place = {key: at for row in layers for at, key in enumerate(row)}
            middles = {
                key: sum(place[n] for n in neighbours[key][side]) / len(neighbours[key][side])
                if neighbours[key][side]
                else place[key]
                for key in layer
            }
            layer.sort(key=lambda key: middles[key])
    return layers


def _positions(
    nodes: Mapping[str, Node],
    layers: Sequence[Sequence[str]],
    neighbours: Mapping[str, tuple[list[str], list[str]]],
) -> tuple[float, float]:
    x = 1.0
    for layer in layers:
        wide = max((nodes[key].width for key in layer), default=0)
        y = 0.0
        for key in layer:
            nodes[key].x, nodes[key].y, nodes[key].column = x, y, wide
            y += nodes[key].height + GAP
        x += wide + BETWEEN
    for sweep in range(SWEEPS):
        side = sweep % 2
        for layer in layers if side == 0 else reversed(layers):
            wanted = [
                sum(nodes[n].y + nodes[n].height / 2 for n in near) / len(near) - nodes[key].height / 2
                if (near := neighbours[key][side] or neighbours[key][1 - side])
                else nodes[key].y
                for key in layer
            ]
            for key, y in zip(layer, _apart(wanted, [nodes[k].height + GAP for k in layer]), strict=True):
                nodes[key].y = y
    top = min(node.y for node in nodes.values())
    for node in nodes.values():
        node.y += 1 - top
    return x - BETWEEN + 1, max(node.y + node.height for node in nodes.values()) + 1


def _apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Places as near to those wanted, in the sum of squares, as order and sizes allow: pool adjacent violators."""
    offsets = [sum(sizes[:place]) for place in range(len(sizes))]
    pools: list[tuple[float, int]] = []  # mean of (wanted - offset), count
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        pools.append((mean, count))
    means = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _path(chain: Sequence[Node]) -> str:
    """From the right side of the first to the left of the last, by cubic curves that leave and arrive level."""
    first = chain[0]
    x, y = first.x + first.width, first.y + first.height / 2
    text = f"M{x:.1f} {y:.1f}"
    for node in chain[1:]:
        to_x, to_y = node.x, node.y + node.height / 2
        middle = max((to_x - x) / 2, 14)
        text += f"C{x + middle:.1f} {y:.1f} {to_x - middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
        if node.kind == "bend":  # straight on past the boxes of its layer
            x += node.column
            text += f"H{x:.1f}"
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
