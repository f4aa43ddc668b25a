"""`genframe plugins new`: for every kind a project that is complete, clean, and trains."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from fake_plugins import Site
from tiny import rows, saved, train

from genframe import durable
from genframe.cli import main
from genframe.discovery import discover
from genframe.errors import GenframeError, RecipeError, RunError
from genframe.kinds import KINDS
from genframe.recipe import load_recipe
from genframe.registry import Registry
from genframe.scaffold import Names, Request, create, files
from genframe.scaffold.templates import PARTS, TEMPLATES
from genframe.testing import check_plugin

SHORT = ("train.epochs=null", "train.steps=5", "train.log.every=1", "data.batch_size=16", "device=cpu")

FIXED = {
    ".github/workflows/test.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "genframe_salt/__init__.py",
    "pyproject.toml",
    "tests/test_conformance.py",
}


def written(kinds: Sequence[str], folder: Path, name: str = "genframe-salt") -> Path:
    return Path(create(name, kinds, folder).folder)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a component of every kind."""
    return written([*KINDS], tmp_path_factory.mktemp("new"), "genframe-super-salt")


@dataclass
class Installed:
    """A project whose package stands on the path, as an installer would leave it."""

    project: Path
    registry: Registry


@pytest.fixture(scope="module")
def installed(everything: Path) -> Iterator[Installed]:
    site = Site(everything)
    site.modules = ["genframe_super_salt"]
    points = tomllib.loads((everything / "pyproject.toml").read_text())["project"]["entry-points"]["genframe"]
    site.distribution("genframe-super-salt", points)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(everything)
        yield Installed(everything, discover())
    site.forget()


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_has_its_files_and_no_others(kind: str, tmp_path: Path) -> None:
    project = written([kind], tmp_path)
    found = {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}
    assert found == FIXED | {f"genframe_salt/{kind}.py", f"genframe_salt/recipes/{kind}.yaml"}
    assert [p.name for p in tmp_path.iterdir()] == ["genframe-salt"]


def test_nothing_is_left_to_fill_in(everything: Path) -> None:
    for path in everything.rglob("*.*"):
        text = path.read_text() if path.is_file() else ""
        assert "%{" not in text
        assert not {"MyNoise", "my_loss"} & set(text.split())
        assert "TODO" not in text


