"""The masked autoencoder for distribution estimation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Ge, Shape

from .law import AutoregressiveLaw, drawn, scored


class MADE(nn.Module):
    """p(v) = prod_i p(v_i | v_<i) by one pass of a net whose links are masked (Germain et al. 2015).

    v has the shape of the data, bits; or is a vector of `dim` bits, or (dim, classes) one-hot vectors: a model of the
    data and a prior of codes alike. A unit of degree m sees v_1 ... v_m of the order, an output i the units of degree
    *below* i. order: `natural`, as the values stand, or `random`; orders: so many random ones, each with masks of its
    own. Training draws one a step, and in evaluation p is their mean (Uria et al. 2014, an ensemble: a law again).
    hidden: 500 rectified units; the paper's best are 2 x 8,000 with 32 orders. Empty, it is a logistic regression.
    """

    masks: list[Tensor]

    def __init__(
        self,
        data_shape: Shape,
        *,
        hidden: tuple[Count, ...] = (500,),
        dim: Count | None = None,
        classes: Annotated[int, Ge(2)] | None = None,
        order: Literal["natural", "random"] = "natural",
        orders: Count = 1,
    ) -> None:
        super().__init__()
        places: Shape = tuple(data_shape) if dim is None else (dim,)
        self.classes, self.orders, self.count = classes, orders, math.prod(places)
        self.event_shape: Shape = places if classes is None else (*places, classes)
        each = classes or 1
        widths = (each * self.count, *hidden, each * self.count)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        shuffled = order == "random" or orders > 1
        ranks = [torch.randperm(self.count) if shuffled else torch.arange(self.count) for _ in range(orders)]
        self.register_buffer("ranks", torch.stack(ranks))  # (orders, count): which place a variable has
        tables = [self._masks(rank, hidden, each) for rank in ranks]
        for layer, masks in enumerate(zip(*tables, strict=True)):
            self.register_buffer(f"mask_{layer}", torch.stack(masks))  # (orders, out, in)

    def forward(self) -> AutoregressiveLaw:
        return AutoregressiveLaw(self)

    def conditionals(self, value: Tensor, which: Tensor) -> Tensor:
        """Logits (n, *event_shape) of each variable given those before it, under the order `which` (1,)."""
        h = value.flatten(1)
        for number, layer in enumerate(self._linear()):
            mask = self.get_buffer(f"mask_{number}").index_select(0, which).squeeze(0)
            h = F.linear(F.relu(h) if number else h, layer.weight * mask, layer.bias)
        return h.view(-1, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """(n, *event_shape) -> (n,)."""
        device = value.device
        if self.training:
            which = (
                torch.randint(self.orders, (1,), device=device)
                if self.orders > 1
                else value.new_zeros(1).long()
            )
            return self._under(value, which)
        each = [self._under(value, torch.tensor([order], device=device)) for order in range(self.orders)]
        return torch.stack(each).logsumexp(0) - math.log(self.orders)

    def draw(self, n: int) -> Tensor:
        """n draws: each under an order by lot, variable after variable."""
        ranks: Tensor = self.get_buffer("ranks")
        lots = torch.randint(self.orders, (n,)).sort().values
        parts = [self._drawn_under(order, int((lots == order).sum())) for order in range(self.orders)]
        return torch.cat(parts)[torch.randperm(n, device=ranks.device)]

    def _drawn_under(self, order: int, n: int) -> Tensor:
        """n draws under an order; of the first layer what is new is added, of the last what is asked for computed."""
        ranks: Tensor = self.get_buffer("ranks")
        each, last = self.classes or 1, len(self.layers) - 1
        weights = [
            layer.weight * self.get_buffer(f"mask_{k}")[order] for k, layer in enumerate(self._linear())
        ]
        biases = [layer.bias for layer in self._linear()]
        value = torch.zeros(n, self.count, each, device=ranks.device)
        field = biases[0].repeat(n, 1)  # what the first layer gives
        for place in ranks[order].argsort().tolist() if n else ():
            own = slice(place * each, (place + 1) * each)
            h = field
            for k in range(1, last):
                h = F.linear(F.relu(h), weights[k], biases[k])
            logits = F.linear(F.relu(h), weights[last][own], biases[last][own]) if last else field[:, own]
            value[:, place] = drawn(logits if self.classes else logits[:, 0], self.classes).view(n, each)
            field = torch.addmm(field, value[:, place], weights[0][:, own].T)
        return value.view(n, *self.event_shape)

    def _linear(self) -> Iterator[nn.Linear]:
        return (layer for layer in self.layers if isinstance(layer, nn.Linear))

    def _under(self, value: Tensor, which: Tensor) -> Tensor:
        return scored(self.conditionals(value, which), value, self.classes).flatten(1).sum(1)

    def _masks(self, rank: Tensor, hidden: tuple[int, ...], each: int) -> list[Tensor]:
        """A mask (out, in) for each layer: units see degrees up to their own, outputs those below their own."""
        inputs = (rank + 1).repeat_interleave(each)  # degrees 1 ... count
        degrees, masks = inputs, []
        for width in hidden:
            low = min(int(degrees.min()), max(self.count - 1, 1))
            drawn_degrees = torch.randint(low, max(self.count - 1, 1) + 1, (width,))
            masks.append(drawn_degrees.unsqueeze(1) >= degrees)
            degrees = drawn_degrees
        return [*masks, inputs.unsqueeze(1) > degrees]
