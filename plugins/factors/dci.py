"""Disentanglement, completeness, informativeness."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from .ground_truth import coded, numbered, seed


def dci(
    encode: Callable[[Any], Tensor],
    data: Any,
    train_data: Any,
    *,
    trees: Count = 100,
    count: Count = 10_000,
    held_out: Count = 5_000,
    batch_size: Count = 500,
) -> dict[str, float]:
    """Whether a latent serves one factor, a factor needs one latent, and all latents together tell the factors.

        D = sum_i rho_i (1 - H_f(R_i. / sum_j R_ij)),   rho_i the share of latent i in all of R
        C = sum_j rho_j (1 - H_d(R_.j / sum_i R_ij)),   H_b the entropy with logarithms to base b

    Eastwood and Williams 2018, section 2, as disentanglement_lib has it: R_ij is the importance of latent i to
    gradient boosting (`trees` for each level, depth 3) that predicts factor j from all latents, and
    `dci_informativeness` is the mean accuracy on held-out examples, higher is better (the paper's is an error).
    Fitted to `count` training codes, measured on `held_out` of the split. Minutes for 10,000 codes and factors of
    many levels: lower `count` and `trees` to watch a run.

    encode: an output x -> mean codes (batch, ...). The data give `factors` (batch, f), discrete levels.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    train = coded(encode, train_data, batch_size).some(count)
    test = coded(encode, data, batch_size).some(held_out)
    fitted, held = numbered(train, test)
    importances, right = [], []
    for factor in range(fitted.shape[1]):
        model = GradientBoostingClassifier(n_estimators=trees, random_state=seed())
        model.fit(train.z.numpy(), fitted[:, factor].numpy())
        found = torch.as_tensor(model.feature_importances_)
        importances.append(found.clamp_min(0))  # rounding gives some of -1e-17
        guess = torch.as_tensor(model.predict(test.z.numpy()))
        right.append((guess == held[:, factor]).double().mean())
    table = torch.stack(importances, 1).double()  # (d, f)
    return {
        "dci_disentanglement": concentration(table),
        "dci_completeness": concentration(table.T),
        "dci_informativeness": float(torch.stack(right).mean()),
    }


def concentration(table: Tensor) -> float:
    """How far each row of importances (rows, columns) lies in one column, from 0 to 1, weighted by the rows' sums."""
    sums = table.sum(1)
    shares = table / sums.clamp_min(1e-300).unsqueeze(1)
    entropy = -torch.xlogy(shares, shares).sum(1) / math.log(max(table.shape[1], 2))
    return float((sums * (1 - entropy)).sum() / sums.sum().clamp_min(1e-300))
