"""What a training needs that can be told before it begins: the memory of a step's wires, values that its laws have."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from genframe import memory
from genframe.data.feed import Feed
from genframe.errors import Problem, RecipeError
from genframe.plan import Plan
from genframe.scored import misfits, placed

ROWS = 256
"""Examples that are looked at."""


def require_memory(plan: Plan, device: torch.device) -> None:
    """Raise RecipeError (GF542) where the wires of a step alone would not fit in the memory that is free.

    A step takes more, what layers keep for the gradient: this refuses what can't be, and no more.
    """
    batch = next(iter(plan.recipe.datasets.values())).batch_size
    sizes = {name: size * batch for name, size in plan.row_bytes.items()}
    free, needed = memory.available(device), sum(sizes.values())
    if free is None or needed <= free:
        return
    name = max(sizes, key=lambda wire: sizes[wire])
    message = f"the wires of a step take {memory.shown(needed)} at a batch of {batch:,}, and {memory.shown(free)} of "
    message += f"memory are free; {name!r} alone takes {memory.shown(sizes[name])} (with two rows it is "
    message += f"{plan.shapes.get(name, 'larger')}): take a smaller batch_size, or fewer samples of each code"
    wire = plan.wiring.plain[name].wire
    raise RecipeError(Problem("GF542", message, wire.mark, f"wires.{name}", command="genframe explain"))


def require_support(plan: Plan, feeds: Mapping[str, Feed]) -> list[Problem]:
    """Remarks on data that the recipe's likelihoods are no laws of. Raises RecipeError (GF544) where they can't be."""
    problems = []
    for one in plan.scored:
        dataset, name = placed(one.field)
        field = feeds[dataset].spec.fields[name]
        if field.dtype.startswith("float"):
            x = feeds[dataset].split("train").first(ROWS)[name].cpu()
            problems.append(misfits(plan.recipe, one, x, field.image))
    found = [problem for problem in problems if problem is not None]
    RecipeError.collect([problem for problem in found if problem.severity == "error"])
    return found
