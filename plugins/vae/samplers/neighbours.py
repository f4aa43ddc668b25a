"""Draws between or around the codes of the training data, without any model of their law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genframe import Count, Positive

from .codes import ROWS, Whitening, codes_of, decoded


class Neighbours(nn.Module):
    """Draws codes near those of the training data, and decodes them.

    between: z_i + lambda (z_j - z_i), of a random code i, one j of its `neighbours` nearest and lambda ~ U(0, 1)
    (Chawla et al. 2002, SMOTE). around: a Gaussian kernel on each code, of Silverman's (1986, eq. 4.14) width
    h = (4 / ((dim + 2) n))^(1 / (dim + 4)) times `width`, shrunk to the codes' mean by 1 / sqrt(1 + h^2), so that the
    covariance stays what it is (his section 6.4). Distances are those of whitened codes. In more than some ten
    dimensions a kernel that wide is about a Gaussian; `between` stays near the codes, and can't leave their hull.

    The nearest thing to a lookup table that can be decoded: a floor for samplers that learn, and a look at the codes
    themselves. All codes are stored beside the run.
    """

    points: Tensor  # (codes, dim), whitened

    def __init__(
        self,
        *,
        kind: Literal["between", "around"] = "between",
        neighbours: Count = 5,
        width: Positive = 1.0,
    ) -> None:
        super().__init__()
        self.between, self.neighbours, self.width = kind == "between", neighbours, width
        self.whitening = Whitening()
        self.register_buffer("points", None)

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any) -> None:
        """Keep the codes of all `data`. Raises ValueError for fewer codes than neighbours."""
        self.points = self.whitening.fit(codes_of(encode, data, self.neighbours + 1))

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws, decoded: (n, ...)."""
        chosen = torch.randint(len(self.points), (n,), device=self.points.device)
        points = self._between(chosen) if self.between else self._around(chosen)
        return decoded(decode, self.whitening.codes(points))

    def _between(self, chosen: Tensor) -> Tensor:
        nearest = torch.cat([self._nearest(part) for part in torch.split(chosen, ROWS)])  # (n, neighbours)
        which = torch.randint(self.neighbours, (len(chosen), 1), device=chosen.device)
        here, there = self.points[chosen], self.points[nearest.gather(1, which).squeeze(1)]
        return here + torch.rand(len(chosen), 1, device=chosen.device) * (there - here)

    def _nearest(self, chosen: Tensor) -> Tensor:
        distances = torch.cdist(self.points[chosen], self.points)  # (rows, codes)
        distances.scatter_(1, chosen[:, None], torch.inf)  # no code is a neighbour of its own
        return distances.topk(self.neighbours, largest=False).indices

    def _around(self, chosen: Tensor) -> Tensor:
        count, dim = self.points.shape
        h = self.width * (4 / ((dim + 2) * count)) ** (1 / (dim + 4))
        here = self.points[chosen]
        shrunk: Tensor = (here + h * torch.randn_like(here)) / (1 + h**2) ** 0.5
        return shrunk
