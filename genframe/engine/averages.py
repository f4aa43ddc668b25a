"""Exponential moving averages of what a player trains, buffers included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Averages:
    """Averaged copies of some components.

    After each step of the player: average <- decay * average + (1 - decay) * value for floating tensors, running
    statistics among them; counters and other integers are copied.
    """

    def __init__(self, decay: float, modules: Mapping[str, nn.Module]) -> None:
        self.decay = decay
        self._live = {f"{name}\0{key}": t for name, m in modules.items() for key, t in m.state_dict().items()}
        self.copies = {key: tensor.detach().clone() for key, tensor in self._live.items()}
        floating = [key for key, tensor in self._live.items() if tensor.is_floating_point()]
        self._averaged = [self.copies[key] for key in floating]
        self._values = [self._live[key] for key in floating]
        self._copied = [key for key in self._live if key not in set(floating)]

    @torch.no_grad()
    def update(self) -> None:
        """Take the present values into the average."""
        torch._foreach_lerp_(self._averaged, self._values, 1.0 - self.decay)
        for key in self._copied:
            self.copies[key].copy_(self._live[key])

    def state(self) -> dict[str, dict[str, Tensor]]:
        """The averaged tensors by component."""
        state: dict[str, dict[str, Tensor]] = {}
        for key, tensor in self.copies.items():
            name, inner = key.split("\0")
            state.setdefault(name, {})[inner] = tensor
        return state

    @torch.no_grad()
    def load(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Put back the averaged copy of one component. Raises KeyError where the names differ."""
        for key, tensor in tensors.items():
            self.copies[f"{name}\0{key}"].copy_(tensor)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, the components hold their averages."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for key, live in self._live.items():
            kept = live.detach().clone()
            live.copy_(self.copies[key])
            self.copies[key].copy_(kept)
