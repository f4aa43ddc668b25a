"""What a function of wires promises: it remembers nothing, keeps rows apart, and takes samples in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.runs import first, refused
from genframe.testing.subject import Subject, tensors
from genframe.testing.toys import Case, Toys

ORDER = (2, 0, 1, 3)
"""A batch of four in another order, which keeps no pairing by position: neighbours, halves, first with last."""


@check("function")
def remembers_nothing(subject: Subject) -> None:
    """A function gives the same for the same arguments and seed, whatever it was called with in between."""
    if subject.is_class:
        raise NotApplicable("it is a class: an instance may hold state, which moves in training only")
    case, part = first(subject)
    before = _results(subject, part, case, Toys(case))
    _results(subject, part, case, Toys(case, seed=9))
    after = _results(subject, part, case, Toys(case))
    for name, tensor in before.items():
        if not torch.equal(tensor, after[name]):
            raise Failure(
                f"{name} is the same for the same arguments and seed, after a call with others",
                came=f"a difference of up to {float((tensor - after[name]).abs().max()):.3g}",
                hint="a global, a default argument that is changed, or a cache? What holds state is a class",
            )


@check("function")
def rows_follow_the_batch(subject: Subject) -> None:
    """Permuting the examples of all arguments permutes the rows of the result.

    A function that only moves whole rows (a roll that makes wrong pairs) is as well. Samples of q_z are its means
    here: it is given deviations of 1e-13.
    """
    asked = False
    for case in _cases(subject):
        part = subject.build(case)
        if _draws(subject, part, case):
            continue
        plain = _results(subject, part, case, _sharp(Toys(case)))
        permuted = _results(subject, part, case, _sharp(Toys(case, rows=ORDER)))
        for name, tensor in plain.items():
            if not name.endswith(("sample()", "log_prob")):
                asked |= _require_permuted(f"{name} ({case})", tensor, permuted[name])
    if not asked:
        raise NotApplicable("it draws, or its result has no row an example")


@check("function")
def takes_sample_dimensions(subject: Subject) -> None:
    """With (samples, batch, ...) a function of tensors gives what it gives of each sample, in front.

    It may refuse them with an error.
    """
    asked = False
    for case in _cases(subject):
        part = subject.build(case)
        one, two = (subject.arguments(case, toys=Toys(case, seed)) for seed in (1, 4))
        if not all(map(_stackable, one)) or _draws(subject, part, case):
            continue
        alone = [dict(tensors(subject.call(part, arguments))) for arguments in (one, two)]
        if any(tensor.shape[:1] != (4,) for tensor in alone[0].values()):
            continue
        try:
            found = dict(tensors(subject.call(part, list(map(_stacked, one, two)))))
        except (RuntimeError, ValueError, IndexError, TypeError):
            continue
        asked = True
        for name, tensor in found.items():
            _require_stacked(f"{name} ({case})", tensor, torch.stack([alone[0][name], alone[1][name]]))
    if not asked:
        raise NotApplicable("it draws, takes other things than tensors, or refuses sample dimensions")


@check("function")
def gradients_are_finite(subject: Subject) -> None:
    """The gradient of a function, where it has one, is finite."""
    case, part = first(subject)
    toys = Toys(case)
    arguments = [_leaf(value) for value in subject.arguments(case, toys=toys)]
    found = tensors(subject.call(part, arguments))
    values = [t.sum() for _, t in found if t.requires_grad and t.is_floating_point()]
    if not values:
        raise NotApplicable("no gradient flows through it")
    inputs = [value for value in (*arguments, *toys.leaves.values()) if isinstance(value, nn.Parameter)]
    for gradient in torch.autograd.grad(sum(values, torch.zeros(())), inputs, allow_unused=True):
        if gradient is not None and not bool(gradient.isfinite().all()):
            raise Failure(
                f"the gradient of what it gives is finite ({case})",
                came="NaN or infinity in it",
                hint="the derivative of a root, a norm or a logarithm at 0?",
            )


def _cases(subject: Subject) -> Iterator[Case]:
    """The cases that it takes; `builds_and_runs` says what is wrong with others."""
    for case in subject.cases:
        try:
            subject.call(subject.build(case), subject.arguments(case))
        except NotApplicable:
            raise
        except Exception as error:
            if refused(error):
                continue
            raise
        yield case


def _results(subject: Subject, part: Any, case: Case, toys: Toys, seed: int = 2) -> dict[str, Tensor]:
    value = subject.call(part, subject.arguments(case, toys=toys), seed=seed)
    return {name: tensor.detach() for name, tensor in tensors(value)}


def _sharp(toys: Toys) -> Toys:
    """Toys whose q(z|x) is all but a point, for each example another: what is drawn from it is its mean."""
    log_std = toys.ordered(torch.linspace(-30, -28, toys.batch))
    event = toys.case.latent_shape
    log_std = log_std.reshape(-1, *[1] * len(event)).expand(-1, *event)
    toys.leaves["q_log_std"] = nn.Parameter(log_std.clone())
    return toys


def _draws(subject: Subject, part: Any, case: Case) -> bool:
    """Whether it draws, apart from samples of q_z."""
    one, other = (_results(subject, part, case, _sharp(Toys(case)), seed) for seed in (2, 3))
    return any(
        not torch.equal(tensor, other[name])
        for name, tensor in one.items()
        if not name.endswith(("sample()", "log_prob"))
    )


def _require_permuted(name: str, plain: Tensor, permuted: Tensor) -> bool:
    """Whether anything could be asked: a result without rows need not follow."""
    if plain.shape != permuted.shape:
        raise Failure(
            f"the shape of {name} does not depend on the order of the examples",
            came=f"{tuple(plain.shape)} and {tuple(permuted.shape)}",
        )
    axes = [axis for axis, size in enumerate(plain.shape) if size == len(ORDER)]
    moved = [plain.index_select(axis, torch.tensor(ORDER)) for axis in axes]
    if any(_close(permuted, other) for other in (plain, *moved, *_all_moved(plain, axes))):
        return True
    if not axes and plain.ndim:
        return False  # it joins neighbours: another order joins others
    if axes and any(_close(_sorted_rows(plain, axis), _sorted_rows(permuted, axis)) for axis in axes):
        return True
    raise Failure(
        f"{name} is permuted as the examples of all arguments are, by {ORDER}",
        came=f"a difference of up to {float((permuted - (moved or [plain])[0]).abs().max()):.3g}",
        hint="is a row of one argument paired with another row of the other, or one row singled out?",
    )


def _all_moved(plain: Tensor, axes: Sequence[int]) -> Iterator[Tensor]:
    """All axes of the batch's size permuted: a table of pairs."""
    for axis in axes:
        plain = plain.index_select(axis, torch.tensor(ORDER))
    yield plain


