"""A recipe's outputs as functions: without gradient, in eval mode, by the averaged weights where there are some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from inspect import Parameter, Signature
from typing import Any

import torch

from genframe.arguments import named
from genframe.compute import Compiler, Env
from genframe.data.order import seeded
from genframe.engine.averages import Averages
from genframe.errors import Problem, RecipeError, nearest
from genframe.plan import Plan


class Outputs:
    """The outputs of a plan.

    `outputs["sample"](64)` calls one; `averages` are swapped in around it by `evaluating`.
    """

    def __init__(self, plan: Plan, averages: Sequence[Averages] = ()) -> None:
        self.plan = plan
        self.averages = averages
        self.compiler = Compiler(plan.parts)
        self._bf16 = Compiler(plan.parts, bf16=True)

    def __contains__(self, name: str) -> bool:
        return name in self.plan.wiring.outputs

    def __iter__(self) -> Iterator[str]:
        return iter(self.plan.wiring.outputs)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The output as a function of its arguments, or of a batch and those that it has not (`named`).

        Its attribute `in_bf16` is the same with nets in bfloat16, distributions in float32 as ever. Raises RecipeError
        when the recipe has no such output.
        """
        if name not in self:
            known = ", ".join(self) or "none"
            message = f"the recipe {self.plan.recipe.name!r} has no output {name!r}; it has {known}"
            raise RecipeError(Problem("GF531", message, path="outputs", nearest=nearest(name, self)))
        output = self.plan.wiring.outputs[name]
        above = self.plan.wiring.ancestors(self.plan.wiring.needs(output.bound))

        def function(compiler: Compiler) -> Callable[..., Any]:
            evaluate = compiler.compile(output.bound)

            def call(*args: Any) -> Any:
                with torch.no_grad():
                    return evaluate(self._wires(above), named(output.wire.params, args))

            return call

        call = function(self.compiler)
        setattr(call, "in_bf16", function(self._bf16))  # noqa: B010, mypy knows no such attribute
        # A metric may serve outputs of one and of two arguments: denoise(picture), denoise(picture, level).
        parameters = [Parameter(param, Parameter.POSITIONAL_ONLY) for param in output.wire.params]
        setattr(call, "__signature__", Signature(parameters))  # noqa: B010, mypy knows no such attribute
        return call

    def arguments(self, name: str) -> tuple[str, ...]:
        return self.plan.wiring.outputs[name].wire.params

    def wires(self, batch: Mapping[str, Any], names: Sequence[str]) -> Env:
        """The values of wires of a training step, by name, on a batch of fields. Raises RecipeError (GF531).

        In the mode and under the draws of `evaluating`; what is not there is told with what is.
        """
        plain = self.plan.wiring.plain
        for name in names:
            if name not in plain:
                known = ", ".join(plain) or "none"
                message = f"the recipe {self.plan.recipe.name!r} has no wire {name!r} without arguments; it has {known}"
                raise RecipeError(Problem("GF531", message, path="wires", nearest=nearest(name, plain)))
        rows = len(next(iter(batch.values())))
        env: Env = {**batch, "batch_size": rows, "step": 0}
        with torch.no_grad():
            return {**env, **self._wires(self.plan.wiring.ancestors(frozenset(names)), env)}

    def _wires(self, names: Sequence[str], known: Env | None = None) -> Env:
        env: Env = dict(known or {})
        for name in names:
            bound = self.plan.wiring.plain[name]
            value = self.compiler.compile(bound.bound)(env, {})
            values = [value] if len(bound.wire.names) == 1 else value
            env.update(zip(bound.wire.names, values, strict=True))
        return env

    @contextmanager
    def evaluating(self, *words: object) -> Iterator[None]:
        """Within: eval mode, averaged weights, and draws that are a function of the seed and `words`."""
        modules = self.plan.parts.modules().values()
        modes = {inside: inside.training for module in modules for inside in module.modules()}
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=devices))
            torch.manual_seed(seeded(self.plan.recipe.seed, "outputs", *words))
            for average in self.averages:
                stack.enter_context(average.in_place())
            for module in modules:
                module.eval()
            try:
                yield
            finally:
                for module, training in modes.items():  # each its own: a frozen part stays in eval mode
                    module.training = training
