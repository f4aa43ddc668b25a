"""Whether groups that were found without labels are the classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count


def group_accuracy(
    classify: Callable[[Any], Tensor], data: Any, train_data: Any, *, batch_size: Count = 500
) -> dict[str, float]:
    """The share of a split whose label `y` is the class of its group, the groups found without labels.

    classify: an output x -> scores of groups (batch, groups), or of one variable (batch, 1, groups), such as InfoGAN's
    code (Chen et al. 2016, section 7.2, match its values with digits). The class of a group is the one that most of its
    training examples have; the largest class where it has none. groups_used: how many groups are the likeliest of any
    example of the split; classes_named: how many classes have a group. Raises ValueError for data without labels.
    """
    groups, labels = _told(classify, train_data, batch_size)
    seen, told = _told(classify, data, batch_size)
    table = torch.zeros(int(torch.cat([groups, seen]).max()) + 1, int(torch.cat([labels, told]).max()) + 1)
    table.index_put_((groups, labels), torch.ones(len(groups)), accumulate=True)
    named = torch.where(table.sum(1) > 0, table.argmax(1), table.sum(0).argmax())
    right = named[seen] == told
    share = float(right.double().mean())
    return {
        "group_accuracy": share,
        "group_accuracy_standard_error": (share * (1 - share) / len(right)) ** 0.5,
        "groups_used": float((seen.bincount() > 0).sum()),
        "classes_named": float((named[table.sum(1) > 0].bincount() > 0).sum()),
    }


def _told(classify: Callable[[Any], Tensor], data: Any, batch_size: int) -> tuple[Tensor, Tensor]:
    """The likeliest group and the label of each example of a split."""
    groups, labels = [], []
    for batch in data.batches(batch_size):
        if "y" not in batch or batch["y"].is_floating_point():
            raise ValueError("a group is compared with classes by labels, and the data have no `y`")
        groups.append(classify(batch).flatten(1).argmax(-1).cpu())
        labels.append(batch["y"].cpu())
    return torch.cat(groups), torch.cat(labels)