def _sorted_rows(value: Tensor, axis: int) -> Tensor:
    """The rows along an axis, as numbers in order: the same for the same rows in another order."""
    rows = value.movedim(axis, 0).flatten(1) if value.ndim > 1 else value.unsqueeze(1)
    weights = torch.rand(rows.shape[1], generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return (rows.double() @ weights).sort().values


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=1e-4, atol=1e-5)


def _stackable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_stackable, value))
    return isinstance(value, Tensor)


def _stacked(one: Any, two: Any) -> Any:
    """(2, batch, ...) of two tensors, or of each pair of two lists."""
    if isinstance(one, Tensor):
        return torch.stack([one, two])
    return type(one)(_stacked(a, b) for a, b in zip(one, two, strict=True))


def _require_stacked(name: str, came: Tensor, expected: Tensor) -> None:
    hint = (
        "count dimensions from the end (-1 for features, -3 for channels): samples stand in front of the batch. "
        "A function that takes a batch alone raises ValueError for more dimensions"
    )
    if came.shape != expected.shape:
        raise Failure(
            f"{name} of (2, 4, ...), two samples of four examples, has shape {tuple(expected.shape)}",
            came=f"{tuple(came.shape)}",
            hint=hint,
        )
    if not _close(came, expected):
        largest = float((came - expected).detach().abs().max())
        raise Failure(
            f"{name} of two samples is that of each", came=f"a difference of up to {largest:.3g}", hint=hint
        )


def _leaf(value: Any) -> Any:
    """A floating-point tensor as a leaf."""
    if isinstance(value, list):
        return [_leaf(item) for item in value]
    plain = isinstance(value, Tensor) and value.is_floating_point() and not value.requires_grad
    return nn.Parameter(value.clone()) if plain else value
