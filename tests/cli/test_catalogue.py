"""list, show, plugins: what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from command_line import Genframe

from genframe.cli.tables import plain_table
from genframe.discovery import discover
from genframe.kinds import KINDS
from genframe.recipe import load_recipe

OFFERS = discover(blocked="all", local=False).offers()


def test_list_names_every_component_under_its_kind(genframe: Genframe) -> None:
    rows = genframe("list", "--json").json
    assert {(row["kind"], row["name"]) for row in rows} >= {(o.kind, o.name) for o in OFFERS}
    kinds = [row["kind"] for row in rows]
    assert kinds == sorted(kinds, key=list(KINDS).index)


@pytest.mark.parametrize("kind", ["encoder", "encoders"])
def test_list_of_a_kind_holds_that_kind_alone(genframe: Genframe, kind: str) -> None:
    assert {row["kind"] for row in genframe("list", kind, "--json").json} == {"encoder"}


def test_list_of_a_plugin_holds_what_it_offers(genframe: Genframe, plugin_file: Path) -> None:
    (row,) = genframe("list", "--plugin", "mine", "-p", plugin_file, "--json").json
    assert (row["name"], row["summary"], row["revision"]) == ("mine/thin", "as thin as can be", 3)


def test_list_off_a_terminal_is_one_line_a_component(genframe: Genframe) -> None:
    lines = genframe("list", "encoder").out.splitlines()
    assert lines[0] == "encoder"
    assert [line.split()[0] for line in lines[1:]] == ["nets/conv", "nets/lenet", "nets/mlp"]


@pytest.mark.parametrize(
    ("arguments", "code", "problem", "nearest"),
    [
        (("list", "encodr"), 2, "GF300", "encoder"),
        (("list", "--plugin", "nest"), 3, "GF305", "nets"),
        (("show", "encodr", "conv"), 2, "GF300", "encoder"),
        (("show", "encoder", "cnv"), 2, "GF301", "conv"),
        (("show", "encoder", "nest/conv"), 2, "GF301", "nets/conv"),
        (("data", "fetch", "mnits"), 2, "GF301", "mnist"),
        (("recipes", "cat", "vae/digts"), 2, "GF301", "vae/digits"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error_with_the_nearest(
    genframe: Genframe, arguments: tuple[str, ...], code: int, problem: str, nearest: str
) -> None:
    told = genframe(*arguments)
    assert told.code == code
    assert problem in told.err and nearest in told.err
    assert told.out == ""


@pytest.mark.parametrize("offer", OFFERS, ids=lambda o: f"{o.kind} {o.name}")
def test_show_tells_every_option_of_every_component(genframe: Genframe, offer: object) -> None:
    told = genframe("show", offer.kind, offer.name)  # type: ignore[attr-defined]
    facts = genframe("show", offer.kind, offer.name, "--json").json  # type: ignore[attr-defined]
    assert told.code == 0
    options = offer.signature().options  # type: ignore[attr-defined]
    assert [option["name"] for option in facts["options"]] == list(options)
    assert all(f"{name} " in told.out for name in options)
    assert f"{facts['file']}:{facts['line']}" in told.out
    assert Path(facts["file"]).is_file()
    assert yaml.safe_load(facts["snippet"])


def test_show_says_types_bounds_and_defaults_in_words(genframe: Genframe, plugin_file: Path) -> None:
    facts = genframe("show", "loss", "elbo", "--json").json
    beta, free_bits = facts["options"]
    assert (beta["name"], beta["type"], beta["default"]) == ("beta", "a number or a schedule", 1.0)
    assert (free_bits["type"], free_bits["default"]) == ("a number >= 0", 0.0)
    assert facts["givens"] == ["x", "q_z", "z", "p_z", "p_x"]
    width, note = genframe("show", "encoder", "mine/thin", "-p", plugin_file, "--json").json["options"]
    assert (width["type"], width["required"]) == ("a whole number >= 1", True)
    assert (note["required"], note["default"]) == (False, "it's [bold]")


def test_the_snippet_of_a_component_can_be_pasted_into_a_recipe(genframe: Genframe) -> None:
    snippets = [
        genframe("show", kind, name, "--json").json["snippet"]
        for kind, name in (
            ("encoder", "conv"),
            ("decoder", "conv"),
            ("prior", "gaussian"),
            ("dataset", "digits"),
        )
    ]
    whole = yaml.safe_load("".join(snippets))
    whole["prior"]["dim"] = 4  # what a snippet leaves open is what has to be written
    whole["data"] = {"use": whole["data"], "batch_size": 10}
    recipe = load_recipe({"genframe": 1, "pipeline": "vae", **whole, "train": {"steps": 1}})
    assert recipe.instances["encoder"].offer.name == "nets/conv"


def test_plugins_list_tells_the_broken_ones_with_their_cause(genframe: Genframe, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('out of order')\n")
    told = genframe("plugins", "list", "-p", broken)
    assert told.code == 0
    assert "broken is broken" in told.out and "out of order" in told.out
    rows = {row["name"]: row for row in genframe("plugins", "list", "-p", broken, "--json").json}
    assert rows["broken"]["state"] == "broken" and "out of order" in rows["broken"]["traceback"]
    assert rows["nets"]["state"] == "ok" and rows["nets"]["offers"]["encoder"] == 3
    assert genframe("list", "--plugin", "broken", "-p", broken).code == 3


def test_no_plugins_keeps_a_named_plugin_out_of_every_verb(genframe: Genframe) -> None:
    rows = {
        row["name"]: row["state"] for row in genframe("--no-plugins=gan", "plugins", "list", "--json").json
    }
    assert (rows["gan"], rows["vae"]) == ("blocked", "ok")
    assert "hinge" not in genframe("list", "loss", "--no-plugins=gan").out


def test_a_plain_table_is_aligned_and_has_no_trailing_blanks() -> None:
    text = plain_table(("name", "is"), [("a", ""), ("longer", "x")])
    assert text == "name    is\na\nlonger  x\n"
