"""What an output is called with: its arguments in their order, or a batch that has some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def named(parameters: Sequence[str], args: Sequence[Any]) -> dict[str, Any]:
    """The arguments by name. A batch in the first place gives every parameter that is one of its fields.

    So a metric that calls `elbo_parts(batch)` and `log_weights(batch, k)` serves elbo_parts(x), log_weights(x, k),
    and the elbo_parts(x, y) and log_weights(x, y, k) of a model of x given y alike. Raises TypeError where arguments
    are missing or left over.
    """
    batch: Mapping[str, Any] = args[0] if args and isinstance(args[0], Mapping) else {}
    rest = list(args[1:] if args and isinstance(args[0], Mapping) else args)
    asked = [name for name in parameters if name not in batch]
    if len(asked) != len(rest):
        beside = f" beside a batch of {', '.join(batch)}" if batch else ""
        wanted = ", ".join(parameters) or "no arguments"
        raise TypeError(f"the output takes {wanted}, and was called with {len(rest)} argument(s){beside}")
    return {name: batch[name] for name in parameters if name in batch} | dict(zip(asked, rest, strict=True))
