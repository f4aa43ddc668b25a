"""The BetaVAE score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from .ground_truth import alike, coded, numbered, seed


def beta_vae_score(
    encode: Callable[[Any], Tensor],
    data: Any,
    train_data: Any,
    *,
    group: Count = 64,
    count: Count = 10_000,
    held_out: Count = 5_000,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How often a linear classifier tells from differences of codes which factor the pairs of a group have in common.

    Higgins et al. 2017 (beta-VAE), section 3. A group is `group` pairs of examples alike in one factor, each factor
    in turn; each pair has a level of its own. Logistic regression predicts the factor from the mean of |z - z'|
    over the group: fitted to `count` groups of training examples, its accuracy measured on `held_out` groups of the
    split, as disentanglement_lib has it. By chance it is 1 over the factors; a rotated code can score 1, too, which
    is why FactorVAE's score was made. Factors that do not vary are left out.

    encode: an output x -> mean codes (batch, ...). The data give `factors` (batch, f), discrete levels.
    """
    from sklearn.linear_model import LogisticRegression

    train, test = coded(encode, train_data, batch_size), coded(encode, data, batch_size)
    levels, held = numbered(train, test)
    if levels.shape[1] == 1:
        return {"beta_vae_score": 1.0}  # there is nothing to tell
    model = LogisticRegression(max_iter=1000, random_state=seed())
    model.fit(*(part.numpy() for part in _differences(train.z, levels, count, group)))
    differences, which = _differences(test.z, held, held_out, group)
    guess = torch.as_tensor(model.predict(differences.numpy()))
    return {"beta_vae_score": float((guess == which).double().mean())}


def _differences(z: Tensor, levels: Tensor, n: int, group: int) -> tuple[Tensor, Tensor]:
    """Mean differences (n, d) of the pairs of n groups, and the factor that each has in common (n,), each in turn."""
    which = torch.arange(n) % levels.shape[1]
    found = z.new_empty(n, z.shape[1])
    for factor in range(levels.shape[1]):
        chosen = which == factor
        first = torch.randint(len(z), (int(chosen.sum()), group))
        found[chosen] = (z[first] - z[alike(levels[:, factor], first)]).abs().mean(1)
    return found, which
