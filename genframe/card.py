"""The model card of a packed model: Markdown with the front matter that Hugging Face reads.

Everything in it was recorded by the training or measured by `genframe evaluate`; what was not is said to be not.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genframe.packed import PICTURE, PLUGINS, WEIGHTS
from genframe.recipe.environment import refers
from genframe.recipe.model import Recipe
from genframe.recipe.words import shown
from genframe.requirements import install_command, requirements

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is written from. `file` is what the packed file is called, `members` what else stands in it."""

    recipe: Recipe
    file: str
    lock: Mapping[str, Any]
    settings: Mapping[str, Any]
    step: int
    members: Mapping[str, bytes]
    evaluations: Sequence[Mapping[str, Any]]
    seconds: float | None

    @property
    def code(self) -> list[str]:
        return [name.removeprefix(PLUGINS) for name in self.members if name.startswith(PLUGINS)]

    @property
    def pipeline(self) -> str | None:
        """The pipeline that the recipe stands on, `vae/vae`."""
        shipped = {f"{f.plugin}/{f.name}" for f in self.recipe.registry.recipes() if f.pipeline}
        return next((base["name"] for base in self.lock.get("bases", ()) if base["name"] in shipped), None)


def card(facts: Facts) -> str:
    """The card's text."""
    sections = [
        _front_matter(facts),
        f"# {_plain(facts.recipe.name)}",
        _what(facts),
        *([f"![samples]({PICTURE})"] if PICTURE in facts.members else []),
        "## How to use it",
        _use(facts),
        "## Parts",
        _table(("part", "component", "from", "revision", "options"), _parts(facts)),
        "## Data",
        _table(("dataset", "component", "examples", "wires", "content (sha256)"), _data(facts)),
        "The data are not in this file. They are read where they are asked for: `evaluate`, `reconstruct`.",
        "## Training",
        _table(("", ""), _training(facts)),
        "## Measured",
        _measured(facts),
        "## Requirements",
        _requirements(facts),
        "## Intended use and limitations",
        "*Nothing was written here: what the model is for, what it must not be used for, and where it fails is "
        "for its author to say.*",
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(facts: Facts) -> str:
    pipeline = [facts.pipeline.rpartition("/")[2]] if facts.pipeline else []
    tags = ["genframe", "generative-model", *pipeline]
    lines = [
        "library_name: genframe",
        f"model_name: {json.dumps(facts.recipe.name, ensure_ascii=False)}",
        "tags:",
    ]
    return "\n".join(["---", *lines, *(f"- {json.dumps(tag)}" for tag in tags), "---"])


def _what(facts: Facts) -> str:
    pipeline = f", a recipe on the pipeline `{facts.pipeline}`" if facts.pipeline else ""
    players = ", ".join(
        f"`{player.name}` ({', '.join(map(str, player.trains))})" for player in facts.recipe.players
    )
    averaged = any(name.startswith(WEIGHTS) and ".ema." in name for name in facts.members)
    weights = "the averaged weights, and the raw ones (`--raw`)" if averaged else "the weights"
    text = f"Trained with genframe {facts.lock['versions']['genframe']}{pipeline}. "
    text += f"It holds {weights} after step {facts.step}. Trained together: {players}."
    if facts.code:
        text += f"\n\n**This file brings code that opening it would run:** {', '.join(f'`{n}`' for n in facts.code)}. "
        text += "genframe refuses to, unless it is told `trust_code=True` or `--trust-code`. Read the code first: "
        text += f"`unzip -p {facts.file} '{PLUGINS}*'`."
    return text


def _use(facts: Facts) -> str:
    outputs = {wire.names[0]: wire.params for wire in facts.recipe.outputs}
    trust, flag = (", trust_code=True", " --trust-code") if facts.code else ("", "")
    lines = ["import genframe", "", f'model = genframe.load("{facts.file}"{trust})']
    if outputs.get("sample") == ("n",):
        lines.append("x = model.sample(16, seed=0)")
    install = f"```sh\n{install_command(facts.lock)}\n```"
    python = "\n".join(["```python", *lines, "```"])
    verbs = [f"genframe show {facts.file}"]
    if outputs.get("sample") == ("n",):
        verbs.append(f"genframe sample {facts.file} -n 64 -o samples.png{flag}")
    if "reconstruct" in outputs:
        verbs.append(f"genframe reconstruct {facts.file} -o reconstructions.png{flag}")
    verbs.append(f"genframe evaluate {facts.file}{flag}")
    shell = "\n".join(["```sh", *verbs, "```"])
    listed = ", ".join(f"`{name}({', '.join(params)})`" for name, params in outputs.items())
    return (
        f"{install}\n\n{python}\n\n{shell}\n\n"
        + f"Its outputs, each called by `model.call(NAME, ...)`: {listed or 'none'}."
    )


def _parts(facts: Facts) -> Iterator[Row]:
    components = facts.lock["components"]
    for name, instance in facts.recipe.instances.items():
        found = components.get(name, {})
        options = facts.settings.get(name) or _among(facts.settings, name)
        rest = {key: value for key, value in options.items() if key != "use"}
        yield name, instance.offer.name, _owner(found), str(found.get("revision", "")), _options(rest)


def _among(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The block of one of several instances: `discriminators: {clean: ...}`."""
    groups = (value for value in settings.values() if isinstance(value, dict) and name in value)
    return next(
        (group[name] for group in groups if isinstance(group[name], dict) and "use" in group[name]), {}
    )


def _owner(component: Mapping[str, Any]) -> str:
    if component.get("distribution"):
        return f"{component['distribution']} {component['version'] or ''}".strip()
    return "a local file" if component else ""


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value if refers(value) else shown(value)}" for key, value in options.items())


def _data(facts: Facts) -> Iterator[Row]:
    for name, data in facts.recipe.datasets.items():
        spec = facts.lock.get("specs", {}).get(name, {"fields": {}, "lengths": {}})
        lengths = ", ".join(f"{length:,} {split}" for split, length in spec["lengths"].items())
        wires = ", ".join(f"{k} {'x'.join(map(str, f['shape'])) or '()'}" for k, f in spec["fields"].items())
        digest = facts.lock.get("data", {}).get(name, "not recorded")
        yield name or "data", data.instance.offer.name, lengths or "not recorded", wires, f"`{digest}`"


def _training(facts: Facts) -> Iterator[Row]:
    recipe, lock = facts.recipe, facts.lock
    yield "steps", f"{facts.step:,}"
    yield (
        "batch",
        ", ".join(f"{data.batch_size} of {name or 'data'}" for name, data in recipe.datasets.items()),
    )
    yield "seed", str(lock.get("seed"))
    yield "precision", recipe.train.precision
    for player in recipe.players:
        options = {key: value for key, value in player.optimizer.options.items() if value is not None}
        ema = f", averaged with {player.ema}" if player.ema is not None else ""
        yield f"optimizer of {player.name}", f"{player.optimizer.offer.name} ({_options(options)}){ema}"
    yield "time", f"{facts.seconds:,.0f} s" if facts.seconds is not None else "not recorded"
    hardware = lock.get("hardware") or "not recorded"
    yield "hardware", f"{hardware}; device {lock.get('device')}, {lock.get('threads')} threads"
    yield "platform", str(lock.get("platform"))
    yield "trained", str(lock.get("created"))


def _measured(facts: Facts) -> str:
    rows = [row for row in facts.evaluations if row.get("protocol", {}).get("step") == facts.step]
    if not rows:
        return "Not measured: no metric was evaluated at this step (`genframe evaluate`)."
    header = ("metric", "figure", "value", "split", "examples", "weights", "seed", "options", "by")
    return _table(header, (line for row in rows for line in _figures(row)))


def _figures(row: Mapping[str, Any]) -> Iterator[Row]:
    protocol = row["protocol"]
    versions = protocol.get("versions", {})
    by = f"{row.get('component')} revision {protocol.get('revision')}, genframe {versions.get('genframe')}"
    by += f", torch {versions.get('torch')}"
    for name, value in row["figures"].items():
        yield (
            str(row["metric"]), name, f"{value:.6g}" if isinstance(value, (int, float)) else str(value),
            str(protocol.get("split")), f"{protocol.get('examples'):,}", str(protocol.get("weights")),
            str(protocol.get("seed")), _options(protocol.get("options", {})), by,
        )  # fmt: skip


def _requirements(facts: Facts) -> str:
    pins = shlex.join(requirements(facts.lock))
    text = f"```sh\npip install {pins}\n```\n\nTrained with Python {facts.lock['versions']['python']}."
    needed = [f"`{place}`" for place in facts.lock.get("files", {}) if not place.endswith(".init")]
    if needed:
        text += f" Files that the recipe names at {', '.join(needed)} are not in this file."
    return text


def _table(header: Row, rows: Iterator[Row]) -> str:
    """A Markdown table; what would break a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines)


def _plain(text: str) -> str:
    """Text on one line of Markdown that is neither markup nor the end of a cell."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
