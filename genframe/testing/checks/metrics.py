"""What a metric promises: named finite figures, that mean what they are called, however the data are cut."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genframe.binding import called, required_parameters
from genframe.data.feed import Split
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.subject import Subject
from genframe.testing.toy_data import ToyDataset, feed
from genframe.testing.toy_outputs import ToyOutputs, known_figures
from genframe.testing.toys import Case

ROWS = 61
"""Examples of the toy data: batches of 3, of 7 and of 500 end in parts of 1, of 5 and of 61."""

TOLERANCE = 1e-4


@dataclass
class Watched:
    """A split that remembers which of its examples were asked for."""

    split: Split
    seen: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.split)

    @property
    def name(self) -> str:
        return self.split.name

    @property
    def tensors(self) -> dict[str, Tensor]:
        return self._noted(self.split.tensors)

    def first(self, n: int) -> dict[str, Tensor]:
        return self._noted(self.split.first(n))

    def batches(self, batch_size: int) -> Iterator[dict[str, Tensor]]:
        return map(self._noted, self.split.batches(batch_size))

    def _noted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        self.seen |= set(rows["index"].tolist())
        return rows


@dataclass
class Measured:
    """The figures of a metric, and what it asked for."""

    figures: Mapping[str, Any]
    data: Watched
    outputs: ToyOutputs


def measure(
    subject: Subject,
    *,
    draws: bool = False,
    model: int = 1,
    data: int = 1,
    rows: int = ROWS,
    order: tuple[int, ...] | None = None,
    seed: int = 3,
    **changed: Any,
) -> Measured:
    """The metric on toy data and a toy model, as the engine calls it. Raises NotApplicable for an unknown output."""
    case: Case = subject.cases[0]
    outputs = ToyOutputs(case, model, draws)
    toy = ToyDataset(case, rows, data, order)
    split = Watched(feed(toy, batch_size=5).split("test"))
    target, declared = subject.target, subject.signature.options
    keywords = {declared[key].parameter: value for key, value in subject.options(**changed).items()}
    names = required_parameters(called(target) or target)
    known: dict[str, Any] = {
        "data": split,
        "train_data": feed(ToyDataset(case, rows, data + 7), batch_size=5).split("train"),
    }
    known |= {"tell": lambda text: None, "show": lambda pictures: None}
    arguments = [known[name] if name in known else outputs[name] for name in names]
    torch.manual_seed(seed)
    figures = target(**keywords)(*arguments) if subject.is_class else target(*arguments, **keywords)
    if not isinstance(figures, Mapping) or not figures:
        raise Failure(
            "figures by name: {'elbo': -101.3}",
            came=f"a {type(figures).__name__}" if figures != {} else "no figure",
        )
    return Measured(figures, split, outputs)


@check("metric")
def figures_are_finite_numbers(subject: Subject) -> None:
    """It gives figures by name, each a finite number."""
    for draws in (False, True):
        for name, value in measure(subject, draws=draws).figures.items():
            if not isinstance(name, str) or not name:
                raise Failure("names are text", came=f"the name {name!r}")
            if isinstance(value, Tensor) and value.requires_grad:
                raise Failure(
                    f"{name} is a number",
                    came="a tensor with its graph",
                    hint="float(value): a graph keeps the whole evaluation in memory",
                )
            try:
                number = float(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise Failure(f"{name} is a number", came=f"a {type(value).__name__}: {error}") from error
            if not math.isfinite(number):
                raise Failure(
                    f"{name} is finite, on {ROWS} examples",
                    came=f"{number}",
                    hint="a mean of no rows, or a spread of one row?",
                )


@check("metric")
def names_are_stable(subject: Subject) -> None:
    """The names of the figures do not depend on data, model or draws: columns of a table."""
    names = list(measure(subject).figures)
    others = (
        measure(subject, model=2),
        measure(subject, data=2),
        measure(subject, draws=True, seed=8),
        measure(subject, rows=ROWS + 6),
    )
    for other in others:
        if list(other.figures) != names:
            raise Failure(
                f"the names {', '.join(map(str, names))}, whatever the data and the model are",
                came=", ".join(map(str, other.figures)),
            )


@check("metric")
def seed_repeats_the_figures(subject: Subject) -> None:
    """Under the same seed, with outputs that draw, it gives the same figures."""
    one, other = (measure(subject, draws=True, seed=5).figures for _ in range(2))
    _agree(
        one,
        other,
        tolerance=0.0,
        expected="under the same seed the same figures",
        hint="draw with torch's functions from its default generator; keep nothing between calls",
    )


@check("metric")
def batch_size_changes_nothing(subject: Subject) -> None:
    """How the data are cut into batches decides nothing but memory."""
    if "batch_size" not in subject.signature.options:
        raise NotApplicable("it has no option batch_size")
    _has_no_draws(subject)
    whole = measure(subject, batch_size=500).figures
    for size in (3, 7):
        _agree(
            whole,
            measure(subject, batch_size=size).figures,
            tolerance=TOLERANCE,
            expected=f"the same figures with batch_size={size} as with batch_size=500, on {ROWS} examples",
            hint="the last batch is smaller: collect values (or sums and counts) of examples, not means of batches",
        )


@check("metric")
def order_of_the_data_changes_nothing(subject: Subject) -> None:
    """The same examples in another order give the same figures."""
    _has_no_draws(subject)
    plain = measure(subject)
    if len(plain.data.seen) < ROWS:
        raise NotApplicable(f"it reads {len(plain.data.seen)} of {ROWS} examples")
    order = tuple(reversed(range(ROWS)))
    _agree(
        plain.figures,
        measure(subject, order=order).figures,
        tolerance=TOLERANCE,
        expected="the same figures for the same examples backwards",
        hint="each example counts once, whichever batch it is in",
    )


@check("metric")
def figures_are_no_sums_over_the_data(subject: Subject) -> None:
    """The same examples twice over double no figure, but one that is named as a count."""
    _has_no_draws(subject)
    plain = measure(subject)
    if len(plain.data.seen) < ROWS:
        raise NotApplicable(f"it reads {len(plain.data.seen)} of {ROWS} examples")
    twice = measure(subject, order=(*range(ROWS), *range(ROWS))).figures
    for name, value in plain.figures.items():
        one, two = float(value), float(twice.get(name, math.nan))
        if abs(one) > 1e-6 and abs(two / one - 2) < 1e-3 and not _COUNT.search(name):
            raise Failure(
                f"{name} of the same {ROWS} examples twice over is what it is of them once",
                came=f"{one:.6g}, and {two:.6g}",
                hint="a sum over the examples in place of their mean? A count is named as one: count, n_found, "
                "active_units",
            )


_COUNT = re.compile(r"(^|_)(n|num|number|counts?|examples|samples|units|ess|effective)(_|$)", re.IGNORECASE)
"""Names of figures that may grow with the data."""


def _has_no_draws(subject: Subject) -> None:
    """Raise NotApplicable where it draws by itself: then figures depend on the order of draws."""
    one, other = (measure(subject, seed=seed).figures for seed in (3, 4))
    if any(_apart(float(one[name]), float(other.get(name, math.inf)), 0.0) for name in one):
        raise NotApplicable("it draws by itself, so that its figures are not the same twice")


@check("metric")
def figures_mean_what_they_say(subject: Subject) -> None:
    """Figures with a public name (`elbo`, `rate`, `log_likelihood` ...) are that of a linear Gaussian model."""
    found = measure(subject)
    if len(found.data.seen) < ROWS:
        raise NotApplicable(f"it reads {len(found.data.seen)} of {ROWS} examples")
    rows = found.data.split.tensors
    known = known_figures(found.outputs, rows["x"], rows["y"])
    told = [name for name in found.figures if name in known and known[name][0] in found.outputs.asked]
    if not told:
        raise NotApplicable("none of its figures has a name whose meaning the kit knows")
    for name in told:
        due = known[name][1]
        _is(name, float(found.figures[name]), due, (0.02 if "error" in name else 1e-3) * (1 + abs(due)))
    if "log_likelihood" in told and _samples(subject) >= 16:
        # Weights e^(epsilon - 1/2): 16 of them are 0.05 too low on the average, and the mean of logarithms 0.5.
        drawn = float(measure(subject, draws=True).figures["log_likelihood"])
        _is("log_likelihood", drawn, known["log_likelihood"][1], 0.3)


def _samples(subject: Subject) -> float:
    """How many samples an importance estimate takes, by its option k."""
    option = subject.signature.options.get("k")
    value = subject.options().get("k", option.default if option else math.inf)
    return float(value) if isinstance(value, (int, float)) else math.inf


def _is(name: str, found: float, due: float, tolerance: float) -> None:
    if not abs(found - due) <= tolerance:
        raise Failure(
            f"{name} is {due:.6g} for a linear Gaussian model with its exact posterior, in nats",
            came=f"{found:.6g}",
            hint="a sign, a sum in place of a mean, log 1/k, or another unit? What means something else has another "
            "name",
        )


def _agree(
    one: Mapping[str, Any], other: Mapping[str, Any], *, tolerance: float, expected: str, hint: str
) -> None:
    for name in one:
        first, second = float(one[name]), float(other.get(name, math.inf))
        if _apart(first, second, tolerance):
            raise Failure(expected, came=f"{name} is {first:.8g}, and {second:.8g}", hint=hint)


def _apart(one: float, other: float, tolerance: float) -> bool:
    """Whether two figures differ; one that is NaN twice does not."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) != math.isnan(other)
    return abs(one - other) > tolerance * (1 + abs(one))
