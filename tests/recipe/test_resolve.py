"""A resolved recipe says everything and loads to the same recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_recipe import PARTS, Load

from genframe.recipe import Recipe, load_recipe
from genframe.recipe.load import load as load_yaml
from genframe.recipe.model import Instance, Player, Schedule
from genframe.recipe.resolve import resolved_yaml
from genframe.registry import Registry

RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.yaml"))

RICH = """\
genframe: 1
pipeline: vae
plugins: [PARTS]
name: rich
seed: 3
device: cpu
data: digits
encoder: mlp
decoder: mlp
prior: {use: gaussian, dim: 2}
functions: {square: {use: to-power, exponent: 2}}
encoders:
  second:
    use: every
    level: [0.1, 0.2]
    scheduled: {linear: {from: 0, to: 1, epochs: 2}}
    perhaps: null
    names: ["a: b", "on", "1", "", "é #x"]
    anything: {deep: [1, {er: null}]}
    given: {in_shape: [3]}
    frozen: true
wires:
  k: 5
  a, _: second(x)
  judge(v, w): second(v, w, flag=True)
  text: |
    second(x,
           "it's \\"quoted\\"")
players:
  model:
    minimises:
      objective: {weight: {cosine: {from: 0, to: 1, steps: 9}}, every: 2, start: 3, until: {epochs: 1.5}}
    clip: 1
    ema: 0.9
  other:
    trains: second
    minimises: {k: 0.5}
    optimizer: {use: sgd, lr: {linear: {from: 1, to: 0, epochs: 3}}}
outputs:
  shown(v): judge(v, v)
evaluate: {mine: {use: log-likelihood, k: 3, given: {log_weights: shown}}}
samplers: {broad: {use: mixture, components: 4, given: {encode: shown}}, mixture: {covariance: diagonal, use: mixture}}
track: [{use: paper, folder: "a b"}]
train:
  epochs: 2.5
  checkpoint: {every: {epochs: 2}, keep: 3}
  samples: {every: 50, n: 9}
  log: {every: 7}
"""


def _options(instance: Instance) -> object:
    return (
        instance.name,
        instance.offer,
        {k: _options(v) if isinstance(v, Instance) else v for k, v in instance.options.items()},
        dict(instance.given),
        instance.at,
        instance.init,
    )


def _player(player: Player) -> object:
    trains = [entry.name for entry in player.trains]
    terms = [(term.wire, term.weight, term.every, term.start, term.until) for term in player.minimises]
    rhythm = (player.clip, player.ema, player.every, player.start, player.until)
    return player.name, trains, terms, _options(player.optimizer), rhythm


def _same_in_meaning(recipe: Recipe) -> object:
    """Everything of a recipe but the places where it is written."""
    datasets = {
        name: (_options(d.instance), d.batch_size, d.binarise, d.validation, d.workers, d.in_memory)
        for name, d in recipe.datasets.items()
    }
    wires = [(wire.names, wire.params, wire.expression) for wire in (*recipe.wires, *recipe.outputs)]
    instances = {name: (_options(i), i.kind, i.frozen) for name, i in recipe.instances.items()}
    return (
        (recipe.name, recipe.seed, recipe.device, recipe.train, datasets, instances, wires, recipe.plugins),
        [_player(player) for player in recipe.players],
        [
            _options(instance)
            for instance in (*recipe.evaluate, *recipe.samplers, *recipe.track, *recipe.watch)
        ],
        recipe.play,
    )


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_shipped_recipe_survives_the_round_trip(file: Path, registry: Registry) -> None:
    recipe = load_recipe(file, registry=registry)
    text = resolved_yaml(recipe)
    again = load_recipe(text, registry=registry)
    assert _same_in_meaning(again) == _same_in_meaning(recipe)
    assert resolved_yaml(again) == text


def test_everything_that_a_recipe_may_say_survives_the_round_trip(registry: Registry) -> None:
    recipe = load_recipe(RICH.replace("PARTS", str(PARTS)), registry=registry)
    again = load_recipe(resolved_yaml(recipe), registry=registry)
    assert _same_in_meaning(again) == _same_in_meaning(recipe)
    assert isinstance(again.players[0].minimises[0].weight, Schedule)


def test_it_names_owners_and_defaults(load: Load) -> None:
    data = load_yaml(resolved_yaml(load()), "resolved.yaml").plain()
    assert data["encoder"] == {
        "use": "nets/mlp",
        "hidden": [400],
        "activation": "relu",
        "init_std": None,
        "glorot": False,
    }
    assert data["data"]["batch_size"] == 128
    assert data["optimizer"]["use"] == "optim/adam"
    assert "pipeline" not in data


def test_a_player_without_an_optimizer_has_adam(load: Load) -> None:
    recipe = load("optimizer: null")
    assert recipe.players[0].optimizer.offer.name == "optim/adam"


def test_secrets_stay_references(load: Load, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENFRAME_DIM", "17")
    monkeypatch.setenv("GENFRAME_LR", "0.017")
    recipe = load(
        "optimizer: {lr: '${env:GENFRAME_LR}'}\n"
        "loss: {beta: {linear: {from: 0, to: '${env:GENFRAME_LR}', epochs: 1}}}\n"
        "players: {model: {minimises: {objective: '${env:GENFRAME_LR}'}}}\n"
        "seed: '${env:GENFRAME_DIM}'\n",
        ["prior.dim=${env:GENFRAME_DIM}"],
    )
    assert recipe.instances["prior"].options["dim"] == recipe.seed == 17
    text = resolved_yaml(recipe)
    assert "17" not in text
    assert text.count("${env:GENFRAME_LR}") == 3 and text.count("${env:GENFRAME_DIM}") == 2
    assert _same_in_meaning(load_recipe(text, registry=registry)) == _same_in_meaning(recipe)
