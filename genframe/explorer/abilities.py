"""What the page can do with a model. It is tried, once, before the page is served: what fails is not shown.

Nothing here asks for a family or a component: a panel needs outputs, and each that is left out says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genframe.errors import GenframeError
from genframe.explorer import actions, ways
from genframe.explorer.asked import Asked, Unfit
from genframe.explorer.explored import Explored
from genframe.interpolation import METHODS

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page: its title, what it needs in words, the request it is tried by, and facts for its controls.

    `ready` says whether a model has the outputs.
    """

    title: str
    needs: str
    action: str
    ready: Callable[[Explored], bool]
    facts: Callable[[Explored], Facts]


def found(explored: Explored) -> tuple[dict[str, Facts], dict[str, str]]:
    """The panels that serve a model, with what their controls must know, and the others with the reason why not."""
    can: dict[str, Facts] = {}
    lacking: dict[str, str] = {}
    for name, panel in PANELS.items():
        if not panel.ready(explored):
            lacking[name] = f"needs {panel.needs}"
            continue
        try:
            with explored.computing():
                actions.ACTIONS[panel.action](explored, Asked({}))
                can[name] = panel.facts(explored)
        except GenframeError as error:
            lacking[name] = "; ".join(problem.message for problem in error.problems)
        except (Unfit, RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
            lacking[name] = str(error).partition("\n")[0] or type(error).__name__
    return can, lacking


def _codes(explored: Explored) -> bool:
    return explored.has("decode") and (explored.encodes or explored.has("p(z)"))


def _latents(explored: Explored) -> Facts:
    axes = explored.axes
    chosen, low, high = explored.moving
    return {
        "of": axes.of,
        "encodes": explored.encodes,
        "draws": explored.has("p(z)"),
        "size": int(explored.codes[0].numel()),
        "axes": [
            {
                "name": f"axis {k + 1}",
                "share": round(float(share), 4),
                "low": -actions.REACH,
                "high": actions.REACH,
            }
            for k, share in enumerate(axes.share)
        ],
        "coded": [
            {"name": f"z[{int(latent)}]", "low": round(float(low[k]), 3), "high": round(float(high[k]), 3)}
            for k, latent in enumerate(chosen)
        ],
    }


def _map(explored: Explored) -> Facts:
    return {"of": explored.plane.of, "names": list(explored.plane.names)}


def _draw(explored: Explored) -> Facts:
    outputs = ways.restoring(explored)
    return {
        "outputs": list(outputs),
        "told": any(ways.told(explored, name) for name in outputs),
        "encodes": explored.encodes,
        "classifies": "classify" in explored.model.outputs,
    }


def _noise(explored: Explored) -> Facts:
    suiting, others = explored.noises
    return {
        "noises": [
            {
                "name": injector.name,
                "summary": injector.summary,
                "own": injector.own,
                "levels": [
                    {"name": s.key, "low": s.low, "high": s.high, "value": s.value} for s in injector.sliders
                ],
            }
            for injector in suiting.values()
        ],
        "others": others,
        "outputs": list(ways.restoring(explored)),
        "chains": ways.walking(explored),
    }


def _between(explored: Explored) -> Facts:
    return {"encodes": explored.encodes, "draws": explored.has("p(z)"), "methods": list(METHODS)}


_CODES = "the outputs encode(x) and decode(z), or p(z) and decode(z)"

PANELS: Mapping[str, Panel] = {
    "latents": Panel("Latents", _CODES, "latents", _codes, _latents),
    "map": Panel("Map", _CODES, "map", _codes, _map),
    "draw": Panel(
        "Draw",
        "an output that takes a picture: reconstruct(x), denoise(picture), encode(x) or classify(x)",
        "draw",
        lambda explored: bool(ways.restoring(explored)) or explored.encodes or explored.has("classify"),
        _draw,
    ),
    "noise": Panel(
        "Noise",
        "an output that restores, denoise(picture) or reconstruct(x), or a chain: transition(x)",
        "noise",
        lambda explored: bool(ways.walking(explored)),
        _noise,
    ),
    "between": Panel("Interpolate", _CODES, "between", _codes, _between),
    "samples": Panel(
        "Samples",
        "the output sample(n), or a sampler that needs no fitting",
        "samples",
        lambda explored: bool(ways.drawing(explored)),
        lambda explored: {"by": list(ways.drawing(explored)), "given": ways.GIVEN},
    ),
}


def facts(explored: Explored) -> Facts:
    """All that the page must know of a model, as JSON."""
    can, lacking = found(explored)
    model, frame = explored.model, explored.frame
    return {
        "name": explored.name,
        "recipe": model.recipe.name,
        "step": model.step,
        "weights": "averaged" if model.outputs.averages else "as trained",
        "device": str(model.device),
        "shape": list(explored.shape),
        "look": frame.look,
        "low": frame.low,
        "high": frame.high,
        "paper": _paper(explored),
        "examples": len(explored.rows["x"]),
        "missing": explored.missing,
        "reference": _reference(explored),
        "conditions": [_condition(explored, name) for name in explored.conditions],
        "can": can,
        "lacking": lacking,
    }


def _paper(explored: Explored) -> float:
    """0 where most of a picture is dark, 1 where it is bright: what is drawn on."""
    middle = explored.rows["x"].float().median()
    return float((middle - explored.frame.low) / (explored.frame.high - explored.frame.low) > 0.5)


def _reference(explored: Explored) -> list[list[float]]:
    """Points of the data, to be shown behind others."""
    if explored.frame.look != "points":
        return []
    return [[round(number, 4) for number in row] for row in explored.rows["x"][:500].tolist()]


def _condition(explored: Explored, name: str) -> Facts:
    field = explored.conditions[name]
    rows = explored.rows.get(name)
    ends = (0.0, 1.0) if rows is None else tuple(float(end) for end in rows.float().aminmax())
    size = 1
    for side in field.shape:
        size *= side
    return {
        "name": name,
        "classes": field.classes,
        "size": size,
        "low": ends[0],
        "high": ends[1],
        "value": explored.default.get(name),
    }
