"""What the outputs of a recipe allow to be done with a model: which verbs serve it, and what one would need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from genframe import conditions
from genframe.data.spec import Field
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from genframe.api import Model

Ways = tuple[tuple[str, ...], ...]
"""Any of these; each is names of outputs, all of them needed, or `p(z)`: draws of the prior."""

PRIOR = "p(z)"

VERBS: Mapping[str, Ways] = {
    "sample": (("sample",),),
    "reconstruct": (("reconstruct",),),
    "traverse": (("encode", "decode"), (PRIOR, "decode")),
    "interpolate": (("encode", "decode"), (PRIOR, "decode")),
    "manifold": (("encode", "decode"), (PRIOR, "decode")),
    "walk": (("transition",), ("encode", "decode"), ("restored",), ("reconstruct",), (PRIOR, "decode")),
    "denoise": (("denoise",),),
}
"""What can be done with a model -> the outputs by which it can."""


def has(model: Model, need: str) -> bool:
    """Whether a recipe has an output; of `p(z)`, whether it has draws of the prior that are codes.

    They are those of the output `draw_z(n)`, or of the wire `p_z` where `decode` takes them.
    """
    if need != PRIOR:
        return need in model.outputs
    if "draw_z" in model.outputs and model.outputs.arguments("draw_z") == ("n",):
        return True
    if "p_z" not in model.outputs.plan.wiring.plain or "decode" not in model.outputs:
        return False
    if model not in _DECODED:
        _DECODED[model] = _decoded(model)
    return _DECODED[model]


_DECODED: WeakKeyDictionary[Model, bool] = WeakKeyDictionary()


def _decoded(model: Model) -> bool:
    """Whether `decode` takes a draw of the wire `p_z`: the prior of a model of codes by number draws other things."""
    from genframe.latents import Latents, drawn

    given = {name: _some(field) for name, field in conditions.asked(model, "decode").items()}
    latents = Latents(model, given)
    try:
        latents.decode(drawn(latents, 1, 0))
    except (RecipeError, RuntimeError, ValueError, IndexError):
        return False
    return True


def _some(field: Field) -> object:
    """A value that a condition may have."""
    return torch.zeros(field.shape) if field.shape else 0


def serves(model: Model, verb: str) -> bool:
    return any(all(has(model, need) for need in way) for way in VERBS[verb])


def verbs(model: Model) -> tuple[str, ...]:
    """What the outputs of a model serve: `sample`, `interpolate` ..."""
    return tuple(verb for verb in VERBS if serves(model, verb))


def require(model: Model, verb: str, *needs: str) -> None:
    """Raise RecipeError (GF804) where outputs are not there: which, and what serves this model instead.

    needs: those that are needed in this case; without any, one of the verb's ways.
    """
    ways = (needs,) if needs else VERBS[verb]
    if any(all(has(model, need) for need in way) for way in ways):
        return
    wanted = " or ".join(" with ".join(map(_named, way)) for way in ways)
    lacking = [
        "draws of the prior" if need == PRIOR else f"`{need}`" for need in needs if not has(model, need)
    ]
    lack = f"has no {' and no '.join(lacking)}" if lacking else "does not offer that"
    known = ", ".join(model.outputs) or "none"
    message = f"{verb} needs {wanted}, and the recipe {model.recipe.name!r} {lack}; its outputs are {known}"
    serving = ", ".join(verbs(model))
    raise RecipeError(Problem("GF804", f"{message}. What serves it: {serving or 'nothing'}", path="outputs"))


def _named(need: str) -> str:
    return (
        "draws of the prior that are codes (an output `draw_z(n)`, or a wire `p_z`)"
        if need == PRIOR
        else f"`{need}`"
    )
