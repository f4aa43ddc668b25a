"""explain: bindings, wires, moves, routing, counts."""

from __future__ import annotations

from typing import Any

import pytest
from command_line import Genframe

from genframe.explain import explain
from genframe.recipe import load_recipe

VAE = ["encoder.hidden=[30]", "decoder.hidden=[50]", "prior.dim=7", "data.batch_size=20"]


@pytest.fixture(scope="module")
def vae() -> dict[str, Any]:
    return explain(load_recipe("vae/digits", VAE))


@pytest.fixture(scope="module")
def hybrid() -> dict[str, Any]:
    return explain(load_recipe("hybrid/vae-gan"))


def test_every_parameter_of_the_loss_is_bound_to_its_wire(vae: dict[str, Any]) -> None:
    bound = {b["parameter"]: (b["source"], b["is"]) for b in vae["bindings"] if b["call"] == "loss"}
    assert bound["q_z"] == ("q_z", "infer(x)")
    assert bound["x"] == ("x", "data/digits")
    assert list(bound) == ["x", "q_z", "z", "p_z", "p_x"]


def test_wires_stand_behind_those_they_need_with_their_shapes(vae: dict[str, Any]) -> None:
    names = [wire["name"] for wire in vae["wires"]]
    assert names.index("q_z") < names.index("z") < names.index("p_x") < names.index("objective")
    shapes = {name: shape for wire in vae["wires"] for name, shape in wire["shapes"].items()}
    assert shapes["z"] == "tensor 2x7"
    assert next(w for w in vae["wires"] if w["name"] == "z")["reaches"] == ["encoder", "posterior"]


def test_parameters_are_counted_by_component_and_in_total(vae: dict[str, Any]) -> None:
    counted = {row["name"]: row["parameters"] for row in vae["components"]}
    assert counted["encoder"] == 784 * 30 + 30
    assert counted["posterior"] == 30 * 14 + 14
    assert counted["prior"] == 0
    assert vae["parameters"]["total"] == sum(counted.values()) == vae["parameters"]["trained"]


def test_flops_of_an_mlp_vae_are_those_of_its_matrix_products(vae: dict[str, Any]) -> None:
    first, rest = 784 * 30, 30 * 14 + 7 * 50 + 50 * 784
    # Forward, gradient of the weights, gradient of the input (not of x), two operations a multiply-add.
    assert vae["flops"]["per_example"] == 2 * (2 * first + 3 * rest)
    assert vae["flops"]["per_step"] == 20 * vae["flops"]["per_example"]


def test_flops_agree_with_torchs_own_counter() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from genframe.explain import _Counter

    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(108, 2))
    x = torch.randn(2, 1, 8, 8)
    ours = _Counter()
    with ours:
        net(x).sum().backward()
    with FlopCounterMode(display=False) as theirs:
        net(x).sum().backward()
    assert ours.total == theirs.get_total_flops() > 0


def test_explaining_moves_no_weight_and_disturbs_no_generator() -> None:
    import torch

    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    explain(load_recipe("gan/ring"))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_moves_say_what_is_reused_computed_and_for_whom(hybrid: dict[str, Any]) -> None:
    players = {player["name"]: player for player in hybrid["players"]}
    assert [p["name"] for p in hybrid["players"]] == [p.name for p in load_recipe("hybrid/vae-gan").players]
    computed = {name: c for c in players["model"]["computes"] for name in c["wires"]}
    assert computed["objective"]["gradient"] and computed["objective"]["for"] == ["model"]
    everything = [n for p in players.values() for c in p["computes"] for n in c["wires"]]
    assert all(name in everything for p in players.values() for name in p["reuses"])
    penalty = next(term for term in players["critic"]["terms"] if term["wire"] == "penalty")
    assert penalty["every"] == 8


def test_the_routing_table_says_who_teaches_whom(hybrid: dict[str, Any]) -> None:
    taught = {row["term"]: set(row["teaches"]) for row in hybrid["routing"]["rows"]}
    assert taught["objective"] == {"encoder", "posterior", "decoder"}
    assert taught["tell_sampled"] == taught["penalty"] == {"discriminator"}
    assert taught["look_sampled"] == {"decoder"}
    assert set(hybrid["routing"]["components"]) == {"encoder", "posterior", "decoder", "discriminator"}


def test_what_is_printed_has_the_table_the_bindings_and_the_counts(genframe: Genframe) -> None:
    text = genframe("explain", "vae/digits", *VAE).out
    rows = [line.split() for line in text.splitlines()]
    assert ["loss.q_z", "<-", "q_z", "<-", "infer(x)"] in rows
    header = next(row for row in rows if row[:1] == ["term"])
    marks = next(row for row in rows if row[:2] == ["model:", "objective"])
    assert dict(zip(header[1:], marks[2:], strict=True)) == dict.fromkeys(header[1:], "x")
    assert "counted with 2 rows" in " ".join(text.split())
    assert genframe("explain", "vae/digits", *VAE, "--json").json["recipe"] == "vae-digits"


@pytest.mark.parametrize("recipe", ["gan/restore-digits", "gan/digits", "dae/digits", "vae/mnist"])
def test_every_family_is_explained_by_the_same_words(genframe: Genframe, recipe: str) -> None:
    told = genframe("explain", recipe)
    assert told.code == 0, told.err
    assert "routing: which term teaches which component" in told.out


def test_a_schedule_a_window_and_a_clip_are_said(genframe: Genframe) -> None:
    schedule = "players.model.minimises.objective={weight: {linear: {from: 0, to: 1, steps: 10}}, start: 5}"
    told = genframe("explain", "vae/digits", *VAE, schedule, "players.model.clip=2")
    assert "optim/linear" in told.out and "start 5" in told.out and "clip 2" in told.out
