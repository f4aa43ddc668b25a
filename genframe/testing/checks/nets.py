"""What encoders, decoders and discriminators promise beyond running: they see all of it, a row at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.runs import NETS, Refusal, built, promised, runs
from genframe.testing.subject import Subject, tensors
from genframe.testing.terms import difference, precision
from genframe.testing.toys import Case, Toys, image
from genframe.values import Verdict

UNSEEN = 6
"""A sixth of a picture's height or width may go unseen at the borders: strides without padding leave a rest."""


@check(*NETS)
def independent_rows(subject: Subject) -> None:
    """In eval mode what comes of an example does not depend on the other examples of its batch."""
    for case, part in _nets(subject):
        mine, others = _inputs(subject, case), _inputs(subject, case, seed=5)
        beside = [_beside(one, other) for one, other in zip(mine, others, strict=True)]
        results = [dict(_results(subject, part, inputs)) for inputs in (mine, beside)]
        for name, tensor in results[0].items():
            change = float((tensor[0] - results[1][name][0]).abs().max())
            if change > 1e-4 * (1 + float(tensor[0].abs().max())):
                raise Failure(
                    f"{name} of the first example is the same whatever the others are, in eval mode ({case})",
                    came=f"a change of {change:.3g}, of values up to {float(tensor[0].abs().max()):.3g}",
                    hint="normalise with running statistics in eval mode, or within each example. A statistic of "
                    "the batch that is meant (minibatch deviation, packing) is an expected failure, with its reason",
                )


@check(*NETS)
def sees_all_of_its_input(subject: Subject) -> None:
    """Each coordinate of a vector, each channel and each side of a picture changes what comes.

    Told by gradients for eight inputs and weights moved by noise. At the borders of a picture up to a sixth of
    its height or width may go unseen.
    """
    for case, part in _nets(subject):
        x, *more = _inputs(subject, case, batch=8)
        x.requires_grad_()
        found = [tensor for _, tensor in _results(subject, part, [x, *more], graph=True)]
        value = sum((_mixed(tensor) for tensor in found), torch.zeros(()))
        gradient = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
        if gradient is None or not bool(gradient.any()):
            _without_gradient(subject, case)
            continue
        seen = gradient.abs().amax(0) != 0  # (*event); what is not finite is another check's
        if seen.ndim == 3:
            _require_seen_picture(seen, case)
        elif not bool(seen.all()):
            dead = (~seen.flatten()).nonzero().flatten().tolist()
            raise Failure(
                f"each of {seen.numel()} coordinates of the input changes what comes ({case})",
                came=f"no change with {dead[:8]}",
                hint="a slice that is one too short?",
            )


@check("encoder")
def gives_features(subject: Subject) -> None:
    """An encoder gives one tensor: (batch, features), or a map (batch, channels, height, width)."""
    for run in runs(subject):
        if not isinstance(run.value, Tensor) or run.value.ndim < 2:
            came = (
                f"shape {tuple(run.value.shape)}"
                if isinstance(run.value, Tensor)
                else type(run.value).__name__
            )
            raise Failure(
                f"{run} gives one tensor (batch, features), or a map (batch, channels, height, width)",
                came=came,
                hint="mean and deviation are the posterior's part: an encoder gives what it computes them from",
            )


@check("decoder")
def fits_the_data(subject: Subject) -> None:
    """A decoder gives (batch, *out_shape) exactly: odd sizes, one and three channels, small and large latents."""
    odd = image(3, 27, 22)  # of unlike parity at each halving
    cases = (*subject.cases, odd, *(replace(case, latent_shape=(7,)) for case in (subject.cases[-1], odd)))
    for case in cases:
        latent = "x".join(map(str, case.latent_shape))
        try:
            with promised(f"it decodes a latent of {latent} to {case}"):
                part = built(subject, case)
                value = subject.call(part, subject.arguments(case))
        except Refusal:
            continue
        expected = (4, *case.data_shape)
        if not isinstance(value, Tensor) or tuple(value.shape) != expected:
            came = str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
            raise Failure(
                f"a decoder built for out_shape {case.data_shape} gives {expected} of a batch of 4 latents ({latent})",
                came=came,
                hint="height and width may differ and be odd: build for out_shape, and crop or pad to it",
            )


