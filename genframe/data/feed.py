"""The batches of a training: which examples at which step, as the wires that a recipe sees."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from itertools import count
from typing import Any

import torch
from torch import Tensor

from genframe.data import check
from genframe.data.binarise import DRAWN_ONCE, Pictures
from genframe.data.order import Order, divided, limited
from genframe.data.spec import UNKNOWN, DataSpec, Field
from genframe.data.store import Examples, Failure, Resident, Rows, Streamed, TensorRows, fits
from genframe.errors import Problem, RecipeError
from genframe.recipe.model import Data


class Feed:
    """One dataset of a recipe, cut into splits and served as batches on `device`.

    The batch of a step is a function of (seed, dataset name, step): any step can be asked for, and asking in
    sequence is fastest. Nothing is loaded before it is needed; no default generator is touched.

    Its methods raise RecipeError where the data are not what `spec()` promised, are fewer than a batch, can't
    be binarised, or lack the split that is asked for.
    """

    def __init__(self, data: Data, dataset: Examples, seed: int, device: torch.device | str = "cpu") -> None:
        self.data = data
        self.dataset = dataset
        self.seed = seed
        self.device = torch.device(device)
        self.name = data.instance.name
        self.wanted: Collection[str] | None = None  # the fields that `batch` gives, of those held in memory
        self._block = _Block(data)
        self._promised = dataset.spec()
        self._stores: dict[str, Resident | Streamed] = {}
        self._digests: dict[str, str] = {}
        self._stream: Iterator[Rows] = iter(())
        self._stream_step = -1
        pictures = Pictures(data.way, seed, self.name, self.device)
        self._pictures = {name: pictures for name, field in self._promised.fields.items() if field.image}
        if data.way != "none" and not self._pictures:
            key, value = ("dequantise", "true") if data.dequantise else ("binarise", data.binarise)
            message = f"`{key}: {value}` needs pictures, and {self._block.dataset} has none"
            raise self._block.error("GF605", message, key)
        coloured = [name for name in self._pictures if self._promised.fields[name].shape[0] == 3]
        if data.binarise != "none" and coloured:
            message = (
                f"`binarise: {data.binarise}` makes eight colours of all, and {self._block.dataset} has coloured "
                "pictures: make them grey, or leave their levels and take a likelihood of 256 "
                "(discretised-logistic, logistic-mixture, categorical-256)"
            )
            raise self._block.error("GF608", message, "binarise")

    @property
    def promised(self) -> DataSpec:
        """What the dataset itself offers: neither cut nor with `index`, and every length known."""
        lengths = {split: self._length(split) for split in self._promised.lengths}
        return DataSpec(self._promised.fields, lengths)

    @cached_property
    def spec(self) -> DataSpec:
        """The wires, with `index`, and the length of each split."""
        held_out = self._positions[1]
        lengths = {split: self._length(split) for split in self._promised.lengths} | {"train": self._trained}
        if len(held_out):
            lengths["validation"] = len(held_out)
        return DataSpec({**self._promised.fields, "index": Field((), "int64")}, lengths)

    @cached_property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the training split; the last part batch is dropped."""
        length, size = self._trained, self.data.batch_size
        if length < size:
            message = f"{self._block.dataset} has {length} training examples, fewer than one batch of {size}"
            raise self._block.error("GF603", message, "batch_size")
        return length // size

    def batch(self, step: int) -> Rows:
        """The training batch of a step: the dataset's fields (batch, ...), and `index` (batch,).

        Pictures are float32 in [0, 1], or bits. `index` is an example's position in the dataset's own
        training split, before validation is cut off.
        """
        rows = self._order.rows(step)
        store = self._store("train")
        wires = store.rows(rows, self.wanted) if isinstance(store, Resident) else self._streamed(store, step)
        for field, pictures in self._pictures.items():
            if field in wires:
                wires[field] = pictures.at_step(field, wires[field], rows, step)
        wires["index"] = rows.to(self.device)
        return wires

    def split(self, name: str) -> Split:
        """A split for evaluation: `train`, `validation` or `test`."""
        if name not in self.spec.lengths:
            message = f"{self._block.dataset} has no split {name!r}; it has {', '.join(self.spec.lengths)}"
            raise self._block.error("GF604", message, "validation" if name == "validation" else "")
        held_out = self._positions[1]
        source, positions = name, torch.arange(self.spec.lengths[name])
        if name == "train":
            positions = self._chosen
        elif name == "validation" and len(held_out):
            source, positions = "train", held_out
        split = Split(name, source, positions, self._store(source), self._pictures, self.device)
        split.way = self.data.way
        return split

    def digest(self) -> str:
        """sha256 of the content of all splits as the dataset gives them: neither cut nor binarised."""
        own = getattr(self.dataset, "digest", None)
        if own is not None:
            return str(own())
        parts = [(split, self._digest(split)) for split in sorted(self._promised.lengths)]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def close(self) -> None:
        """End the workers that read ahead. The next batch starts new ones."""
        self._stream, self._stream_step = iter(()), -1

    @cached_property
    def _positions(self) -> tuple[Tensor, Tensor]:
        """Positions in the dataset's training split: those trained on, those held out for validation."""
        if "train" not in self._promised.lengths:
            raise self._block.error("GF604", f"{self._block.dataset} has no training split")
        length, wanted = self._length("train"), self.data.validation
        held_out = int(wanted) if wanted >= 1 else round(wanted * length)
        if held_out and "validation" in self._promised.lengths:
            message = f"{self._block.dataset} has a validation split of its own; leave `validation` out"
            raise self._block.error("GF604", message, "validation")
        if not 0 <= held_out < length:
            message = f"`validation: {wanted}` can't be cut off {length} training examples"
            raise self._block.error("GF604", message, "validation")
        return divided(self.seed, self.name, length, held_out)

    @property
    def _trained(self) -> int:
        """How many examples are trained on; known without the data."""
        kept, limit = len(self._positions[0]), self.data.limit
        if limit and limit > kept:
            message = f"`limit: {limit}`, and {self._block.dataset} has {kept} examples to train on"
            raise self._block.error("GF604", message, "limit")
        return limit or kept

    @cached_property
    def _chosen(self) -> Tensor:
        """Positions in the dataset's training split of the examples that are trained on."""
        kept = self._positions[0]
        if not self.data.limit or self._trained == len(kept):
            return kept
        field = next((name for name, field in self._promised.fields.items() if field.classes), None)
        labels = None
        if field:
            store = self._store("train")
            parts = store.batches(torch.split(kept.to(store.order_device), 1000))
            labels = torch.cat([rows[field] for rows in parts])
        return kept[limited(self.seed, self.name, len(kept), self.data.limit, labels)]

    @cached_property
    def _order(self) -> Order:
        positions = self._chosen.to(self._store("train").order_device)
        arrange = getattr(self.dataset, "arrange", None)  # batches that are no random ones
        return Order(self.seed, self.name, positions, self.data.batch_size, self.steps_per_epoch, arrange)

    def _length(self, split: str) -> int:
        promised = self._promised.lengths[split]
        return len(self._store(split)) if promised == UNKNOWN else promised

    def _streamed(self, store: Streamed, step: int) -> Rows:
        if step != self._stream_step:
            self.close()
            self._stream = store.batches(map(self._order.rows, count(step)))
        rows, self._stream_step = next(self._stream), step + 1
        return rows

    def _digest(self, split: str) -> str:
        store = self._store(split)
        if split not in self._digests:
            self._digests[split] = store.digest()
        return self._digests[split]

    def _store(self, split: str) -> Resident | Streamed:
        store = self._stores.get(split)
        if store is None:
            with self._block.placed():
                store = self._stores[split] = self._opened(split)
        return store

    def _opened(self, split: str) -> Resident | Streamed:
        dataset: Any = self.dataset
        in_memory = fits(self._promised, split) if self.data.in_memory is None else self.data.in_memory
        if in_memory and hasattr(dataset, "load"):
            tensors = dataset.load(split)
            self._block.check(tensors, self._promised)
        else:
            streamed = self._opened_stream(split)
            if not in_memory:
                return streamed
            tensors = streamed.whole()
        resident = Resident({name: tensors[name] for name in self._promised.fields}, self.device)
        self._block.check_length(len(resident), self._promised, split)
        return self._with_bits(resident, split) if self.data.binarise in DRAWN_ONCE else resident

    def _opened_stream(self, split: str) -> Streamed:
        dataset: Any = self.dataset
        examples = (
            dataset.examples(split) if hasattr(dataset, "examples") else TensorRows(dataset.load(split))
        )
        checked = partial(self._block.check, spec=self._promised)
        streamed = Streamed(examples, self._promised.fields, self.data.workers, self.device, checked)
        self._block.check_length(len(streamed), self._promised, split)
        return streamed

    def _with_bits(self, store: Resident, split: str) -> Resident:
        """The split with its pictures as bits; what they were made from is let go, but its digest kept."""
        self._digests[split] = store.digest()
        bits = {name: p.bits(name, store.tensors[name], split) for name, p in self._pictures.items()}
        return Resident({**store.tensors, **bits}, self.device)


