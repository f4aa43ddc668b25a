"""Python source, found and read without importing it or the packages above it."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from genframe.errors import Mark, PluginError, Problem, nearest


class SignatureError(PluginError):
    """A signature that can't be read from source; its one problem holds the reason, file and line."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(Problem("GF330", message, mark))


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file: its top-level classes, functions and assignments, and what its imports stand for."""

    path: str
    definitions: Mapping[str, ast.ClassDef | ast.FunctionDef]
    assignments: Mapping[str, ast.expr]
    imports: Mapping[str, str]  # local name -> dotted name: nn -> torch.nn

    def mark(self, node: ast.expr | ast.stmt | ast.arg) -> Mark:
        """The place of a node of this file."""
        return Mark(self.path, node.lineno, node.col_offset + 1)

    def dotted(self, node: ast.expr) -> str | None:
        """What a name or an attribute stands for, by the file's imports: `nn.Module` -> `torch.nn.Module`."""
        match node:
            case ast.Name(id=name):
                return self.imports.get(name, name)
            case ast.Attribute(value=value, attr=attribute):
                owner = self.dotted(value)
                return owner and f"{owner}.{attribute}"
        return None


def module_file(module: str, files: Mapping[str, Path] | None = None) -> Path:
    """The file of a module. `files` maps local plugins' names to theirs.

    Only the top-level package is looked up, which runs none of its code; `find_spec("a.b")` would import `a`.
    Raises SignatureError.
    """
    if files and module in files:
        return files[module]
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise SignatureError(f"there is no module {top!r}")
    folders = [Path(folder, *rest) for folder in spec.submodule_search_locations or ()]
    if not rest:
        candidates = [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []
    else:
        candidates = [c for folder in folders for c in (folder / "__init__.py", folder.with_suffix(".py"))]
    found = next((c for c in candidates if c.is_file()), None)
    if found is None:
        raise SignatureError(_absence(module, folders) if rest else f"module {module!r} has no source file")
    return found


def _absence(module: str, folders: Sequence[Path]) -> str:
    """Why a submodule has no source: it is compiled or a folder without `__init__.py`, or is not there at all."""
    parents = [folder.parent for folder in folders if folder.parent.is_dir()]
    stem = module.rpartition(".")[2]
    beside = {path.name.partition(".")[0] for parent in parents for path in parent.iterdir() if _code(path)}
    if stem in beside:
        return f"module {module!r} has no source file"
    return f"there is no module {module!r}{meant(stem, sorted(beside))[1]}"


def _code(path: Path) -> bool:
    """Whether a name beside a module can be imported from there: Python, compiled code, a folder."""
    if not path.name.partition(".")[0].isidentifier() or path.name.startswith("__"):
        return False
    return path.suffix in (".py", ".pyc", ".so", ".pyd") or path.is_dir()


def meant(name: str, known: Iterable[str]) -> tuple[str | None, str]:
    """The known name that is close to one that is not there, and the words for it; None and "" where none is."""
    near = nearest(name, known)
    return (near, f"; did you mean {near!r}?") if near else (None, "")


def read_source(path: Path) -> Source:
    """Parse a file; once, as long as it does not change. Raises SignatureError."""
    try:
        stat = path.stat()
        return _parsed(str(path), stat.st_mtime_ns, stat.st_size)
    except SyntaxError as error:
        mark = Mark(str(path), error.lineno or 1, error.offset or 1)
        raise SignatureError(f"not valid Python: {error.msg}", mark) from error
    except (OSError, ValueError, RecursionError) as error:
        raise SignatureError(f"{path} can't be read: {error}") from error


@lru_cache(maxsize=512)
def _parsed(path: str, _modified: int, _size: int) -> Source:
    with tokenize.open(path) as file:
        tree = ast.parse(file.read(), path)
    definitions: dict[str, ast.ClassDef | ast.FunctionDef] = {}
    assignments: dict[str, ast.expr] = {}
    imports: dict[str, str] = {}
    for statement in _top_level(tree.body):
        match statement:
            case ast.ClassDef() | ast.FunctionDef():
                definitions[statement.name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assignments[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                assignments[name] = value
            case ast.Import() | ast.ImportFrom():
                imports.update(_imported(statement))
    return Source(path, definitions, assignments, imports)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under a top-level `if` or `try` included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _top_level(statement.body)
            yield from _top_level(statement.orelse)


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(statement, ast.ImportFrom):
        module = "." * statement.level + (statement.module or "")
        for alias in statement.names:
            yield alias.asname or alias.name, f"{module}.{alias.name}"
        return
    for alias in statement.names:
        if alias.asname:
            yield alias.asname, alias.name
        else:
            top = alias.name.partition(".")[0]
            yield top, top
