"""The audit of runs that were made to fail, or to succeed, on purpose; and the words that follow from figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import train

from genframe import Model, audit
from genframe.errors import RecipeError
from genframe.recipe import load_recipe
from genframe.verdict import MANY_HOLES, holds, verdict

RUNS = {
    "collapsed": ["prior.dim=3", "loss.beta=100", "train.steps=100"],
    "apart": ["prior.dim=3", "loss.beta=0.01", "train.steps=150"],
    "good": ["prior.dim=2", "loss.beta=8", "train.steps=500", "optimizer.lr=3e-3"],
    "bits": ["prior={use: bernoulli, dim: 6}", "posterior=bernoulli", "train.steps=20"],
    "plain": ["prior.dim=2", "train.steps=50"],
    "holes": ["prior.dim=2", "loss.embedding=1", "train.steps=100"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of each kind, trained once."""
    root, there = tmp_path_factory.mktemp("audits"), dict[str, Path]()

    def run(name: str) -> Path:
        if name not in there:
            brief = [
                "train.epochs=null",
                "train.checkpoint={every: 1000, keep: 1}",
                "train.samples={every: 1000, n: 1}",
            ]
            nets = ["encoder.hidden=[64]", "decoder.hidden=[64]"]
            base = "vae/rae-digits" if name in ("plain", "holes") else "vae/digits"
            recipe = load_recipe(base, [*nets, *brief, *RUNS[name]])
            there[name] = train(recipe, root / name)
        return there[name]

    return run


KNOWN: dict[Path, audit.Audit] = {}


def audited(run: Path, **options: Any) -> audit.Audit:
    """An audit without samplers and metrics; of a run and without further options it is made once."""
    if not options and run in KNOWN:
        return KNOWN[run]
    found = audit.audit(Model(run), samples=1000, **{"samplers": (), "metrics": (), **options})
    return found if options else KNOWN.setdefault(run, found)


@pytest.mark.parametrize(
    ("name", "expected", "says"),
    [
        ("collapsed", "collapsed", "The posterior has collapsed"),
        ("apart", "fails", "The prior does not hold"),
        ("good", "holds", "The prior holds"),
    ],
)
def test_the_verdict_is_that_of_how_the_run_was_made(
    name: str, expected: str, says: str, made: Callable[[str], Path]
) -> None:
    found = audited(made(name))
    assert found.holds == expected, found.figures
    assert any(statement.text.startswith(says) for statement in found.statements)
    figures = found.figures
    assert figures["index_code_information"] <= figures["log_n"] + 5 * found.errors["index_code_information"]
    # The surgery's two parts make the rate, which the whole training set has in closed form: to five standard errors.
    both = figures["index_code_information"] + figures["aggregate_divergence"]
    assert both == pytest.approx(figures["rate_of_codes"], abs=1e-6)
    assert abs(both - figures["rate"]) < 5 * found.errors["rate_of_codes"] + 0.02


def test_holes_are_told_as_such_of_codes_that_are_drawn_together_without_noise(
    made: Callable[[str], Path],
) -> None:
    """Points that a penalty crowds into a part of the prior's mass; nobody ever asked them to cover it."""
    told = {}
    for name in ("collapsed", "good", "holes"):
        found = audited(made(name))
        told[name] = [s for s in found.statements if s.text.startswith("There are holes")]
    assert [*map(len, told.values())] == [0, 0, 1]
    assert found.holds == "fails" and found.figures["holes"] > MANY_HOLES
    assert found.figures["active_units"] == 2  # nothing has collapsed
    assert told["holes"][0].tone == "bad" and told["holes"][0].because.endswith("% > 5 %")


def test_more_noise_is_a_smaller_rate(made: Callable[[str], Path]) -> None:
    """Codes that overlap say less of which example they are of: rate, information and noise go together."""
    rows = [audited(made(name)).figures for name in ("apart", "good", "collapsed")]
    for name in ("rate_bits", "index_code_information"):
        values = [row[name] for row in rows]
        assert values[0] > values[1] > values[2], name
    assert rows[1]["noise"] < rows[2]["noise"] and rows[2]["noise"] > 0.95


def test_an_autoencoder_without_noise_is_judged_by_what_there_is(made: Callable[[str], Path]) -> None:
    found = audited(made("plain"))
    assert any("no density" in remark for remark in found.remarks)
    assert "index_code_information" not in found.figures and "rate" not in found.figures
    assert {"holes", "auc", "active_units"} <= found.figures.keys() and found.holds != "unknown"


