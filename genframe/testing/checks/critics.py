"""What a discriminator promises: a verdict of logits, through which penalties can be minimised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.net_trial import inputs, parameters, results, shaken
from genframe.testing.runs import built, runs
from genframe.testing.subject import Subject
from genframe.testing.terms import difference, precision
from genframe.values import Verdict


@check("discriminator")
def gives_a_verdict(subject: Subject) -> None:
    """A discriminator gives Verdict(score, features): score (batch, ...), features None or (batch, d)."""
    for run in runs(subject):
        if not isinstance(run.value, Verdict):
            raise Failure(
                f"{run} gives Verdict(score, features)",
                came=f"a {type(run.value).__name__}",
                hint="from genframe import Verdict; return Verdict(score)",
            )
        score, features = run.value.score, run.value.features
        if score.ndim < 1 or score.shape[0] != 4:
            raise Failure(f"the score of {run} is (4, ...) for four examples", came=f"{tuple(score.shape)}")
        if features is not None and (features.ndim != 2 or features.shape[0] != 4):
            raise Failure(
                f"the features of {run} are None or (4, d) for four examples",
                came=f"{tuple(features.shape)}",
                hint="side tasks take a vector an example: features.flatten(1) or features.mean((2, 3))",
            )


@check("discriminator")
def scores_are_logits(subject: Subject) -> None:
    """Scores are logits: with other weights and inputs they leave the interval from 0 to 1.

    Sixteen draws of weights: a critic whose scores have either sign by chance is failed once in 60,000.
    """
    case = next(iter(runs(subject, evaluating=True))).case
    low, high = 1.0, 0.0
    for seed in range(16):
        part = shaken(built(subject, case, seed=seed, evaluating=True), 0.5, seed)
        large = [3 * v if v.is_floating_point() else v for v in inputs(subject, case, seed=seed + 1)]
        found = dict(results(subject, part, large))
        if "result.score" not in found:
            raise NotApplicable("it gives no Verdict")
        score = found["result.score"]
        low, high = min(low, float(score.min())), max(high, float(score.max()))
        if low < 0 or high > 1:
            return
    raise Failure(
        "scores are logits, of either sign and any size",
        came=f"all between {low:.3g} and {high:.3g}, for sixteen draws of large weights",
        hint="leave out the sigmoid at the end: losses take logits, and compute its logarithm exactly",
    )


@check("discriminator")
def has_second_derivatives(subject: Subject) -> None:
    """A penalty on the gradient of the score can be minimised: its own gradient exists, is finite, and is right.

    Compared with finite differences along four random directions, in float64; it is wrong where all four differ,
    so that kinks (which one direction in some hundred crosses) are no false alarm.
    """
    for run in runs(subject):
        part = shaken(built(subject, run.case), 0.02)
        trained = [p for p in parameters(part) if p.requires_grad]
        if not trained:
            raise NotApplicable("it has no parameters that could be trained")
        try:
            first, second = _derivatives(subject, part, inputs(subject, run.case), trained)
        except RuntimeError as error:
            raise Failure(
                f"the score's gradient at x can be differentiated again, as R1 and WGAN-GP do ({run.case})",
                came=f"RuntimeError: {str(error).splitlines()[0]}",
                hint="is x detached, or is there an operator without a second derivative?",
            ) from error
        for name, gradients in (("gradient at x", [first]), ("gradient of its square", second)):
            if any(g is not None and not bool(g.isfinite().all()) for g in gradients):
                raise Failure(
                    f"the score's {name} is finite ({run.case})",
                    came="NaN or infinity in it",
                    hint="the derivative of a root or a norm at 0? add a small number under the root",
                )
    _require_right(subject)


def _derivatives(
    subject: Subject, part: Any, given: list[Any], trained: list[nn.Parameter]
) -> tuple[Tensor, Sequence[Tensor | None]]:
    """The gradient of the scores at x, and the gradient of its square with respect to the parameters."""
    x, *more = given
    x.requires_grad_()
    score = subject.call(part, [x, *more]).score
    (first,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return first, torch.autograd.grad(first.square().sum(), trained, allow_unused=True)


def _require_right(subject: Subject) -> None:
    """The second derivatives of the first case against finite differences of the penalty."""
    case = next(iter(runs(subject))).case
    try:
        with precision(torch.float64):
            part = shaken(built(subject, case, evaluating=True), 0.02)
            given = inputs(subject, case)
            trained = [p for p in parameters(part) if p.requires_grad]
            first, second = _derivatives(subject, part, given, trained)
            pairs = list(_second_slopes(subject, part, given, trained, second))
    except (RuntimeError, TypeError):
        return  # it is bound to float32
    norm = math.sqrt(sum(float(g.square().sum()) for g in second if g is not None))
    tolerance = 0.05 * norm + 1e-5 * (1 + float(first.detach().square().sum()))
    if all(abs(measured - foretold) > tolerance for measured, foretold in pairs):
        text = ", ".join(f"{measured:.4g} ({foretold:.4g})" for measured, foretold in pairs)
        raise Failure(
            f"the gradient of a penalty on the score's gradient is that of its value ({case})",
            came=f"slopes along random directions (and what the gradient says): {text}",
            hint="an operator whose backward is not differentiable (once_differentiable), or a detached part?",
        )


def _second_slopes(
    subject: Subject,
    part: Any,
    given: list[Any],
    trained: list[nn.Parameter],
    second: Sequence[Tensor | None],
) -> Iterator[tuple[float, float]]:
    """Finite differences of the penalty along random directions, and what its gradient says of them."""
    generator = torch.Generator().manual_seed(29)

    def penalty() -> float:
        return float(_derivatives(subject, part, given, trained)[0].detach().square().sum())

    for _ in range(4):
        way = [torch.randn(p.shape, generator=generator) for p in trained]
        foretold = sum(float((g * w).sum()) for g, w in zip(second, way, strict=True) if g is not None)
        yield difference(penalty, trained, way, 1e-8), foretold
