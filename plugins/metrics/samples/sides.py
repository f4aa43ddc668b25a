"""Samples of a model, examples of a split and training examples, each as what they are compared by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .features import Extractor, extractor

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sides:
    """What is compared: rows (n, d) of samples, of a split, and of as many training examples as there are samples.

    The last are what the split is compared with to say what a perfect model would get: real against real.
    """

    samples: Tensor
    data: Tensor
    train: Tensor
    provenance: dict[str, Any]

    @property
    def size(self) -> int:
        return self.samples.shape[1]


def sides(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Tell,
    *,
    features: str,
    count: int,
    samples: int | None,
    batch_size: int,
    classes: bool = False,
) -> Sides:
    """At most `count` examples of the split, `samples` samples (else as many), as many training examples.

    Examples are drawn without replacement; those of the training split are others than the split's. Never more than
    a batch of pictures is held. A classifier's features are divided by their root mean square on the split, since
    nothing in its training fixes their size. classes: compare probabilities of classes in place of features. Raises
    ValueError as `extractor` does.
    """
    own = data.name == "train"
    least = len(data) // 2 if own else len(data)
    size = min(count, least)
    if size < 2:
        raise ValueError(f"two examples are needed at least, and {data.name} has {len(data)}")
    wanted = samples or size
    by = extractor(features, data.first(1)["x"])
    read = by.probabilities if classes else by.features
    drawn = torch.cat([read(x) for x in drawn_of(sample, wanted, batch_size, tell)])
    order = _some(len(data), size + wanted if own else size)
    pool, places = (data, order[size:]) if own else (train_data, _some(len(train_data), wanted))
    split = _read(data, order[:size], batch_size, read, tell)
    train = _read(pool, places, batch_size, read, tell)
    facts = by.facts | _accuracy(data, order[:size], batch_size, by)
    if by.classes and not classes:
        scale = float(split.double().square().mean().sqrt()) or 1.0
        drawn, split, train = (side / scale for side in (drawn, split, train))
        facts["scale"] = float(f"{scale:.6g}")
    facts |= {
        "size": drawn.shape[1],
        "samples": wanted,
        "examples": len(split),
        "training examples": len(train),
    }
    return Sides(drawn, split, train, facts)


def drawn_of(sample: Callable[[int], Tensor], n: int, batch_size: int, tell: Tell) -> Iterator[Tensor]:
    """n samples in batches."""
    sizes = [min(batch_size, n - done) for done in range(0, n, batch_size)]
    return timed((sample(size) for size in sizes), len(sizes), tell, f"drawing {n:,} samples")


def rows_of(data: Any, places: Tensor, batch_size: int) -> Iterator[dict[str, Tensor]]:
    """The examples at sorted places (n,) of a split, in batches."""
    begin = 0
    for batch in data.batches(batch_size):
        size = len(next(iter(batch.values())))
        low, high = torch.searchsorted(places, torch.tensor([begin, begin + size])).tolist()
        if high > low:
            inside = places[low:high] - begin
            yield {name: rows[inside.to(rows.device)] for name, rows in batch.items()}
        begin += size


def timed(blocks: Iterable[Any], total: int, tell: Tell, what: str) -> Iterator[Any]:
    """The blocks of some work; after the first, and then once a second, it is told how long the rest will take."""
    began = said = time.monotonic()
    for done, block in enumerate(blocks, 1):
        yield block
        now = time.monotonic()
        if done < total and (done == 1 or now > said + 1):
            tell(f"{what}, {done / total:.0%}, about {(now - began) * (total / done - 1):.0f} s left")
            said = now


def _some(length: int, n: int) -> Tensor:
    """n places of a split, drawn without replacement; all of them where n is no less."""
    return torch.arange(length) if n >= length else torch.randperm(length)[:n]


def _read(data: Any, places: Tensor, batch_size: int, read: Callable[[Tensor], Tensor], tell: Tell) -> Tensor:
    """What the examples at places are compared by: (n, d)."""
    batches = rows_of(data, places.sort().values, batch_size)
    count = max(-(-len(data) // batch_size), 1)
    return torch.cat([read(batch["x"]) for batch in timed(batches, count, tell, "reading examples")])


def _accuracy(data: Any, places: Tensor, batch_size: int, by: Extractor) -> dict[str, str]:
    """How often a classifier names the label of these examples, where they have labels such as it knows."""
    right: list[Tensor] = []
    for batch in rows_of(data, places.sort().values, batch_size) if by.classes else ():
        labels = batch.get("y")
        if labels is None or labels.ndim != 1 or labels.is_floating_point():
            return {}
        right.append(by.probabilities(batch["x"]).argmax(1) == labels)
    return {"accuracy on these": f"{float(torch.cat(right).double().mean()):.4f}"} if right else {}
