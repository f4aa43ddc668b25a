"""The ways that a model has to restore a picture, to walk from one, and to draw, by the names of its outputs."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from genframe import walk
from genframe.explorer.asked import Asked
from genframe.explorer.explored import Explored

RESTORING = ("denoise", "denoise_at", "unmask", "reconstruct")
"""The outputs that make a picture of a picture, the first that a recipe has being shown unasked."""

GIVEN = "decode, under the conditions"
"""The way to draw samples of a chosen class: draws of the prior, decoded."""


def restoring(explored: Explored) -> tuple[str, ...]:
    """The outputs that make a picture of a picture, told a level or not."""
    known = set(explored.conditions)
    found = []
    for name in RESTORING:
        if name in explored.model.outputs:
            beside = [arg for arg in explored.model.outputs.arguments(name) if arg not in known]
            if len(beside) == 1 or (len(beside) == 2 and beside[1] == "level"):
                found.append(name)
    return tuple(found)


def told(explored: Explored, name: str) -> bool:
    """Whether an output is told the level of the noise."""
    return "level" in explored.model.outputs.arguments(name)


def walking(explored: Explored) -> dict[str, str]:
    """The ways to walk from a picture, by name, in words: the model's chains, and each restorer a little at a time."""
    chains = {name: walk.CHAINS[name].of for name in walk.chains(explored.model) if name != "latent"}
    slowly = {f"{name}, step by step": f"{name}, a little at a time" for name in restoring(explored)}
    return {**chains, **slowly}


def drawing(explored: Explored) -> dict[str, Callable[[int, int, Asked], Tensor]]:
    """The ways to draw samples, by name."""
    model = explored.model
    found: dict[str, Callable[[int, int, Asked], Tensor]] = {}
    for name in model.outputs:
        if model.outputs.arguments(name) == ("n",) and not name.startswith("draw_"):
            found[name] = lambda n, seed, asked, name=name: model.call(name, n, seed=seed)  # type: ignore[misc]
    for sampler in model.recipe.samplers:
        if not hasattr(
            sampler.offer.load(), "fit"
        ):  # to fit one is a verb of its own, which writes into the run
            found[sampler.name] = lambda n, seed, asked, name=sampler.name: model.draw(name, n, seed)  # type: ignore[misc]
    if explored.conditions and explored.has("p(z)", "decode"):
        found[GIVEN] = lambda n, seed, asked: _under(explored, n, seed, asked)
    return found


def _under(explored: Explored, n: int, seed: int, asked: Asked) -> Tensor:
    known = explored.latents(explored.given(asked))
    return known.decode(known.draw(n, seed))
