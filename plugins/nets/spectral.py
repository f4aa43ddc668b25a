"""Spectral normalisation: a weight divided by its largest singular value."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from .norms import ConditionalNorm

STEPS = 30
"""Steps of power iteration before the first call; later ones only follow a weight that moves little."""


class SpectralNorm(nn.Module):
    """W -> W / sigma(W), sigma the largest singular value by power iteration (Miyato et al. 2018, algorithm 1).

    A kernel counts as a matrix of outputs by (inputs x height x width). In train mode one step is taken where the
    weight has moved since the last, and none where it stands: within a move reals, fakes and penalties are judged by
    one sigma. No step in eval mode. The state are two buffers, so that a run that is resumed goes on as it would have.
    """

    v: Tensor  # (columns,), of length 1
    seen: Tensor  # (rows,): W v as it was at the last step; u is its direction

    def __init__(self, weight: Tensor, transposed: bool) -> None:
        super().__init__()
        self.transposed = transposed
        matrix = self._matrix(weight.detach())
        v = F.normalize(torch.randn(matrix.shape[1]), dim=0)
        for _ in range(STEPS):
            v = F.normalize(matrix.T @ (matrix @ v), dim=0)
        self.register_buffer("v", v)
        self.register_buffer("seen", matrix @ v)

    def forward(self, weight: Tensor) -> Tensor:
        with _in_float32(weight.device.type):
            matrix = self._matrix(weight)
            u, v = self._directions(matrix.detach())
            sigma = torch.dot(u, matrix @ v)  # u and v count as constants: this gradient is sigma's (eq. 12)
            return weight / sigma.clamp_min(1e-12)

    @torch.no_grad()
    def _directions(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """u (rows,) and v (columns,), in train mode after the step that the weight may call for."""
        if not self.training:
            return F.normalize(self.seen, dim=0), self.v.clone()
        now = matrix @ self.v
        moved = (now != self.seen).any()  # no look at it: a GPU need not wait
        v = torch.where(moved, F.normalize(matrix.T @ F.normalize(now, dim=0), dim=0), self.v)
        seen = torch.where(moved, matrix @ v, now)
        self.v.copy_(v)
        self.seen.copy_(seen)
        return F.normalize(seen, dim=0), v

    def _matrix(self, weight: Tensor) -> Tensor:
        """(outputs, the rest); a transposed convolution's weight has its inputs first."""
        return (weight.transpose(0, 1) if self.transposed else weight).flatten(1)


def _in_float32(device: str) -> AbstractContextManager[object]:
    """Products as they are asked for, where nets are under autocast."""
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def normalise_spectrally(net: nn.Module, wanted: bool) -> None:
    """Divide every weight matrix and kernel of a net by its largest singular value, where it is wanted.

    Call it when the weights have been drawn. What tells a norm its condition is left alone.
    """
    if not wanted or isinstance(net, ConditionalNorm):
        return
    if isinstance(net, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        transposed = isinstance(net, nn.ConvTranspose2d)
        register_parametrization(net, "weight", SpectralNorm(net.weight, transposed))
    for layer in [*net.children()]:
        if not isinstance(layer, SpectralNorm):
            normalise_spectrally(layer, wanted)