@check("decoder")
def every_output_depends_on_the_latent(subject: Subject) -> None:
    """No value of what a decoder gives is the same for every latent: no dead border, no constant channel."""
    for case, part in _nets(subject):
        ((_, value), *_) = _results(subject, part, _inputs(subject, case, batch=8, wide=True))
        moves = value.detach().std(0) > 0  # (*out_shape)
        if moves.ndim == 3:
            _require_moving_picture(moves, case)
        elif not bool(moves.all()):
            dead = (~moves.flatten()).nonzero().flatten().tolist()
            raise Failure(f"each of {moves.numel()} values depends on z ({case})", came=f"{dead[:8]} do not")


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
        part = _shaken(built(subject, case, seed=seed, evaluating=True), 0.5, seed)
        inputs = [3 * v if v.is_floating_point() else v for v in _inputs(subject, case, seed=seed + 1)]
        found = dict(_results(subject, part, inputs))
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
        part = _shaken(built(subject, run.case), 0.02)
        parameters = [p for p in _parameters(part) if p.requires_grad]
        if not parameters:
            raise NotApplicable("it has no parameters that could be trained")
        try:
            first, second = _derivatives(subject, part, _inputs(subject, run.case), parameters)
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
    subject: Subject, part: Any, inputs: list[Any], parameters: list[nn.Parameter]
) -> tuple[Tensor, Sequence[Tensor | None]]:
    """The gradient of the scores at x, and the gradient of its square with respect to the parameters."""
    x, *more = inputs
    x.requires_grad_()
    score = subject.call(part, [x, *more]).score
    (first,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return first, torch.autograd.grad(first.square().sum(), parameters, allow_unused=True)


def _require_right(subject: Subject) -> None:
    """The second derivatives of the first case against finite differences of the penalty."""
    case = next(iter(runs(subject))).case
    try:
        with precision(torch.float64):
            part = _shaken(built(subject, case, evaluating=True), 0.02)
            inputs = _inputs(subject, case)
            parameters = [p for p in _parameters(part) if p.requires_grad]
            first, second = _derivatives(subject, part, inputs, parameters)
            pairs = list(_second_slopes(subject, part, inputs, parameters, second))
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
    inputs: list[Any],
    parameters: list[nn.Parameter],
    second: Sequence[Tensor | None],
) -> Iterator[tuple[float, float]]:
    """Finite differences of the penalty along random directions, and what its gradient says of them."""
    generator = torch.Generator().manual_seed(29)

    def penalty() -> float:
        return float(_derivatives(subject, part, inputs, parameters)[0].detach().square().sum())

    for _ in range(4):
        way = [torch.randn(p.shape, generator=generator) for p in parameters]
        foretold = sum(float((g * w).sum()) for g, w in zip(second, way, strict=True) if g is not None)
        yield difference(penalty, parameters, way, 1e-8), foretold


def _nets(subject: Subject) -> Iterator[tuple[Case, Any]]:
    """The net in each case that it takes, in eval mode, with weights moved by noise: some layers start at zero."""
    for run in runs(subject, evaluating=True):
        yield run.case, _shaken(run.part, 0.02)


def _parameters(part: Any) -> Iterator[nn.Parameter]:
    if isinstance(part, nn.Module):
        yield from part.parameters()


def _shaken(part: Any, amount: float, seed: int = 0) -> Any:
    """The part, its parameters moved by `amount` times standard normal noise."""
    generator = torch.Generator().manual_seed(seed + 17)
    with torch.no_grad():
        for parameter in _parameters(part):
            if parameter.is_floating_point():
                parameter.add_(amount * torch.randn(parameter.shape, generator=generator))
    return part


def _inputs(
    subject: Subject, case: Case, *, batch: int = 4, seed: int = 1, wide: bool = False
) -> list[Tensor]:
    """What it is called with, without graph; `wide`: the first three times as large."""
    first, *more = subject.arguments(case, toys=Toys(case, seed, batch))
    rest = [value.detach() if isinstance(value, Tensor) else value for value in more]
    return [first.detach() * (3 if wide else 1), *rest]


def _beside(mine: Any, others: Any) -> Any:
    """My first example beside others."""
    return torch.cat([mine[:1], others[1:]]) if isinstance(mine, Tensor) else mine


def _results(
    subject: Subject, part: Any, inputs: list[Any], graph: bool = False
) -> Iterator[tuple[str, Tensor]]:
    with torch.set_grad_enabled(graph):
        yield from tensors(subject.call(part, inputs))


def _mixed(tensor: Tensor) -> Tensor:
    """A sum with random weights: no two values cancel."""
    return (tensor * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(3))).sum()


def _without_gradient(subject: Subject, case: Case) -> None:
    if subject.kind == "encoder":
        raise NotApplicable("no gradient reaches its input")
    learner = "a generator learns through it" if subject.kind == "discriminator" else "encoder and prior do"
    raise Failure(
        f"a gradient flows from what it gives to its input, because {learner} ({case})",
        came="none, or zero everywhere",
        hint="a .detach(), a torch.no_grad() or a rounding on the way?",
    )


def _require_seen_picture(seen: Tensor, case: Case) -> None:
    """seen: (channels, height, width)."""
    blind = [channel for channel in range(len(seen)) if not bool(seen[channel].any())]
    if blind:
        raise Failure(f"each channel of {case} changes what comes", came=f"channel {blind} does not")
    for lines, name in ((seen.any(2).any(0), "rows"), (seen.any(1).any(0), "columns")):
        count, before, after = len(lines), *_borders(lines)
        if before + after > count / UNSEEN:
            raise Failure(
                f"every part of {case} changes what comes",
                came=f"of {count} {name} the first {before} and the last {after} do not",
                hint="is the picture cropped, or are height and width taken for each other?",
            )


def _require_moving_picture(moves: Tensor, case: Case) -> None:
    """moves: (channels, height, width)."""
    still = [channel for channel in range(len(moves)) if not bool(moves[channel].any())]
    if still:
        raise Failure(f"each channel of {case} depends on z", came=f"channel {still} is constant")
    for lines, name in ((moves.any(2).any(0), "rows"), (moves.any(1).any(0), "columns")):
        before, after = _borders(lines)
        if before or after:
            raise Failure(
                f"every part of {case} depends on z, up to the border",
                came=f"of {len(lines)} {name} the first {before} and the last {after} are constant",
                hint="padded to its size? compute the border too",
            )


def _borders(lines: Tensor) -> tuple[int, int]:
    """How many lines are dead before the first live one, and after the last."""
    live = lines.nonzero().flatten()
    return int(live[0]), len(lines) - 1 - int(live[-1])
