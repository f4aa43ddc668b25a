"""The order of the data, a function of (seed, dataset, epoch): nothing about it needs saving."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import torch
from torch import Tensor


def seeded(seed: int, *words: object) -> int:
    """A number in [0, 2**63) that depends on the seed and on every word, and on nothing else.

    The words are told apart from their concatenation: ("ab", "c") and ("a", "bc") differ, as do 1 and "1".
    """
    text = repr((seed, *words)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


def epoch_order(seed: int, dataset: str, epoch: int, length: int) -> Tensor:
    """A permutation of range(length), int64 (length,), drawn from a generator of its own."""
    generator = torch.Generator().manual_seed(seeded(seed, "order", dataset, epoch))
    return torch.randperm(length, generator=generator)


def divided(seed: int, dataset: str, length: int, held_out: int) -> tuple[Tensor, Tensor]:
    """Positions of a training set: those kept, those held out for validation; each in rising order."""
    generator = torch.Generator().manual_seed(seeded(seed, "validation", dataset))
    shuffled = torch.randperm(length, generator=generator)
    return shuffled[held_out:].sort().values, shuffled[:held_out].sort().values


def limited(seed: int, dataset: str, length: int, limit: int, labels: Tensor | None = None) -> Tensor:
    """`limit` of range(length), drawn by the seed, in rising order; evenly over the classes of `labels` (length,).

    The counts of two classes differ by one at most, as long as neither has run out. The examples of a smaller
    limit are among those of a larger one.
    """
    generator = torch.Generator().manual_seed(seeded(seed, "limit", dataset))
    shuffled = torch.randperm(length, generator=generator)
    if labels is not None:
        classes = labels.cpu()[shuffled]
        of_class = torch.nn.functional.one_hot(classes)
        place = of_class.cumsum(0).gather(1, classes[:, None]).squeeze(1)  # its number within its class
        shuffled = shuffled[place.argsort(stable=True)]
    return shuffled[:limit].sort().values


Arrange = Callable[[Tensor, int, int, torch.Generator], Tensor | None]
"""(positions (n,), batch size, steps, generator) -> the positions of an epoch's batches, (steps * batch size,)."""


class Order:
    """Which of the training examples at `positions` (n,) are in the batch of a step."""

    def __init__(
        self,
        seed: int,
        dataset: str,
        positions: Tensor,
        batch_size: int,
        steps_per_epoch: int,
        arrange: Arrange | None = None,
    ) -> None:
        self.seed = seed
        self.dataset = dataset
        self.positions = positions
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.arrange = arrange
        self._epochs: dict[int, Tensor] = {}

    def rows(self, step: int) -> Tensor:
        """Positions (batch,) of a step's examples."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = self._epochs.get(epoch)
        if order is None:
            order = self._begin(epoch)
        first = place * self.batch_size
        return order[first : first + self.batch_size]

    def _begin(self, epoch: int) -> Tensor:
        arranged = self._arranged(epoch) if self.arrange else None
        if arranged is None:
            arranged = self.positions[
                epoch_order(self.seed, self.dataset, epoch, len(self.positions)).to(self.positions.device)
            ]
        # Two epochs are kept: workers that read ahead are in the next one before this one has ended.
        kept = {past: order for past, order in self._epochs.items() if past == epoch - 1}
        self._epochs = {**kept, epoch: arranged}
        return self._epochs[epoch]

    def _arranged(self, epoch: int) -> Tensor | None:
        """The order that the dataset itself asks for, where batches are no random ones."""
        assert self.arrange is not None
        generator = torch.Generator().manual_seed(seeded(self.seed, "arrange", self.dataset, epoch))
        positions = self.arrange(self.positions.cpu(), self.batch_size, self.steps_per_epoch, generator)
        return None if positions is None else positions.to(self.positions.device)
