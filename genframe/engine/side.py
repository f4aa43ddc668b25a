"""A player at work: its parameters, its optimizer, and how it moves once the gradients are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from genframe.engine import optimizer_state
from genframe.engine.averages import Averages
from genframe.engine.draws import Draws
from genframe.errors import Problem, RecipeError
from genframe.plan import Plan
from genframe.recipe.model import Player, Schedule, Site, Span
from genframe.scheduled import scheduler
from genframe.sites import Moved

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """When something happens: every so many steps, from `start` until `until` (exclusive)."""

    every: int
    start: int
    until: int

    @classmethod
    def of(cls, every: int, start: Span, until: Span | None, steps_per_epoch: int) -> Window:
        end = FOREVER if until is None else until.in_steps(steps_per_epoch)
        return cls(every, start.in_steps(steps_per_epoch), end)

    def holds(self, step: int) -> bool:
        return self.start <= step < self.until and (step - self.start) % self.every == 0


class Side:
    """A player at work: its parameters, optimizer, average, and the weights of its terms.

    `glance` is what its first move since `forget` has shown: the norm of its gradient, and by what share of their own
    norm its parameters moved (on the device, so that nothing waits for it).
    """

    def __init__(self, plan: Plan, player: Player, steps_per_epoch: int, draws: Draws) -> None:
        self.player = player
        self.name = player.name
        self.trains = plan.trains(player)
        self.parameters: dict[str, nn.Parameter] = plan.trained_parameters(player)
        self.tensors = list(self.parameters.values())
        self.window = Window.of(player.every, player.start, player.until, steps_per_epoch)
        self.windows = {
            t.wire: Window.of(t.every, t.start, t.until, steps_per_epoch) for t in player.minimises
        }
        self.weights = {t.wire: scheduler(t.weight) for t in player.minimises}
        self._counts = {t.wire: player.stands_for(t) for t in player.minimises}
        rate = player.optimizer.options.get("lr")
        self.rate = scheduler(rate) if isinstance(rate, Schedule) else None
        self._plan = plan
        self.averages: Averages | None = None
        if player.ema is not None:
            modules, mine = plan.parts.modules(), {id(tensor) for tensor in self.tensors}
            own = (p for name in self.trains for p in plan.parts.own_parameters(name).values())
            others = {id(p) for p in own} - mine
            self.averages = Averages(player.ema, {name: modules[name] for name in self.trains}, others)
        self.noise: dict[str, Moved] = {
            what: Moved(plan.parts, sites, _seeding(draws))
            for what in ("gradients", "weights")
            if (sites := plan.sites(player, what))
        }
        self.glance: dict[str, Tensor] | None = None
        self.looking = True

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Built when it is asked for: torch imports its compiler for the first one, which takes as long as all the rest
        of torch, and a model that only gives its outputs needs none."""
        instance = self.player.optimizer
        options = self._plan.parts.options_beside(instance)
        try:
            made: torch.optim.Optimizer = instance.offer.load()(self.tensors, **options)
        except ValueError as error:
            message = f"{instance.offer.name} of {self.name!r} could not be built: {error}"
            raise RecipeError(
                Problem("GF501", message, instance.mark, f"players.{self.name}.optimizer")
            ) from error
        self._as_built = optimizer_state.entries(made)
        return made

    def forget(self, again: bool = True) -> None:
        """Forget what was seen, and look at the next move if it is to be seen `again`."""
        self.glance, self.looking = None, self.looking or again

    def move(self, step: int) -> None:
        """One step of the optimizer by the gradients that are there, which are then gone; and the average follows."""
        looked, self.looking = self.looking, False
        if self.player.clip is not None:
            norm = nn.utils.clip_grad_norm_(self.tensors, self.player.clip)
        elif looked:
            norm = nn.utils.get_total_norm(self._gradients())
        if "gradients" in self.noise:
            self.noise_gradients(step)
        before = [parameter.detach().clone() for parameter in self.tensors] if looked else []
        self.optimizer.step()
        if self.player.clamp is not None:
            self.clamp(self.player.clamp)
        # Fused optimizers do not raise version counters: without this, a wrong reuse of a wire would be silent.
        torch.autograd.graph.increment_version(self.tensors)
        if looked:
            self.glance = {"gradient_norm": norm, "update": _share_moved(before, self.tensors)}
        for parameter in self.tensors:  # now, so that no gradient is held through the next forward pass
            parameter.grad = None
        if self.averages is not None:
            self.averages.update()

    @torch.no_grad()
    def clamp(self, bound: float) -> None:
        """Put each number of the player's parameters back into [-bound, bound]."""
        tensors: list[Tensor] = [*self.tensors]
        torch._foreach_clamp_min_(tensors, -bound)
        torch._foreach_clamp_max_(tensors, bound)

    @contextmanager
    def noisy_weights(self, step: int) -> Iterator[None]:
        """Within, the player's parameters are noised; then they are what they were, to the bit.

        Both writes raise the version counters, so that autograd refuses a wire that was made with other weights.
        Without a noise on its weights nothing happens.
        """
        if "weights" not in self.noise:
            yield
            return
        kept = [parameter.detach().clone() for parameter in self.tensors]
        self.noise["weights"].apply(self.tensors, step)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_([*self.tensors], kept)

    def noise_gradients(self, step: int) -> None:
        """Noise the gradients in place; a parameter without one, or with a sparse one, is left alone."""
        gradients = self._gradients()
        if gradients:
            self.noise["gradients"].apply(gradients, step)

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.tensors if p.grad is not None and not p.grad.is_sparse]

    def terms(self, step: int) -> tuple[str, ...]:
        """The terms that this player adds up at a step; none when it rests."""
        if not self.window.holds(step):
            return ()
        return tuple(term for term, window in self.windows.items() if window.holds(step))

    def weight(self, term: str, step: int, steps_per_epoch: int) -> float:
        """The weight of a term at a step; a lazy term counts for the moves that it stood out."""
        return self.weights[term](step, steps_per_epoch) * self._counts[term]

    def state(self) -> dict[str, Any]:
        """The optimizer's state by parameter name."""
        return optimizer_state.of_parameters(self.optimizer, self.parameters)

    def counted(self) -> list[dict[str, list[Any]]]:
        """What the optimizer itself changed in its param_groups."""
        scheduled = ("lr",) if self.rate is not None else ()
        optimizer = self.optimizer
        return optimizer_state.counted(optimizer, self._as_built, scheduled)

    def load(self, state: Mapping[str, Any], counted: Sequence[Mapping[str, Sequence[Any]]] = ()) -> None:
        """Put both back."""
        optimizer_state.restore(self.optimizer, self.parameters, state, counted)


@torch.no_grad()
def _share_moved(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """|after - before| / |after|, over all tensors: 0-dim."""
    moved = torch._foreach_sub(list(after), list(before))
    return nn.utils.get_total_norm(moved) / nn.utils.get_total_norm(after).clamp_min(1e-30)


def _seeding(draws: Draws) -> Callable[[Site, int], None]:
    """Draws at a site of a player are a function of (seed, noise and site, step)."""
    return lambda site, step: draws.seed_step(draws.base("site", site.noise, str(site)), step)
