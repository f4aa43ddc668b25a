"""recipes list, cat, copy, diff; schema."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from command_line import Genframe

from genframe.discovery import discover
from genframe.recipe import load_recipe
from genframe.recipe.differences import ABSENT, Difference, differences

DIGITS = discover(blocked="all").find_recipe("vae/digits").path


def test_recipes_list_names_recipes_and_pipelines_with_a_sentence(genframe: Genframe) -> None:
    rows = {(row["name"], row["pipeline"]): row for row in genframe("recipes", "list", "--json").json}
    assert rows["vae", True]["plugin"] == "vae"
    assert rows["vae/digits", False]["path"] == str(DIGITS)
    assert all(row["summary"] for row in rows.values())
    assert "vae/digits" in genframe("recipes", "list").out


def test_cat_prints_a_recipe_or_a_pipeline_as_it_is_written(genframe: Genframe) -> None:
    assert genframe("recipes", "cat", "vae/digits").out == DIGITS.read_text()
    assert genframe("recipes", "cat", DIGITS).out == DIGITS.read_text()
    assert "q_z:" in genframe("recipes", "cat", "vae").out


def test_cat_resolved_prints_what_loads_to_the_same_recipe(genframe: Genframe) -> None:
    text = genframe("recipes", "cat", "vae/digits", "--resolved").out
    assert differences(load_recipe("vae/digits"), load_recipe(text)) == []
    assert yaml.safe_load(text)["encoder"]["use"] == "nets/mlp"


def test_copy_writes_the_text_and_never_overwrites(genframe: Genframe, tmp_path: Path) -> None:
    assert genframe("recipes", "copy", "vae/digits", tmp_path / "my.yaml").code == 0
    assert (tmp_path / "my.yaml").read_text() == DIGITS.read_text()
    (tmp_path / "my.yaml").write_text("mine")
    told = genframe("recipes", "copy", "vae/digits", tmp_path / "my.yaml")
    assert told.code == 2 and "GF801" in told.err
    assert (tmp_path / "my.yaml").read_text() == "mine"
    assert genframe("recipes", "copy", "vae/digits", tmp_path).code == 0
    assert (tmp_path / "digits.yaml").exists()
    told = genframe("recipes", "copy", "vae/digits", tmp_path / "no" / "such.yaml")
    assert told.code == 2 and "GF802" in told.err


def test_copy_says_what_is_looked_for_beside_the_copy(genframe: Genframe, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("genframe: 1\nextends: ./base.yaml\nplugins: [./parts.py, vq]\n")
    told = genframe("recipes", "copy", tmp_path / "one.yaml", tmp_path / "two.yaml")
    assert told.code == 0
    assert "'./base.yaml'" in told.err and "'./parts.py'" in told.err and "vq" not in told.err


def test_a_recipe_does_not_differ_from_another_spelling_of_itself(genframe: Genframe, tmp_path: Path) -> None:
    text = DIGITS.read_text().replace(
        "prior: {use: gaussian, dim: 20}", "prior: {dim: 20, use: vae/gaussian}"
    )
    assert text != DIGITS.read_text()
    (tmp_path / "again.yaml").write_text(text + "\nseed: 0\n")
    assert genframe("recipes", "diff", "vae/digits", tmp_path / "again.yaml").out == "no difference\n"


def test_diff_tells_each_path_that_differs_and_no_other(genframe: Genframe, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(
        f"genframe: 1\nextends: {DIGITS}\nname: vae-digits\nprior: {{dim: 3}}\nwires: {{extra: 4}}\n"
    )
    found = genframe("recipes", "diff", "vae/digits", tmp_path / "other.yaml", "--json").json
    assert found == [
        {
            "path": "prior.dim",
            "before": load_recipe("vae/digits").instances["prior"].options["dim"],
            "after": 3,
        },
        {"path": "wires.extra", "after": 4},
    ]
    lines = genframe("recipes", "diff", "vae/digits", tmp_path / "other.yaml").out.splitlines()
    assert lines[1].split() == ["+", "wires.extra", "4"]


def test_the_order_of_players_is_a_difference() -> None:
    ring = load_recipe("gan/ring")
    from dataclasses import replace

    turned = replace(ring, players=tuple(reversed(ring.players)))
    names = [player.name for player in ring.players]
    assert differences(ring, turned) == [Difference("players", names, names[::-1])]


def test_a_difference_as_data_leaves_out_what_is_not_there() -> None:
    assert Difference("a", ABSENT, None).as_dict() == {"path": "a", "after": None}


def test_diff_of_an_invalid_recipe_tells_its_problems(genframe: Genframe, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("genframe: 1\npipeline: vae\nencodr: mlp\n")
    told = genframe("recipes", "diff", "vae/digits", tmp_path / "bad.yaml")
    assert told.code == 2 and "encodr" in told.err


def test_schema_goes_to_the_screen_or_to_a_file(genframe: Genframe, tmp_path: Path) -> None:
    schema = genframe("schema").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert genframe("schema", "-o", tmp_path / "s.json").code == 0
    assert json.loads((tmp_path / "s.json").read_text()) == schema
    assert "yaml-language-server: $schema=" in genframe("schema", "--help").out
