"""What a checkpoint holds of an optimizer: its state by parameter name, and what it counts in its `param_groups`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Groups = list[dict[str, Any]]
"""The entries of each of param_groups, without the parameters."""

_PLAIN = (int, float, bool, str, type(None))


def entries(optimizer: torch.optim.Optimizer) -> Groups:
    """What stands in each of param_groups now, as it can be stored: numbers, words, tensors and lists of them."""
    return [
        {key: _copied(value) for key, value in group.items() if key != "params" and _storable(value)}
        for group in optimizer.param_groups
    ]


def of_parameters(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, dict[str, Any]]:
    """The state of each parameter that has one, by its name."""
    state = optimizer.state
    return {name: dict(state[p]) for name, p in parameters.items() if p in state}


def counted(
    optimizer: torch.optim.Optimizer, start: Groups, scheduled: Iterable[str] = ()
) -> list[dict[str, list[Any]]]:
    """What the optimizer itself changed in param_groups: [as it was built, now] of each entry, group by group.

    start: the `entries` when it was built. scheduled: entries that a schedule writes, which are none of its own.
    """
    skipped = {*scheduled}
    return [
        {
            key: [first.get(key), value]
            for key, value in now.items()
            if key not in skipped and not (key in first and _same(first[key], value))
        }
        for first, now in zip(start, entries(optimizer), strict=True)
    ]


def restore(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    state: Mapping[str, Mapping[str, Any]],
    groups: Sequence[Mapping[str, Sequence[Any]]] = (),
) -> None:
    """Put back what `of_parameters` and `counted` gave, into one just built.

    An entry whose option has another value now than when it was stored stays: the recipe was changed, and it counts.
    Raises ValueError where the optimizer has another number of param_groups.
    """
    start, current = entries(optimizer), optimizer.state_dict()
    names = {id(parameter): name for name, parameter in parameters.items()}
    ordered = [
        names[id(p)] for group in optimizer.param_groups for p in group["params"]
    ]  # as state_dict counts them
    current["state"] = {i: dict(state[name]) for i, name in enumerate(ordered) if name in state}
    optimizer.load_state_dict(current)
    if not groups:  # nothing was counted, or by a genframe that did not store it
        return
    for group, first, stored in zip(optimizer.param_groups, start, groups, strict=True):
        for key, (was, now) in stored.items():
            if _same(first.get(key), was):
                group[key] = now.to(_device(group, key)) if isinstance(now, Tensor) else now


def _device(group: Mapping[str, Any], key: str) -> torch.device:
    """Where a tensor of a group belongs: where the one it replaces is, else beside the parameters."""
    held = group.get(key)
    tensors = [held] if isinstance(held, Tensor) else group["params"]
    return tensors[0].device if tensors else torch.device("cpu")


def _storable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_storable, value))
    return isinstance(value, Tensor) or type(value) in _PLAIN


def _copied(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(item) for item in value) if type(value) in (list, tuple) else list(value)
    return value.detach().clone() if isinstance(value, Tensor) else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        both = isinstance(one, Tensor) and isinstance(other, Tensor)
        return both and one.shape == other.shape and bool(torch.equal(one.cpu(), other.cpu()))
    return type(one) is type(other) and bool(one == other)
