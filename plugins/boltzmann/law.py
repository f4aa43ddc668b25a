"""The law of a restricted Boltzmann machine as a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from .partition import ENUMERATED, drawn_exactly

if TYPE_CHECKING:
    from .rbm import RBM


class BoltzmannLaw(Distribution):
    """p(v) of a machine: one law, over its event.

    Both `sample` and `log_prob` are exact where one side of the machine can be enumerated. Of larger machines a
    sample is where a persistent chain, drawn by lot, stands after some Gibbs sweeps.
    """

    arg_constraints = {}
    has_rsample = False
    _validate_args = False

    def __init__(self, machine: RBM) -> None:
        super().__init__(torch.Size(), torch.Size(machine.event_shape), validate_args=False)
        self.machine = machine

    @property
    def support(self) -> Any:
        return constraints.independent(self.machine.support, len(self.event_shape))  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, *event), without gradient."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            if min(self.machine.sizes) <= ENUMERATED:
                drawn = drawn_exactly(self.machine, shape.numel())
            else:
                chains = self.machine.chains
                lots = torch.randint(len(chains), (shape.numel(),), device=chains.device)
                drawn = self.machine.gibbs(chains[lots], self.machine.sweeps)
        return drawn.reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """-F(v) - log Z: value (..., *event) -> (...)."""
        return -self.machine.free_energy(value) - self.machine.log_z()
