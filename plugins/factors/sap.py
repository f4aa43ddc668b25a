"""The separated attribute predictability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from .ground_truth import Codes, coded, numbered, refused


def sap(
    encode: Callable[[Any], Tensor],
    data: Any,
    train_data: Any,
    *,
    continuous: bool = False,
    count: Count = 10_000,
    held_out: Count = 5_000,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How much better the best latent of a factor predicts it than the next one, as a mean over factors.

    Kumar et al. 2018 (DIP-VAE), section 3. By default as disentanglement_lib has it for discrete factors: the score of
    a latent is the accuracy of a linear support vector machine on that one number (C = 0.01, classes balanced; fitted
    to `count` training codes, measured on `held_out` of the split). One line cannot cut out a middle level, so that
    the best that a score can be is 1 - 1/2 of a factor of two levels, and less of more. continuous: the score is R^2 of
    a line, squared correlation over the codes of the split, and the best is 1. The two scales are not to be mixed.

    encode: an output x -> mean codes (batch, ...), of two latents at least. The data give `factors` (batch, f).
    """
    measured = coded(encode, data, batch_size).some(held_out)
    if measured.z.shape[1] < 2:
        raise refused("sap is a gap between two latents, and there is one")
    if continuous:
        scores = _explained(measured)
    else:
        scores = _accuracies(coded(encode, train_data, batch_size).some(count), measured)
    best = scores.topk(2, dim=0).values  # (2, factors)
    return {"sap": float((best[0] - best[1]).mean())}


def _explained(codes: Codes) -> Tensor:
    """Squared correlations (d, f) of latents and the factors that vary; 0 for a latent that does not."""
    z, v = (value - value.mean(0) for value in (codes.z, codes.factors))
    v = v[:, v.abs().amax(0) > 0]
    if not v.shape[1]:
        raise refused(f"no factor varies in the {len(v)} examples")
    spread = z.square().mean(0)
    squared = (z.T @ v / len(z)).square() / (spread.clamp_min(1e-12).unsqueeze(1) * v.square().mean(0))
    return torch.where(spread.unsqueeze(1) > 1e-12, squared, 0.0)


def _accuracies(train: Codes, test: Codes) -> Tensor:
    """The accuracy (d, f) at which each latent alone predicts each factor."""
    from sklearn.svm import LinearSVC

    fitted, held = numbered(train, test)
    scores = torch.zeros(train.z.shape[1], fitted.shape[1])
    for factor in range(fitted.shape[1]):
        for latent in range(len(scores)):
            machine = LinearSVC(
                C=0.01, class_weight="balanced", dual=False
            )  # n > d: exact, and draws nothing
            machine.fit(train.z[:, [latent]].numpy(), fitted[:, factor].numpy())
            guess = torch.as_tensor(machine.predict(test.z[:, [latent]].numpy()))
            scores[latent, factor] = (guess == held[:, factor]).double().mean()
    return scores
