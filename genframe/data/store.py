"""Where examples are held: in memory as one tensor a field, or behind torch's DataLoader."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from genframe.data.spec import UNKNOWN, DataSpec
from genframe.errors import Problem, RecipeError

FITS = 2 << 30
"""Bytes up to which a split is held in memory where the recipe does not say."""

_PIECE = 256  # examples that are read or digested at a time

Rows = dict[str, Tensor]
"""A batch: the tensor of each field, examples first."""


class Examples(Protocol):
    """What a dataset component offers: `spec`, and `load` or `examples` or both.

    load(split) -> Mapping[str, Tensor]: a whole split, the first dimension the example; pictures as uint8, or
    as floats in [0, 1]; labels int64.
    examples(split) -> torch.utils.data.Dataset: for sets that do not fit in memory; row i is a mapping from
    field to tensor, and a function of i alone.
    digest() -> str, optional: sha256 of the content, where there is a quicker way than to load it.
    """

    def spec(self) -> DataSpec: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a dataset as data, because a worker's exceptions arrive as text."""

    problems: tuple[Problem, ...]


class Resident:
    """A split in memory, on `device`."""

    def __init__(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        self.tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self.order_device = device

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def rows(self, index: Tensor, wanted: Collection[str] | None = None) -> Rows:
        """The examples at the positions `index` (batch,): all fields, or those that are `wanted`."""
        return {
            name: tensor.index_select(0, index)
            for name, tensor in self.tensors.items()
            if wanted is None or name in wanted
        }

    def batches(self, indices: Iterable[Tensor]) -> Iterator[Rows]:
        """The examples at each of `indices` (batch,), in their order."""
        return map(self.rows, indices)

    def digest(self) -> str:
        """sha256 of every example in order."""
        starts = range(0, len(self), _PIECE)
        pieces = ({name: t[i : i + _PIECE] for name, t in self.tensors.items()} for i in starts)
        return content_digest(pieces)


class Streamed:
    """A split that is read example by example, by `workers` processes (0: by this one), and put on `device`.

    `check` is called with each batch, or with the failure to read it, and raises where that is not sound.
    """

    order_device = torch.device("cpu")

    def __init__(
        self,
        examples: Dataset[Any],
        fields: Iterable[str],
        workers: int,
        device: torch.device,
        check: Callable[[Rows | Failure], None],
    ) -> None:
        self.examples = examples
        self.fields = tuple(fields)
        self.workers = workers
        self.device = device
        self.check = check

    def __len__(self) -> int:
        return len(cast(Any, self.examples))

    def batches(self, indices: Iterable[Tensor]) -> Iterator[Rows]:
        """The examples at each of `indices` (batch,), in their order, read ahead by the workers."""
        loader: DataLoader[Any] = DataLoader(
            _Batches(self.examples),
            batch_sampler=cast(Any, _Lists(indices)),
            num_workers=self.workers,
            collate_fn=_as_it_is,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # else the workers' seeds are drawn from the default generator
        )
        for rows in loader:
            self.check(rows)
            yield {name: rows[name].to(self.device, non_blocking=True) for name in self.fields}

    def whole(self) -> Rows:
        """Every example, in order, as one tensor a field."""
        parts = list(self.batches(self._in_order()))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def digest(self) -> str:
        """sha256 of every example in order: reads the whole split."""
        return content_digest(self.batches(self._in_order()))

    def _in_order(self) -> Sequence[Tensor]:
        return torch.split(torch.arange(len(self)), _PIECE)


class TensorRows(Dataset[Any]):
    """Loaded tensors as a torch Dataset that gives a batch in one piece."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, index: int) -> Rows:
        return {name: tensor[index] for name, tensor in self.tensors.items()}

    def __getitems__(self, indices: list[int]) -> Rows:
        return {name: tensor[indices] for name, tensor in self.tensors.items()}


class _Batches(Dataset[Any]):
    """Whole batches of a Dataset."""

    def __init__(self, examples: Any) -> None:
        self.examples = examples

    def __getitems__(self, indices: list[int]) -> Rows | Failure:
        try:
            if hasattr(self.examples, "__getitems__"):
                rows = self.examples.__getitems__(indices)
            else:
                rows = [self.examples[i] for i in indices]
        except RecipeError as error:
            return Failure(error.problems)
        return rows if isinstance(rows, dict) else cast(Rows, default_collate(rows))


class _Lists:
    """Tensors of positions as the lists that a DataLoader's batch sampler gives."""

    def __init__(self, indices: Iterable[Tensor]) -> None:
        self.indices = indices

    def __iter__(self) -> Iterator[list[int]]:
        return (index.tolist() for index in self.indices)


def fits(spec: DataSpec, split: str) -> bool:
    """Whether a split takes at most `FITS` bytes; one of unknown length is taken to."""
    length = spec.lengths[split]
    return length == UNKNOWN or length * sum(f.stored_bytes for f in spec.fields.values()) <= FITS


def _as_it_is(rows: Any) -> Any:
    return rows


def content_digest(pieces: Iterable[Rows]) -> str:
    """sha256 of fields, types, shapes and bytes, in pieces of `_PIECE` examples: however they are held."""
    digest = hashlib.sha256()
    for rows in pieces:
        for name, tensor in sorted(rows.items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
            digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
