"""The exemplar prior: a Gaussian about the code of every training example."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Count, Positive, Shape

from ..laws.mixture import GaussianMixture


class LeftOut(GaussianMixture):
    """Row i of a batch has the mixture without its own component `own[i]`: log_prob takes (..., batch, *event)."""

    def __init__(self, means: Tensor, stds: Tensor, logits: Tensor, own: Tensor) -> None:
        super().__init__(means, stds, logits)
        self.own = own
        self._batch_shape = own.shape

    def _scores(self, joint: Tensor, start: int) -> Tensor:
        rows = torch.arange(start, start + len(joint), device=joint.device) % len(self.own)
        left = joint.scatter(1, self.own[rows].unsqueeze(1), -math.inf)
        kept = -torch.expm1(self.log_weights[self.own[rows]].double())  # the others' share of all weights
        return left.logsumexp(1) - kept.clamp(min=1e-12).log()


class ExemplarPrior(nn.Module):
    """p(z) = 1/N sum_n N(z; m_n, s^2 I) over vectors of `dim`, m_n the mean of q(z|x_n) (Norouzi et al. 2020, eq. 8).

    s is learned. A recipe calls `leave_one_out(q_z, index)` for what it trains by: without that the prior would put
    each example's mass on itself. The codes of the batch are fresh and carry gradient; those of the others are what
    they were when last seen, held in a buffer of N = `examples` rows that is part of the checkpoint, so that samples
    and likelihoods need no data, and are exactly those of this mixture. Before the first step they are draws of
    N(0, I). examples: of the training data, the largest `index` + 1. std: where s starts.
    """

    codes: Tensor  # (examples, dim)
    seen: Tensor  # (examples,)

    def __init__(self, *, dim: Count, examples: Count, std: Positive = 0.5) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.log_std = nn.Parameter(torch.tensor(math.log(std)))
        self.register_buffer("codes", torch.randn(examples, dim))
        self.register_buffer("seen", torch.zeros(examples, dtype=torch.bool))
        self._alone: int | None = None  # moves that asked for p(z) as it is; None where nothing is trained

    def begin_from(self, data: Any) -> None:
        """Before the first step of a run. Raises ValueError for more training examples than there are codes."""
        top = max(int(batch["index"].max()) for batch in data.batches(10_000))
        if top >= len(self.codes):
            raise ValueError(
                f"the training data go up to example {top}, so examples must be at least {top + 1}"
            )
        self._alone = 0

    def forward(self) -> GaussianMixture:
        if self._alone is not None and self.training and torch.is_grad_enabled():
            self._alone += 1
            if self._alone > 1:
                raise ValueError(
                    "the loss is given the exemplar prior as it is, which sees no example so: train by the wire "
                    "`p_others: prior.leave_one_out(q_z, index)`, as in `objective: loss(p_z=p_others)`"
                )
        return GaussianMixture(self.codes, self.log_std.exp(), self._logits())

    def leave_one_out(self, q_z: Distribution, index: Tensor) -> LeftOut:
        """p(z) for each row of q_z (batch, *event) without the example `index` (batch,) that the row is.

        In training mode the rows' means become their examples' codes. Raises IndexError for an index of more examples
        than there are codes.
        """
        mean = q_z.mean
        self._alone = None
        if self.training:
            with torch.no_grad():
                self.codes[index] = mean.detach()
                self.seen[index] = True
        codes = self.codes.index_put((index,), mean)
        return LeftOut(codes, self.log_std.exp(), self._logits(), index)

    def _logits(self) -> Tensor:
        """Equal weights of the examples that were seen; of all, while none was."""
        outside = torch.where(self.seen.any(), -math.inf, 0.0)
        return torch.where(self.seen, 0.0, outside)