def test_codes_of_bits_have_figures_too(made: Callable[[str], Path]) -> None:
    found = audited(made("bits"))
    both = found.figures["index_code_information"] + found.figures["aggregate_divergence"]
    assert abs(both - found.figures["rate"]) < 5 * found.errors["rate_of_codes"] + 0.02
    assert sum(row["rate"] for row in found.dimensions) == pytest.approx(found.figures["rate"], rel=1e-4)
    assert all(row["information"] >= -0.05 for row in found.dimensions)


def test_draws_are_measured_and_files_are_written(made: Callable[[str], Path], tmp_path: Path) -> None:
    found = audited(
        made("apart"), samplers=("mixture",), metrics=("{use: two-sample, count: 200, permutations: 9}",)
    )
    distances = {name: found.figures[f"energy_distance[{name}]"] for name in ("p(z)", "q(z)", "mixture")}
    assert distances["p(z)"] > 1.5 * distances["q(z)"] and distances["mixture"] < distances["p(z)"]
    assert any("Samples pay for it" in statement.text for statement in found.statements)
    assert any("'mixture' repairs" in statement.text for statement in found.statements)
    files = {path.name for path in audit.write(found, tmp_path / "out")}
    assert {"audit.json", "codes.png", "dimensions.png", "samples-pz.png", "samples-mixture.png"} <= files
    read = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert read["holds"] == "fails" and read["protocol"]["examples"] == 5000
    assert (
        len(read["dimensions"]) == 3 and {"rate", "divergence", "information"} <= read["dimensions"][0].keys()
    )
    again = audited(made("apart"))
    assert again.figures["holes"] == found.figures["holes"] and again.figures["auc"] == found.figures["auc"]


def test_wires_that_are_no_laws_are_told(made: Callable[[str], Path]) -> None:
    with pytest.raises(RecipeError) as caught:
        audited(made("good"), posterior="z")
    assert (
        caught.value.problems[0].code == "GF541" and "is no distribution" in caught.value.problems[0].message
    )
    with pytest.raises(RecipeError) as caught:
        audited(made("good"), prior="p_x")
    assert caught.value.problems[0].code == "GF541"
    with pytest.raises(RecipeError, match="no wire 'q_top'"):
        audited(made("good"), posterior="q_top")


GOOD = {
    "units": 4.0,
    "active_units": 4.0,
    "idle_units": 0.0,
    "rate": 8.0,
    "auc": 0.55,
    "auc_low": 0.52,
    "auc_high": 0.58,
}
GOOD |= {"holes": 0.02, "uncovered": 0.01, "index_code_information": 5.0, "log_n": 8.5}


@pytest.mark.parametrize(
    ("changed", "expected", "says"),
    [
        ({}, "holds", "The prior holds"),
        ({"holes": 0.051}, "nearly", "There are holes"),
        ({"uncovered": 0.06}, "nearly", "Codes lie where the prior hardly ever draws"),
        ({"holes": 0.26}, "fails", "does not hold"),
        ({"auc": 0.7, "auc_low": 0.61}, "nearly", "nearly holds"),
        ({"auc": 0.76, "auc_low": 0.7}, "fails", "does not hold"),
        ({"active_units": 0.0, "idle_units": 4.0, "rate": 0.03}, "collapsed", "has collapsed"),
        ({"active_units": 3.0, "idle_units": 1.0}, "holds", "1 of 4 units are idle"),
        ({"index_code_information": 8.4}, "holds", "Every code tells which example"),
        ({"energy_distance[p(z)]": 2.0, "energy_distance[q(z)]": 1.0}, "holds", "Samples pay for it"),
    ],
)
def test_each_statement_follows_from_a_figure(changed: dict[str, float], expected: str, says: str) -> None:
    figures = {**GOOD, **changed}
    assert holds(figures) == expected
    said = [statement.text for statement in verdict(figures)]
    assert any(says in text for text in said), said
    assert all(statement.because for statement in verdict(figures))
    if changed:
        assert len(said) > 1 or says not in " ".join(s.text for s in verdict(GOOD))


def test_what_was_not_measured_is_not_judged() -> None:
    assert holds({}) == "unknown" and "can't be said" in verdict({})[0].text
