"""What nets promise beyond running: they see all of it, a row at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.net_trial import inputs, results, shaken
from genframe.testing.runs import NETS, Refusal, built, promised, runs
from genframe.testing.subject import Subject
from genframe.testing.toys import Case, image

UNSEEN = 6
"""A sixth of a picture's height or width may go unseen at the borders: strides without padding leave a rest."""


@check(*NETS)
def independent_rows(subject: Subject) -> None:
    """In eval mode what comes of an example does not depend on the other examples of its batch."""
    for case, part in _nets(subject):
        mine, others = inputs(subject, case), inputs(subject, case, seed=5)
        beside = [_beside(one, other) for one, other in zip(mine, others, strict=True)]
        came = [dict(results(subject, part, given)) for given in (mine, beside)]
        for name, tensor in came[0].items():
            change = float((tensor[0] - came[1][name][0]).abs().max())
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
        x, *more = inputs(subject, case, batch=8)
        x.requires_grad_()
        found = [tensor for _, tensor in results(subject, part, [x, *more], graph=True)]
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
        samples: int = getattr(subject.target, "sample_ndim", 0)
        if isinstance(value, Tensor) and samples:
            value = value.flatten(1, samples)[:, 0]  # of its samples the first
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
        ((_, value), *_) = results(subject, part, inputs(subject, case, batch=8, wide=True))
        moves = value.detach().std(0) > 0  # (*out_shape)
        if moves.ndim == 3:
            _require_moving_picture(moves, case)
        elif not bool(moves.all()):
            dead = (~moves.flatten()).nonzero().flatten().tolist()
            raise Failure(f"each of {moves.numel()} values depends on z ({case})", came=f"{dead[:8]} do not")


def _nets(subject: Subject) -> Iterator[tuple[Case, Any]]:
    """The net in each case that it takes, in eval mode, with weights moved by noise: some layers start at zero."""
    for run in runs(subject, evaluating=True):
        yield run.case, shaken(run.part, 0.02)


def _beside(mine: Any, others: Any) -> Any:
    """My first example beside others."""
    return torch.cat([mine[:1], others[1:]]) if isinstance(mine, Tensor) else mine


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
