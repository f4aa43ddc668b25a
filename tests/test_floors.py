"""Imports go down the floors of the design, never up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "genframe"

# From the ground; a module may import from its own floor and below.
FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "codes",
        "kinds",
        "annotations",
        "arguments",
        "values",
        "deprecated",
        "durable",
        "memory",
        "data.order",
        "data.promised",
        "data.spec",
    ),
    (
        "hooks",
        "registry",
        "discovery",
        "loading",
        "methods",
        "signature",
        "constructor",
        "notation",
        "source",
        "digests",
        "places",
        "isolation",
        "vetting",
        "probe",
        "examination",
        "process_state",
        "distributions",
        "slopes",
        "aggregate",
        "two_sample",
        "verdict",
        "supports",
    ),
    ("recipe", "rendering"),
    ("scheduled",),
    (
        "selection",
        "bound",
        "binding",
        "wiring",
        "sharing",
        "sites",
        "parts",
        "compute",
        "scored",
        "described",
        "call_checks",
        "trial",
        "watch",
        "plan",
        "routing",
        "players",
        "opened",
        "compiling",
    ),
    (
        "run",
        "lock",
        "locked",
        "requirements",
        "missing",
        "packed",
        "tracking",
        "data",
        "pictures",
        "charts",
        "sheets",
        "plots",
        "picture_files",
        "patches",
        "live",
    ),
    ("engine", "explain"),
    (
        "api",
        "stored",
        "pack",
        "card",
        "catalogue",
        "evaluations",
        "runs",
        "report",
        "live.follow",
        "exports",
        "denoising",
        "audit",
        "audit_codes",
        "audit_pictures",
        "traversal",
        "abilities",
        "conditions",
        "latents",
        "axes",
        "interpolation",
        "manifold",
        "walk",
        "figures",
        "graphs",
        "graph_forms",
        "graph_inputs",
        "explorer",
        "health",
        "plugin_doctor",
        "sweep_space",
        "sweep_file",
        "sweep",
    ),
    ("cli", "testing", "scaffold", "__main__"),
)

# The public face imports what it exports; everything but data stays lazy.
FACE = "__init__"


def floor(module: str) -> int:
    """The floor of `recipe.load`: that of the longest listed prefix."""
    matches = [
        (len(name), level)
        for level, names in enumerate(FLOORS)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    assert matches, f"genframe/{module.replace('.', '/')} stands on no floor: add it to FLOORS"
    return max(matches)[1]


def imports(path: Path) -> set[str]:
    """The genframe modules that a file imports, wherever in it, type checking apart."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "genframe":
            base = node.module.removeprefix("genframe").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}" if base else alias.name
                is_module = (ROOT / Path(*inner.split("."))).with_suffix(".py").exists() or (
                    ROOT / Path(*inner.split("."))
                ).is_dir()
                found.add(inner if is_module else base)
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("genframe.") for a in node.names if a.name.startswith("genframe.")}
        assert not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genframe_")), path
    return found - {""}


MODULES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / f"{FACE}.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for imported in imports(path):
        assert floor(imported) <= floor(module), f"{module} imports {imported}, which stands above it"


def test_plugins_import_only_the_public_face() -> None:
    for path in (ROOT.parent / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "genframe":
                assert node.module == "genframe", (
                    f"{path} imports {node.module}; plugins import from genframe alone"
                )
