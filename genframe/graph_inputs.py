"""What an output takes as the inputs of a graph: names, shapes, ranges, and rows to try it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe import abilities, conditions
from genframe.data.spec import Field
from genframe.errors import Problem, RecipeError
from genframe.latents import Latents
from genframe.parts import random_rows

if TYPE_CHECKING:
    from genframe.api import Model


@dataclass(frozen=True)
class Input:
    """What a graph is given: its name, the shape of one example, its dtype and its range in words."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    range: str
    rows: Callable[[int, int], Tensor]  # (n, seed) -> examples (n, *shape)

    def facts(self) -> dict[str, Any]:
        return {"name": self.name, "shape": ["batch", *self.shape], "dtype": self.dtype, "range": self.range}


def inputs_of(model: Model, output: str) -> tuple[Input, ...]:
    """What an output takes, as inputs of a graph. Raises RecipeError: GF531 for none, GF831 for what is no tensor."""
    _ = model.outputs[output]  # says which there are
    return tuple(_input(model, output, name) for name in model.outputs.arguments(output))


def _input(model: Model, output: str, name: str) -> Input:
    """A field of the data, a code, a level, or something like x: a picture."""
    specs = model.outputs.plan.parts.specs
    fields: dict[str, Field] = {**conditions.fields(model)}
    for dataset, spec in specs.items():
        if "x" in spec.fields:
            fields.setdefault("x", spec.fields["x"])
            fields[dataset or "x"] = spec.fields["x"]
    bits = any(data.binarise != "none" for data in model.recipe.datasets.values())
    if name in ("n", "k", "step", "batch_size"):
        written = f"{output}({', '.join(model.outputs.arguments(output))})"
        message = f"the output {written} draws {name} of something, and a graph takes tensors"
        known = "sample takes its noise as an input" if abilities.has(model, abilities.PRIOR) else ""
        raise RecipeError(
            Problem("GF831", ": ".join(filter(None, (message, known))), path=f"outputs.{output}")
        )
    if name in fields:
        return _field(name, fields[name], bits)
    if "decode" in model.outputs and output == "decode" and name == Latents(model).argument:
        return _code(model, name)
    if name == "level":
        return Input(
            name, (), "float32", "the level of the noise, 0 or above", lambda n, seed: _rand(n, (), seed)
        )
    if "x" not in fields:
        raise RecipeError(
            Problem("GF831", f"nothing is known of the argument {name!r}", path=f"outputs.{output}")
        )
    return _field(name, fields["x"], False)


def _field(name: str, field: Field, bits: bool) -> Input:
    if field.classes is not None:
        said = f"a class from 0 to {field.classes - 1}"
    elif field.image:
        said = "[0, 1], binarised in training" if bits else "[0, 1]"
    else:
        said = "as in the data"

    def rows(n: int, seed: int) -> Tensor:
        torch.manual_seed(seed)
        return random_rows({name: field}, n, bits)[name]

    return Input(name, tuple(field.shape), field.dtype, said, rows)


def _code(model: Model, name: str) -> Input:
    """A code: drawn from the prior where there is one, else an example's."""
    latents = Latents(model)
    if abilities.has(model, abilities.PRIOR):
        given = {field: 0 for field, spec in conditions.asked(model, "decode").items() if spec.classes}

        def drawn(n: int, seed: int) -> Tensor:
            return Latents(model, given).draw(n, seed).cpu()

        one, said = drawn(1, 0), f"a draw of p(z): {_law(latents)}"
        return Input(name, tuple(one.shape[1:]), str(one.dtype).removeprefix("torch."), said, drawn)
    abilities.require(model, "exporting decode", "encode", "decode")
    x = inputs_of(model, "encode")

    def encoded(n: int, seed: int) -> Tensor:
        code: Tensor = model.outputs["encode"](*[each.rows(n, seed) for each in x])
        return code

    one = encoded(1, 0)
    return Input(name, tuple(one.shape[1:]), str(one.dtype).removeprefix("torch."), "a code", encoded)


def _law(latents: Latents) -> str:
    """p(z) in words: its class, and mean and standard deviation where all numbers share them."""
    law = latents.prior
    if law is None:
        return "as the recipe draws it"
    try:
        mean, std = law.mean, law.stddev
    except (NotImplementedError, AttributeError):
        return type(law).__name__
    shared = all(float(v.max() - v.min()) < 1e-6 for v in (mean, std))
    numbers = f", mean {float(mean.mean()):g}, standard deviation {float(std.mean()):g}" if shared else ""
    return f"{type(law).__name__}{numbers}"


def _rand(n: int, shape: Sequence[int], seed: int) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))
