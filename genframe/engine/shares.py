"""What each term has to say in each component: its share of the gradient, on a step now and then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class GradientShares:
    """Of one player: `shares[component][term]` is |g_term| / sum of |g_t| over the player's terms t.

    g_t is the gradient of the weighted term in the component's trained parameters. A part that a term logs,
    `objective/rate`, is measured like a term, times that term's weight, and is not in the sum: parts that work against
    each other have shares that add up to more than their term's.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """parameters: by `component.parameter`."""
        self.tensors = list(parameters.values())
        self._of: defaultdict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(parameters):
            self._of[name.partition(".")[0]].append(number)
        self.norms: dict[str, dict[str, Tensor]] = {}

    def measure(self, terms: Mapping[str, Tensor], parts: Mapping[str, Tensor]) -> None:
        """Take the norms of weighted terms and of parts of them: 0-dim, on the device. The graph stays as it was."""
        self._terms = frozenset(terms)
        self.norms = {name: self._norms(value) for name, value in {**terms, **parts}.items()}

    def _norms(self, value: Tensor) -> dict[str, Tensor]:
        if not value.requires_grad:
            return {name: value.new_zeros(()) for name in self._of}
        found = torch.autograd.grad(value, self.tensors, retain_graph=True, allow_unused=True)
        return {
            name: nn.utils.get_total_norm([g for i in numbers if (g := _dense(found[i])) is not None])
            for name, numbers in self._of.items()
        }

    def take(self) -> dict[str, dict[str, float]]:
        """The shares since the last call, read from the device; then forgotten. None where no term has a gradient."""
        norms, self.norms = self.norms, {}
        shares: dict[str, dict[str, float]] = {}
        for component in self._of if norms else ():
            here = {term: float(of[component]) for term, of in norms.items()}
            total = sum(value for term, value in here.items() if term in self._terms)
            if total > 0:
                shares[component] = {term: value / total for term, value in here.items()}
        return shares


def _dense(gradient: Tensor | None) -> Tensor | None:
    return gradient.coalesce().values() if gradient is not None and gradient.is_sparse else gradient
