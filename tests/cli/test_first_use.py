"""What somebody meets who installs a stranger's plugin for the first time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from command_line import Genframe
from fake_plugins import Site, good


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    monkeypatch.syspath_prepend(site.folder)
    yield site
    site.forget()


@pytest.fixture
def ripple(site: Site) -> Site:
    """A plugin with an encoder, `ripple`, and a recipe, `encoder`."""
    recipes = site.folder / "recipes"
    recipes.mkdir()
    (recipes / "encoder.yaml").write_text("# Digits by ripples.\nextends: vae/digits\n")
    more = f"\n@hookimpl\ndef genframe_recipes():\n    return [{str(recipes)!r}]\n"
    site.plugin("ripple", dedent(good("genframe_ripple", "ripple")) + more)
    return site


@pytest.mark.usefixtures("ripple")
def test_a_recipe_is_listed_by_the_name_that_finds_it(genframe: Genframe) -> None:
    rows = genframe("recipes", "list", "--json").json
    assert [row["name"] for row in rows if row["plugin"] == "ripple"] == ["ripple/encoder"]
    assert "vae/digits" in [row["name"] for row in rows]
    assert genframe("recipes", "cat", "encoder").code == 2
    for row in rows:
        assert genframe("recipes", "cat", row["name"]).code == 0, row["name"]


@pytest.mark.usefixtures("ripple")
def test_what_a_plugin_offers_is_told_by_kind_and_by_the_name_that_finds_it(genframe: Genframe) -> None:
    line = next(line for line in genframe("plugins", "list").out.splitlines() if line.startswith("ripple "))
    assert line.endswith("encoders ripple; recipes ripple/encoder")
    assert "  encoder ripple/ripple; recipe ripple/encoder\n" in genframe("plugins", "doctor", "ripple").out
    (report,) = json.loads(genframe("plugins", "doctor", "ripple", "--json").out)
    assert report["recipes"] == ["ripple/encoder"]


@pytest.mark.usefixtures("ripple")
def test_no_name_is_near_that_has_little_in_common(genframe: Genframe) -> None:
    assert "its name is near" not in genframe("plugins", "doctor", "ripple").out
    absent = genframe("--no-plugins=ripple", "plugins", "doctor", "tipple").err
    assert "there is no plugin 'tipple'" in absent and "Did you mean 'ripple'?" in absent


def test_a_plugin_that_is_absent_is_no_misspelt_one(genframe: Genframe) -> None:
    told = genframe("validate", "vae/digits", "--quick", "plugins=[ripple]").err
    assert "GF310" in told and "Did you mean" not in told


TWICE = """
@hookimpl
def genframe_decoders():
    return [Component("fine", "genframe_ripple:Encoder"), Component("fine", "genframe_ripple:Encoder")]
"""


def test_a_plugin_at_odds_with_itself_is_blocked_by_its_name(genframe: Genframe, site: Site) -> None:
    site.plugin("ripple", dedent(good("genframe_ripple")) + TWICE, distribution="waves")
    told = genframe("plugins", "list").out
    assert "ripple is in conflict: it offers the decoder 'fine' twice\n" in told
    assert "genframe --no-plugins=ripple ..." in told and "pip uninstall waves" in told


def test_two_plugins_of_one_name_are_told_apart_by_their_distributions(
    genframe: Genframe, site: Site
) -> None:
    site.plugin("ripple", good("genframe_ripple"))
    site.distribution("waves", {"ripple": "genframe_ripple"})
    told = genframe("plugins", "list").out
    assert "ripple is in conflict: the name 'ripple' is claimed by" in told and "\n  at " not in told
    assert "--no-plugins=waves" in told and "--no-plugins=genframe-ripple" in told


def test_a_plugin_that_dies_has_no_place_but_a_line(genframe: Genframe, site: Site) -> None:
    site.plugin("ripple", "import os\nos._exit(9)\n")
    told = genframe("plugins", "list").out
    assert "ripple is broken: " in told and "exit code 9" in told and "\n  at " not in told


def test_who_forgets_the_api_version_is_not_told_to_upgrade(genframe: Genframe, site: Site) -> None:
    site.plugin("ripple", good("genframe_ripple").replace("GENFRAME_API = 1", ""))
    told = genframe("plugins", "list").out
    assert "write GENFRAME_API = 1 beside its hooks" in told and "upgrade" not in told


def test_a_recipe_of_an_absent_plugin_may_be_had_with_it(genframe: Genframe) -> None:
    told = genframe("validate", "ripple/encoder")
    assert told.code == 2 and "GF301" in told.err
    assert "; if a plugin 'ripple' offers it, install that" in told.err
    assert "install that" not in genframe("validate", "encoder").err
    assert "install that" not in genframe("validate", "vea/digits").err