class Split:
    """Some examples of a dataset, in the dataset's order, for evaluation.

    Their wires are those of a training batch; they are the same whenever, and in whatever batches, they are
    asked for: what `dynamic` binarisation (or `dequantise`) draws anew in training is drawn once here.
    """

    def __init__(
        self,
        name: str,
        source: str,
        positions: Tensor,
        store: Resident | Streamed,
        pictures: Mapping[str, Pictures],
        device: torch.device,
    ) -> None:
        self.name = name
        self.way = "none"  # how its pictures became wires: none, threshold, static, dynamic or dequantise
        self.measure = "unknown"  # what a recipe's log p(x) of them is: see genframe.engine.measure
        self._source = source  # the dataset's own split that the examples are part of
        self._positions = positions.to(store.order_device)  # in that split
        self._store = store
        self._pictures = pictures
        self._device = device

    def __len__(self) -> int:
        return len(self._positions)

    @cached_property
    def tensors(self) -> Rows:
        """The wires of all examples, (length, ...): for splits that fit in memory as floats."""
        return self.first(len(self))

    def first(self, n: int) -> Rows:
        """The wires of the first `n` examples, or of all where there are fewer."""
        return next(self._batches([self._positions[:n]]))

    def batches(self, batch_size: int) -> Iterator[Rows]:
        """The wires of all examples in order; the last batch may be smaller."""
        return self._batches(torch.split(self._positions, batch_size))

    def _batches(self, indices: Sequence[Tensor]) -> Iterator[Rows]:
        for rows, wires in zip(indices, self._store.batches(indices), strict=True):
            for field, pictures in self._pictures.items():
                wires[field] = pictures.repeatable(field, wires[field], rows, self._source)
            wires["index"] = rows.to(self._device)
            yield wires


