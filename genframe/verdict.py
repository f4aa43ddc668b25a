"""What the figures of an audit say in words: whether the prior holds, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SILENT = 0.01
"""Nats below which the rate of a dimension counts as none (and its variance of means as that of an idle unit)."""

HOLES = 0.05
"""Of prior draws, or of codes, where the other law has no mass: five times the 1 % that there are by definition."""

MANY_HOLES = 0.25
"""A share at which a quarter of all samples shows it."""

ALIKE = 0.60
"""The lower end of the AUC's interval up to which codes count as prior draws: 12 of 20 pairs are told right."""

APART = 0.75
"""The AUC at which three pairs of four are told apart."""

SATURATED = 0.9
"""Of log N: so much index-code information that every code is told from all the others."""

WORSE = 1.5
"""How many times as far from the data samples of p(z) must be, as those of q(z), before pictures count against it."""

REPAIRED = 1.2
"""How many times nearer to the data a sampler's draws must be than those of p(z) to be called a repair."""

MEANINGS = {
    "rate": "KL(q(z|x)||p(z)), nats",
    "rate_bits": "the same in bits: what an example costs to send by its code",
    "rate_held_out": "KL(q(z|x)||p(z)) of held-out data",
    "distortion": "-log p(x|z), nats",
    "distortion_held_out": "-log p(x|z) of held-out data",
    "noise": "share of the codes' variance that is posterior noise, mean over units",
    "index_code_information": "I_q(n;z), nats: what a code tells of which example it is of",
    "log_n": "log N, the most that I_q(n;z) can be",
    "aggregate_divergence": "KL(q(z)||p(z)), nats: how far all codes are from the prior",
    "active_units": "units whose mean varies by more than 0.01",
    "units": "units in all",
    "idle_units": "units that carry nothing: KL_j < 0.01 nats and not active",
    "holes": "share of prior draws where q(z) has no mass; 0.01 if the prior holds",
    "uncovered": "share of codes where p(z) has no mass; 0.01 if the prior holds",
    "auc": "a classifier's AUC, codes against prior draws; 0.5 if the prior holds",
}
"""Figure -> what it means."""

BEND = "a prior that bends (prior: {use: vamp}, mixture or realnvp)"
REPAIR = "a sampler fitted after the fact (genframe fit-sampler RUN --use gmm, flow or two-stage)"


@dataclass(frozen=True)
class Statement:
    """A sentence, the figure that it follows from, and how it is meant: good, remark or bad."""

    text: str
    because: str
    tone: str = "remark"


def verdict(figures: Mapping[str, float]) -> list[Statement]:
    """The statements that the figures of an audit support, the main one first; what was not measured is not judged."""
    statements = [*_collapse(figures), *_prior(figures), *_saturation(figures), *_pictures(figures)]
    return sorted(statements, key=lambda statement: statement.because != "in all")


def holds(figures: Mapping[str, float]) -> str:
    """`holds`, `nearly`, `fails` or `collapsed`; `unknown` where nothing was measured that would tell."""
    units = figures.get("units", 0)
    if (
        units
        and figures.get("active_units", units) == 0
        and figures.get("rate", 0.0) < SILENT * max(units, 1)
    ):
        return "collapsed"
    told = [name for name in ("auc_low", "holes", "uncovered") if name in figures]
    if not told:
        return "unknown"
    shares = [figures[name] for name in ("holes", "uncovered") if name in figures]
    if figures.get("auc_low", 0.5) <= ALIKE and max(shares, default=0.0) <= HOLES:
        return "holds"
    if figures.get("auc", 0.5) <= APART and max(shares, default=0.0) <= MANY_HOLES:
        return "nearly"
    return "fails"


