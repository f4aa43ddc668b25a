"""The life of the plugin API: old plugins go on working, their authors are told, and recipes survive renamings."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from fake_plugins import Site, good

from genframe import deprecated, hooks, loading
from genframe.deprecated import APIS, Api, GenframeDeprecationWarning
from genframe.discovery import discover
from genframe.hooks import GENFRAME_API, Component
from genframe.recipe import load_recipe
from genframe.registry import PluginStatus

THREE = {1: Api("0.1", until="0.5"), 2: Api("0.2", until="0.6"), 3: Api("0.3")}
"""A genframe of some day, which takes three versions."""

PARTS = """
import math
from torch import nn
from genframe import Component, hookimpl

class Net(nn.Module):
    def __init__(self, in_shape, *, width: int = 4):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(in_shape), width))

    def forward(self, x):
        return self.net(x)

@hookimpl
def genframe_encoders():
    return [
        Component("slim", "my_parts:Net", aliases=("thin", "very-thin"), revision=4),
        Component("old", "my_parts:Net", deprecated="my_parts/slim"),
    ]
"""

RECIPE = """genframe: 1
pipeline: vae
plugins: [./my_parts.py]
data: {use: digits, batch_size: 16}
encoder: my_parts/thin
decoder: {use: mlp, hidden: [4]}
prior: {use: gaussian, dim: 2}
train: {steps: 1}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(site.folder)
    yield site
    site.forget()


@pytest.fixture
def some_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecated, "APIS", THREE)


def written_for(api: int, name: str = "mine") -> str:
    return good(f"genframe_{name}").replace("GENFRAME_API = 1", f"GENFRAME_API = {api}")


def loaded(site: Site, api: int) -> PluginStatus:
    site.plugin("mine", written_for(api))
    (status,) = [s for s in discover(blocked="genframe").plugins if s.name == "mine"]
    return status


def test_the_table_of_versions_ends_in_the_present_one() -> None:
    assert max(APIS) == GENFRAME_API
    assert [*APIS] == [*range(min(APIS), GENFRAME_API + 1)]
    assert [api for api, life in APIS.items() if bool(life.until) == (api == GENFRAME_API)] == []


def test_the_newest_version_of_the_api_warns_nobody(site: Site, some_day: None) -> None:
    status = loaded(site, 3)
    assert (status.state, status.api, status.warnings) == ("ok", 3, ())


@pytest.mark.parametrize("api", [1, 2])
def test_a_plugin_for_an_older_api_works_and_its_author_is_told(site: Site, some_day: None, api: int) -> None:
    with pytest.warns(GenframeDeprecationWarning, match=f"plugin API {api} is deprecated") as caught:
        status = loaded(site, api)
    assert (status.state, status.api, status.offers) == ("ok", api, 1)
    file = site.folder / "genframe_mine.py"
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "GENFRAME_API" in text)
    assert (caught[0].filename, caught[0].lineno) == (str(file), line)
    (told,) = status.warnings
    assert told.startswith(f"{file}:{line}: ") and "GENFRAME_API = 3" in told
    assert "since genframe 0.3" in told and f"until {THREE[api].until}" in told


@pytest.mark.parametrize(
    ("api", "advice"),
    [(0, "a newer version of the plugin is needed"), (4, "pip install --upgrade genframe")],
)
def test_beyond_either_end_a_plugin_is_incompatible(
    site: Site, some_day: None, api: int, advice: str
) -> None:
    status = loaded(site, api)
    assert status.state == "incompatible" and status.offers == 0
    assert f"plugin API {api}" in status.cause and "takes 1 to 3" in status.cause and advice in status.cause
    assert status.place.endswith("genframe_mine.py:4")


def test_a_file_without_a_version_means_the_present_one(tmp_path: Path, some_day: None) -> None:
    path = tmp_path / "my_parts.py"
    path.write_text("from genframe import hookimpl\n")
    (status,) = [s for s in discover([path], blocked="genframe").plugins if s.name == "my_parts"]
    assert status.ok and status.warnings == ()


def test_an_author_who_makes_the_warning_an_error_sees_it(site: Site, some_day: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GenframeDeprecationWarning)
        status = loaded(site, 1)
    assert status.state == "broken" and "plugin API 1 is deprecated" in status.cause


TEST_OF_A_PLUGIN = """
from genframe import deprecated
from genframe.deprecated import Api
deprecated.APIS = {1: Api("0.1", until="0.9"), 2: Api("0.5")}

from genframe.discovery import discover

def test_mine():
    assert discover(["my_parts.py"], blocked="genframe").plugin("my_parts").ok
"""


