"""Which term teaches which component, measured by autograd."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from genframe.errors import Problem, RecipeError
from genframe.plan import Plan
from genframe.recipe.model import Player, Term
from genframe.trial import Trial, reduced


def measured(plan: Plan, player: Player, first: Trial) -> dict[str, tuple[str, ...]]:
    """Which of the components that the player trains receives a gradient from each of its terms.

    Where all players move at once, in a forward pass in which what the others train asks for gradients too.
    """
    moving = plan.recipe.players if plan.at_once else (player,)
    trains = frozenset(name for one in moving for name in plan.trains(one))
    _ask_for_gradients(plan, [p for one in moving for p in plan.trained_parameters(one).values()])
    reach = plan.wiring.reach
    trial = Trial(
        plan.parts, first.data, gradient=lambda wire: bool(reach[wire] & trains), _buffers=first._buffers
    )
    table: dict[str, tuple[str, ...]] = {}
    for term in player.minimises:
        total = reduced(trial.wire(term.wire).value, term.wire, term.mark)
        try:
            table[term.wire] = tuple(
                name for name, inside in plan.entries(player).items() if _teaches(total, [*inside.values()])
            )
            if total.requires_grad:  # as in training: through nodes too that reach no parameter, and raise
                total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise RecipeError(_no_gradient(term, player, error)) from error
    _ask_for_gradients(plan)
    return table


def _ask_for_gradients(plan: Plan, wanted: Collection[nn.Parameter] | None = None) -> None:
    """Of these parameters and of no others; of all that are not frozen."""
    ids = None if wanted is None else {id(parameter) for parameter in wanted}
    for name in plan.parts.modules():
        frozen = plan.parts.frozen_parameters(name)
        for key, parameter in plan.parts.own_parameters(name).items():
            parameter.requires_grad_(key not in frozen and (ids is None or id(parameter) in ids))


def _teaches(total: Tensor, parameters: Sequence[nn.Parameter]) -> bool:
    if not total.requires_grad:
        return False
    gradients = torch.autograd.grad(total, list(parameters), retain_graph=True, allow_unused=True)
    return any(gradient is not None for gradient in gradients)


def _no_gradient(term: Term, player: Player, error: RuntimeError) -> Problem:
    reason = (str(error) or "no message").splitlines()[0][:300]
    message = f"the gradient of {term.wire!r}, which {player.name!r} minimises, can't be computed: {reason}. A penalty "
    message += (
        "on a slope differentiates what it is handed twice: each operation in it needs a second derivative"
    )
    return Problem("GF523", message, term.mark, f"players.{player.name}.minimises.{term.wire}")
