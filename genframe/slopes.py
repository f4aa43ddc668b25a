"""Slopes that a call takes of what it is handed: a penalty's gradient of a critic, at each example.

Such a call differentiates twice, so that what it is handed is called neither compiled nor in bfloat16; and the slope
at one example must not depend on the others, which normalising over the batch makes it do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from genframe.values import Verdict

MIXED = 1e-4
"""From which share of its own curvature on the slope at one example depends on another; what is less is rounding."""


@dataclass
class Slopes(TorchFunctionMode):
    """Within, every gradient that is taken is kept: (what it is taken of, the gradient). A batch has `rows` rows."""

    rows: int
    taken: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.autograd.grad:
            inputs = args[1] if len(args) > 1 else (kwargs or {})["inputs"]
            pairs = zip((inputs,) if isinstance(inputs, Tensor) else inputs, result, strict=False)
            self.taken += [(at, gradient) for at, gradient in pairs if isinstance(gradient, Tensor)]
        return result

    def mixed(self, handed: Sequence[Any]) -> bool:
        """Whether the gradient at the first example depends on the others, by itself or by what was `handed` over."""
        taken = [(at, gradient) for at, gradient in self.taken if self._of_examples(at)]
        if any(_depends_on_others(at, gradient) for at, gradient in taken):
            return True
        for judge in filter(callable, handed):
            with suppress(TypeError):  # one that takes more than examples
                if any(mixes(judge, at) for at, _ in taken):
                    return True
        return False

    def _of_examples(self, at: Tensor) -> bool:
        """Rather than of weights, whose slope is nobody's own."""
        return at.ndim > 0 and len(at) == self.rows


def mixes(judge: Callable[[Tensor], Any], at: Tensor) -> bool:
    """Whether the slope at the first example is another one beside other examples.

    As a second derivative says it, but of nets too that bend at kinks alone (leaky_relu, maxout) and have none.
    Two slopes beside the same examples tell by how much they differ anyhow, as under spectral normalisation.
    """
    others = at.detach().clone()
    others[1:] = 1 - 3 * others[1:]
    slopes = [_slope(judge, x) for x in (at.detach(), at.detach(), others)]
    first, again, beside = (slope[0] if slope is not None else None for slope in slopes)
    if first is None or again is None or beside is None:
        return False
    anyhow = (again - first).abs().max()
    return bool((beside - first).abs().max() > 10 * anyhow + MIXED * first.abs().max())


def _slope(judge: Callable[[Tensor], Any], x: Tensor) -> Tensor | None:
    """Of the summed score; None where there is none."""
    x = x.clone().requires_grad_()
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = judge(x)
        score = found.score if isinstance(found, Verdict) else found
        if not isinstance(score, Tensor) or not score.requires_grad:
            return None
        (slope,) = torch.autograd.grad(score.sum(), x, allow_unused=True)
    return slope


def _depends_on_others(at: Tensor, gradient: Tensor) -> bool:
    if not gradient.requires_grad or gradient.shape != at.shape or len(at) < 2:
        return False
    (found,) = torch.autograd.grad(gradient[0].sum(), at, retain_graph=True, allow_unused=True)
    if found is None:
        return False
    own, others = found[0].abs().max(), found[1:].abs().max()
    return bool(others > MIXED * own)


def normalised(module: nn.Module) -> str | None:
    """The first layer inside that normalises over the batch, in words: `net.1 (BatchNorm1d)`; None without one."""
    for path, layer in module.named_modules():
        if isinstance(layer, _BatchNorm):
            return f"{path} ({type(layer).__name__})" if path else type(layer).__name__
    return None
