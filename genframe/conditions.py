"""What a conditional model is asked for, `y=7`: named, checked against the data's fields, made into rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe.data.spec import Field
from genframe.errors import Problem, RecipeError, nearest

if TYPE_CHECKING:
    from genframe.api import Model

Rows = Mapping[str, Tensor]
"""Values by field, (rows, *shape): fewer rows than asked for are taken in turn."""

_NONE: frozenset[str] = frozenset(
    {"x", "index"}
)  # fields of the data that say nothing of an example beside itself


def fields(model: Model) -> dict[str, Field]:
    """The fields of the data that a condition can be, by name: all but x; of several datasets, the first with it."""
    found: dict[str, Field] = {}
    for spec in model.outputs.plan.parts.specs.values():
        for name, field in spec.fields.items():
            if name not in _NONE:
                found.setdefault(name, field)
    return found


def asked(model: Model, *outputs: str) -> dict[str, Field]:
    """The conditions that any of these outputs takes, those that the recipe has: `y` of `decode(z, y)`."""
    known = fields(model)
    arguments = [arg for name in outputs if name in model.outputs for arg in model.outputs.arguments(name)]
    return {name: known[name] for name in dict.fromkeys(arguments) if name in known}


def checked(model: Model, given: Mapping[str, Any], *outputs: str) -> dict[str, Tensor]:
    """Values as rows on the model's device. A value is that of one example, or of several, which are taken in turn.

    Raises RecipeError (GF807) for a name that none of the outputs takes, and for a value that the field can't have.
    """
    if not given:
        return {}
    taken = asked(model, *outputs)
    for name in given:
        if name not in taken:
            takes = f"takes {', '.join(taken)}" if taken else "takes no condition"
            where = (
                ", ".join(_written(model, name) for name in outputs if name in model.outputs) or "no output"
            )
            message = f"{model.recipe.name!r} {takes} and no {name!r}: it has {where}"
            raise RecipeError(Problem("GF807", message, nearest=nearest(name, taken)))
    return {name: _rows(name, value, taken[name]).to(model.device) for name, value in given.items()}


def read(texts: Iterable[str], model: Model, *outputs: str, label: str | None = None) -> dict[str, Any]:
    """What `--given y=7` says: numbers with commas between, or `all` classes.

    label: the value of the one label that is asked for. Raises RecipeError (GF807).
    """
    taken = asked(model, *outputs)
    pairs = [_pair(text, taken) for text in texts]
    if label is not None:
        labels = [name for name, field in taken.items() if field.classes is not None]
        if len(labels) != 1:
            has = f"labels {', '.join(labels)}: name one by --given" if labels else "no class to ask for"
            where = (
                ", ".join(_written(model, name) for name in outputs if name in model.outputs) or "no output"
            )
            raise RecipeError(Problem("GF807", f"{model.recipe.name!r} takes {has} ({where})"))
        pairs.append((labels[0], label))
    twice = next((name for name, count in Counter(name for name, _ in pairs).items() if count > 1), None)
    if twice is not None:
        message = f"{twice!r} is given twice: {' and '.join(text for name, text in pairs if name == twice)}; "
        raise RecipeError(Problem("GF807", f"{message}several values in turn are one list: {twice}=0,1,2"))
    return {name: _value(name, text, taken.get(name)) for name, text in pairs}


def repeated(given: Rows, n: int) -> dict[str, Tensor]:
    """n rows (n, *shape) of each, in turn."""
    return {
        name: rows[torch.arange(n, device=rows.device) % len(rows)]
        if len(rows) > 1
        else rows.expand(n, *rows.shape[1:])
        for name, rows in given.items()
    }


def missing(model: Model, output: str, given: Mapping[str, Any]) -> None:
    """Raise RecipeError (GF807) where an output takes a condition that nobody gives."""
    for name, field in asked(model, output).items():
        if name not in given:
            values = "CLASS" if field.classes is not None else ",".join(["V"] * max(len(_flat(field)), 1))
            message = f"{_written(model, output)} is asked for a condition {name}: {_allowed(field)}"
            raise RecipeError(
                Problem("GF807", message, path=f"outputs.{output}", command=f"--given {name}={values}")
            )


def told(given: Rows) -> str:
    """`y = 7`, `y = 0, 1, 2`; nothing where nothing is given."""
    return ", ".join(f"{name} = {_shown(rows)}" for name, rows in given.items())


def _shown(rows: Tensor) -> str:
    numbers = [f"{number:g}" for number in rows.flatten().tolist()]
    return ", ".join(numbers if len(numbers) <= 10 else [*numbers[:8], "...", numbers[-1]])


def _written(model: Model, output: str) -> str:
    return f"{output}({', '.join(model.outputs.arguments(output))})"


def _pair(text: str, taken: Mapping[str, Field]) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name.strip() or not value.strip():
        example = next(iter(taken), "y")
        raise RecipeError(
            Problem("GF807", f"a condition is written NAME=VALUE, {example}=7, and not {text!r}")
        )
    return name.strip(), value.strip()


def _value(name: str, text: str, field: Field | None) -> Any:
    if text == "all" and field is not None and field.classes is not None:
        return list(range(field.classes))
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        allowed = f": {_allowed(field)}" if field is not None else ""
        message = f"{name}={text}: a condition is a number, or several with commas between{allowed}"
        raise RecipeError(Problem("GF807", message)) from None
    return numbers[0] if len(numbers) == 1 and (field is None or not field.shape) else numbers


def _rows(name: str, value: Any, field: Field) -> Tensor:
    """(rows, *shape) of the field's type."""
    try:
        rows = torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecipeError(Problem("GF807", f"{name}={value!r} is no number: {error}")) from None
    if tuple(rows.shape) == tuple(field.shape):
        rows = rows.unsqueeze(0)
    if tuple(rows.shape[1:]) != tuple(field.shape) or rows.ndim != len(field.shape) + 1 or not len(rows):
        message = f"{name} has the shape {tuple(torch.as_tensor(value).shape)}, and is {_allowed(field)}"
        raise RecipeError(Problem("GF807", message))
    whole = not field.dtype.startswith("float")
    wrong = ~rows.isfinite() if rows.is_floating_point() else torch.zeros_like(rows, dtype=torch.bool)
    if whole and rows.is_floating_point():
        wrong |= rows != rows.round()
    if field.classes is not None:
        wrong |= (rows < 0) | (rows >= field.classes)
    if bool(wrong.any()):
        bad = ", ".join(f"{number:g}" for number in dict.fromkeys(rows[wrong].tolist()))
        raise RecipeError(Problem("GF807", f"{name}={bad}: {name} is {_allowed(field)}"))
    return rows.to(getattr(torch, field.dtype))


def _allowed(field: Field) -> str:
    if field.classes is not None:
        return f"a class from 0 to {field.classes - 1}"
    shape = f"numbers of the shape {tuple(field.shape)}" if field.shape else "a number"
    return f"{shape}, {field.dtype}"


def _flat(field: Field) -> Sequence[int]:
    count = 1
    for size in field.shape:
        count *= size
    return range(count)
