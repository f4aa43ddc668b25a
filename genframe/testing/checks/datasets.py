"""What a dataset promises: the data that its spec() tells, the same each time, in an order of (seed, epoch)."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genframe.data import check as promised
from genframe.data.feed import Feed
from genframe.data.spec import UNKNOWN, DataSpec, Field
from genframe.data.store import content_digest, fits
from genframe.errors import GenframeError
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.sandbox import NetworkNeeded, Seen, sandbox, seeded_otherwise
from genframe.testing.subject import Subject
from genframe.testing.toy_data import feed

SPLITS = ("train", "validation", "test")
MANY = 4096
"""So many rows at most are looked at one by one."""


def make(subject: Subject, **changed: Any) -> Any:
    """The dataset with its options, those in `changed` by their recipe keys. Raises NotApplicable."""
    if subject.signature.givens:
        raise NotApplicable("a dataset is built before all else, and so has no givens")
    declared = subject.signature.options
    return subject.target(**{declared[k].parameter: v for k, v in subject.options(**changed).items()})


@contextmanager
def _at_hand(subject: Subject) -> Iterator[Any]:
    """The dataset, watched, where its data are there. Raises NotApplicable where they would have to be fetched."""
    dataset = make(subject)
    present = getattr(dataset, "present", None)
    if callable(present) and not present():
        raise NotApplicable("its data are not at hand")
    with sandbox() as seen:
        try:
            yield dataset
        except Exception as error:
            if not _missing(subject, error, seen):
                raise
            raise NotApplicable(f"its data are not at hand: {error}") from error


def _missing(subject: Subject, error: Exception, seen: Seen) -> bool:
    """Whether data are missing that somebody must fetch, not some that the plugin ships."""
    if seen.hosts:
        return True
    if isinstance(error, FileNotFoundError):
        place = Path(str(error.filename or ""))
        shipped = Path(inspect.getfile(subject.target)).parent in place.parents
        return not subject.offer.component.example and not shipped
    return isinstance(error, GenframeError) and hasattr(subject.target, "sources")


def _tensors(dataset: Any, split: str) -> Mapping[str, Tensor]:
    """A split whole: as `load` gives it; the first rows of `examples` where there is no load, or far too much."""
    if not _streams(dataset, split):
        return dataset.load(split)  # type: ignore[no-any-return]
    rows = dataset.examples(split)
    return _stacked([rows[place] for place in range(min(len(rows), MANY))])


def _streams(dataset: Any, split: str) -> bool:
    return hasattr(dataset, "examples") and not (hasattr(dataset, "load") and fits(dataset.spec(), split))


def _stacked(rows: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([torch.as_tensor(row[name]) for row in rows]) for name in rows[0]}


@check("dataset")
def spec_needs_no_data(subject: Subject) -> None:
    """spec() tells fields and lengths without the network, and where nothing has been fetched yet."""
    dataset = make(subject)
    fetched = hasattr(dataset, "sources")
    seen = Seen()
    try:
        with sandbox(data_root=not fetched) as seen:
            spec, again = make(subject).spec(), dataset.spec()
    except NetworkNeeded as error:
        raise Failure(
            "spec() needs no network",
            came=f"it asks for {', '.join(seen.hosts) or error}",
            hint="write shapes and lengths down; `genframe validate` must work before anything is fetched",
        ) from error
    if seen.hosts:
        raise Failure("spec() needs no network", came=f"it asks for {', '.join(seen.hosts)}")
    if not isinstance(spec, DataSpec):
        raise Failure("spec() gives a DataSpec", came=f"a {type(spec).__name__}")
    if spec != again:
        raise Failure("spec() tells the same each time", came=f"{spec}, and then {again}")
    for complaint in _complaints(spec):
        raise Failure("spec() tells sound fields and lengths", came=complaint)


def _complaints(spec: DataSpec) -> Iterator[str]:
    if not spec.fields:
        yield "no field"
    if "train" not in spec.lengths or not set(spec.lengths) <= set(SPLITS):
        yield f"the splits {', '.join(spec.lengths) or 'none'}: train is one, validation and test may be"
    yield from (f"{n} examples of {s}" for s, n in spec.lengths.items() if n != UNKNOWN and n < 1)
    for name, field in spec.fields.items():
        if not isinstance(field, Field) or not all(type(size) is int and size > 0 for size in field.shape):
            yield f"{name}: {field}, whose shape is no tuple of sizes"
        elif not isinstance(getattr(torch, field.dtype, None), torch.dtype):
            yield f"{name}: the dtype {field.dtype!r}, which torch has not"
        elif field.image and len(field.shape) != 3:
            yield f"{name}: a picture of the shape {field.shape}, in place of (channels, height, width)"
        elif field.classes is not None and field.classes < 1:
            yield f"{name}: {field.classes} classes"


@check("dataset")
def loads_what_it_promises(subject: Subject) -> None:
    """Each split holds the fields, shapes, types and lengths of spec(); pictures in [0, 1], labels below classes."""
    with _at_hand(subject) as dataset:
        spec = dataset.spec()
        for split in spec.lengths:
            tensors = _tensors(dataset, split)
            rows = dataset.examples(split) if _streams(dataset, split) else next(iter(tensors.values()))
            complaints = promised.rows_differ(tensors, spec) or promised.length_differs(
                len(rows), spec, split
            )
            for complaint in complaints or _suspicious(tensors, spec):
                raise Failure(f"the split {split!r} is what spec() promises", came=complaint)


def _suspicious(tensors: Mapping[str, Tensor], spec: DataSpec) -> Iterator[str]:
    """What is of the right form, and yet no data."""
    for name, field in spec.fields.items():
        tensor = tensors[name]
        if len(tensor) < 2 or not tensor.numel():
            continue
        constant = bool((tensor == tensor[:1]).all())
        if constant and (field.image or name == "x"):
            yield f"{name}: all {len(tensor)} examples are the same"
        if field.image:
            yield from _dark(name, tensor)
        if constant and field.classes and field.classes > 1 and len(tensor) > 20 * field.classes:
            yield f"{name}: the same label for all of {len(tensor)}, of {field.classes} classes"


def _dark(name: str, tensor: Tensor) -> Iterator[str]:
    high = float(tensor.max())
    if tensor.dtype == torch.uint8 and high <= 1:
        yield f"{name}: bytes of 0 and 1, which become pixels of at most 1/255: give 0 to 255, or floats in [0, 1]"
    elif tensor.is_floating_point() and high <= 1.001 / 255:
        yield f"{name}: pixels of at most {high:.2g}: they were divided by 255 twice"


@check("dataset")
def loads_the_same_each_time(subject: Subject) -> None:
    """Loaded twice, or by another instance of the same options, a split is the same, whatever was drawn before."""
    with _at_hand(subject) as dataset:
        for split in dataset.spec().lengths:
            digests = []
            for seed, one in ((1, dataset), (2, dataset), (3, make(subject))):
                with seeded_otherwise(seed):
                    digests.append(content_digest([dict(_tensors(one, split))]))
            for digest, who in zip(digests[1:], ("loaded again", "loaded by another instance"), strict=True):
                if digest != digests[0]:
                    raise Failure(
                        f"the split {split!r} is the same when it is {who}",
                        came="other data",
                        hint="draw from a generator of the dataset's own, seeded by its options: "
                        "np.random.default_rng(seed)",
                    )


@check("dataset")
def loading_leaves_the_world_alone(subject: Subject) -> None:
    """Building and loading move no global generator and write no file where the program runs."""
    with sandbox() as seen:
        dataset = make(subject)
        dataset.spec()
    _untouched(seen, "spec()")
    present = getattr(dataset, "present", None)
    if callable(present) and not present():
        return
    with sandbox() as seen:
        try:
            for split in dataset.spec().lengths:
                _tensors(dataset, split)
        except Exception as error:
            if not _missing(subject, error, seen):
                raise
            raise NotApplicable(f"its data are not at hand: {error}") from error
    _untouched(seen, "load(split)")


def _untouched(seen: Seen, what: str) -> None:
    if seen.moved:
        raise Failure(
            f"{what} moves no global generator",
            came=f"the state of {', '.join(seen.moved)} changed",
            hint="use a generator of the dataset's own: torch.Generator(), np.random.default_rng(seed)",
        )
    if seen.files:
        raise Failure(
            f"{what} writes nothing into the working folder",
            came=f"{', '.join(seen.files[:3])}",
            hint="what is fetched or cached belongs under genframe.data_root()",
        )


@check("dataset")
def splits_are_apart(subject: Subject) -> None:
    """What is trained on is not what is tested on: the splits do not hold the same examples."""
    with _at_hand(subject) as dataset:
        rows = {split: _contents(_tensors(dataset, split)) for split in dataset.spec().lengths}
    if len(rows) < 2:
        raise NotApplicable("it has one split")
    train = set(rows["train"])
    if len(train) < 0.9 * len(rows["train"]):
        raise NotApplicable("examples of its training split are alike, so that the same may be in others")
    for split, held in rows.items():
        shared = sum(one in train for one in held)
        if split != "train" and shared > 0.5 * len(held):
            raise Failure(
                f"the split {split!r} has other examples than train",
                came=f"{shared} of the {len(held)} examples that were looked at are in both",
                hint="load(split) must read, or draw, another part for each split: seed a generator by (seed, split)",
            )


def _contents(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """The bytes of the `x` (else of the first field) of each row."""
    tensor = tensors.get("x", next(iter(tensors.values())))
    flat = tensor.reshape(len(tensor), -1).contiguous().numpy()
    content: list[bytes] = flat.view(f"V{flat.itemsize * flat.shape[1]}").ravel().tolist()
    return content


@check("dataset")
def seed_option_gives_other_data(subject: Subject) -> None:
    """An option called `seed` decides what is drawn: another one gives other training data."""
    option = subject.signature.options.get("seed")
    if option is None:
        raise NotApplicable("it has no option seed")
    with _at_hand(subject):
        digests = [content_digest([dict(_tensors(make(subject, seed=s), "train"))]) for s in (11, 12)]
    if digests[0] == digests[1]:
        raise Failure(
            "seed=11 and seed=12 give different training data",
            came="the same data",
            hint="seed the generator by the option, not by a constant",
        )


@check("dataset")
def rows_are_what_load_gives(subject: Subject) -> None:
    """Row i of examples(split) is a function of i: the row of load(split), in any order; and it can be pickled."""
    if not hasattr(subject.target, "examples"):
        raise NotApplicable("it has no examples(split)")
    with _at_hand(subject) as dataset:
        for split in dataset.spec().lengths:
            _rows_agree(dataset, split)


def _rows_agree(dataset: Any, split: str) -> None:
    rows = dataset.examples(split)
    places = sorted({0, len(rows) // 3, len(rows) - 1})
    forwards = _stacked([rows[place] for place in places])
    with seeded_otherwise(5):
        backwards = _stacked([rows[place] for place in reversed(places)])
    for name, tensor in forwards.items():
        if not torch.equal(tensor, backwards[name].flip(0)):
            raise Failure(
                f"row i of examples({split!r}) is a function of i: {name} of rows {places}",
                came="other values when they are asked for in another order",
                hint="draw what a row needs from a generator that is seeded by i",
            )
    if hasattr(dataset, "load") and fits(dataset.spec(), split):
        whole = dataset.load(split)
        for name, tensor in forwards.items():
            if not torch.equal(tensor, whole[name][places]):
                raise Failure(
                    f"rows {places} of examples({split!r}) are those of load({split!r})",
                    came=f"another {name}",
                )
    _can_be_pickled(rows, split)


def _can_be_pickled(rows: Any, split: str) -> None:
    if "<locals>" in type(rows).__qualname__:
        return
    try:
        pickle.dumps(rows)
    except Exception as error:
        raise Failure(
            f"examples({split!r}) can be pickled, so that workers can read it (`workers: 2`)",
            came=f"{type(error).__name__}: {error}",
            hint="open files in __getitem__, not before; keep no lambda, lock or open file on the object",
        ) from error


@check("dataset")
def order_is_a_function_of_seed_and_epoch(subject: Subject) -> None:
    """The batch of a step is a function of (seed, step): in any order, after other epochs, in another process."""
    with _at_hand(subject) as dataset:
        for in_memory in _ways(subject, dataset.spec()):

            def opened(seed: int, way: bool = in_memory) -> Feed:
                return _feed(subject, make(subject), dataset.spec(), seed, way)

            _ordered(opened)


def _ways(subject: Subject, spec: DataSpec) -> list[bool]:
    """Held in memory, or streamed from the rows."""
    ways = {True: hasattr(subject.target, "load"), False: hasattr(subject.target, "examples")}
    if ways[False] and not fits(spec, "train"):
        ways[True] = False
    return [way for way, there in ways.items() if there]


def _feed(subject: Subject, dataset: Any, spec: DataSpec, seed: int, in_memory: bool) -> Feed:
    length = spec.lengths["train"]
    batch_size = 4 if length == UNKNOWN else max(1, min(32, length // 3))
    return feed(dataset, subject.offer, seed=seed, batch_size=batch_size, in_memory=in_memory)


def _ordered(opened: Callable[[int], Feed]) -> None:
    with seeded_otherwise(1):
        one = opened(0)
        epoch = one.steps_per_epoch
        steps = sorted({0, 1, epoch - 1, epoch, epoch + 1})
        upwards = {step: one.batch(step) for step in steps}
    with seeded_otherwise(2):
        other = opened(0)
        downwards = {step: other.batch(step) for step in reversed(steps)}
    for step in steps:
        for name, tensor in upwards[step].items():
            if not torch.equal(tensor, downwards[step][name]):
                raise Failure(
                    f"the batch of step {step} is the same whenever it is asked for ({name}; {epoch} steps an epoch)",
                    came="other values, when steps were asked for backwards by a second instance",
                    hint="the engine says which rows a step has: load(split) and examples(split)[i] must give the same "
                    "rows in the same order each time",
                )
    if one.spec.lengths["train"] >= 16:
        index = upwards[0]["index"]
        if torch.equal(index, upwards[epoch]["index"]) or torch.equal(index, opened(1).batch(0)["index"]):
            raise Failure("another epoch and another seed have another order", came="the same one")
    _once_an_epoch(one, epoch)
    one.close()
    other.close()


def _once_an_epoch(one: Feed, epoch: int) -> None:
    if epoch > 200:
        return
    seen = torch.cat([one.batch(step)["index"] for step in range(epoch)])
    if len(seen.unique()) != len(seen):  # type: ignore[no-untyped-call]
        raise Failure("an epoch has each example at most once", came=f"{len(seen)} rows, some of them twice")


@check("dataset")
def digest_tells_data_apart(subject: Subject) -> None:
    """digest(), where it has one, is the same for the same data, and is had without the network."""
    if not hasattr(subject.target, "digest"):
        raise NotApplicable("it has no digest() of its own")
    with _at_hand(subject) as dataset:
        one, other = dataset.digest(), make(subject).digest()
    if not isinstance(one, str) or not one or one != other:
        raise Failure("digest() of two instances is the same text", came=f"{one!r} and {other!r}")
