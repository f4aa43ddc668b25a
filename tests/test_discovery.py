"""Plugins are found through entry points, files and registration, and can be kept out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_plugins import Site, good

import genframe
from genframe import PluginError, discovery
from genframe.discovery import blocked_from, discover, register
from genframe.registry import LookupProblem

PARTS = """
    from __future__ import annotations
    from dataclasses import dataclass
    from genframe import Component, hookimpl

    class MyEncoder:
        '''Mine.'''
        def __init__(self, in_shape, *, width: int = 7):
            self.width = width

    @dataclass(kw_only=True)
    class Config:
        size: int = 1

    @hookimpl
    def genframe_encoders():
        return [
            Component("mine", "my_parts:MyEncoder"),
            Component("json", "json:JSONEncoder", config="my_parts:Config"),
        ]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(discovery, "_registered", {})
    monkeypatch.delenv("GENFRAME_NO_PLUGINS", raising=False)
    yield site
    site.forget()


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return Site(tmp_path).module("my_parts", PARTS)


def test_a_distributions_plugin_is_found_and_not_imported_further(site: Site) -> None:
    site.module("genframe_vq.__init__", good("genframe_vq.nets").partition("    class Encoder")[0])
    site.module("genframe_vq.nets", "raise RuntimeError('imported')\nclass Encoder: ...")
    site.distribution("genframe-vq", {"vq": "genframe_vq"}, version="0.3")
    registry = discover()
    status = registry.plugin("vq")
    assert (status.distribution, status.version, status.api) == ("genframe-vq", "0.3", 1)
    assert (status.hooks, status.offers, status.first_party) == (("genframe_encoders",), 1, False)
    assert status.milliseconds > 0
    offer = registry.find("encoder", "vq/fine")
    assert offer.signature().is_class
    with pytest.raises(PluginError, match="imported"):
        offer.load()


def test_first_party_plugins_come_through_the_same_door() -> None:
    first_party = [s for s in discover().plugins if s.first_party]
    assert {"nets", "vae", "dae", "gan", "data", "recipes"} <= {s.name for s in first_party}
    assert all(s.ok and s.distribution == "genframe" for s in first_party)


def test_a_plugins_recipes_and_pipelines_are_found(site: Site) -> None:
    site.plugin(
        "yaml",
        """
        from pathlib import Path
        from genframe import hookimpl
        GENFRAME_API = 1
        @hookimpl
        def genframe_recipes():
            return [Path(__file__).parent / "shelf"]
        """,
    )
    for name in ("tiny.yaml", "vq/digits.yaml", "pipelines/vq.yaml", "notes.txt"):
        path = site.folder / "shelf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("genframe: 1\n")
    found = {(r.name, r.pipeline) for r in discover().recipes() if r.plugin == "yaml"}
    assert found == {("tiny", False), ("vq/digits", False), ("vq", True)}


@pytest.mark.parametrize("name", ["vq", "genframe-vq", "Genframe_VQ"])
def test_a_blocked_plugin_is_not_imported(site: Site, name: str) -> None:
    site.plugin("vq", "raise RuntimeError('imported')")
    (status,) = [s for s in discover(blocked={name}).plugins if s.name == "vq"]
    assert status.state == "blocked" and "--no-plugins" in status.cause
    (status,) = [s for s in discover().plugins if s.name == "vq"]
    assert status.state == "broken"


def test_all_blocks_what_is_installed_beside_genframe(site: Site) -> None:
    site.plugin("vq", good("genframe_vq"))
    registry = discover(blocked="all")
    assert {s.name for s in registry.plugins if s.state == "blocked"} >= {"vq"}
    assert all(s.ok for s in registry.plugins if s.first_party)


def test_first_party_plugins_can_be_blocked() -> None:
    assert discover(blocked={"vae"}).find_recipe("gan", pipeline=True) is not None
    with pytest.raises(LookupProblem, match=r"'vae' \(genframe .*\) is blocked"):
        discover(blocked={"vae"}).find("loss", "elbo")
    assert all(s.state == "blocked" for s in discover(blocked="genframe").plugins if s.first_party)


def test_the_environment_blocks_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("vq", good("genframe_vq"))
    monkeypatch.setenv("GENFRAME_NO_PLUGINS", "vq")
    with pytest.raises(LookupProblem, match="blocked"):
        discover().plugin("vq")
    assert discover(blocked=()).plugin("vq").ok


@pytest.mark.parametrize(
    ("argv", "setting", "blocked"),
    [
        (["list"], None, set()),
        (["--no-plugins", "list"], None, {"all"}),
        (["list", "--no-plugins=a, b"], None, {"a", "b"}),
        (["--no-plugins=a"], "c", {"a", "c"}),
        (["train", "--", "--no-plugins"], None, set()),
        ([], "1", {"all"}),
        ([], "all", {"all"}),
        ([], "0", set()),
        ([], "", set()),
    ],
)
def test_what_is_blocked_is_read_from_the_command_line(
    argv: list[str], setting: str | None, blocked: set[str]
) -> None:
    environ = {} if setting is None else {"GENFRAME_NO_PLUGINS": setting}
    assert blocked_from(argv, environ) == blocked