def _collapse(figures: Mapping[str, float]) -> list[Statement]:
    units, active = figures.get("units"), figures.get("active_units")
    if units is None or active is None:
        return []
    if holds(figures) == "collapsed":
        text = (
            "The posterior has collapsed: q(z|x) is the prior for every x, and the code says nothing of it. "
        )
        text += (
            "Try a smaller beta, beta that grows from 0 (loss.beta={linear: {from: 0, to: 1, epochs: 10}}), "
        )
        text += "free bits (loss.free_bits=0.1) or a weaker decoder"
        return [
            Statement(text, f"rate {figures.get('rate', 0):.3g} nats, 0 of {units:.0f} units active", "bad")
        ]
    idle = figures.get("idle_units", units - active)
    if idle > 0:
        text = f"{idle:.0f} of {units:.0f} units are idle: there the prior holds because nothing is written. "
        text += "Fewer dimensions would do as well; free bits would wake them"
        because = f"KL_j < {SILENT:g} nats and a variance of means < {SILENT:g} in {idle:.0f} units"
        return [Statement(text, because)]
    return []


def _prior(figures: Mapping[str, float]) -> list[Statement]:
    found = holds(figures)
    seen = []
    if "holes" in figures:
        seen.append(f"{100 * figures['holes']:.1f} % of prior draws where q(z) has no mass")
    if "uncovered" in figures:
        seen.append(f"{100 * figures['uncovered']:.1f} % of codes where p(z) has none")
    if "auc" in figures:
        seen.append(f"AUC {figures['auc']:.2f} ({figures['auc_low']:.2f} to {figures['auc_high']:.2f})")
    because = ", ".join(seen)
    if found == "collapsed":
        text = "The prior holds, for the poorest of reasons: no code ever leaves it"
        return [Statement(text, because or "in all")]
    if found == "unknown":
        return [Statement("Whether the prior holds can't be said: there is nothing to compare", "in all")]
    if found == "holds":
        text = "The prior holds: codes of data and draws of the prior can hardly be told apart"
        return [Statement(text, because, "good")]
    mild = found == "nearly"
    statements = [
        Statement(
            f"The prior {'nearly holds' if mild else 'does not hold'}: codes of data are not where p(z) draws from. "
            f"Try {REPAIR}, {BEND}, or a larger beta",
            because,
            "remark" if mild else "bad",
        )
    ]
    if figures.get("holes", 0.0) > HOLES:
        text = "There are holes: the prior draws codes that no example has, and what the decoder makes of them was "
        text += "never taught. Smaller posterior noise makes more of them, a larger beta or more data fewer"
        statements.append(Statement(text, f"{100 * figures['holes']:.1f} % > {100 * HOLES:.0f} %", "bad"))
    if figures.get("uncovered", 0.0) > HOLES:
        text = "Codes lie where the prior hardly ever draws: such examples are not among its samples"
        statements.append(Statement(text, f"{100 * figures['uncovered']:.1f} % > {100 * HOLES:.0f} %", "bad"))
    return statements


def _saturation(figures: Mapping[str, float]) -> list[Statement]:
    information, log_n = figures.get("index_code_information"), figures.get("log_n")
    if information is None or not log_n or information < SATURATED * log_n:
        return []
    text = "Every code tells which example it is of, so that KL(q(z)||p(z)) is about the rate less log N and says how "
    text += "many examples there are rather than how far the prior is off: trust the held-out figures"
    return [Statement(text, f"I_q(n;z) {information:.2f} of at most log N = {log_n:.2f} nats")]


def _pictures(figures: Mapping[str, float]) -> list[Statement]:
    """By a metric that was measured of samples from both, of which less is better: an energy distance."""
    statements = []
    for name, of_prior in figures.items():
        if not name.endswith("energy_distance[p(z)]"):
            continue
        base = name.removesuffix("[p(z)]")
        of_codes = figures.get(f"{base}[q(z)]")
        if of_codes is None or of_prior <= WORSE * max(of_codes, 0.0):
            continue
        text = "Samples pay for it: those of the prior are further from the data than decoded codes are"
        statements.append(Statement(text, f"{base} {of_prior:.3g} against {of_codes:.3g}", "bad"))
        repaired = {
            key.removeprefix(f"{base}[").removesuffix("]"): value
            for key, value in figures.items()
            if key.startswith(f"{base}[") and value * REPAIRED < of_prior
        }
        best = min(repaired.keys() - {"q(z)", "p(z)"}, key=lambda name: repaired[name], default=None)
        if best is not None:
            text = f"The sampler {best!r} repairs some of it: genframe sample RUN --sampler {best}"
            statements.append(Statement(text, f"{base} {repaired[best]:.3g}", "good"))
    return statements
