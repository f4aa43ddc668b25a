"""Each mistake in a recipe has its code, its place and the name that was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plain_recipe import PARTS, PLAIN, Complain, Load

from genframe.errors import PluginError, Problem, RecipeError
from genframe.recipe import load_recipe
from genframe.registry import Registry

# Lines that follow the seven of PLAIN (so the first is line 8), or that take the place of one of them;
# then the code, line and column of the first problem, and the name that was meant.
ADDED = [
    ("encodr: mlp", "GF201", 8, 1, "encoder"),
    ("play: {}", "GF205", 8, 7, None),
    ("play: simultanous", "GF205", 8, 7, "simultaneous"),
    ("samplers: {a: b}", "GF301", 8, 15, None),
    ("samplers: {a: mixtur}", "GF301", 8, 15, "mixture"),
    ("samplers: {a: elbo}", "GF301", 8, 15, None),
    ("samplers: {a: {component: 3}}", "GF211", 8, 12, None),
    ("samplers: {a: {use: mixture, component: 3}}", "GF202", 8, 30, "components"),
    ("samplers: {a: {use: mixture, components: 0}}", "GF205", 8, 42, None),
    ("samplers: {a: {use: mixture, given: {encoder: encode}}}", "GF213", 8, 12, "encode"),
    ("samplers: {a: {use: mixture, given: {encode: encodr}}}", "GF213", 8, 12, "encoder"),
    ("samplers: {a: {use: mixture, frozen: true}}", "GF202", 8, 30, None),
    ("samplers: {../a: mixture}", "GF210", 8, 12, None),
    ("samplers: [mixture, mixture]", "GF205", 8, 11, None),
    ("samplers: 3", "GF205", 8, 11, None),
    ("name: ../../x", "GF210", 8, 7, None),
    ("seed: '3'", "GF205", 8, 8, None),
    ("seed: true", "GF205", 8, 7, None),
    ("seed: -1", "GF205", 8, 7, None),
    ("device: 3", "GF205", 8, 9, None),
    ("wires: [a, b]", "GF205", 8, 8, None),
    ("wires: {q_z: posterior(encodr(x))}", "GF401", 8, 24, "encoder"),
    ("wires: {q_z: postrior(encoder(x))}", "GF401", 8, 14, "posterior"),
    ("wires:\n  q_z: 'posterior(encodr(x))'", "GF401", 9, 19, "encoder"),
    ("wires:\n  q_z: |\n    posterior(encodr(x))", "GF401", 10, 15, "encoder"),
    ("wires: {k: noise(x)}", "GF401", 8, 12, None),
    ("wires: {k: wibble(x)}", "GF401", 8, 12, None),
    ("wires: {d: discriminator(x)}", "GF401", 8, 12, None),
    ("wires: {bad: f(x, y)}", "GF411", 8, 15, None),
    ("wires: {bad: x + 1}", "GF411", 8, 14, None),
    ("wires:\n  bad: encoder(x[0])", "GF411", 9, 16, None),
    ("wires:\n  bad: x.__class__", "GF411", 9, 8, None),
    ("wires: {bad: {a: b}}", "GF411", 8, 14, None),
    ("wires: {bad: [1, 2]}", "GF411", 8, 14, None),
    ("wires: {a b: x}", "GF412", 8, 9, None),
    ("wires: {lambda: x}", "GF412", 8, 9, None),
    ("wires: {step: x}", "GF412", 8, 9, None),
    ("wires: {é: x}", "GF412", 8, 9, None),
    ("wires:\n  a(b, b): x", "GF412", 9, 3, None),
    ("wires: {a: b, b: c, c: a}", "GF413", 8, 12, None),
    ("wires:\n  a: x\n  a, b: x", "GF209", 10, 9, None),
    ("wires: {decoder: x}", "GF209", 8, 18, None),
    ("encoders: {encoder: mlp}", "GF209", 8, 12, None),
    ("encoders: {n: mlp}", "GF210", 8, 12, None),
    ("encoders: mlp", "GF205", 8, 11, None),
    ("datasets: {a: digits}", "GF212", 8, 1, None),
    ("players: [a]", "GF205", 8, 10, None),
    ("players: {model: {trans: [encoder]}}", "GF201", 8, 19, "trains"),
    ("players: {model: {trains: [encoder, decodr]}}", "GF213", 8, 37, "decoder"),
    ("players: {model: {trains: []}}", "GF205", 8, 27, None),
    ("players: {model: {trains: [encoder, encoder]}}", "GF209", 8, 37, None),
    ("players: {model: {minimises: {objectiv: 1}}}", "GF213", 8, 31, "objective"),
    ("players: {model: {minimises: {infer: 1}}}", "GF213", 8, 31, None),
    ("players: {model: {minimises: {objective: heavy}}}", "GF205", 8, 42, None),
    ("players: {model: {minimises: {objective: {wieght: 1, every: 2}}}}", "GF201", 8, 43, "weight"),
    ("players: {model: {minimises: {objective: {weight: 1, every: 0}}}}", "GF205", 8, 61, None),
    (
        "players: {model: {minimises: {objective: {linera: {from: 0, to: 1, steps: 9}}}}}",
        "GF301",
        8,
        43,
        "linear",
    ),
    (
        "players: {model: {minimises: {objective: {linear: {form: 0, to: 1, steps: 9}}}}}",
        "GF204",
        8,
        43,
        None,
    ),
    ("players: {model: {clip: 0}}", "GF205", 8, 25, None),
    ("players: {model: {ema: 1}}", "GF205", 8, 24, None),
    ("players: {model: {start: {epoch: 1}}}", "GF201", 8, 27, "epochs"),
    ("players: {model: {until: {epochs: 1, steps: 2}}}", "GF212", 8, 26, None),
    ("players: {other: {minimises: {objective: 1}}}", "GF203", 8, 11, None),
    ("players: {model: {optimizer: {use: adam, lr: fast}}}", "GF205", 8, 46, None),
    ("players: {model: {optimizer: {use: adan}}}", "GF301", 8, 36, "adam"),
    ("outputs: {shown: x}", "GF412", 8, 11, None),
    ("outputs:\n  shown(v): decodr(v)", "GF401", 9, 13, "decoder"),
    ("evaluate: [elob]", "GF301", 8, 12, "elbo"),
    ("evaluate: 3", "GF205", 8, 11, None),
    ("evaluate: [elbo, elbo]", "GF205", 8, 11, None),
    ("evaluate: {mine: {use: elbo, given: {x: nothing}}}", "GF213", 8, 12, None),
    ("evaluate: {mine: {use: elbo, given: {elbo_parts: elbo_part}}}", "GF213", 8, 12, "elbo_parts"),
    ("loss: {use: elbo, bata: 2}", "GF202", 8, 19, "beta"),
    ("loss: {use: elbo, beta: two}", "GF205", 8, 25, None),
    ("loss: {use: elbo, beta: .nan}", "GF205", 8, 25, None),
    ("loss: {use: elbo, beta: {linear: 3}}", "GF205", 8, 34, None),
    ("loss: {use: elbo, beta: '${env:GENFRAME_NO_SUCH}'}", "GF120", 8, 26, None),
    ("loss: {use: elbo, frozen: yes}", "GF205", 8, 27, None),
    ("loss: {use: elbo, given: {q_z: nothing}}", "GF213", 8, 1, None),
    ("loss: {use: elbo, given: {qz: q_z}}", "GF213", 8, 1, "q_z"),
    ("plugins: vae", "GF205", 8, 10, None),
    ("plugins: [3]", "GF205", 8, 11, None),
    ("plugins: [vae ==]", "GF205", 8, 11, None),
    ("plugins: [vea]", "GF310", 8, 11, "vae"),
    ("plugins: [vae >= 99]", "GF311", 8, 11, None),
    ("plugins: [./no_such_file.py]", "GF313", 8, 11, None),
    ("extends: a.yaml", "GF212", 8, 1, None),
]

CHANGED = [
    ("genframe: 1", "genframe: 2", "GF208", 1, 11, None),
    ("genframe: 1", "genframe: true", "GF208", 1, 11, None),
    ("genframe: 1", "seed: 1", "GF208", 1, 1, None),
    ("pipeline: vae", "pipeline: vea", "GF115", 2, 11, "vae"),
    ("pipeline: vae", "pipeline: [vae]", "GF205", 2, 11, None),
    ("pipeline: vae", "extends: nothing.yaml", "GF101", 2, 10, None),
    ("pipeline: vae", "extends: vae/digit", "GF115", 2, 10, "vae/digits"),
    ("pipeline: vae", "seed: 0", "GF203", 1, 1, None),
    ("data: digits", "data: digit", "GF301", 3, 7, "digits"),
    ("data: digits", "data: {batch_size: 3}", "GF211", 3, 1, None),
    ("data: digits", "data: {use: digits, batch_size: 0}", "GF205", 3, 33, None),
    ("data: digits", "data: {use: digits, batchsize: 8}", "GF202", 3, 21, "batch_size"),
    ("data: digits", "data: {use: digits, binarise: dynamc}", "GF205", 3, 31, "dynamic"),
    ("data: digits", "data: {use: digits, validation: 1.5}", "GF205", 3, 33, None),
    ("data: digits", "data: null", "GF203", 1, 1, None),
    ("data: digits", "dta: digits", "GF201", 3, 1, "data"),
    ("encoder: mlp", "encoder: mpl", "GF301", 4, 10, "mlp"),
    ("encoder: mlp", "encoder: {use: nets/mpl}", "GF301", 4, 16, "nets/mlp"),
    ("encoder: mlp", "encoder: [mlp]", "GF205", 4, 10, None),
    ("encoder: mlp", "encoder: {use: 3}", "GF205", 4, 16, None),
    ("encoder: mlp", "encoder: {hidden: [3]}", "GF211", 4, 1, None),
    ("encoder: mlp", "encoder: {use: mlp, hiden: [3]}", "GF202", 4, 21, "hidden"),
    ("encoder: mlp", "encoder: {use: mlp, hidden: 3}", "GF205", 4, 29, None),
    ("encoder: mlp", "encoder: {use: mlp, hidden: [4, x]}", "GF205", 4, 33, None),
    ("encoder: mlp", "encoder: {use: mlp, in_shape: [4]}", "GF206", 4, 21, None),
    ("encoder: mlp", "encoder: {use: mlp, activation: rleu}", "GF205", 4, 33, "relu"),
    ("prior: {use: gaussian, dim: 2}", "prior: {use: gaussian, dim: '2'}", "GF205", 6, 30, None),
    ("prior: {use: gaussian, dim: 2}", "prior: {use: gaussian, dim: 2.5}", "GF205", 6, 29, None),
    ("prior: {use: gaussian, dim: 2}", "prior: {use: gaussian, dim: true}", "GF205", 6, 29, None),
    ("train: {epochs: 1}", "train: {epochs: 1, steps: 3}", "GF212", 7, 20, None),
    ("train: {epochs: 1}", "train: {epochs: 0}", "GF205", 7, 17, None),
    ("train: {epochs: 1}", "train: {epohcs: 1}", "GF201", 7, 9, "epochs"),
    ("train: {epochs: 1}", "train: {epochs: 1, precision: fp16}", "GF205", 7, 31, "bf16"),
    ("train: {epochs: 1}", "train: {epochs: 1, compile: on}", "GF205", 7, 29, None),
    ("train: {epochs: 1}", "train: {epochs: 1, checkpoint: {evry: 3}}", "GF201", 7, 33, "every"),
    ("train: {epochs: 1}", "train: {epochs: 1, log: {every: {epochs: 1}}}", "GF205", 7, 33, None),
    ("train: {epochs: 1}", "train: 3", "GF205", 7, 8, None),
    ("train: {epochs: 1}", "seed: 1", "GF203", 1, 1, None),
]


def _assert_told(problems: list[Problem], code: str, line: int, column: int, nearest: str | None) -> None:
    told = [
        (p.code, p.mark.line, p.mark.column, p.nearest)
        for p in problems
        if p.mark and p.mark.file == "<recipe>"
    ]
    assert (code, line, column, nearest) in told, told


@pytest.mark.parametrize(("more", "code", "line", "column", "nearest"), ADDED)
def test_a_mistake_in_a_line(
    complain: Complain, more: str, code: str, line: int, column: int, nearest: str | None
) -> None:
    _assert_told(complain(more), code, line, column, nearest)


@pytest.mark.parametrize(("right", "wrong", "code", "line", "column", "nearest"), CHANGED)
def test_a_mistake_in_place_of_a_line(
    complain: Complain, right: str, wrong: str, code: str, line: int, column: int, nearest: str | None
) -> None:
    assert right in PLAIN
    _assert_told(complain(text=PLAIN.replace(right, wrong)), code, line, column, nearest)


def test_a_missing_slot_is_told_once_with_the_line_to_write(complain: Complain) -> None:
    (problem,) = complain(text=PLAIN.replace("encoder: mlp\n", ""))
    assert problem.code == "GF401"
    assert "write `encoder: NAME`" in problem.message
    assert problem.command == "genframe list encoder"
    assert problem.mark is not None and problem.mark.file.endswith("vae.yaml")


def test_a_misspelt_key_is_not_told_a_second_time_as_missing(complain: Complain) -> None:
    text = PLAIN.replace("encoder:", "encodr:").replace("train:", "trian:").replace("data:", "dtaa:")
    assert [problem.code for problem in complain(text=text)] == ["GF201"] * 3


def test_a_broken_wire_keeps_its_name(complain: Complain) -> None:
    assert [problem.code for problem in complain("wires: {q_z: posterior(}")] in (["GF103"], ["GF411"])
    assert [problem.code for problem in complain("wires:\n  p_z: prior(")] == ["GF411"]


def test_all_problems_are_told_at_once_in_the_order_of_their_places(complain: Complain) -> None:
    problems = complain("sead: 1\nloss: {use: elbo, bata: 1}\nevaluate: [elob]\n", ["trian.epochs=2"])
    assert [problem.code for problem in problems] == ["GF201", "GF202", "GF301", "GF201"]
    assert [str(problem.mark) for problem in problems] == [
        "<recipe>:8:1",
        "<recipe>:9:19",
        "<recipe>:10:12",
        "override 1",
    ]


def test_a_circle_is_shown(complain: Complain) -> None:
    (problem,) = complain("wires: {a: b, b: c, c: a}")
    names = re.findall(r"\b[abc]\b", problem.message.partition(":")[2])
    assert names[0] == names[-1] and sorted(names[1:]) == ["a", "b", "c"]
    assert len(problem.related) == 2


def test_a_wire_with_arguments_may_use_the_name_of_a_wire_for_one(load: Load) -> None:
    assert load("wires:\n  first(z): decoder(z)\n  again(first): encoder(first)\n").wires


def test_an_unknown_name_that_may_be_a_field_of_the_data_is_left_to_the_plan(load: Load) -> None:
    assert load("wires: {k: decoder(wibble)}").wires


def test_a_mistake_says_the_next_command(complain: Complain) -> None:
    (problem,) = complain(text=PLAIN.replace("encoder: mlp", "encoder: {use: mlp, hiden: [3]}"))
    assert problem.command == "genframe show encoder nets/mlp"
    assert problem.path == "encoder.hiden"


def _with_parts(encoder: str, tmp_path: Path, registry: Registry, more: str = "") -> list[Problem]:
    text = PLAIN.replace("encoder: mlp", f"encoder: {encoder}") + f"plugins: [{PARTS}]\n{more}"
    try:
        return list(load_recipe(text, registry=registry).remarks)
    except RecipeError as error:
        return list(error.problems)


def test_a_missing_option_is_told_with_its_type(tmp_path: Path, registry: Registry) -> None:
    (problem,) = _with_parts("needy", tmp_path, registry)
    assert (problem.code, problem.path) == ("GF204", "encoder.width")
    assert "a whole number" in problem.message


def test_a_former_name_is_remarked(tmp_path: Path, registry: Registry) -> None:
    (remark,) = _with_parts("{use: greedy, width: 3}", tmp_path, registry)
    assert (remark.code, remark.severity) == ("GF217", "remark")


def test_an_unreadable_signature_shows_where_it_stands(tmp_path: Path, registry: Registry) -> None:
    (problem,) = _with_parts("unreadable", tmp_path, registry)
    assert problem.code == "GF214"
    assert problem.related[0][0].file == str(PARTS)


def test_a_function_that_needs_options_needs_an_instance(tmp_path: Path, registry: Registry) -> None:
    (problem,) = _with_parts("mlp", tmp_path, registry, "wires: {k: to_power(x)}\n")
    assert problem.code == "GF404"
    assert "`function: {use: to-power, exponent: ...}`" in problem.message
    assert not _with_parts(
        "mlp",
        tmp_path,
        registry,
        "functions: {square: {use: to-power, exponent: 2}}\nwires: {k: square(half_of(x))}\n",
    )


def test_plugins_alone_at_fault_are_a_plugin_error(load: Load) -> None:
    with pytest.raises(PluginError) as raised:
        load("plugins: [no-such-plugin]")
    assert raised.value.exit_code == 3
    assert raised.value.problems[0].command == "pip install genframe-no-such-plugin"


def test_a_name_of_a_plugin_that_is_not_listed_is_not_found(load: Load, registry: Registry) -> None:
    with_file = registry.with_files([PARTS])
    text = PLAIN.replace("encoder: mlp", "encoder: every")
    with pytest.raises(RecipeError, match="GF304"):
        load_recipe(text, registry=with_file)
    owned = load_recipe(text.replace("every", "odd_parts/every"), registry=with_file)
    assert owned.instances["encoder"].offer.name == "odd_parts/every"


def test_secrets_are_not_told(complain: Complain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENFRAME_SECRET", "hunter2")
    for where in ("loss: {use: elbo, beta: '${env:GENFRAME_SECRET}'}", "encoder: '${env:GENFRAME_SECRET}'"):
        problems = complain(where) if "loss" in where else complain(text=PLAIN.replace("encoder: mlp", where))
        assert "hunter2" not in repr(problems)
        assert "${env:GENFRAME_SECRET}" in problems[0].message


def test_an_override_of_an_optimizer_that_no_player_uses_is_not_lost() -> None:
    with pytest.raises(RecipeError) as caught:
        own = ["players.model.optimizer=adam", "players.critic.optimizer=adam"]
        load_recipe("hybrid/vae-gan", [*own, "optimizer.lr=0.5"])
    (problem,) = caught.value.problems
    assert problem.code == "GF212" and "players.model.optimizer" in problem.message
    assert problem.mark is not None and problem.mark.file == "override 3"