def test_every_project_is_clean(everything: Path, tmp_path: Path) -> None:
    """By its own settings; each kind alone, and all of them together under the longest name and one of two words."""
    written([*KINDS], tmp_path, f"genframe-{'a' * 31}")
    for kind in KINDS:
        written([kind], tmp_path, f"genframe-{kind}-one")
    for folder in (everything, tmp_path):
        for command in (["check"], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", str(folder)]
            done = subprocess.run(ruff, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_is_its_template_under_another_name(kind: str) -> None:
    """The module that ships is the module that genframe's own tests and type checks read."""
    template, names = TEMPLATES[kind], Names("genframe-super-salt")
    target = names.target(kind, template.is_class)
    assert target == (f"SuperSalt{kind.title()}" if template.is_class else f"super_salt_{kind}")
    text = files(Request("genframe-super-salt", [kind]))[f"genframe_super_salt/{kind}.py"]
    assert text.count(target) == template.source.count(template.target) >= 1
    assert text.replace(target, template.target) == template.source


def test_there_is_a_template_for_each_kind() -> None:
    assert [*TEMPLATES] == [*KINDS]
    assert {path.stem for path in PARTS.glob("[!_]*.py")} == {*KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_templates_import_what_plugins_may(kind: str) -> None:
    for node in ast.walk(ast.parse(TEMPLATES[kind].source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "genframe":
            assert node.module == "genframe"


def test_the_plugin_declares_everything_it_has(installed: Installed) -> None:
    status = installed.registry.plugin("super-salt")
    assert (status.state, status.api, status.offers) == ("ok", 1, len(KINDS))
    offers = [offer for offer in installed.registry.offers() if offer.plugin == "super-salt"]
    assert {offer.kind for offer in offers} == {*KINDS}
    for offer in offers:
        assert offer.load().__name__ == Names("genframe-super-salt").target(
            offer.kind, TEMPLATES[offer.kind].is_class
        )
        assert offer.summary()


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_that_is_shipped_trains(kind: str, installed: Installed, tmp_path: Path) -> None:
    recipe = load_recipe(f"super-salt/{kind}", SHORT, registry=installed.registry)
    run = train(recipe, tmp_path / "run")
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4, 5]
    assert int(saved(run)["step"]) == 5


@pytest.mark.parametrize("kind", ["plugin", *KINDS])
def test_the_kit_has_nothing_to_say(kind: str, installed: Installed) -> None:
    only = [f"{kind}/*", f"{kind}:*", f"recipe/{kind}:*"]
    results = list(check_plugin("super-salt", only=only, registry=installed.registry))
    assert [f"{r.id}: {r.message}" for r in results if not r.good] == []
    assert {r.kind for r in results if r.outcome == "passed"} >= {kind}


def test_the_texts_are_what_their_names_say(everything: Path) -> None:
    project = tomllib.loads((everything / "pyproject.toml").read_text())["project"]
    assert project["name"] == "genframe-super-salt"
    assert project["dependencies"] == ["genframe"]
    assert project["entry-points"] == {"genframe": {"super-salt": "genframe_super_salt"}}
    workflow = yaml.safe_load((everything / ".github/workflows/test.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["test"]["steps"]]
    torch = next(number for number, step in enumerate(steps) if "download.pytorch.org/whl/cpu" in step)
    assert torch < next(number for number, step in enumerate(steps) if "'.[dev]'" in step)
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"][0] == "3.11"
    built, wheel, checked = (
        next(number for number, step in enumerate(steps) if words in step)
        for words in (
            "-m build",
            "--force-reinstall --no-deps dist/*.whl",
            "genframe plugins check super-salt",
        )
    )
    assert built < wheel < checked
    assert workflow["jobs"]["test"]["steps"][checked]["working-directory"] == "${{ runner.temp }}"
    test = (everything / "tests" / "test_conformance.py").read_text()
    assert 'test_plugin = conformance("super-salt", level=1)' in test
    readme = (everything / "README.md").read_text()
    assert all(f"genframe train super-salt/{kind}" in readme for kind in KINDS)


def test_recipes_and_folders_that_come_later_ship_without_an_alarm(tmp_path: Path) -> None:
    """A real build, with the setuptools that is here: of the untouched layout, and of one that has grown."""
    project = written(["noise"], tmp_path)
    package = project / "genframe_salt"
    grown = ["recipes/pipelines/two.yaml", "recipes/more/late.yaml", "parts/__init__.py", "parts/net.py"]
    for paths in ([], grown):
        for path in paths:
            (package / path).parent.mkdir(parents=True, exist_ok=True)
            (package / path).write_text("")
        build = [sys.executable, "-m", "build", "--no-isolation", str(project)]
        done = subprocess.run(build, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "would be ignored" not in done.stdout + done.stderr
        (wheel,) = (project / "dist").glob("*.whl")
        (sdist,) = (project / "dist").glob("*.tar.gz")
        expected = {f"genframe_salt/{path}" for path in ["recipes/noise.yaml", "noise.py", *paths]}
        with zipfile.ZipFile(wheel) as packed:
            assert expected <= {*packed.namelist()}
            assert not [name for name in packed.namelist() if name.startswith("tests")]
        with tarfile.open(sdist) as packed_source:
            assert expected <= {name.partition("/")[2] for name in packed_source.getnames()}


@pytest.mark.parametrize("author", ['Ada "the" Lovelace', "Öyvind \\ Zoë", "名"])
def test_an_author_may_have_any_name(author: str, tmp_path: Path) -> None:
    project = Path(create("genframe-salt", ["noise"], tmp_path, author).folder)
    read = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert read["project"]["authors"] == [{"name": author}]
    assert author in (project / "LICENSE").read_text(encoding="utf-8")


BAD = [
    ("salt", ["noise"], ["GF811"], "genframe-salt"),
    ("Genframe_Salt", ["noise"], ["GF811"], "genframe-salt"),
    ("genframe_salt", ["noise"], ["GF811"], "genframe-salt"),
    ("genframe-", ["noise"], ["GF811"], None),
    ("genframe-3d", ["noise"], ["GF811"], None),
    ("genframe-a--b", ["noise"], ["GF811"], "genframe-a-b"),
    ("genframe-sal/../t", ["noise"], ["GF811"], "genframe-sal-t"),
    (f"genframe-{'a' * 60}", ["noise"], ["GF811"], None),
    ("genframe-nets", ["noise"], ["GF812"], None),
    ("genframe-recipes", ["noise"], ["GF812"], None),
    ("genframe-plugins", ["noise"], ["GF812"], None),
    ("genframe-core", ["noise"], ["GF812"], None),
    ("genframe-local", ["noise"], ["GF812"], None),
    ("genframe-all", ["noise"], ["GF812"], None),
    ("genframe-salt", [], ["GF814"], None),
    ("genframe-salt", ["noize"], ["GF300"], "noise"),
    ("salt", ["noize", "losses"], ["GF811", "GF300", "GF300"], "genframe-salt"),
]


@pytest.mark.parametrize(("name", "kinds", "codes", "nearest"), BAD)
def test_what_is_wrong_is_said_at_once_and_nothing_is_written(
    name: str, kinds: list[str], codes: list[str], nearest: str | None, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        create(name, kinds, tmp_path)
    assert [problem.code for problem in caught.value.problems] == codes
    assert caught.value.problems[0].nearest == nearest
    assert [*tmp_path.iterdir()] == []


def test_an_author_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="GF815"):
        create("genframe-salt", ["noise"], tmp_path, 'A"\nB')


@pytest.mark.parametrize("taken", ["folder", "file", "link"])
def test_what_is_there_is_left_alone(taken: str, tmp_path: Path) -> None:
    path = tmp_path / "genframe-salt"
    if taken == "folder":
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    elif taken == "file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecipeError, match="GF813"):
        create("genframe-salt", ["noise"], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["genframe-salt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "genframe-salt").mkdir()
    assert (written(["noise"], tmp_path) / "pyproject.toml").exists()


def test_a_project_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the seventh file."""
    real, count = Path.write_text, 0

    def failing(path: Path, *arguments: object, **keywords: object) -> int:
        nonlocal count
        count += 1
        if count == 7:
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(RunError, match="GF716"):
        create("genframe-salt", ["noise"], tmp_path)
    assert count == 7
    assert [*tmp_path.iterdir()] == []
    assert durable.ASIDE  # what a kill would leave starts with this


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="GF716"):
        create("genframe-salt", ["noise"], tmp_path)


def test_a_folder_below_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GenframeError, match="GF716"):
        create("genframe-salt", ["noise"], tmp_path / "file")


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["genframe", "plugins", "new", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_verb_tells_what_it_wrote_and_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "genframe-salt",
        "--kind",
        "noise",
        "--kind",
        "loss",
        "--kind",
        "noise",
        "--into",
        str(tmp_path),
    )
    assert called(monkeypatch, *arguments) == 0
    told = capsys.readouterr().out
    for word in ("genframe_salt/noise.py", "genframe plugins check salt", "genframe train salt/noise", "cd "):
        assert word in told
    assert called(monkeypatch, *arguments) == 2
    assert "GF813" in capsys.readouterr().err


def test_the_verb_answers_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "genframe-salt", "--kind", "noise", "--into", str(tmp_path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["plugin"], told["module"]) == ("salt", "genframe_salt")
    assert told["recipes"] == ["salt/noise"]
    assert all((Path(told["folder"]) / file).is_file() for file in told["files"])
    assert called(monkeypatch, "genframe-salt", "--into", str(tmp_path)) == 2
    assert "GF814" in capsys.readouterr().err


def test_a_project_is_written_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from genframe.cli import group; "
        f"group.main(['plugins', 'new', 'genframe-salt', '--kind', 'loss', '--into', {str(tmp_path)!r}], "
        "standalone_mode=False); assert not {'torch', 'wandb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (tmp_path / "genframe-salt" / "genframe_salt" / "loss.py").exists()
