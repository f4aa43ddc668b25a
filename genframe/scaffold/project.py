"""The files of a new plugin's project, and writing them: all of them, or none."""

from __future__ import annotations

import json
import shlex
import string
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genframe import durable
from genframe.errors import Problem, RecipeError
from genframe.kinds import KINDS
from genframe.scaffold.names import Names, Request
from genframe.scaffold.templates import TEMPLATES, Template

TEXTS = Path(__file__).parent / "texts"

# A file of the project <- the text it is made from. The modules and recipes of the components stand beside these.
_FILES = {
    "pyproject.toml": "pyproject.txt",
    "README.md": "readme.txt",
    "LICENSE": "license.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/test.yml": "workflow.txt",
    "tests/test_conformance.py": "test_conformance.txt",
    "%{module}/__init__.py": "hooks.txt",
}


class _Text(string.Template):
    """`%{name}` is replaced; workflows have dollars of their own."""

    delimiter = "%"
    idpattern = r"(?!)"
    braceidpattern = "[a-z_]+"


@dataclass(frozen=True, slots=True)
class Project:
    """A project that was written: its folder, names, recipes and files, and the commands to type next."""

    folder: str
    distribution: str
    plugin: str
    module: str
    components: tuple[str, ...]
    recipes: tuple[str, ...]
    files: tuple[str, ...]
    next: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def create(distribution: str, kinds: Sequence[str], into: Path = Path(), author: str = "") -> Project:
    """Write the project of a plugin `distribution` with a component of each kind to a folder of that name in `into`.

    It is written beside and renamed, so that it is there whole or not at all. Raises RecipeError for what was asked
    for wrongly and for a folder that is there and not empty, RunError where nothing can be written.
    """
    request = Request(distribution, tuple(dict.fromkeys(kinds)), author.strip())
    names = request.checked()
    folder = into / distribution
    if folder.is_symlink() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RecipeError(
            Problem("GF813", f"{folder} is there already, and is not overwritten", path="--into")
        )
    written = files(request)
    with durable.reported(f"the project {distribution}", into):
        _write(folder, written)
    recipes = tuple(f"{names.plugin}/{kind}" for kind in request.kinds)
    return Project(
        folder=str(folder),
        distribution=distribution,
        plugin=names.plugin,
        module=names.module,
        components=tuple(f"{kind} {names.owned}" for kind in request.kinds),
        recipes=recipes,
        files=tuple(written),
        next=_next(folder, names, recipes),
    )


def files(request: Request) -> dict[str, str]:
    """The text of every file by its path in the project. Raises RecipeError for what was asked for wrongly."""
    names = request.checked()
    templates = [TEMPLATES[kind] for kind in KINDS if kind in request.kinds]
    words = _words(request, names, templates)
    made = {
        _Text(path).substitute(words): _Text((TEXTS / source).read_text(encoding="utf-8")).substitute(words)
        for path, source in _FILES.items()
    }
    for template in templates:
        made[f"{names.module}/{template.kind}.py"] = template.module(names)
        made[f"{names.module}/recipes/{template.kind}.yaml"] = template.recipe(names)
    return dict(sorted(made.items()))


def _words(request: Request, names: Names, templates: Sequence[Template]) -> dict[str, str]:
    """What stands for `%{name}` in the texts."""
    author = request.author or f"the authors of {names.distribution}"
    kinds = [template.kind for template in templates]
    first = templates[0]
    return {
        "distribution": names.distribution,
        "plugin": names.plugin,
        "module": names.module,
        "owned": names.owned,
        "description": f"A plugin for genframe with {_listed(kinds)}",
        "author": author,
        "quoted_author": json.dumps(author, ensure_ascii=False),  # a TOML string too
        "year": time.strftime("%Y"),
        "components": "\n\n".join(template.component(names) for template in templates),
        "table": "\n".join(_row(template, names) for template in templates),
        "trainings": "\n".join(f"$ genframe train {names.plugin}/{kind}" for kind in kinds),
        "first_kind": first.kind,
        "recipe": first.recipe(names).rstrip(),
    }


def _row(template: Template, names: Names) -> str:
    return f"| {template.kind} | `{names.owned}` | {template.signature.summary} |"


def _listed(kinds: Sequence[str]) -> str:
    """`an encoder, a noise and a loss`."""
    words = [f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _next(folder: Path, names: Names, recipes: Sequence[str]) -> tuple[str, ...]:
    return (
        f"cd {shlex.quote(str(folder))}",
        "python -m pip install -e '.[dev]'",
        f"genframe plugins check {names.plugin}",
        f"genframe train {recipes[0]}",
        "python -m build && python -m twine check --strict dist/*",
    )


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write aside, then rename onto `folder`, which is missing or empty."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=durable.ASIDE, dir=folder.parent) as aside:
        project = Path(aside) / folder.name
        for path, text in texts.items():
            target = project / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        project.replace(folder)