class _Block:
    """A dataset's block of the recipe, as the place of what is wrong with the data."""

    def __init__(self, data: Data) -> None:
        self.mark = data.instance.mark
        self.path = f"datasets.{data.instance.name}" if data.instance.name else "data"
        self.dataset = f"the dataset {data.instance.offer.component.name!r}"

    def error(self, code: str, message: str, key: str = "") -> RecipeError:
        return RecipeError(self._problem(code, message, key))

    def check(self, rows: Mapping[str, Tensor] | Failure, spec: DataSpec) -> None:
        if isinstance(rows, Failure):
            raise self._here(rows.problems)
        self._raise(check.rows_differ(rows, spec))

    def check_length(self, length: int, spec: DataSpec, split: str) -> None:
        self._raise(check.length_differs(length, spec, split))

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Problems that a dataset component raises without a place get this one."""
        try:
            yield
        except RecipeError as error:
            raise self._here(error.problems) from error

    def _here(self, problems: Iterable[Problem]) -> RecipeError:
        return RecipeError(
            *(replace(p, mark=p.mark or self.mark, path=p.path or self.path) for p in problems)
        )

    def _raise(self, complaints: list[str]) -> None:
        if complaints:
            raise RecipeError(*(self._problem("GF602", f"{self.dataset}: {text}") for text in complaints))

    def _problem(self, code: str, message: str, key: str = "") -> Problem:
        return Problem(code, message, self.mark, f"{self.path}.{key}" if key else self.path)
