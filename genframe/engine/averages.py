"""Exponential moving averages of what a player trains, buffers included."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Averages:
    """Averaged copies of some components.

    After the player's t-th move (t = 1, 2, ...): average <- d * average + (1 - d) * value for floating tensors, running
    statistics among them; counters and other integers are copied. d = min(decay, (1 + t) / (10 + t)), as TensorFlow's
    ExponentialMovingAverage has it with `num_updates`: while t is small the average forgets fast, so that the
    untrained weights of the start don't stay in it (at decay 0.999 they would make up e^-1 of it after 1,000 moves).

    `moves` is t, None for an average that was begun without the warm-up: it goes on with `decay` alone.
    """

    def __init__(
        self, decay: float, modules: Mapping[str, nn.Module], others: Collection[int] = frozenset()
    ) -> None:
        """others: the ids of parameters that are none of the player's, of a component that it trains a part of.

        They are not averaged, nor are the buffers of the modules that hold such parameters alone.
        """
        self.decay = decay
        self._modules = dict(modules)
        left_out = _left_out(modules, others)
        self.moves: int | None = 0
        self._placed = False
        self._live: dict[str, Tensor] = {}  # each tensor once, though tied weights stand under several names
        self.copies: dict[str, Tensor] = {}
        made: dict[int, Tensor] = {}
        for key, tensor in _tensors(modules):
            if id(tensor) in left_out:
                continue
            if id(tensor) not in made:
                self._live[key] = tensor
                made[id(tensor)] = tensor.detach().clone()
            self.copies[key] = made[id(tensor)]
        self._buffers = [
            (key, module, name)
            for prefix, root in modules.items()
            for path, module in root.named_modules()
            for name in module._buffers
            if (key := "\0".join((prefix, f"{path}.{name}" if path else name))) in self._live
        ]
        floating = [key for key, tensor in self._live.items() if tensor.is_floating_point()]
        self._averaged = {key: self.copies[key] for key in floating}
        self._copied = [key for key in self._live if key not in self._averaged]

    @torch.no_grad()
    def update(self) -> None:
        """Take the present values into the average, after a move of the player."""
        self._follow_buffers()
        decay = self.decay
        if self.moves is not None:
            self.moves += 1
            decay = min(decay, (1 + self.moves) / (10 + self.moves))
        values = [self._live[key] for key in self._averaged]
        torch._foreach_lerp_(list(self._averaged.values()), values, 1.0 - decay)
        for key in self._copied:
            self.copies[key].copy_(self._live[key])

    @torch.no_grad()
    def begin(self) -> None:
        """Start from the present values, where the components were changed after the average was made."""
        self._follow_buffers()
        for key, live in self._live.items():
            self.copies[key].copy_(live)

    def _follow_buffers(self) -> None:
        """A module may assign a buffer anew, where it could change it in place."""
        for key, module, name in self._buffers:
            buffer = module._buffers[name]
            if buffer is not None:
                self._live[key] = buffer

    def state(self) -> dict[str, dict[str, Tensor]]:
        """The averaged copy of each component, whole: what is not averaged as it is."""
        state: dict[str, dict[str, Tensor]] = {}
        for key, tensor in _tensors(self._modules):
            name, inner = key.split("\0")
            state.setdefault(name, {})[inner] = self.copies.get(key, tensor)
        return state

    def averaged(self, name: str) -> frozenset[str]:
        """Which tensors of a component are averaged."""
        return frozenset(key.split("\0")[1] for key in self.copies if key.split("\0")[0] == name)

    @torch.no_grad()
    def load(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Put back the averaged copy of one component. Raises KeyError where the names differ."""
        known = self._modules[name].state_dict()
        for key, tensor in tensors.items():
            if f"{name}\0{key}" in self.copies:
                self.copies[f"{name}\0{key}"].copy_(tensor)
            elif key not in known:
                raise KeyError(key)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, the components hold their averages; within that, they go on to (a metric that asks a sampler)."""
        outermost, self._placed = not self._placed, True
        if outermost:
            self._swap()
        try:
            yield
        finally:
            if outermost:
                self._swap()
                self._placed = False

    @torch.no_grad()
    def _swap(self) -> None:
        self._follow_buffers()
        for key, live in self._live.items():
            kept = live.detach().clone()
            live.copy_(self.copies[key])
            self.copies[key].copy_(kept)


def _left_out(modules: Mapping[str, nn.Module], others: Collection[int]) -> set[int]:
    """The ids of other players' parameters, and of the buffers of modules in which there are no more than those."""
    found = set(others)
    for root in modules.values():
        for module in root.modules():
            ids = [id(parameter) for parameter in module.parameters()]
            if ids and all(one in others for one in ids):
                found |= {id(buffer) for buffer in module.buffers()}
    return found


def _tensors(modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """What the modules' state dicts hold, by component and name."""
    for name, module in modules.items():
        for key, tensor in module.state_dict(keep_vars=True).items():
            yield f"{name}\0{key}", tensor
