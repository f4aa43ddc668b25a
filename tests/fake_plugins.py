"""Plugins made up for a test: distributions in a folder on the path, as an installer would leave them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

GOOD = """
    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_encoders():
        return [Component("{name}", "{module}:Encoder")]

    class Encoder:
        '''An encoder of {module}.'''

        def __init__(self, in_shape, *, width: int = 3):
            self.width = width
"""


def good(module: str, name: str = "fine") -> str:
    """The text of a plugin that works, and offers one encoder."""
    return GOOD.format(module=module, name=name)


class Site:
    """A folder that stands for site-packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def module(self, module: str, text: str) -> Path:
        """Write a module; `a.b` becomes a package's."""
        path = self.folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        self.modules.append(module.partition(".")[0])
        return path

    def distribution(self, name: str, points: Mapping[str, str] | str, version: str = "1.0") -> None:
        """Write metadata: the entry points of the group `genframe`, or the whole text of the file."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if not isinstance(points, str):
            points = "[genframe]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        (info / "entry_points.txt").write_text(points)

    def plugin(self, name: str, text: str, distribution: str | None = None) -> None:
        """A distribution with one module and one entry point."""
        module = f"genframe_{name.replace('-', '_')}"
        self.module(module, text)
        self.distribution(distribution or f"genframe-{name}", {name: module})

    def forget(self) -> None:
        """Drop the modules, so that another test's of the same name are imported anew."""
        for loaded in list(sys.modules):
            if loaded.partition(".")[0] in self.modules:
                del sys.modules[loaded]
