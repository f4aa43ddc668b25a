"""The component of each kind that a new plugin starts from, read from `parts/` as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from genframe.kinds import KINDS
from genframe.scaffold.names import Names
from genframe.signature import Signature, read_signature
from genframe.testing.standard import recipe_text

PARTS = Path(__file__).parent / "parts"

WIDTH = 110
"""Of a project's lines, by its pyproject.toml."""


@dataclass(frozen=True)
class Template:
    """A kind's component.

    options: those that its recipe writes. needs: as the `Component` says them.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @cached_property
    def source(self) -> str:
        """The text of its module."""
        return (PARTS / f"{self.kind}.py").read_text(encoding="utf-8")

    @property
    def is_class(self) -> bool:
        return f"class My{self.kind.title()}" in self.source

    @property
    def target(self) -> str:
        """The name of the class or function in the source: `MyNoise`, `my_loss`."""
        return f"My{self.kind.title()}" if self.is_class else f"my_{self.kind}"

    @property
    def signature(self) -> Signature:
        return read_signature(f"{__package__}.parts.{self.kind}:{self.target}")

    def module(self, names: Names) -> str:
        """The text of the module under the author's name."""
        return re.sub(rf"\b{self.target}\b", names.target(self.kind, self.is_class), self.source)

    def component(self, names: Names) -> str:
        """The hook that offers it."""
        target = f"{names.module}.{self.kind}:{names.target(self.kind, self.is_class)}"
        arguments = [f'"{names.plugin}"', f'"{target}"']
        if self.needs:
            words = "".join(f'"{need}", ' for need in self.needs).rstrip()
            arguments.append(f"needs=({words})")
        line = f"        Component({', '.join(arguments)}),\n"
        if len(line) > WIDTH:
            line = "".join(
                ("        Component(\n", *(f"            {one},\n" for one in arguments), "        ),\n")
            )
        head = f"@hookimpl\ndef {KINDS[self.kind].hook}() -> list[Component]:\n"
        return f"{head}    return [\n{line}    ]\n"

    def recipe(self, names: Names) -> str:
        """The text of the recipe that uses it."""
        takes = () if self.is_class else self.signature.givens
        body = recipe_text(self.kind, names.owned, (names.plugin,), self.options, takes=takes)
        return (
            f"# The smallest recipe that uses the {self.kind} `{names.owned}`.\n#\n"
            f"#   genframe train {names.plugin}/{self.kind}\n"
            f"#   genframe train {names.plugin}/{self.kind} train.epochs=20\n{body}"
        )


TEMPLATES: dict[str, Template] = {
    row.kind: row
    for row in (
        Template("encoder", {"pool": 2, "features": 64}, needs=("image",)),
        Template("decoder", {"hidden": [32, 32]}),
        Template("prior", {"dim": 4}),
        Template("discriminator", {"units": 32}),
        Template("noise", {"amount": [0.05, 0.3]}),
        Template("loss", {"epsilon": 0.01}),
        Template("posterior"),
        Template("likelihood", {"floor": 0.02}),
        Template("function", {"limit": 2.0}),
        Template("dataset", {"side": 8}),
        Template("metric"),
        Template("sampler"),
        Template("tracker", {"file": "figures.csv"}),
        Template("alarm", {"rows": 20}),
        Template("optimizer", {"lr": 3e-4}),
        Template("schedule", {"peak": 1e-3, "warmup": 50}),
    )
}
"""One template a kind."""