def test_a_file_is_a_plugin_named_by_its_stem(site: Site, parts: Path) -> None:
    registry = discover(files=[parts])
    status = registry.plugin("my_parts")
    assert (status.source, status.distribution, status.first_party) == (str(parts), "", False)
    offer = registry.find("encoder", "my_parts/mine")
    assert offer.signature().options["width"].default == 7
    assert offer.signature().file == str(parts)
    assert offer.load()((1,), width=2).width == 2
    assert registry.find("encoder", "mine", listed=["my_parts"]) == offer
    configured = registry.find("encoder", "my-parts/json")
    assert list(configured.signature().options) == ["size"]
    assert configured.load().__name__ == "JSONEncoder"


def test_files_join_a_registry_and_leave_it_as_it_was(site: Site, parts: Path) -> None:
    before = discover()
    after = before.with_files([parts])
    assert len(after.plugins) == len(before.plugins) + 1
    assert after.with_files([parts.parent / "." / "my_parts.py"]) == after


def test_a_file_is_executed_as_it_is_now(site: Site, parts: Path) -> None:
    assert discover(files=[parts]).find("encoder", "my_parts/mine").load()(1).width == 7
    parts.write_text(parts.read_text().replace("width: int = 7", "width: int = 8"))
    offer = discover(files=[parts]).find("encoder", "my_parts/mine")
    assert offer.load()(1).width == 8 and offer.signature().options["width"].default == 8
    assert not (parts.parent / "__pycache__").exists()


def test_a_broken_file_has_a_status_like_any_plugin(site: Site, tmp_path: Path) -> None:
    path = Site(tmp_path).module("half_done", "def (")
    registry = discover(files=[path])
    (status,) = [s for s in registry.plugins if s.name == "half_done"]
    assert status.state == "broken" and "SyntaxError" in status.cause and str(path) in status.traceback
    with pytest.raises(LookupProblem, match="half_done"):
        registry.plugin("half_done")


def test_a_blocked_file_is_not_executed_even_when_a_recipe_adds_it(site: Site, parts: Path) -> None:
    parts.write_text("raise RuntimeError('executed')")
    for registry in (discover([parts], blocked="my_parts"), discover(blocked="my-parts").with_files([parts])):
        with pytest.raises(LookupProblem, match="blocked"):
            registry.plugin("my_parts")


def test_a_file_that_can_not_be_a_plugin_is_an_error(site: Site, tmp_path: Path) -> None:
    site.plugin("vq", good("genframe_vq"))
    elsewhere = Site(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    (elsewhere.folder / "notes.txt").write_text("")
    cases = {
        elsewhere.folder / "absent.py": "GF321",
        elsewhere.folder: "GF321",
        Path("~no-such-user-here/parts.py"): "GF321",
        elsewhere.folder / "notes.txt": "GF322",
        elsewhere.module("odd name", ""): "GF323",
        elsewhere.module("vq", ""): "GF324",
        elsewhere.module("nets", ""): "GF324",
        elsewhere.module("local", ""): "GF324",
    }
    for path, code in cases.items():
        with pytest.raises(PluginError) as caught:
            discover(files=[path])
        (problem,) = caught.value.problems
        assert problem.code == code and path.stem in problem.message


def test_two_files_of_one_stem_are_an_error(site: Site, parts: Path, tmp_path: Path) -> None:
    other = Site(tmp_path / "other").module("my_parts", PARTS)
    with pytest.raises(PluginError, match="is taken by plugin 'my_parts'"):
        discover(files=[parts, other])


def test_what_is_registered_is_offered_under_local(site: Site) -> None:
    class Mine:
        """Made in a notebook."""

        def __init__(self, in_shape: object, *, width: int = 3) -> None:
            self.width = width

    genframe.register("encoder", "mine", Mine, aliases=("my-own",))
    registry = discover()
    offer = registry.find("encoder", "local/my_own")
    assert offer.load() is Mine and offer.summary() == "Made in a notebook."
    assert offer.signature().givens == ("in_shape",) and offer.signature().options["width"].default == 3
    assert registry.find("encoder", "mine", listed=["local"]) == offer
    assert registry.plugin("local").offers == 1
    with pytest.raises(LookupProblem):
        discover(local=False).plugin("local")

    def mine(x: object) -> object:
        return x

    register("encoder", "mine", mine)
    assert discover().find("encoder", "local/mine").load() is mine
    assert registry.find("encoder", "local/mine").load() is Mine


def test_what_can_not_be_registered_is_an_error(site: Site) -> None:
    for arguments in (("encodr", "mine", dict), ("encoder", "Mine", dict), ("encoder", "mine", 3)):
        with pytest.raises(PluginError):
            register(*arguments)
    with pytest.raises(TypeError):
        register("encoder", "mine", dict, sumary="misspelt")
    assert [s for s in discover().plugins if s.name == "local"] == []
