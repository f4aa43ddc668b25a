"""A few steps of a recipe on random rows: no data, no files, no run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from genframe.compiling import compile_plan
from genframe.engine.step import Stepper
from genframe.parts import random_rows
from genframe.plan import Plan
from genframe.recipe.model import Recipe

ROWS = 8
"""Rows of a batch; batch normalisation needs more than one."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of some steps: each term's values, and each instance's trained parameters before and after."""

    plan: Plan
    terms: dict[str, list[float]]
    before: dict[str, dict[str, Tensor]]
    after: dict[str, dict[str, Tensor]]

    def moved(self, instance: str) -> bool:
        """Whether any trained parameter of an instance is not as it was."""
        return any(not torch.equal(t, self.after[instance][key]) for key, t in self.before[instance].items())

    def not_finite(self) -> list[str]:
        """The terms and parameters with NaN or infinities."""
        terms = [f"the term {k}" for k, v in self.terms.items() if not torch.tensor(v).isfinite().all()]
        return terms + [
            f"{name}.{key}"
            for name, tensors in self.after.items()
            for key, tensor in tensors.items()
            if not bool(tensor.isfinite().all())
        ]


def few_steps(recipe: Recipe, steps: int = 3) -> Trained:
    """Compile a recipe and train it for some steps on one batch of random rows, on the CPU. Raises RecipeError."""
    datasets = {name: replace(data, batch_size=ROWS) for name, data in recipe.datasets.items()}
    recipe = replace(recipe, datasets=datasets)  # so that as many fakes are drawn as there are rows
    plan = compile_plan(recipe)
    stepper = Stepper(plan, torch.device("cpu"), steps_per_epoch=10)
    torch.manual_seed(5)
    rows: dict[str, Tensor] = {}
    for name, spec in plan.parts.specs.items():
        head = f"{name}." if name else ""
        made = random_rows(spec.fields, ROWS, bits=recipe.datasets[name].binarise != "none")
        rows |= {f"{head}{key}": value for key, value in made.items()}
        rows.setdefault(f"{head}index", torch.arange(ROWS))
    before = _parameters(plan)
    for step in range(steps):
        stepper.step(step, rows)
    terms = {name: [value for _, value in entries] for name, entries in stepper.take_history().items()}
    return Trained(plan, terms, before, _parameters(plan))


def _parameters(plan: Plan) -> dict[str, dict[str, Tensor]]:
    """Copies of what the players train, by instance."""
    found: dict[str, dict[str, Tensor]] = {}
    for player in plan.recipe.players:
        for full, parameter in plan.trained_parameters(player).items():
            name, _, key = full.partition(".")
            found.setdefault(name, {})[key] = parameter.detach().clone()
    return found