def test_pytest_shows_the_author_the_plugins_own_line(tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text("import os\n\nGENFRAME_API = 1\n")
    (tmp_path / "test_mine.py").write_text(TEST_OF_A_PLUGIN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{tmp_path / 'my_parts.py'}:3: GenframeDeprecationWarning: plugin API 1" in done.stdout


def test_a_user_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text("GENFRAME_API = 1\n")
    program = TEST_OF_A_PLUGIN.replace("def test_mine():", "if __name__ != 'x':")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""


# An argument that a later genframe adds to a hook.


def later_hooks() -> ModuleType:
    """The hooks of a genframe that calls `genframe_encoders` with one more argument."""
    later = ModuleType("later_hooks")
    later.__dict__.update(vars(hooks))

    def genframe_encoders(host: str) -> Iterable[Component]:
        return ()

    later.__dict__["genframe_encoders"] = hooks.hookspec(genframe_encoders)
    return later


@pytest.fixture
def more_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hooks", later_hooks())
    monkeypatch.setattr(loading, "ARGUMENTS", {"host": "workstation"})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [("", "plain"), ("host", "workstation"), ("host='nowhere'", "workstation"), ("other='own'", "plain")],
    ids=["asks for nothing", "asks", "asks if there is one", "has a default of its own"],
)
def test_hooks_get_the_arguments_that_they_name(
    site: Site, more_arguments: None, parameters: str, name: str
) -> None:
    body = "host" if "host" in parameters else "'plain'"
    site.plugin("mine", hook(parameters, body))
    assert discover().find("encoder", f"mine/{name}").component.target == "genframe_mine:Net"


def hook(parameters: str, name: str) -> str:
    return dedent(f"""
        from genframe import Component, hookimpl
        GENFRAME_API = 1

        @hookimpl
        def genframe_encoders({parameters}):
            return [Component({name}, "genframe_mine:Net")]
    """)


def test_a_plugin_can_serve_genframes_with_and_without_an_argument(site: Site) -> None:
    site.plugin("mine", hook("host='an-older-one'", "host"))
    assert discover().find("encoder", "mine/an-older-one").bare == "an-older-one"


def test_an_argument_that_no_genframe_has_is_an_error_with_its_name(site: Site, more_arguments: None) -> None:
    site.plugin("mine", hook("hots", "hots"))
    (status,) = [s for s in discover().plugins if s.name == "mine"]
    assert status.state == "broken" and "hots" in status.cause


# Former names, revisions, components that go.


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "my_parts.py").write_text(PARTS)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_with_a_former_name_works_and_says_the_new_one_with_its_place(recipe: Path) -> None:
    checked = load_recipe(recipe)
    assert checked.instances["encoder"].offer.name == "my_parts/slim"
    (remark,) = checked.remarks
    assert remark.code == "GF217" and "'slim'" in remark.message and "'my_parts/thin'" in remark.message
    assert remark.mark and (remark.mark.line, remark.mark.column) == (5, 10)


def test_revision_and_present_name_stand_in_the_lock(recipe: Path, tmp_path: Path) -> None:
    from genframe.api import train

    run = train(recipe, run_dir=tmp_path / "run", quiet=True)
    facts: Mapping[str, Any] = json.loads((run / "lock.json").read_text())["components"]["encoder"]
    assert (facts["name"], facts["revision"]) == ("my_parts/slim", 4)
    assert "my_parts/slim" in (run / "resolved.yaml").read_text()
    assert "remark GF217" in (run / "log.txt").read_text()


def test_a_component_that_goes_works_and_says_what_to_use(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("my_parts/thin", "my_parts/old"))
    checked = load_recipe(recipe)
    (remark,) = checked.remarks
    assert (remark.code, remark.severity, remark.mark and remark.mark.line) == ("GF218", "remark", 5)
    assert "my_parts/old" in remark.message and "use my_parts/slim" in remark.message


def test_a_schedule_by_its_former_name_is_remarked(tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text(
        "from genframe import Component, hookimpl\n"
        "def same(step, steps_per_epoch, *, to: float): return to\n"
        "@hookimpl\n"
        "def genframe_schedules(): return [Component('flat', 'my_parts:same', aliases=('same',))]\n"
    )
    text = RECIPE.replace("my_parts/thin", "{use: mlp, hidden: [4]}")
    path = tmp_path / "recipe.yaml"
    path.write_text(text + "loss: {use: elbo, beta: {my_parts/same: {to: 1.0}}}\n")
    (remark,) = load_recipe(path).remarks
    assert remark.code == "GF217" and "'flat'" in remark.message and remark.mark and remark.mark.line == 9
