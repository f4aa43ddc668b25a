"""What an adversarial loss takes, and which side of the game it is on, by its parameters and by what it does."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from genframe.testing.subject import Entry
from genframe.testing.terms import Term
from genframe.testing.toys import Toys


def scores_of(entry: Entry) -> dict[str, str]:
    """The verdicts that an entry takes: parameter -> the leaf of its scores, `real` and `fake` told by their names."""
    found = {}
    for name in entry.parameters:
        written = str(entry.annotations.get(name))
        if name in _WIRES or ("Verdict" in written and "Callable" not in written):
            found[name] = f"{name.removesuffix('_verdict') if name in _WIRES else name}_score"
    return found


_WIRES = ("real_verdict", "fake_verdict")


def side(name: str) -> str:
    """`real`, `fake` or nothing: what a parameter's name says of the data behind it."""
    return next((word for word in ("real", "fake") if word in name), "")


def sides(entry: Entry) -> set[str]:
    """The sides whose verdicts an entry takes."""
    return {side(name) for name in scores_of(entry)} - {""}


def wants_real_above_fake(term: Term) -> bool:
    """Whether an entry that takes both verdicts is lower for a critic that tells them."""
    return sides(term.entry) == {"real", "fake"} and judged(term, 1.0) < judged(term, -1.0)


def judged(term: Term, critic: float) -> float:
    """The value where every score of real data is 2 `critic`, and every one of fakes the negative."""
    return term.mean(_scored(term, {"real": 2 * critic, "fake": -2 * critic}))


def scored(term: Term, real: float, fake: float) -> float:
    """The value where every score of real data is `real`, and every one of fakes is `fake`."""
    return term.mean(_scored(term, {"real": real, "fake": fake}))


def _scored(term: Term, scores: Mapping[str, float]) -> Toys:
    toys = term.toys()
    for name, leaf in scores_of(term.entry).items():
        if side(name):
            toys.leaves[leaf] = nn.Parameter(torch.full((toys.batch_size,), float(scores[side(name)])))
    return toys
