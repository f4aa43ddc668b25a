"""One recipe on another: maps deep, lists whole, null removes, a changed `use` starts afresh; places are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plain_recipe import PARTS, PLAIN, Complain, Load

from genframe.errors import RecipeError
from genframe.recipe import load_recipe
from genframe.recipe.load import load as load_yaml
from genframe.recipe.merge import Merge
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.registry import Registry

RULES = [
    # base, over, merged
    ("seed: 1", "name: a", {"seed": 1, "name": "a"}),
    ("seed: 1", "seed: 2", {"seed": 2}),
    ("seed: 1", "seed: null", {"seed": None}),
    (
        "encoder: {use: mlp, hidden: [1, 2]}",
        "encoder: {hidden: [3]}",
        {"encoder": {"use": "mlp", "hidden": [3]}},
    ),
    ("encoder: {use: mlp, hidden: [1]}", "encoder: mlp", {"encoder": {"use": "mlp", "hidden": [1]}}),
    (
        "encoder: {use: mlp, hidden: [1]}",
        "encoder: nets/mlp",
        {"encoder": {"use": "nets/mlp", "hidden": [1]}},
    ),
    (
        "encoder: {use: nets/mlp, hidden: [1]}",
        "encoder: {use: mlp}",
        {"encoder": {"use": "mlp", "hidden": [1]}},
    ),
    ("encoder: {use: my-mlp, hidden: [1]}", "encoder: my_mlp", {"encoder": {"use": "my_mlp", "hidden": [1]}}),
    ("encoder: {use: nets/mlp, hidden: [1]}", "encoder: mine/mlp", {"encoder": {"use": "mine/mlp"}}),
    ("encoder: {use: mlp, hidden: [1]}", "encoder: {use: conv}", {"encoder": {"use": "conv"}}),
    ("encoder: mlp", "encoder: {hidden: [3]}", {"encoder": {"use": "mlp", "hidden": [3]}}),
    ("encoder: mlp", "encoder: conv", {"encoder": "conv"}),
    ("encoder: mlp", "encoder: null", {"encoder": None}),
    (
        "players: {a: {minimises: {b: {weight: 1, every: 8}}}}",
        "players: {a: {minimises: {b: null}}}",
        {"players": {"a": {"minimises": {"b": None}}}},
    ),
    ("encoders: {a: mlp}", "encoders: {b: mlp}", {"encoders": {"a": "mlp", "b": "mlp"}}),
    ("encoders: {a: {use: mlp, x: 1}}", "encoders: {a: conv}", {"encoders": {"a": {"use": "conv"}}}),
    (
        "discriminator: conv",
        "discriminators: {a: conv}",
        {"discriminator": "conv", "discriminators": {"a": "conv"}},
    ),
    (
        "data: {use: digits, batch_size: 3}",
        "data: {batch_size: 4}",
        {"data": {"use": "digits", "batch_size": 4}},
    ),
    ("wires: {a: x}", "wires: {a: y, b: z}", {"wires": {"a": "y", "b": "z"}}),
    ("train: {epochs: 3, compile: true}", "train: {steps: 9}", {"train": {"compile": True, "steps": 9}}),
    ("train: {steps: 9}", "train: {epochs: 3}", {"train": {"epochs": 3}}),
    ("train: {steps: 9}", "train: {epochs: null}", {"train": {"steps": 9, "epochs": None}}),
    (
        "players: {m: {start: {steps: 9}, every: 2}}",
        "players: {m: {start: {epochs: 1}}}",
        {"players": {"m": {"start": {"epochs": 1}, "every": 2}}},
    ),
    (
        "players: {m: {optimizer: {use: adam, lr: 1}}}",
        "players: {m: {optimizer: sgd}}",
        {"players": {"m": {"optimizer": {"use": "sgd"}}}},
    ),
    (
        "players: {m: {minimises: {t: 3}}}",
        "players: {m: {minimises: {t: {every: 2}}}}",
        {"players": {"m": {"minimises": {"t": {"weight": 3, "every": 2}}}}},
    ),
    (
        "players: {m: {minimises: {t: {linear: {from: 0}}}}}",
        "players: {m: {minimises: {t: {cosine: {from: 1}}}}}",
        {"players": {"m": {"minimises": {"t": {"weight": {"cosine": {"from": 1}}}}}}},
    ),
    (
        "loss: {use: elbo, beta: {linear: {from: 0, steps: 9}}}",
        "loss: {beta: {linear: {from: 1, epochs: 2}}}",
        {"loss": {"use": "elbo", "beta": {"linear": {"from": 1, "epochs": 2}}}},
    ),
    (
        "loss: {use: elbo, beta: {linear: {from: 0}}}",
        "loss: {beta: {cosine: {from: 1}}}",
        {"loss": {"use": "elbo", "beta": {"cosine": {"from": 1}}}},
    ),
    (
        "loss: {use: elbo, names: {linear: {a: 1}}}",
        "loss: {names: {other: {a: 1}}}",
        {"loss": {"use": "elbo", "names": {"linear": {"a": 1}, "other": {"a": 1}}}},
    ),
    ("evaluate: [a, b]", "evaluate: [c]", {"evaluate": ["c"]}),
    (
        "evaluate: [elbo, {use: metrics/nll, k: 3}]",
        "evaluate: {nll: {k: 5}}",
        {"evaluate": {"elbo": "elbo", "nll": {"use": "metrics/nll", "k": 5}}},
    ),
]


@pytest.mark.parametrize(("base", "over", "merged"), RULES)
def test_the_rules_of_merging(base: str, over: str, merged: dict[str, Any]) -> None:
    merge = Merge(("linear", "cosine"), Problems())
    assert merge(load_yaml(base, "base"), load_yaml(over, "over")).plain() == merged


def test_every_leaf_remembers_its_file_and_line() -> None:
    base = load_yaml("seed: 1\nencoder: {use: mlp, hidden: [1]}\n", "base.yaml")
    over = load_yaml("encoder:\n  hidden: [2]\n", "over.yaml")
    merged = Merge((), Problems())(base, over)

    def at(node: Node, *keys: str) -> str:
        for key in keys:
            assert isinstance(node.value, dict)
            node = node.value[key]
        return str(node.mark)

    assert at(merged, "seed") == "base.yaml:1:7"
    assert at(merged, "encoder", "use") == "base.yaml:2:16"
    assert at(merged, "encoder", "hidden") == "over.yaml:2:11"


def test_what_falls_away_is_remarked(load: Load) -> None:
    recipe = load("optimizer: {use: sgd, lr: 0.1}")
    assert not recipe.remarks  # `lr` is written again
    (remark,) = load("optimizer: sgd").remarks
    assert (remark.code, remark.severity, remark.path) == ("GF216", "remark", "optimizer")
    assert remark.message.endswith("fall away: lr")
    assert remark.related[0][0].file.endswith("vae.yaml")


@pytest.mark.parametrize(
    "written, near",
    [
        ("outputs: {smaple: null}", "sample(n)"),
        ("wires: {objectiv: null}", "objective"),
        ("players: {model: {minimises: {objektive: null}}}", "objective"),
    ],
)
def test_null_for_what_is_not_there_is_remarked(load: Load, written: str, near: str) -> None:
    (remark,) = load(written).remarks
    assert (remark.code, remark.severity, remark.nearest) == ("GF222", "remark", near)
    assert not load(
        "players: {model: {minimises: {objective: null, other: 1}}}\nwires: {other: loss()}"
    ).remarks


def test_a_removed_option_has_its_default_again(load: Load, tmp_path: Path, registry: Registry) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(PLAIN.replace("encoder: mlp", "encoder: {use: mlp, hidden: [3]}"))
    over = tmp_path / "over.yaml"
    over.write_text("genframe: 1\nextends: base.yaml\nencoder: {hidden: null}\n")
    assert load_recipe(over, registry=registry).instances["encoder"].options["hidden"] == (400,)


def test_null_is_a_value_of_an_option_that_takes_it(registry: Registry) -> None:
    text = PLAIN.replace("encoder: mlp", "encoder: {use: every, perhaps: null}") + f"plugins: [{PARTS}]\n"
    assert load_recipe(text, registry=registry).instances["encoder"].options["perhaps"] is None


def test_a_removed_player_wire_and_output_are_gone(load: Load) -> None:
    recipe = load(
        "wires: {objective: null, q_x: observe(z), other: loss()}\n"
        "players: {model: null, mine: {trains: [encoder], minimises: {other: 1}}}\n"
        "outputs: {sample(n): null}\n"
    )
    assert [player.name for player in recipe.players] == ["mine"]
    assert "objective" not in {name for wire in recipe.wires for name in wire.names}
    assert "sample" not in {output.names[0] for output in recipe.outputs}


def test_single_and_plural_slots_live_together(load: Load) -> None:
    recipe = load("encoders: {second: {use: conv}}")
    assert {"encoder", "second"} <= recipe.instances.keys()


def test_bases_chain_through_files_recipes_and_pipelines(tmp_path: Path, registry: Registry) -> None:
    folder = tmp_path / "deeper"
    folder.mkdir()
    (folder / "base.yaml").write_text("genframe: 1\nextends: vae/digits\nname: base\nseed: 7\n")
    over = tmp_path / "over.yaml"
    over.write_text("genframe: 1\nextends: deeper/base.yaml\ntrain: {epochs: 3}\n")
    recipe = load_recipe(over, registry=registry)
    assert (recipe.name, recipe.seed, recipe.train.length.epochs) == ("over", 7, 3)
    assert recipe.instances["posterior"].mark.file.endswith("pipelines/vae.yaml")
    assert recipe.written == over.read_text()
    assert recipe.folder == tmp_path


def test_a_circle_of_bases_is_shown(tmp_path: Path, registry: Registry) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(f"genframe: 1\nextends: {other}.yaml\n")
    with pytest.raises(RecipeError) as raised:
        load_recipe(tmp_path / "a.yaml", registry=registry)
    (problem,) = raised.value.problems
    assert problem.code == "GF116"
    assert str(problem.mark) == f"{tmp_path}/b.yaml:2:10"


def test_too_long_a_chain_of_bases_ends(tmp_path: Path, registry: Registry) -> None:
    for number in range(30):
        (tmp_path / f"{number}.yaml").write_text(f"genframe: 1\nextends: {number + 1}.yaml\n")
    with pytest.raises(RecipeError, match="GF116"):
        load_recipe(tmp_path / "0.yaml", registry=registry)


def test_a_base_says_its_own_format(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "base.yaml").write_text(PLAIN.replace("genframe: 1", "genframe: 2"))
    over = tmp_path / "over.yaml"
    over.write_text("genframe: 1\nextends: base.yaml\n")
    with pytest.raises(RecipeError) as raised:
        load_recipe(over, registry=registry)
    (problem,) = raised.value.problems
    assert (problem.code, str(problem.mark)) == ("GF208", f"{tmp_path}/base.yaml:1:11")


def test_plugins_of_a_base_are_found_beside_it(tmp_path: Path, registry: Registry) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "base_parts.py").write_text(PARTS.read_text().replace("odd_parts", "base_parts"))
    base = PLAIN.replace("encoder: mlp", "encoder: every") + "plugins: [./base_parts.py]\n"
    (folder / "base.yaml").write_text(base)
    over = tmp_path / "over.yaml"
    over.write_text("genframe: 1\nextends: parts/base.yaml\nplugins: [vae]\n")
    recipe = load_recipe(over, registry=registry)
    assert set(recipe.plugins) == {"vae", "base_parts"}
    assert recipe.instances["encoder"].offer.name == "base_parts/every"


def test_a_mapping_is_a_recipe(registry: Registry, complain: Complain) -> None:
    data = load_yaml(PLAIN, "plain").plain()
    data["encoder"] = {"use": "mlp", "hidden": (4, 5)}
    recipe = load_recipe(data, registry=registry)
    assert recipe.instances["encoder"].options["hidden"] == (4, 5)
    with pytest.raises(RecipeError) as raised:
        load_recipe({**data, "encoder": object()}, registry=registry)
    assert (raised.value.problems[0].code, raised.value.problems[0].path) == ("GF119", "encoder")
    circle: dict[str, Any] = {"genframe": 1}
    circle["data"] = circle
    with pytest.raises(RecipeError, match="GF119"):
        load_recipe(circle, registry=registry)
