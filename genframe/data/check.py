"""Loaded data against what the dataset's `spec()` promised: a sentence for each way in which they differ."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genframe.data.spec import UNKNOWN, DataSpec, Field


def rows_differ(tensors: Mapping[str, Tensor], spec: DataSpec) -> list[str]:
    """What is wrong with some or all examples of a split: fields, shapes, dtypes, values; none when sound."""
    missing = [name for name in spec.fields if name not in tensors]
    if missing:
        return [f"spec() promises {', '.join(spec.fields)}; the data lack {', '.join(missing)}"]
    found: list[str] = []
    for name, field in spec.fields.items():
        found += _form_differs(name, tensors[name], field) or _values_differ(name, tensors[name], field)
    lengths = {name: len(tensors[name]) for name in spec.fields}
    if len(set(lengths.values())) > 1:
        found.append(f"the fields have unequal lengths: {lengths}")
    return found


def length_differs(length: int, spec: DataSpec, split: str) -> list[str]:
    """Whether a split has another length than was promised."""
    promised = spec.lengths[split]
    if promised in (UNKNOWN, length):
        return []
    return [f"the split {split!r} has {length} examples, spec() promises {promised}"]


def _form_differs(name: str, tensor: Tensor, field: Field) -> list[str]:
    if tuple(tensor.shape[1:]) != tuple(field.shape):
        return [f"{name}: an example has the shape {tuple(tensor.shape[1:])}, spec() promises {field.shape}"]
    accepted = {field.dtype, "uint8"} if field.image else {field.dtype}
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in accepted:
        return [f"{name}: the dtype is {dtype}, spec() promises {' or '.join(sorted(accepted))}"]
    return []


def _values_differ(name: str, tensor: Tensor, field: Field) -> list[str]:
    if tensor.dtype == torch.uint8 or tensor.numel() == 0:
        return []
    if tensor.is_floating_point() and not tensor.isfinite().all():
        sound = int(tensor.isfinite().reshape(len(tensor), -1).all(dim=1).sum())
        return [f"{name}: NaN or infinity in {len(tensor) - sound} of {len(tensor)} examples"]
    low, high = tensor.min().item(), tensor.max().item()
    if field.image and (low < 0 or high > 1):
        return [f"{name}: pixels must lie in [0, 1], found {low:g} to {high:g}"]
    if field.classes is not None and (low < 0 or high >= field.classes):
        return [f"{name}: labels must lie in 0 to {field.classes - 1}, found {low} to {high}"]
    return []
