"""A prior of masked autoregressive flows."""

from __future__ import annotations

from torch import nn

from genframe import Count, Shape

from ..laws.autoregressive import MADE, Autoregressive
from ..laws.flow import Flow, standard


class MAFPrior(nn.Module):
    """p(z) over vectors of `dim`: a standard Gaussian through `layers` masked autoregressive flows, orders in turn.

        z_i = u_i exp(a_i) + m_i,        (m, a) = MADE(z_1 ... z_{i-1})        (Papamakarios et al. 2017, eq. 4)

    A density takes one pass a layer, which is what training asks for; a sample up to `dim`.
    """

    def __init__(self, *, dim: Count, layers: Count = 5, hidden: Count = 128) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.nets = nn.ModuleList(MADE(dim, hidden, backwards=bool(number % 2)) for number in range(layers))

    def forward(self) -> Flow:
        base = standard(self.event_shape[0], next(self.parameters()))
        steps = [Autoregressive(net, gated=False, swapped=True) for net in self.nets]  # type: ignore[arg-type]
        return Flow(base, steps)
