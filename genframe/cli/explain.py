"""`genframe explain RECIPE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genframe.cli import options
from genframe.cli.tables import print_table, say, width_or

EPILOG = """\b
Examples:
  genframe explain vae/digits
  genframe explain gan/restore-digits
  genframe explain my.yaml prior.dim=10 --json

The routing table is measured by autograd: a gradient reaches exactly the components that are marked."""


@click.command("explain", epilog=EPILOG)
@options.recipe
@options.overrides
@options.as_json
@options.plugins
def command(recipe: str, overrides: tuple[str, ...], json_: bool, files: tuple[Path, ...]) -> None:
    """Show what a recipe computes, for whom, and who teaches whom."""
    from genframe.recipe import load_recipe

    checked = load_recipe(recipe, overrides, registry=options.registry(files))
    from genframe.explain import explain

    facts = explain(checked)
    if json_:
        options.print_json(facts)
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    say(f"{facts['recipe']}\n")
    _section("data", ("dataset", "gives", "batch"), [_dataset(row) for row in facts["datasets"]])
    _section(
        "bindings: what each call is given", ("", "", "", "", ""), [_binding(r) for r in facts["bindings"]]
    )
    _section(
        "wires, in the order of computing; shapes are those of two rows",
        ("wire", "expression", "value", "reaches"),
        [_wire(row) for row in facts["wires"]],
    )
    inlined = [(row["name"], row["expression"]) for row in facts["templates"]]
    _section("wires with arguments", ("", ""), inlined)
    _section("outputs", ("", ""), [(row["name"], row["expression"]) for row in facts["outputs"]])
    _section("samplers", ("", "", ""), [_sampler(row) for row in facts["samplers"]])
    rows = [_site(row) for row in facts["sites"]]
    _section("noise where no wire is, in training alone", ("noise", "at", "changes", "each", "when"), rows)
    watched = [(row["name"], row["component"], ", ".join(row["reads"])) for row in facts["watch"]]
    _section("alarms, and the wires that they measure on", ("", "", ""), watched)
    if len(facts["players"]) > 1:
        say(f"play {facts['play']}: {_PLAYS[facts['play']]}\n")
    for player in facts["players"]:
        _print_player(player)
    _section("routing: which term teaches which component", *_routing(facts["routing"]))
    _section(
        "components",
        ("component", "is", "parameters", "trained by"),
        [_component(r) for r in facts["components"]],
    )
    counts, flops = facts["parameters"], facts["flops"]
    say(f"parameters  {counts['total']:,}, {counts['trained']:,} of them trained")
    say(f"FLOPs       {flops['per_step']:,} per training step of {flops['batch_size']} examples")
    say(click.wrap_text(flops["counted"], min(width_or(100), 100), " " * 12, " " * 12))
    for remark in facts["remarks"]:
        say(f"remark      {remark['code']} {remark['path']}: {remark['message']}")


_PLAYS = {
    "alternating": "in a step the players move one after the other, each seeing what those before have become",
    "simultaneous": "all players move at once, each by the gradient of its own terms in one forward pass",
}


def _section(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        print_table(headers, rows, title=title)
        say()


def _dataset(row: dict[str, Any]) -> tuple[str, ...]:
    wires = ", ".join(f"{name} {'x'.join(map(str, shape)) or '()'}" for name, shape in row["wires"].items())
    return row["component"], wires, str(row["batch_size"])


def _binding(row: dict[str, str]) -> tuple[str, ...]:
    """`loss.q_z <- q_z <- posterior(encoder(x))`"""
    more = ("<-", row["is"]) if row["is"] else ("", "")
    return f"{row['call']}.{row['parameter']}", "<-", row["source"], *more


def _sampler(row: dict[str, Any]) -> tuple[str, str, str]:
    options = ", ".join(f"{key}: {value}" for key, value in row["options"].items())
    asks = ", ".join(row["asks"].values()) if row["asks"] is not None else ""
    return row["name"], f"{row['component']}{f' ({options})' if options else ''}", asks and f"<- {asks}"


def _site(row: dict[str, Any]) -> tuple[str, ...]:
    return row["noise"], row["at"], row["changes"], "x".join(map(str, row["shape"])) or "()", row["when"]


def _wire(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], row["expression"], ", ".join(row["shapes"].values()), ", ".join(row["reaches"])


def _print_player(player: dict[str, Any]) -> None:
    rows = [(", ".join(c["wires"]), _how(c, player["name"])) for c in player["computes"]]
    rows += [(name, "reused as it was made before") for name in player["reuses"]]
    _section(f"player {player['name']}: what it computes in a step", ("", ""), rows)
    terms = " + ".join(_term(term) for term in player["terms"])
    say(f"  minimises  {terms}")
    say(f"  trains     {', '.join(player['trains'])} ({player['parameters']:,} parameters)")
    optimizer = player["optimizer"]
    settings = ", ".join(
        f"{key}: {value}" for key, value in optimizer["options"].items() if value is not None
    )
    say(f"  optimizer  {optimizer['component']} ({settings})")
    extras = [f"{key} {player[key]}" for key in ("clip", "clamp", "ema", "start", "until") if player[key]]
    extras += [f"every {player['every']} steps"] if player["every"] != 1 else []
    if extras:
        say(f"  also       {', '.join(extras)}")
    say()


def _how(computed: dict[str, Any], player: str) -> str:
    how = "with gradient" if computed["gradient"] else "without gradient"
    others = [name for name in computed["for"] if name != player]
    if others and player in computed["for"]:
        how += f", for {' and '.join(computed['for'])}"
    elif others:
        how += f", which {' and '.join(others)} uses later"
    if computed["again"]:
        how += f"; again, for {computed['again']}"
    if computed["detached"]:
        how += f"; {', '.join(computed['detached'])} detached"
    return how


def _term(term: dict[str, Any]) -> str:
    counted = f", {term['counts']} times as much" if term["counts"] != 1 else ""
    notes = [f"every {term['every']} steps{counted}"] if term["every"] != 1 else []
    notes += [f"{key} {term[key]}" for key in ("start", "until") if term[key]]
    weight = term["weight"]
    factor = "" if weight == 1 else f"{weight:g} " if isinstance(weight, (int, float)) else f"{weight} "
    return f"{factor}{term['wire']}" + (f" ({', '.join(notes)})" if notes else "")


def _routing(table: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    columns = table["components"]
    rows = [
        (f"{row['player']}: {row['term']}", *("x" if name in row["teaches"] else "." for name in columns))
        for row in table["rows"]
    ]
    return ("term", *columns), rows


def _component(row: dict[str, Any]) -> tuple[str, ...]:
    options = ", ".join(f"{key}: {value}" for key, value in row["options"].items())
    what = f"{row['kind']} {row['component']}{f' ({options})' if options else ''}"
    trained = ", ".join(row["trained_by"]) or ("frozen" if row["frozen"] else "")
    return row["name"], what, f"{row['parameters']:,}", trained
