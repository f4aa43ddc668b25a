"""Rows of trainings that never were."""

from __future__ import annotations

import math
from typing import Any

from genframe.live.state import Outlook, State

SESSION = 1_790_000_000.0
"""When they began, in Unix seconds."""


def outlook(total: int = 1000, step: int = 0, **more: Any) -> Outlook:
    known = {"device": "cpu", "epoch": 50, "cycle": 100, "recipe": "vae-gan", "began": SESSION}
    return Outlook(step, total, **{**known, **more})


def row(step: int, **more: Any) -> dict[str, Any]:
    """Two players: of the model's terms one is weighted and has parts; the critic's penalty is a lazy one."""
    fall = math.exp(-step / 200)
    terms = {"tell": 1.0 - fall / 2, "penalty": 0.125, "objective": 100 + 400 * fall}
    terms |= {"objective/rate": 20 - 10 * fall, "objective/distortion": 80 + 410 * fall, "look": fall}
    weighted = {
        "critic.tell": terms["tell"],
        "critic.penalty": 1.0,
        "model.objective": 0.02 * terms["objective"],
    }
    return {
        "step": step,
        "epoch": (step - 1) // 50 + 1,
        "time": SESSION + 0.1 * step,
        "terms": terms,
        "weighted": weighted | {"model.look": fall},
        "lr": {"critic": 2e-4, "model": 1e-3},
        "gradient_norm": {"critic": 1.5, "model": 12.25},
        "update": {"critic": 0.004, "model": 0.0125},
        "images_per_second": 1234.5,
    } | more


def many(step: int, count: int = 300, name: str = "term_{}") -> dict[str, Any]:
    """A row of so many terms of one player, the later ones larger."""
    terms = {name.format(number): float(number) for number in range(count)}
    return row(
        step, terms=terms, weighted={f"model.{term}": v for term, v in terms.items()}, lr={"model": 1e-3}
    )


def driven(*rows: dict[str, Any], total: int = 1000, afterwards: float | None = None, **more: Any) -> State:
    """A training that has written these rows."""
    state = State(afterwards)
    state.start(outlook(total, **more))
    for one in rows:
        state.update(one)
    return state


COURSE = [row(step) for step in range(10, 410, 10)]
"""The first 400 steps."""
