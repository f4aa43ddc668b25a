"""`key.path=value`: the last merge, with places of its own."""

from __future__ import annotations

from typing import Any

import pytest
from plain_recipe import Complain, Load

from genframe.errors import RecipeError
from genframe.recipe import Recipe

SETTINGS: list[tuple[str, Any, Any]] = [
    ("seed=3", lambda r: r.seed, 3),
    ("train.epochs=0.5", lambda r: r.train.length.epochs, 0.5),
    ("train.steps=9", lambda r: (r.train.length.steps, r.train.length.epochs), (9, None)),
    ("encoder.hidden=[4, 5]", lambda r: r.instances["encoder"].options["hidden"], (4, 5)),
    ("encoder={use: mlp, hidden: [4]}", lambda r: r.instances["encoder"].options["hidden"], (4,)),
    ("data.batch_size=8", lambda r: r.datasets[""].batch_size, 8),
    ("loss.beta=1e-1", lambda r: r.instances["loss"].options["beta"], 0.1),
    (
        "loss.beta={linear: {from: 0, to: 1, epochs: 2}}",
        lambda r: r.instances["loss"].options["beta"].options["to"],
        1,
    ),
    ("players.model.ema=0.9", lambda r: r.players[0].ema, 0.9),
    ("players.model.minimises.objective=2", lambda r: r.players[0].minimises[0].weight, 2),
    ("players.model.minimises.objective.every=3", lambda r: r.players[0].minimises[0].every, 3),
    ("players.model.optimizer.lr=0.5", lambda r: r.players[0].optimizer.options["lr"], 0.5),
    ("optimizer.lr=0.5", lambda r: r.players[0].optimizer.options["lr"], 0.5),
    ("wires.twice=infer(x=x)", lambda r: r.wires[-1].text, "infer(x=x)"),
    (
        "evaluate.log-likelihood.k=7",
        lambda r: {m.name: m for m in r.evaluate}["log-likelihood"].options["k"],
        7,
    ),
    ("evaluate=null", lambda r: r.evaluate, ()),
    ("outputs.sample(n)=", lambda r: "sample" in {o.names[0] for o in r.outputs}, False),
    (" seed = 4", lambda r: r.seed, 4),
]


@pytest.mark.parametrize(("text", "found", "value"), SETTINGS)
def test_a_setting_is_the_last_merge(load: Load, text: str, found: Any, value: Any) -> None:
    if text.startswith("players.model.optimizer"):
        text = text.replace("optimizer.lr=0.5", "optimizer={use: sgd, lr: 0.5}")
    assert found(load(overrides=[text])) == value


def test_later_settings_win(load: Load) -> None:
    recipe: Recipe = load(overrides=["encoder=conv", "encoder.width=8", "encoder.width=9"])
    assert recipe.instances["encoder"].options["width"] == 9


@pytest.mark.parametrize(
    ("text", "code", "column", "nearest"),
    [
        ("seed", "GF117", 1, None),
        ("=3", "GF117", 1, None),
        ("encoder..hidden=3", "GF117", 1, None),
        ("pipeline=gan", "GF118", 1, None),
        ("extends=a.yaml", "GF118", 1, None),
        ("players.modl.clip=3", "GF118", 9, "model"),
        ("evaluate.log-likelihod.k=3", "GF118", 10, "log-likelihood"),
        ("trian.epochs=3", "GF201", 1, "train"),
        ("train.epohcs=3", "GF201", 7, "epochs"),
        ("encoder.hiden=[3]", "GF202", 9, "hidden"),
        ("encoder.hidden=[3, x]", "GF205", 20, None),
        ("seed.deep=3", "GF205", 6, None),
        ("encoder.hidden=[3", "GF103", 18, None),
        ("wires.q_z=posterior(encodr(x))", "GF401", 21, "encoder"),
    ],
)
def test_a_wrong_setting_has_its_place(
    complain: Complain, text: str, code: str, column: int, nearest: str | None
) -> None:
    (problem,) = complain(overrides=["name=fine", text])
    assert problem.mark is not None
    found = (problem.code, problem.mark.file, problem.mark.line, problem.mark.column, problem.nearest)
    assert found == (code, "override 2", 1, column, nearest)


def test_an_error_brings_the_texts_that_are_no_files(load: Load) -> None:
    with pytest.raises(RecipeError) as raised:
        load("sede: 1\n", ["seed=a"])
    assert raised.value.texts["override 1"] == "seed=a"
    assert raised.value.texts["<recipe>"].endswith("sede: 1\n")
